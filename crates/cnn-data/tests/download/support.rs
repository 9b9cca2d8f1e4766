//! A made-up data set of one file, and one call that gets it and tells what happened.

use crate::server::Server;
use cnn_data::download::{
    Event, FetchError, Fetched, Limits, Options, Problem, Published, PublishedFile, fetch,
};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

/// Bytes of the file.
pub(crate) const SIZE: usize = 300_000;

/// The file's bytes: nothing repeats, and it is no web page.
pub(crate) fn bytes() -> Vec<u8> {
    let next = |x: &mut u32| {
        *x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*x >> 24) as u8)
    };
    let mut state = 7;
    let mut bytes: Vec<u8> = std::iter::from_fn(|| next(&mut state)).take(SIZE).collect();
    bytes[..4].copy_from_slice(b"\x1f\x8b\x08\x00");
    bytes
}

/// SHA-256 in hexadecimal.
pub(crate) fn sum(bytes: &[u8]) -> String {
    let bytes = Sha256::digest(bytes);
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The data set. Its table lives as long as the test program.
pub(crate) fn set() -> Published {
    let sha256 = Box::leak(sum(&bytes()).into_boxed_str());
    let file = PublishedFile { name: "x.gz", size: SIZE as u64, sha256, repacked: None };
    Published { name: "x", files: Box::leak(vec![file].into_boxed_slice()), mirrors: &[] }
}

/// Patience enough for a machine that has much else to do.
pub(crate) fn options(mirrors: &[&Server]) -> Options {
    let limits = Limits {
        connect: Duration::from_mins(1),
        stall: Duration::from_mins(1),
        least: 4096,
        total: Duration::from_mins(2),
    };
    let mirrors = mirrors.iter().map(|server| server.url()).collect();
    Options { mirrors, limits, ..Options::default() }
}

/// What came of it: the answer, and what was told, a line each without the many `Progress`.
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<Fetched>, FetchError>,
    pub(crate) told: Vec<String>,
}

/// Gets the data set into the folder.
pub(crate) fn get_with(folder: &Path, options: &Options) -> Outcome {
    let mut told = Vec::new();
    let mut last = 0;
    let result = fetch(&set(), folder, options, &mut |event| match event {
        Event::Wait { .. } => told.push("wait".to_owned()),
        Event::Ask { .. } => told.push("ask".to_owned()),
        Event::Resume { from, .. } => told.push(format!("resume {from}")),
        Event::Restart { why, .. } => told.push(format!("restart: {why}")),
        Event::Failed { attempt, .. } => told.push(attempt.problem.code().to_owned()),
        Event::Progress { done, file } => {
            assert!(*done <= file.size && *done != last, "{done} after {last}");
            last = *done;
        }
        Event::Done { .. } => told.push("done".to_owned()),
    });
    Outcome { result, told }
}

pub(crate) fn get(folder: &Path, mirrors: &[&Server]) -> Outcome {
    get_with(folder, &options(mirrors))
}

impl Outcome {
    /// It went well: the file is right, and nothing lies beside it. What was told, in one line.
    pub(crate) fn is_right(&self, folder: &Path) -> String {
        let files = self.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:?}", self.told));
        assert_eq!(files.len(), 1);
        assert!(std::fs::read(folder.join("x.gz")).unwrap() == bytes());
        assert_eq!(names(folder), ["x.gz"]);
        self.told.join(", ")
    }

    /// It failed, with these problems of its mirrors, and nothing has the file's name.
    pub(crate) fn problems(&self, folder: &Path) -> Vec<Problem> {
        let Err(FetchError::NoMirror { tries, .. }) = &self.result else {
            panic!("{:?}", self.result);
        };
        assert!(!folder.join("x.gz").exists());
        tries.iter().map(|one| one.problem.clone()).collect()
    }

    /// The only problem.
    pub(crate) fn problem(&self, folder: &Path) -> Problem {
        let problems = self.problems(folder);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].clone()
    }
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Bytes of the part that is there; a part without bytes is not left.
pub(crate) fn part(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("x.gz.part")).map_or(0, |meta| meta.len())
}
