//! What `cargo xtask bench` takes.

use super::compare::WORKLOADS;
use super::peers::PEERS;
use crate::repo;
use anyhow::{Context, Result, bail};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// What is to be measured, and how long.
#[derive(Debug, PartialEq)]
pub(super) struct Args {
    /// Runs the Python peers.
    pub(super) python: String,
    /// Runs of each contestant.
    pub(super) rounds: usize,
    /// Measured in each run, warm-up not counted.
    pub(super) seconds: f64,
    pub(super) threads: usize,
    /// Workloads (W0, W1, …); none means all.
    pub(super) only: Vec<String>,
    /// Peers' keys; none means all.
    pub(super) peers: Vec<String>,
    /// Where results.json goes, from the repository's root.
    pub(super) output: PathBuf,
    /// Measured instead of a fresh build.
    pub(super) cnn: Option<String>,
    /// Whether results that are there may be written over.
    pub(super) force: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            python: "python3".to_owned(),
            rounds: 5,
            seconds: 2.0,
            threads: 2,
            only: Vec::new(),
            peers: Vec::new(),
            output: PathBuf::from("runs/bench"),
            cnn: None,
            force: false,
        }
    }
}

impl Args {
    /// Reads the words after `cargo xtask bench`.
    pub(super) fn read(words: &[String]) -> Result<Self> {
        let (mut args, mut against_peers) = (Self::default(), false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, glued) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            let mut value = || {
                let next = glued.or_else(|| words.next().map(String::as_str));
                next.with_context(|| format!("{name} wants a value"))
            };
            match name {
                "--against-peers" => against_peers = true,
                "--force" => args.force = true,
                "--python" => value()?.clone_into(&mut args.python),
                "--rounds" => args.rounds = number(name, value()?, &(1..=1000))?,
                "--seconds" => args.seconds = number(name, value()?, &(0.1..=600.0))?,
                "--threads" => args.threads = number(name, value()?, &(1..=1024))?,
                "--only" => args.only = chosen(value()?, WORKLOADS.iter().map(|w| w.id))?,
                "--peers" => args.peers = chosen(value()?, PEERS.iter().map(|p| p.key))?,
                "--output" => args.output = PathBuf::from(value()?),
                "--cnn" => args.cnn = Some(value()?.to_owned()),
                _ => bail!("unknown option `{word}`"),
            }
        }
        if !against_peers {
            bail!("say `cargo xtask bench --against-peers`; `cnn bench MODEL` measures cnn alone");
        }
        Ok(args)
    }

    /// Whether the result may stand for all in the documents.
    pub(super) fn whole(&self) -> bool {
        let usual = Self::default();
        self.only.is_empty()
            && self.peers.is_empty()
            && self.cnn.is_none()
            && self.rounds >= usual.rounds
            && self.seconds >= usual.seconds
    }
}

fn number<T: FromStr + PartialOrd + Display>(
    name: &str,
    text: &str,
    range: &RangeInclusive<T>,
) -> Result<T> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => bail!("{name} wants a number from {} to {}, not `{text}`", range.start(), range.end()),
    }
}

/// The names of a list with commas, each of which must be known.
fn chosen<'a>(list: &str, known: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let mut known: Vec<String> = known.map(str::to_owned).collect();
    known.dedup();
    let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    for name in &names {
        if !known.contains(name) {
            let near = repo::nearest(name, &known);
            let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
            bail!("no `{name}`: {near}there are {}", known.join(", "));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Args::read(&words)
    }

    #[test]
    fn options_come_in_any_order_and_both_forms() {
        assert_eq!(read("--against-peers").unwrap(), Args::default());
        let args = read(
            "--python=p --rounds 3 --seconds=0.5 --only W1,W3 --against-peers --peers torch,jax --output x --cnn y \
             --threads 1 --force",
        );
        let expected = Args {
            python: "p".to_owned(),
            rounds: 3,
            seconds: 0.5,
            threads: 1,
            only: vec!["W1".to_owned(), "W3".to_owned()],
            peers: vec!["torch".to_owned(), "jax".to_owned()],
            output: PathBuf::from("x"),
            cnn: Some("y".to_owned()),
            force: true,
        };
        assert_eq!(args.unwrap(), expected);
    }

    #[test]
    fn only_a_whole_run_stands_for_all() {
        assert!(read("--against-peers --rounds 7 --python p --output x").unwrap().whole());
        for part in ["--only W1", "--peers jax", "--rounds 4", "--seconds 1", "--cnn x"] {
            assert!(!read(&format!("--against-peers {part}")).unwrap().whole(), "{part}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_what_would_work() {
        let says = |line: &str| read(line).unwrap_err().to_string();
        assert!(says("").contains("--against-peers"));
        assert_eq!(says("--round 3"), "unknown option `--round`");
        assert_eq!(says("--rounds"), "--rounds wants a value");
        assert_eq!(says("--rounds none"), "--rounds wants a number from 1 to 1000, not `none`");
        assert_eq!(says("--seconds 0"), "--seconds wants a number from 0.1 to 600, not `0`");
        assert_eq!(says("--only W7"), "no `W7`: did you mean `W0`? there are W0, W1, W2, W3, W4");
        assert_eq!(
            says("--peers trch"),
            "no `trch`: did you mean `torch`? there are keras, torch, jax, ort, burn, candle"
        );
    }
}
