//! A disk in memory that fails where it is told to, and that can lose its power after any operation.
//!
//! What is not synced is at the mercy of the loss: of every file any part of its unsynced bytes may be there (none, all, a first
//! part, or a last part with a hole of zeros before it), and of the folder's unsynced changes any subset, in their order.

use super::{Disk, Written};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The operation fails, and every one after it where `lasting`.
    Error { kind: io::ErrorKind, lasting: bool },
    /// A write takes only some of the bytes; any other operation is done.
    Short,
    /// The power is lost before the operation.
    Power,
}

/// A change of names that is not on the disk yet.
#[derive(Clone, Debug)]
enum Change {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    /// Operations until the fault.
    until: Option<(usize, Fault)>,
    /// Operations so far.
    pub(crate) operations: usize,
    off: bool,
}

/// The disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sim(Arc<Mutex<State>>);

impl Sim {
    /// As it is, with nothing in common with this one.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().unwrap().clone())))
    }

    /// From now on, after so many operations, this goes wrong.
    pub(crate) fn fail_after(&self, operations: usize, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        (state.until, state.operations) = (Some((operations, fault)), 0);
    }

    /// Everything works again.
    pub(crate) fn repair(&self) {
        let mut state = self.0.lock().unwrap();
        (state.until, state.off) = (None, false);
    }

    /// Operations since [`Sim::fail_after`].
    pub(crate) fn operations(&self) -> usize {
        self.0.lock().unwrap().operations
    }

    /// Flips a bit of a file.
    pub(crate) fn damage(&self, name: &Path, at: usize) {
        let mut state = self.0.lock().unwrap();
        let file = state.names[name];
        state.files[file].bytes[at] ^= 4;
    }

    /// Every disk that may be found after the power was lost now.
    pub(crate) fn after_power_loss(&self) -> Vec<Self> {
        let state = self.0.lock().unwrap();
        let changes = state.changes.len();
        assert!(changes <= 10, "{changes} changes without a sync");
        let mut found = Vec::new();
        for subset in 0..1u32 << changes {
            let mut names = state.synced_names.clone();
            for (i, change) in state.changes.iter().enumerate() {
                if subset >> i & 1 == 1 {
                    follow(&mut names, change);
                }
            }
            for torn in 0..5 {
                let files: Vec<File> = state.files.iter().map(|file| tear(file, torn)).collect();
                let names = names.clone();
                found.push(Self(Arc::new(Mutex::new(State {
                    files,
                    synced_names: names.clone(),
                    names,
                    ..State::default()
                }))));
            }
        }
        found
    }

    fn begin(&self) -> io::Result<(std::sync::MutexGuard<'_, State>, bool)> {
        let mut state = self.0.lock().unwrap();
        let now = state.operations;
        state.operations += 1;
        if state.off {
            return Err(io::Error::other("there is no power"));
        }
        match state.until {
            Some((at, Fault::Error { kind, lasting })) if now == at || lasting && now > at => {
                Err(kind.into())
            }
            Some((at, Fault::Power)) if now == at => {
                state.off = true;
                Err(io::Error::other("there is no power"))
            }
            Some((at, Fault::Short)) if now == at => Ok((state, true)),
            _ => Ok((state, false)),
        }
    }
}

fn follow(names: &mut BTreeMap<PathBuf, usize>, change: &Change) {
    match change {
        Change::Create(path, file) => {
            names.insert(path.clone(), *file);
        }
        Change::Rename(from, to, file) => {
            names.remove(from);
            names.insert(to.clone(), *file);
        }
        Change::Remove(path) => {
            names.remove(path);
        }
    }
}

/// One of the ways in which a file that is not synced may come out.
fn tear(file: &File, how: usize) -> File {
    let (bytes, synced) = (&file.bytes, &file.synced);
    let middle = synced.len().midpoint(bytes.len());
    let found = match how {
        0 => synced.clone(),
        1 => bytes.clone(),
        2 => bytes[..middle].to_vec(),
        3 => {
            let mut hole = bytes.clone();
            hole[synced.len()..middle].fill(0);
            hole
        }
        // The length is there, the content is not.
        _ => {
            let mut zeros = bytes.clone();
            zeros[synced.len()..].fill(0);
            zeros
        }
    };
    File { bytes: found.clone(), synced: found }
}

struct Open(Sim, usize);

impl Written for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (mut state, short) = self.0.begin()?;
        let n = if short { bytes.len().div_ceil(3) } else { bytes.len() };
        state.files[self.1].bytes.extend(&bytes[..n]);
        Ok(n)
    }

    fn sync(&mut self) -> io::Result<()> {
        let (mut state, _) = self.0.begin()?;
        let file = &mut state.files[self.1];
        file.synced = file.bytes.clone();
        Ok(())
    }
}

impl Disk for Sim {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Written>> {
        let (mut state, _) = self.begin()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.push(File::default());
        let file = state.files.len() - 1;
        state.names.insert(path.to_owned(), file);
        state.changes.push(Change::Create(path.to_owned(), file));
        Ok(Box::new(Open(self.clone(), file)))
    }

    fn rename(&self, from: &Path, to: &Path, replace: bool) -> io::Result<()> {
        let (mut state, _) = self.begin()?;
        if !replace && state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        let change = Change::Rename(from.to_owned(), to.to_owned(), file);
        follow(&mut state.names, &change);
        state.changes.push(change);
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let (mut state, _) = self.begin()?;
        state.synced_names = state.names.clone();
        state.changes.clear();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let (mut state, _) = self.begin()?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.changes.push(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        let (state, _) = self.begin()?;
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        Ok(state.names.keys().map(name).collect())
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let (state, _) = self.begin()?;
        let file = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.files[file].bytes.clone())
    }
}
