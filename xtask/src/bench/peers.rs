//! The contestants: `cnn` and the frameworks beside it, how each is found, and the command line that it does a job with.

use super::args::Args;
use super::child::Line;
use super::compare::{Job, Mode};
use crate::repo;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The key of ours.
pub(super) const OURS: &str = "cnn";

/// Their scripts and the Rust project.
const FOLDER: &str = "xtask/peers";

/// A framework to compare with.
pub(super) struct Peer {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A script of `FOLDER`, `key_bench.py`: the modules that it imports, and what installs them.
    Python { imports: &'static str, packages: &'static str },
    /// A program of the project `FOLDER/rust`, called as the key.
    Rust,
}

const fn python(
    key: &'static str,
    name: &'static str,
    imports: &'static str,
    packages: &'static str,
) -> Peer {
    Peer { key, name, kind: Kind::Python { imports, packages } }
}

pub(super) const PEERS: [Peer; 6] = [
    python("keras", "Keras", "keras, tensorflow", "tensorflow-cpu keras"),
    python("torch", "PyTorch", "torch", "torch"),
    python("jax", "JAX", "jax", "jax"),
    python("ort", "ONNX Runtime", "onnx, onnxruntime", "onnx onnxruntime"),
    Peer { key: "burn", name: "Burn", kind: Kind::Rust },
    Peer { key: "candle", name: "Candle", kind: Kind::Rust },
];

/// PyTorch allocates its activations anew in every step: with the C library's allocator it trains at half its speed.
const ALLOCATOR: (&str, &str) = ("LD_PRELOAD", "libtcmalloc_minimal.so.4");

/// A contestant that can run.
#[derive(Clone, Copy)]
pub(super) struct Entrant<'a> {
    /// None is ours.
    peer: Option<&'static Peer>,
    program: &'a str,
}

/// Where the programs are.
pub(super) struct Programs {
    /// A peer, or none for ours, and what runs it.
    found: Vec<(Option<&'static Peer>, String)>,
    /// Who does not take part or is not at its best, and what would help.
    pub(super) lacking: Vec<String>,
}

impl Programs {
    /// Builds `cnn` and the Rust peers, and tries the modules of the Python peers.
    pub(super) fn find(args: &Args) -> Result<Self> {
        let cnn = match &args.cnn {
            Some(program) => program.clone(),
            None => built(&repo::root(), &["-p", "cnn-cli"], "cnn")?,
        };
        let (mut found, mut lacking) = (vec![(None, cnn)], Vec::new());
        let chosen =
            |peer: &&Peer| args.peers.is_empty() || args.peers.iter().any(|p| p == peer.key);
        for peer in PEERS.iter().filter(chosen) {
            let program = match peer.kind {
                Kind::Python { imports, packages } => {
                    importable(peer, &args.python, imports, packages, &mut lacking)
                }
                Kind::Rust => built(&repo::root().join(FOLDER).join("rust"), &[], peer.key),
            };
            match program {
                Ok(program) => found.push((Some(peer), program)),
                Err(error) => lacking.push(format!("{} does not take part: {error:#}", peer.name)),
            }
        }
        Ok(Self { found, lacking })
    }

    pub(super) fn entrants(&self) -> Vec<Entrant<'_>> {
        self.found.iter().map(|(peer, program)| Entrant { peer: *peer, program }).collect()
    }

    /// The keys of the peers that were found.
    pub(super) fn peers(&self) -> Vec<&'static str> {
        self.found.iter().filter_map(|(peer, _)| peer.map(|peer| peer.key)).collect()
    }
}

/// The Python that has the modules of a peer.
fn importable(
    peer: &Peer,
    python: &str,
    imports: &str,
    packages: &str,
    lacking: &mut Vec<String>,
) -> Result<String> {
    let code = format!("import {imports}; print('tcmalloc' in open('/proc/self/maps').read())");
    let output = Command::new(python)
        .args(["-c", &code])
        .envs(environment(peer, 1))
        .current_dir(repo::root())
        .output()
        .with_context(|| format!("`{python}` cannot be started; name a Python with --python"))?;
    if !output.status.success() {
        bail!("`{python} -m pip install {packages}` installs it");
    }
    if peer.key == "torch" && !String::from_utf8_lossy(&output.stdout).contains("True") {
        lacking.push(format!(
            "{} is not at its best without {}: `apt-get install libtcmalloc-minimal4` installs it",
            peer.name, ALLOCATOR.1
        ));
    }
    Ok(python.to_owned())
}

/// Builds a program of the project in a folder and returns its path.
fn built(folder: &Path, args: &[&str], program: &str) -> Result<String> {
    Ok(repo::build(folder, args, program)?.to_string_lossy().into_owned())
}

/// What a peer wants in its environment.
fn environment(peer: &Peer, threads: usize) -> Vec<(&'static str, String)> {
    let threads = threads.to_string();
    match peer.kind {
        Kind::Rust => {
            vec![("RAYON_NUM_THREADS", threads.clone()), ("MATMUL_NUM_THREADS", threads)]
        }
        Kind::Python { .. } if peer.key == "torch" => vec![(ALLOCATOR.0, ALLOCATOR.1.to_owned())],
        Kind::Python { .. } => Vec::new(),
    }
}

impl Entrant<'_> {
    pub(super) fn key(self) -> &'static str {
        self.peer.map_or(OURS, |peer| peer.key)
    }

    pub(super) fn name(self) -> &'static str {
        self.peer.map_or(OURS, |peer| peer.name)
    }

    /// The command lines of a job: none if it cannot do that, several where it is not known which setting is quickest.
    pub(super) fn lines(self, job: Job, args: &Args) -> Vec<Line> {
        let Some(peer) = self.peer else { return vec![self.ours(job, args)] };
        if peer.key == "ort" && job.mode != Mode::Infer {
            return Vec::new();
        }
        let mode = match job.mode {
            Mode::Train => "train",
            Mode::Infer => "infer",
            Mode::Cold => "cold",
        };
        let mut words = vec!["--network".to_owned(), job.network.to_owned()];
        words.extend(["--mode".to_owned(), mode.to_owned()]);
        words.extend(["--batch".to_owned(), job.batch.to_string()]);
        words.extend(["--threads".to_owned(), args.threads.to_string()]);
        words.extend(["--seconds".to_owned(), args.seconds.to_string()]);
        if peer.kind != Kind::Rust {
            words.insert(0, format!("{FOLDER}/{}_bench.py", peer.key));
        }
        let env = environment(peer, args.threads);
        let program = self.program.to_owned();
        let line = Line { program, args: words, env, mark: "\"schema\"" };
        let mut lines = vec![line.clone()];
        if (peer.key, job.network, job.mode) == ("jax", "dnn", Mode::Train) {
            // A call costs as much as a step of the smallest network.
            let mut scan = line;
            scan.args.extend(["--scan".to_owned(), "50".to_owned()]);
            lines.push(scan);
        }
        lines
    }

    fn ours(self, job: Job, args: &Args) -> Line {
        let threads = args.threads.to_string();
        let batch = job.batch.to_string();
        let (window, cold) = (args.seconds * 1000.0 / 5.0, args.output.join("cold"));
        let (window, cold) = (window.round().to_string(), cold.to_string_lossy().into_owned());
        let mut words = vec![if job.mode == Mode::Cold { "train" } else { "bench" }, job.network];
        words.extend(["--data", "fashion-mnist", "--batch-size", &batch, "--threads", &threads]);
        words.extend(match job.mode {
            Mode::Train => vec!["--windows", "5", "--window", &window],
            Mode::Infer => vec!["--infer", "--windows", "5", "--window", &window],
            // One epoch of one batch: its event is written when the step is done.
            Mode::Cold => vec![
                "--limit",
                &batch,
                "--epochs",
                "1",
                "--run-dir",
                &cold,
                "--force",
                "--verbose",
                "0",
            ],
        });
        words.extend(["--format", "json"]);
        Line {
            program: self.program.to_owned(),
            args: words.into_iter().map(str::to_owned).collect(),
            env: Vec::new(),
            mark: "\"event\":\"epoch\"",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(key: &str) -> Entrant<'static> {
        Entrant { peer: PEERS.iter().find(|peer| peer.key == key), program: "PROGRAM" }
    }

    fn lines(key: &str, network: &'static str, mode: Mode, batch: usize) -> Vec<String> {
        let lines = entrant(key).lines(Job { network, mode, batch }, &Args::default());
        lines.iter().map(Line::text).collect()
    }

    #[test]
    fn every_contestant_gets_the_same_job() {
        assert_eq!(
            lines("cnn", "cnn32", Mode::Train, 32),
            [
                "PROGRAM bench cnn32 --data fashion-mnist --batch-size 32 --threads 2 --windows 5 --window 400 --format json"
            ]
        );
        assert_eq!(
            lines("torch", "cnn32", Mode::Train, 32),
            [
                "LD_PRELOAD=libtcmalloc_minimal.so.4 PROGRAM xtask/peers/torch_bench.py --network cnn32 --mode train --batch 32 \
              --threads 2 --seconds 2"
            ]
        );
        assert_eq!(
            lines("burn", "cnn64", Mode::Infer, 256),
            [
                "RAYON_NUM_THREADS=2 MATMUL_NUM_THREADS=2 PROGRAM --network cnn64 --mode infer --batch 256 --threads 2 --seconds 2"
            ]
        );
        assert_eq!(
            lines("cnn", "cnn32", Mode::Cold, 32),
            [
                "PROGRAM train cnn32 --data fashion-mnist --batch-size 32 --threads 2 --limit 32 --epochs 1 \
              --run-dir runs/bench/cold --force --verbose 0 --format json"
            ]
        );
    }

    #[test]
    fn some_do_not_take_part_and_some_try_two_settings() {
        assert!(lines("ort", "cnn32", Mode::Train, 32).is_empty());
        assert_eq!(lines("ort", "cnn32", Mode::Infer, 1).len(), 1);
        assert_eq!(lines("jax", "dnn", Mode::Train, 32).len(), 2);
        assert_eq!(lines("jax", "cnn32", Mode::Train, 32).len(), 1);
    }

    #[test]
    fn every_peer_has_its_file() {
        for peer in &PEERS {
            let file = match peer.kind {
                Kind::Python { .. } => format!("{FOLDER}/{}_bench.py", peer.key),
                Kind::Rust => format!("{FOLDER}/rust/src/bin/{}.rs", peer.key),
            };
            assert!(repo::root().join(&file).is_file(), "{file}");
        }
    }
}
