//! `cargo xtask instructions`: the instructions of each kernel and of one training step, counted by valgrind and compared with
//! the budget in the repository. A guard against slower code that needs no quiet machine: the count is the same whatever
//! else runs.
//!
//! What is counted is `crates/cnn-nn/examples/instructions`, built as it ships. Instructions are not time (they know no cache
//! and no memory), but a kernel that suddenly needs more of them has lost something.

mod budget;

use crate::repo;
use anyhow::{Context, Result, bail, ensure};
use budget::{Budget, Line, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The budget, from the root.
const FILE: &str = "xtask/instructions.toml";

/// Where callgrind writes, from the root.
const FOLDER: &str = "target/instructions";

/// The function whose instructions count. A pattern, because its full name carries a hash.
const COUNTED: &str = "--toggle-collect=*counted_work*";

const USAGE: &str = "cargo xtask instructions [WORK…] | --update";

/// Counts, compares and tells. Exit code 1 where a count is above its budget or has none.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let update = args.iter().any(|arg| arg == "--update");
    let wanted: Vec<&str> = args.iter().map(String::as_str).filter(|a| *a != "--update").collect();
    if wanted.iter().any(|name| name.starts_with('-')) || update && !wanted.is_empty() {
        bail!("usage: {USAGE}");
    }
    let compiler = Compiler::ask()?;
    let known = repo::read(FILE).and_then(|text| Budget::parse(&text)).context(FILE);
    let why = hindrance().or_else(|| compiler.differs(known.as_ref().ok().filter(|_| !update)?));
    if let Some(why) = why {
        ensure!(!update, "instructions cannot be counted: {why}");
        println!("  skipped: {why}, so no instructions are counted");
        return Ok(0);
    }
    let program =
        repo::build(&repo::root(), &["-p", "cnn-nn", "--example", "instructions"], "instructions")?;
    let names: Vec<String> = repo::output(&program, &[])?
        .lines()
        .filter(|name| wanted.is_empty() || wanted.iter().any(|part| name.contains(part)))
        .map(str::to_owned)
        .collect();
    ensure!(!names.is_empty(), "no work's name contains {}", wanted.join(" or "));
    let start = Instant::now();
    let counts = count_all(&program, &names)?;
    println!("  {} counts in {:.0} s", counts.len(), start.elapsed().as_secs_f64());
    if update {
        return write(compiler, known.ok(), counts);
    }
    let lines = known?.compare(&counts, wanted.is_empty());
    print!("{}", budget::table(&lines));
    Ok(tell(&lines))
}

/// Makes the counts the new budget, and shows what that changes.
fn write(compiler: Compiler, old: Option<Budget>, counts: Vec<(String, u64)>) -> Result<u8> {
    if let Some(old) = old {
        let lines = old.compare(&counts, true);
        print!("{}", budget::table(&lines));
        if let Some(line) = lines.iter().find(|line| line.verdict == Verdict::NotHere) {
            bail!("this processor has no {}: write the budget on one that has", line.set());
        }
    }
    let counts = counts.into_iter().collect();
    let budget = Budget { rustc: compiler.release, target: compiler.host, counts };
    fs::write(repo::root().join(FILE), budget.text()).context(FILE)?;
    println!("wrote {FILE}");
    Ok(0)
}

/// Why nothing can be counted here.
fn hindrance() -> Option<String> {
    if !repo::answers("valgrind") {
        return Some("no valgrind (apt-get install valgrind)".to_owned());
    }
    // Flags such as target-cpu=native change what is counted, or bring instructions that valgrind does not know.
    let flags = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"].into_iter().find(|name| is_set(name));
    flags.map(|name| format!("{name} is set"))
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// What compiles here.
struct Compiler {
    /// Its version: `1.95.0`.
    release: String,
    /// What it compiles for: `x86_64-unknown-linux-gnu`.
    host: String,
}

impl Compiler {
    fn ask() -> Result<Self> {
        Self::parse(&repo::output(Path::new("rustc"), &["-vV"])?)
    }

    /// From the answer to `rustc -vV`.
    fn parse(text: &str) -> Result<Self> {
        let of = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key));
            value.map(|v| v.trim().to_owned()).with_context(|| format!("rustc names no `{key}`"))
        };
        Ok(Self { release: of("release:")?, host: of("host:")? })
    }

    /// Why counts made here cannot be compared with a budget.
    fn differs(&self, known: &Budget) -> Option<String> {
        let Budget { rustc, target, .. } = known;
        let equal = (rustc, target) == (&self.release, &self.host);
        (!equal).then(|| {
            let (release, host) = (&self.release, &self.host);
            format!("{FILE} is of rustc {rustc} for {target}, this is {release} for {host}")
        })
    }
}

/// Counts each piece of work, as many at a time as there are processors.
fn count_all(program: &Path, names: &[String]) -> Result<Vec<(String, u64)>> {
    fs::create_dir_all(repo::root().join(FOLDER)).context(FOLDER)?;
    println!("$ valgrind --tool=callgrind {COUNTED} {} WORK", program.display());
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((i, name)) =
            names.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed))
        {
            let count = count(program, name);
            if let Ok(mut found) = found.lock() {
                found.push((i, count));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(i, _)| *i);
    ensure!(found.len() == names.len(), "only {} of {} were counted", found.len(), names.len());
    found.into_iter().map(|(i, count)| Ok((names[i].clone(), count?))).collect()
}

/// The file that callgrind writes about a piece of work, from the root.
fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{}.out", name.replace('/', "-")))
}

/// Instructions of one piece of work.
fn count(program: &Path, name: &str) -> Result<u64> {
    let file = repo::root().join(file(name));
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    // A `%` would begin a format.
    out.push(file.display().to_string().replace('%', "%%"));
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", COUNTED])
        .arg(out)
        .args([program.as_os_str(), name.as_ref()])
        .output()
        .context("`valgrind` cannot be started")?;
    let said = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "valgrind failed with {name}:\n{said}");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    total(&text).with_context(|| format!("{}, which valgrind wrote", file.display()))
}

/// The sum of the first event, which must be instructions, in what callgrind writes.
fn total(text: &str) -> Result<u64> {
    let of = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let events = of("events:").context("it has no line `events:`")?;
    ensure!(events.split_whitespace().next() == Some("Ir"), "its first event is not Ir: {events}");
    let sum = of("totals:").or_else(|| of("summary:")).context("it has no line `totals:`")?;
    let sum = sum.split_whitespace().next().unwrap_or_default();
    let sum = sum.parse().with_context(|| format!("its total is no number: {sum:?}"))?;
    ensure!(sum > 0, "nothing was counted: is there a function {COUNTED}?");
    Ok(sum)
}

/// Says what to do, and returns the exit code.
fn tell(lines: &[Line]) -> u8 {
    let with = |verdict: Verdict| lines.iter().filter(move |line| line.verdict == verdict);
    let sets: Vec<&str> = with(Verdict::NotHere).map(Line::set).collect();
    if let Some(set) = sets.first() {
        println!("  skipped: {} counts, because this processor has no {set}", sets.len());
    }
    if with(Verdict::Below).next().is_some() {
        println!(
            "  below the budget: well done; `cargo xtask instructions --update` lowers it to what was counted"
        );
    }
    let mut code = 0;
    if let Some(line) = with(Verdict::Above).next() {
        eprintln!(
            "error: more instructions than the budget allows\n  help: `callgrind_annotate {}` shows where; if they are worth it, `cargo xtask instructions --update` raises the budget, and the commit says why",
            file(&line.name).display()
        );
        code = 1;
    }
    if with(Verdict::New).chain(with(Verdict::Gone)).next().is_some() {
        eprintln!(
            "error: {FILE} has other names than the program\n  help: `cargo xtask instructions --update` writes it anew"
        );
        code = 1;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What callgrind 3.19 wrote, shortened.
    const OUT: &str = "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 24371\ncmd:  instructions scalar/step-dnn\npart: 1\n\n\ndesc: I1 cache: \ndesc: Trigger: Program termination\n\npositions: line\nevents: Ir\nsummary: 130186993\n\n\nob=(3) libc.so.6\nfn=(780) main\ncfn=(806) (below main)\ncalls=1 29 \n360 130186993\n\ntotals: 130186993\n";

    #[test]
    fn the_total_is_read_from_what_callgrind_writes() {
        assert_eq!(total(OUT).unwrap(), 130_186_993);
        let short = OUT.replace("totals: 130186993\n", "");
        assert_eq!(total(&short).unwrap(), 130_186_993, "the summary stands at the top");
        let caches =
            OUT.replace("events: Ir", "events: Ir Dr Dw").replace("totals: ", "totals: 7 1 ");
        assert_eq!(total(&caches).unwrap(), 7);
    }

    #[test]
    fn a_file_without_a_count_is_an_error() {
        let error = |text: &str| total(text).unwrap_err().to_string();
        assert_eq!(error(""), "it has no line `events:`");
        assert_eq!(error("events: Dr\ntotals: 4\n"), "its first event is not Ir: Dr");
        assert_eq!(error("events: Ir\n"), "it has no line `totals:`");
        assert_eq!(error("events: Ir\ntotals: many\n"), "its total is no number: \"many\"");
        // The function was renamed: callgrind then collects nothing, and says so with a zero.
        assert!(error("events: Ir\ntotals: 0\n").starts_with("nothing was counted"));
    }

    #[test]
    fn the_compiler_says_what_it_is() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 21.1\n";
        let compiler = Compiler::parse(text).unwrap();
        assert_eq!(compiler.release, "1.95.0");
        assert_eq!(compiler.host, "x86_64-unknown-linux-gnu");
        assert!(Compiler::parse("rustc 1.95.0\n").is_err());
    }

    #[test]
    fn the_committed_budget_can_be_read_and_written_again() {
        let text = repo::read(FILE).unwrap();
        let budget = Budget::parse(&text).unwrap();
        assert_eq!(budget.text(), text);
        for name in ["avx2/step-cnn32", "avx2/step-cnn64", "scalar/step-dnn", "avx2/adam"] {
            assert!(budget.counts.contains_key(name), "{name}");
        }
    }

    #[test]
    fn another_compiler_is_a_reason_to_skip() {
        let of = |rustc: &str| Budget {
            rustc: rustc.into(),
            target: "t".into(),
            counts: BTreeMap::new(),
        };
        let compiler = Compiler { release: "1.95.0".into(), host: "t".into() };
        assert_eq!(compiler.differs(&of("1.95.0")), None);
        let why = compiler.differs(&of("1.94.1")).unwrap();
        assert_eq!(why, "xtask/instructions.toml is of rustc 1.94.1 for t, this is 1.95.0 for t");
    }

    #[test]
    fn arguments_that_do_nothing_are_refused() {
        for args in [&["--updat"][..], &["--update", "adam"]] {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert!(run(&args).unwrap_err().to_string().starts_with("usage:"));
        }
    }
}
