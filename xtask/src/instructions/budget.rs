//! The budget file, and how counts compare with it.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How far a count may lie above its budget, and below before the budget should be lowered, in percent.
const TOLERANCE: u128 = 3;

/// How many instructions each piece of work may take, and which compiler that was counted with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Budget {
    pub(super) rustc: String,
    pub(super) target: String,
    /// `SET/WORK` and its count.
    pub(super) counts: BTreeMap<String, u64>,
}

/// What becomes of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Within,
    Above,
    Below,
    /// It has no budget.
    New,
    /// A budget without a count.
    Gone,
    /// A budget for instructions that this processor lacks.
    NotHere,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    counted: Option<u64>,
    budget: Option<u64>,
    pub(super) verdict: Verdict,
}

impl Line {
    /// The instruction set: what stands before the slash.
    pub(super) fn set(&self) -> &str {
        set(&self.name)
    }

    /// By how many percent the count lies above the budget.
    fn percent(&self) -> Option<f64> {
        let pair = self.counted.zip(self.budget);
        pair.map(|(counted, budget)| 100.0 * (counted as f64 / budget as f64 - 1.0))
    }
}

fn set(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// In whole numbers: 3 % is 3 %.
fn verdict(counted: u64, budget: u64) -> Verdict {
    let (counted, budget) = (100 * u128::from(counted), u128::from(budget));
    if counted > (100 + TOLERANCE) * budget {
        Verdict::Above
    } else if counted < (100 - TOLERANCE) * budget {
        Verdict::Below
    } else {
        Verdict::Within
    }
}

impl Budget {
    /// Reads the file: `rustc`, `target`, and a table of counts for each instruction set.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let file: toml::Table = toml::from_str(text)?;
        let word = |key: &str| {
            let value = file.get(key).and_then(toml::Value::as_str);
            value.map(str::to_owned).with_context(|| format!("`{key}` must be a text"))
        };
        let mut counts = BTreeMap::new();
        for (set, works) in
            file.iter().filter(|(key, _)| !["rustc", "target"].contains(&key.as_str()))
        {
            let works = works.as_table().with_context(|| format!("`{set}` must be a table"))?;
            for (work, count) in works {
                let count = count.as_integer().and_then(|n| u64::try_from(n).ok());
                let count = count.filter(|n| *n > 0);
                let count = count.with_context(|| format!("`{set}.{work}` must be a count"))?;
                counts.insert(format!("{set}/{work}"), count);
            }
        }
        ensure!(!counts.is_empty(), "it has no counts");
        Ok(Self { rustc: word("rustc")?, target: word("target")?, counts })
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# How many instructions each kernel (four images, weight gradients of Dense 32) and one training step (32 images) may
# take on one thread, as valgrind counts them. `cargo xtask instructions` compares: {TOLERANCE} % more is an error. With --update it
# writes this file; the commit says why a number rose. Another compiler gives other counts: nothing is compared then.
rustc = \"{}\"
target = \"{}\"
",
            self.rustc, self.target
        );
        let mut last = "";
        for (name, count) in &self.counts {
            let (set, work) = name.split_once('/').unwrap_or(("", name));
            if set != last {
                let _ = write!(text, "\n[{set}]\n");
                last = set;
            }
            let _ = writeln!(text, "{work} = {}", grouped(*count, '_'));
        }
        text
    }

    /// Each count beside its budget, in the order of the counts. If `all` were counted, budgets without a count come after them.
    pub(super) fn compare(&self, counts: &[(String, u64)], all: bool) -> Vec<Line> {
        let mut lines: Vec<Line> = counts
            .iter()
            .map(|(name, counted)| {
                let budget = self.counts.get(name).copied();
                let verdict = budget.map_or(Verdict::New, |budget| verdict(*counted, budget));
                Line { name: name.clone(), counted: Some(*counted), budget, verdict }
            })
            .collect();
        let left =
            self.counts.iter().filter(|(name, _)| all && !counts.iter().any(|(n, _)| n == *name));
        for (name, count) in left {
            let here = counts.iter().any(|(counted, _)| set(counted) == set(name));
            let verdict = if here { Verdict::Gone } else { Verdict::NotHere };
            lines.push(Line { name: name.clone(), counted: None, budget: Some(*count), verdict });
        }
        lines
    }
}

/// The lines as people read them.
pub(super) fn table(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0).max(4);
    let mut text = format!("  {:<width$}{:>16}{:>16}\n", "work", "instructions", "budget");
    for line in lines {
        let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| grouped(n, ','));
        let (counted, budget) = (number(line.counted), number(line.budget));
        let _ = write!(text, "  {:<width$}{counted:>16}{budget:>16}", line.name);
        if let Some(percent) = line.percent() {
            let _ = write!(text, "{percent:>+9.1} %");
        }
        text.push_str(match line.verdict {
            Verdict::Within => "",
            Verdict::Above => "  ABOVE",
            Verdict::Below => "  below",
            Verdict::New => "             NO BUDGET",
            Verdict::Gone => "             NO SUCH WORK",
            Verdict::NotHere => "             not here",
        });
        text.push('\n');
    }
    text
}

/// A number with a mark between groups of three digits.
fn grouped(number: u64, mark: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn budget(counts: &[(&str, u64)]) -> Budget {
        let counts = named(counts).into_iter().collect();
        Budget { rustc: "1.95.0".into(), target: "x86_64-unknown-linux-gnu".into(), counts }
    }

    #[test]
    fn three_percent_either_way_are_within() {
        let known =
            budget(&[("avx2/a", 1000), ("avx2/b", 1000), ("avx2/c", 1000), ("avx2/d", 1000)]);
        let counts = named(&[("avx2/a", 1030), ("avx2/b", 1031), ("avx2/c", 970), ("avx2/d", 969)]);
        let verdicts: Vec<_> =
            known.compare(&counts, true).iter().map(|line| line.verdict).collect();
        assert_eq!(verdicts, [Verdict::Within, Verdict::Above, Verdict::Within, Verdict::Below]);
    }

    #[test]
    fn names_on_one_side_only_are_told_apart() {
        let known = budget(&[("avx2/a", 10), ("avx2/old", 10), ("scalar/a", 10)]);
        let counts = named(&[("avx2/a", 10), ("avx2/new", 10)]);
        let verdicts: Vec<_> = known
            .compare(&counts, true)
            .into_iter()
            .map(|line| (line.name, line.verdict))
            .collect();
        let expected = [
            ("avx2/a", Verdict::Within),
            ("avx2/new", Verdict::New),
            ("avx2/old", Verdict::Gone),
            ("scalar/a", Verdict::NotHere),
        ];
        assert_eq!(verdicts, expected.map(|(name, verdict)| (name.to_owned(), verdict)));
        assert_eq!(known.compare(&counts, false).len(), 2, "only what was asked for");
    }

    #[test]
    fn the_file_reads_back_equal() {
        let known = budget(&[("avx2/b", 123_456_789), ("avx2/a-1x2", 12), ("scalar/m", 1)]);
        let text = known.text();
        assert!(
            text.contains("[avx2]\na-1x2 = 12\nb = 123_456_789\n\n[scalar]\nm = 1\n"),
            "{text}"
        );
        assert_eq!(Budget::parse(&text).unwrap(), known);
    }

    #[test]
    fn a_file_that_is_none_is_an_error() {
        let error = |text: &str| Budget::parse(text).unwrap_err().to_string();
        let head = "rustc = \"1\"\ntarget = \"t\"\n";
        assert_eq!(error(head), "it has no counts");
        assert_eq!(error("target = \"t\"\n[avx2]\na = 1\n"), "`rustc` must be a text");
        assert_eq!(error(&format!("{head}[avx2]\na = -1\n")), "`avx2.a` must be a count");
        assert_eq!(error(&format!("{head}[avx2]\na = 0\n")), "`avx2.a` must be a count");
        assert_eq!(error(&format!("{head}avx2 = 3\n")), "`avx2` must be a table");
        assert!(error("rustc = ").contains("TOML parse error"));
    }

    #[test]
    fn the_table_shows_what_is_wrong() {
        let known = budget(&[("avx2/a", 1_000_000), ("avx2/old", 7)]);
        let lines = known.compare(&named(&[("avx2/a", 1_050_000), ("avx2/new", 3)]), true);
        let expected = "  work        instructions          budget
  avx2/a         1,050,000       1,000,000     +5.0 %  ABOVE
  avx2/new               3               -             NO BUDGET
  avx2/old               -               7             NO SUCH WORK
";
        assert_eq!(table(&lines), expected);
    }
}
