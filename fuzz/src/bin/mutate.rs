//! A mutation fuzzer without nightly: splices and mutates the seeds, counts executions, keeps what panics.
//!
//! `mutate SECONDS [SEED]` gives each parser so many seconds. An input that panics is written to `fuzz/crashes/`, and the exit
//! code is then 1.
#![forbid(unsafe_code)]

use cnn_fuzz::TARGETS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, io};

/// Values that lie on the edges of integers and formats.
const EDGES: [&[u8]; 16] = [
    b"\0\0\0\0",
    b"\xFF\xFF\xFF\xFF",
    b"\x7F\xFF\xFF\xFF",
    b"\0\0\0\x80",
    b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F",
    b"-1",
    b"0",
    b"18446744073709551616",
    b"9223372036854775807",
    b"1e400",
    b"nan",
    b"[[[[[[[[",
    b"{a={a={",
    b"\"",
    b"\n",
    b"\x1B]0;",
];

/// Bytes of an input, at most.
const LONGEST: usize = 1 << 16;

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n.max(1) as u64) as usize
    }

    /// One of the seeds with some changes.
    fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let len = self.below(16.min(bytes.len() - at + 1));
        match self.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.0.next_u32() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + len)),
            4 => {
                let copy = bytes[at..at + len].repeat(1 + self.below(20));
                drop(bytes.splice(at..at, copy));
            }
            5 => {
                let edge = EDGES[self.below(EDGES.len())];
                drop(bytes.splice(at..at + len.min(edge.len()), edge.iter().copied()));
            }
            6 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                let to = from + self.below((other.len() - from).min(64) + 1);
                drop(bytes.splice(at..at + len, other[from..to].iter().copied()));
            }
        }
    }
}

fn seeds(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// Runs a parser for a while; how often, and how often it panicked.
fn fuzz(name: &str, run: fn(&[u8]), time: Duration, dice: &mut Dice) -> io::Result<(u64, u64)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = seeds(&root.join("seeds").join(name))?;
    for seed in &seeds {
        run(seed);
    }
    let (begun, mut count, mut crashes) = (Instant::now(), 0, 0);
    while begun.elapsed() < time {
        let input = dice.input(&seeds);
        count += 1;
        if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
            crashes += 1;
            let folder = root.join("crashes").join(name);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{count}")), &input)?;
        }
    }
    Ok((count, crashes))
}

fn main() -> ExitCode {
    let mut args = env::args().skip(1).map(|arg| arg.parse::<u64>());
    let (Some(Ok(seconds)), seed) = (args.next(), args.next()) else {
        eprintln!("mutate SECONDS [SEED]");
        return ExitCode::from(2);
    };
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed.and_then(Result::ok).unwrap_or(1)));
    let mut bad = 0;
    println!("| parser | executions | panics |\n|---|---:|---:|");
    for (name, run) in TARGETS {
        match fuzz(name, run, Duration::from_secs(seconds), &mut dice) {
            Ok((count, crashes)) => {
                println!("| {name} | {count} | {crashes} |");
                bad += crashes;
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                return ExitCode::from(2);
            }
        }
    }
    if bad > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
