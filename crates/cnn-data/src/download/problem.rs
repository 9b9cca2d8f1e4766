//! What can go wrong between here and a mirror, and what then ends a download.

use super::PublishedFile;
use std::io;
use std::path::PathBuf;

/// Why one mirror did not give the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No connection.
    #[error("no connection: {reason}")]
    Unreachable {
        /// The system's reason.
        reason: String,
    },
    /// The other side could not prove who it is, or speaks no TLS.
    #[error("no secure connection: {reason}")]
    Tls {
        /// rustls's reason.
        reason: String,
    },
    /// An answer that is none.
    #[error("the server answered {status}{}{}", name_of(*status), later(*retry_after))]
    Status {
        /// HTTP's number.
        status: u16,
        /// Seconds to wait, where the server says so.
        retry_after: Option<u64>,
    },
    /// A redirect that is not followed.
    #[error("{reason}")]
    Redirect {
        /// Why not.
        reason: String,
    },
    /// A web page in the file's place.
    #[error("a web page came, not the file")]
    Page,
    /// The announced length is not the published one.
    #[error("{found} bytes announced, {expected} expected")]
    Length {
        /// Bytes that were expected of this answer.
        expected: u64,
        /// Bytes that it announced.
        found: u64,
    },
    /// The connection ended early.
    #[error("cut off: {found} of {expected} bytes came")]
    Cut {
        /// The file's bytes.
        expected: u64,
        /// Those that are there now.
        found: u64,
    },
    /// More bytes than the file has.
    #[error("more than the file's {expected} bytes came")]
    Longer {
        /// The file's bytes.
        expected: u64,
    },
    /// Too few bytes for too long.
    #[error("stalled: fewer than {least} bytes in {seconds} s; {found} are there")]
    Stalled {
        /// The fewest bytes.
        least: u64,
        /// The seconds.
        seconds: u64,
        /// The file's bytes that are there now.
        found: u64,
    },
    /// All of the time that a file may take.
    #[error("not done in {seconds} s")]
    Time {
        /// The seconds.
        seconds: u64,
    },
    /// As many bytes as published, but others.
    #[error("wrong SHA-256: expected {expected}, found {found}; thrown away")]
    Sum {
        /// The published one.
        expected: &'static str,
        /// That of what came.
        found: String,
    },
    /// An answer that is not HTTP.
    #[error("not an answer in HTTP: {reason}")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
}

/// The usual name of a status that a mirror may answer.
fn name_of(status: u16) -> &'static str {
    match status {
        401 => " Unauthorized",
        403 => " Forbidden",
        404 => " Not Found",
        407 => " Proxy Authentication Required",
        410 => " Gone",
        416 => " Range Not Satisfiable",
        429 => " Too Many Requests",
        500 => " Internal Server Error",
        502 => " Bad Gateway",
        503 => " Service Unavailable",
        504 => " Gateway Timeout",
        511 => " Network Authentication Required",
        _ => "",
    }
}

fn later(seconds: Option<u64>) -> String {
    seconds.map(|seconds| format!(" (try again in {seconds} s)")).unwrap_or_default()
}

impl Problem {
    /// Stable code, `N0xx`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "N010",
            Self::Tls { .. } => "N011",
            Self::Status { .. } => "N012",
            Self::Redirect { .. } => "N013",
            Self::Page => "N014",
            Self::Length { .. } => "N015",
            Self::Cut { .. } => "N016",
            Self::Longer { .. } => "N017",
            Self::Stalled { .. } => "N018",
            Self::Time { .. } => "N019",
            Self::Sum { .. } => "N020",
            Self::Protocol { .. } => "N021",
        }
    }

    /// What to do about it; empty where only another mirror helps.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "is there a network here, or a proxy that HTTPS_PROXY should name?"
            }
            Self::Tls { .. } => {
                "check this machine's clock and date; a proxy that opens TLS looks like this too"
            }
            Self::Page | Self::Status { status: 407 | 511, .. } => {
                "this network may want a login first: open any page in a browser"
            }
            Self::Cut { .. } | Self::Stalled { .. } | Self::Time { .. } => {
                "the same command again goes on where it stopped"
            }
            _ => "",
        }
    }

    /// Whether the same mirror may be asked for the rest at once.
    pub(super) fn may_go_on(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }
}

/// A mirror that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// The file's address there.
    pub url: String,
    /// Why it did not give the file.
    pub problem: Problem,
}

/// Why a data set could not be got.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Another file has the name, and may be somebody's work.
    #[error("another file has this name: {size} bytes{}, published are {}, {}", sum_of(sha256.as_ref()), file.size, file.sha256)]
    Other {
        /// Where it is.
        path: PathBuf,
        /// The one that belongs there.
        file: PublishedFile,
        /// Its bytes.
        size: u64,
        /// Its SHA-256, where the size is the published one.
        sha256: Option<String>,
    },
    /// The file system said no.
    #[error("cannot {doing}: {source}")]
    Disk {
        /// Where.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process gets the same file and does not come to an end.
    #[error("another process has been getting this file for {seconds} s")]
    Busy {
        /// Its lock.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Every mirror failed.
    #[error("no mirror gave {}", file.name)]
    NoMirror {
        /// Where the file was to be.
        path: PathBuf,
        /// The file.
        file: PublishedFile,
        /// What happened, in order.
        tries: Vec<Try>,
    },
}

fn sum_of(sha256: Option<&String>) -> String {
    sha256.map(|sum| format!(", {sum}")).unwrap_or_default()
}

impl FetchError {
    /// Stable code: `D07x` for files, `N001` for the network.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Other { .. } => "D070",
            Self::Disk { .. } => "D071",
            Self::Busy { .. } => "D072",
            Self::NoMirror { .. } => "N001",
        }
    }

    /// What to do about it, a line each.
    pub fn hints(&self) -> Vec<&'static str> {
        match self {
            Self::Other { .. } => vec!["--repair replaces it, once the right one is here"],
            Self::Disk { source, .. } => vec![match source.kind() {
                io::ErrorKind::StorageFull => {
                    "make room, or choose another folder with --to; what came so far stays"
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a folder that you may write to, with --to"
                }
                _ => "check the folder, or choose another one with --to",
            }],
            Self::Busy { .. } => vec!["wait for it or end it, then say the same again"],
            Self::NoMirror { tries, .. } => {
                let mut hints: Vec<&str> = Vec::new();
                for hint in tries.iter().map(|one| one.problem.hint()) {
                    if !hint.is_empty() && !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                hints
            }
        }
    }
}
