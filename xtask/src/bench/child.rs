//! One contestant at work: a process, what it says, how soon, and what else the machine did meanwhile.

use crate::repo;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A command line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(&'static str, String)>,
    /// The first line of its output with this in it says that its first training step is done.
    pub(super) mark: &'static str,
}

/// What came of it.
pub(super) struct Outcome {
    /// The last line of its output that is a JSON object, or the end of its complaints.
    pub(super) said: Result<Value, String>,
    /// From its start to the mark.
    pub(super) start: Option<Duration>,
    /// Processors that other processes took meanwhile.
    pub(super) others: Option<f64>,
}

/// Which kernels NumPy's BLAS takes: set on some machines, and left to itself here.
const DISTURBING: [&str; 2] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

impl Line {
    /// As it would be typed in the repository's root.
    pub(super) fn text(&self) -> String {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let env: Vec<(&str, &str)> =
            self.env.iter().map(|(key, value)| (*key, value.as_str())).collect();
        repo::line(&self.program, &args, &env)
    }

    /// Runs it to its end.
    pub(super) fn run(&self) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(key, value)| (key, value)));
        for name in DISTURBING {
            command.env_remove(name);
        }
        command.current_dir(repo::root()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (before, begin) = (Ticks::now(), Instant::now());
        let mut child = command.spawn().with_context(|| format!("`{}`", self.program))?;
        let listened = listen(&mut child, begin, self.mark)?;
        let status = child.wait()?;
        let wall = begin.elapsed();
        let others = before.zip(Ticks::now()).map(|(before, now)| now.others(before, wall));
        let said = match listened.said {
            Some(said) if status.success() => Ok(said),
            _ => Err(format!("{status}: {}", end_of(&listened.complaints))),
        };
        Ok(Outcome { said, start: listened.start, others })
    }
}

/// What a child put out.
struct Listened {
    said: Option<Value>,
    start: Option<Duration>,
    complaints: String,
}

fn listen(child: &mut Child, begin: Instant, mark: &str) -> Result<Listened> {
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("a child without pipes")
    };
    let complaints = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is worth showing.
        let _ = stderr.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let (mut said, mut start) = (None, None);
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if start.is_none() && line.contains(mark) {
            start = Some(begin.elapsed());
        }
        if line.starts_with('{') {
            said = serde_json::from_str(&line).ok();
        }
    }
    let complaints = complaints.join().unwrap_or_default();
    Ok(Listened { said, start, complaints })
}

/// The last lines of a text, in one.
fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

/// The kernel's unit of processor time, a hundredth of a second wherever Linux shows it.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time so far.
#[derive(Clone, Copy)]
struct Ticks {
    /// Of everybody.
    all: u64,
    /// Of this process's children that have ended.
    children: u64,
}

impl Ticks {
    /// None where the kernel does not tell.
    fn now() -> Option<Self> {
        let all = busy(&fs::read_to_string("/proc/stat").ok()?)?;
        let children = of_children(&fs::read_to_string("/proc/self/stat").ok()?)?;
        Some(Self { all, children })
    }

    /// Processors that neither idled nor worked for the child since `before`.
    fn others(self, before: Self, wall: Duration) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let others = all.saturating_sub(self.children.saturating_sub(before.children));
        others as f64 / TICKS_PER_SECOND / wall.as_secs_f64().max(1e-3)
    }
}

/// From /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; all but idle and iowait.
fn busy(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let numbers: Vec<u64> = fields.by_ref().take(8).map_while(|field| field.parse().ok()).collect();
    (numbers.len() == 8).then(|| numbers.iter().sum::<u64>() - numbers[3] - numbers[4])
}

/// From /proc/self/stat: cutime and cstime, the 14th and 15th field after the name in brackets, which may contain anything.
fn of_children(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(13)?.parse::<u64>().ok()? + fields.get(14)?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_from_the_kernels_lines() {
        assert_eq!(busy("cpu  100 20 30 4000 500 6 7 8 0 0\ncpu0 1 1\n"), Some(171));
        assert_eq!(busy("intr 5"), None);
        let stat = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 11 12 13 14 20 0 1 0 99";
        assert_eq!(of_children(stat), Some(27));
        assert_eq!(of_children("7 (a) S 1"), None);
    }

    #[test]
    fn what_the_child_took_is_not_others() {
        let before = Ticks { all: 1000, children: 100 };
        let now = Ticks { all: 1500, children: 400 };
        assert!((now.others(before, Duration::from_secs(2)) - 1.0).abs() < 1e-12);
        assert!(before.others(now, Duration::from_secs(2)).abs() < 1e-12);
    }

    #[test]
    fn the_last_json_line_counts_and_the_mark_is_timed() {
        let line = |script: &str| Line {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: Vec::new(),
            mark: "step",
        };
        let outcome = line(r#"echo note; echo '{"event":"step"}'; echo '{"x": 2}'"#).run().unwrap();
        assert_eq!(outcome.said.unwrap()["x"], 2);
        assert!(outcome.start.is_some());
        let outcome = line("echo '{}'; echo 'no such module' >&2; exit 3").run().unwrap();
        assert!(outcome.said.unwrap_err().ends_with("3: no such module"));
        assert!(outcome.start.is_none());
    }

    #[test]
    fn complaints_are_cut_to_their_end() {
        assert_eq!(end_of("a\n\n b\nc\nd\n"), "b / c / d");
        assert_eq!(end_of(""), "");
    }
}
