//! Getting a data set: its files one after the other, for each of them the mirrors in order.

use super::client::Client;
use super::part::{Part, disk};
use super::transfer::{Attempt, Failed};
use super::{FetchError, Found, Problem, Published, PublishedFile, Try};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Attempts at one address, as long as each brings bytes.
const ATTEMPTS: usize = 4;

/// How long another process is waited for at once.
const NAP: Duration = Duration::from_millis(50);

/// How patient to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a name's address, and again for a connection.
    pub connect: Duration,
    /// At least [`Limits::least`] bytes must come in a stretch of this length.
    pub stall: Duration,
    /// The fewest bytes of a stretch.
    pub least: u64,
    /// For one file, all mirrors together; also the longest time to wait for another process that gets it.
    pub total: Duration,
}

impl Default for Limits {
    /// 15 s for a connection, 4 KiB in 30 s, an hour for a file.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            least: 4096,
            total: Duration::from_hours(1),
        }
    }
}

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to look instead of the published mirrors, in this order: folders of http or https, with or without a `/` at the
    /// end. What they hold has to be the published files all the same.
    pub mirrors: Vec<String>,
    /// Replace another file that has a published one's name.
    pub repair: bool,
    /// Go through the proxy that `HTTPS_PROXY` and its like name, and `NO_PROXY` excepts. Nothing else of the environment is read.
    pub proxy_variables: bool,
    /// How patient to be.
    pub limits: Limits,
}

/// What happens, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Another process is getting the file.
    Wait {
        /// The file.
        file: &'a PublishedFile,
    },
    /// A mirror is asked.
    Ask {
        /// The file.
        file: &'a PublishedFile,
        /// Its address there.
        url: &'a str,
    },
    /// What was there is gone on with.
    Resume {
        /// The file.
        file: &'a PublishedFile,
        /// Bytes that were there.
        from: u64,
    },
    /// What was there is of no use.
    Restart {
        /// The file.
        file: &'a PublishedFile,
        /// Why.
        why: &'a str,
    },
    /// Bytes have come.
    Progress {
        /// The file.
        file: &'a PublishedFile,
        /// Bytes that are there now, of [`PublishedFile::size`].
        done: u64,
    },
    /// A mirror did not give the file.
    Failed {
        /// The file.
        file: &'a PublishedFile,
        /// Where, and why.
        attempt: &'a Try,
    },
    /// The file is there, and right.
    Done {
        /// The file.
        file: &'a PublishedFile,
    },
}

/// A file that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub file: PublishedFile,
    /// Where it is.
    pub path: PathBuf,
    /// Where it came from; nothing where it was there already.
    pub from: Option<String>,
}

/// Gets the files of a data set that are not in the folder yet, which is made where it is not there. `tell` hears of every step.
///
/// # Errors
/// See [`FetchError`]. Whatever happens, there is no partial and no wrong file under a published name that was not there before;
/// what has come of one stays in `NAME.part`, and the next call goes on with it.
pub fn fetch(
    set: &Published,
    folder: &Path,
    options: &Options,
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<Vec<Fetched>, FetchError> {
    // All of what is there is looked at first: nothing is asked of the network where something is in the way.
    let present: Vec<bool> = set
        .files
        .iter()
        .map(|file| present(file, folder, options.repair))
        .collect::<Result<_, _>>()?;
    let bases: Vec<&str> = if options.mirrors.is_empty() {
        set.mirrors.to_vec()
    } else {
        options.mirrors.iter().map(String::as_str).collect()
    };
    let client = Client::new(options.limits, options.proxy_variables);
    let mut fetched = Vec::new();
    for (file, present) in set.files.iter().zip(present) {
        let from = if present { None } else { one(file, folder, options, &client, &bases, tell)? };
        tell(&Event::Done { file });
        fetched.push(Fetched { file: *file, path: file.path(folder), from });
    }
    Ok(fetched)
}

/// Whether the right file is there; another one is an error, unless it may be replaced.
fn present(file: &PublishedFile, folder: &Path, repair: bool) -> Result<bool, FetchError> {
    let path = file.path(folder);
    match file.look(folder).map_err(|source| disk(&path, "read", source))? {
        Found::Right => Ok(true),
        Found::Other { size, sha256 } if !repair => {
            Err(FetchError::Other { path, file: *file, size, sha256 })
        }
        Found::Nothing | Found::Other { .. } => Ok(false),
    }
}

/// Gets one file, unless another process has just done so. Returns where it came from.
fn one(
    file: &PublishedFile,
    folder: &Path,
    options: &Options,
    client: &Client,
    bases: &[&str],
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<Option<String>, FetchError> {
    let until = Instant::now() + options.limits.total;
    fs::create_dir_all(folder).map_err(|source| disk(folder, "make the folder", source))?;
    let lock = Lock::take(file, folder, until, &options.limits, tell)?;
    if present(file, folder, options.repair)? {
        lock.done();
        return Ok(None);
    }
    let mut part = Part::open(folder, file)?;
    let mut tries = Vec::new();
    for base in bases {
        let url = format!("{}/{}", base.trim_end_matches('/'), file.name);
        tell(&Event::Ask { file, url: &url });
        let attempt = Attempt { client, limits: &options.limits, file, url: &url, until };
        match mirror(&attempt, &mut part, tell)? {
            None => {
                part.finish(&file.path(folder))?;
                lock.done();
                return Ok(Some(url));
            }
            Some(problem) => {
                let attempt = Try { url, problem };
                tell(&Event::Failed { file, attempt: &attempt });
                tries.push(attempt);
            }
        }
        if Instant::now() >= until {
            break;
        }
    }
    part.leave();
    Err(FetchError::NoMirror { path: file.path(folder), file: *file, tries })
}

/// Everything that one mirror is asked: again where it was cut off and had brought something, from the first byte where the parts do
/// not fit together. Returns what is wrong with it, or nothing when the part is the file.
fn mirror(
    attempt: &Attempt<'_>,
    part: &mut Part,
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<Option<Problem>, FetchError> {
    let file = attempt.file;
    for left in (0..ATTEMPTS).rev() {
        let before = part.len();
        let restart = match attempt.run(part, tell) {
            Ok(()) => {
                let found = part.sum()?;
                if found == file.sha256 {
                    return Ok(None);
                }
                part.clear()?;
                if before == 0 {
                    return Ok(Some(Problem::Sum { expected: file.sha256, found }));
                }
                "what was there before does not fit this file"
            }
            Err(Failed::Restart(why)) => why,
            Err(Failed::Fatal(error)) => return Err(error),
            Err(Failed::Mirror(problem)) => {
                let again = problem.may_go_on() && part.len() > before && left > 0;
                if !again {
                    return Ok(Some(problem));
                }
                continue;
            }
        };
        part.clear()?;
        tell(&Event::Restart { file, why: restart });
    }
    let reason = "answers that do not fit together".to_owned();
    Ok(Some(Problem::Protocol { reason }))
}

/// The right to write a file's part. The system takes it back from a process that dies.
struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    fn take(
        file: &PublishedFile,
        folder: &Path,
        until: Instant,
        limits: &Limits,
        tell: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Self, FetchError> {
        let path = folder.join(format!("{}.lock", file.name));
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = opened.map_err(|source| disk(&path, "write", source))?;
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { file: lock, path }),
                // A file system without locks: the sums still keep a wrong file out.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { file: lock, path });
                }
                Err(TryLockError::Error(source)) => return Err(disk(&path, "lock", source)),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(FetchError::Busy { path, seconds: limits.total.as_secs() });
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        tell(&Event::Wait { file });
                    }
                    told = true;
                    std::thread::sleep(NAP);
                }
            }
        }
    }

    /// The file is there: whoever waits will find it, so the lock is not needed any more.
    fn done(self) {
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}
