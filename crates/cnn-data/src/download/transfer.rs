//! One attempt to bring what is missing of a file from one address.

use super::client::{Client, Range, Reply, interrupted};
use super::part::Part;
use super::{Event, FetchError, Limits, Problem, PublishedFile};
use std::io;
use std::time::Instant;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// How an attempt failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// This mirror did not give the file.
    Mirror(Problem),
    /// What is there and what the mirror has do not fit: once more, from the first byte.
    Restart(&'static str),
    /// Nothing more can be done.
    Fatal(FetchError),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Mirror(problem)
    }
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Self::Fatal(error)
    }
}

/// What an attempt needs.
pub(super) struct Attempt<'a> {
    pub(super) client: &'a Client,
    pub(super) limits: &'a Limits,
    pub(super) file: &'a PublishedFile,
    pub(super) url: &'a str,
    pub(super) until: Instant,
}

impl Attempt<'_> {
    /// Brings what is missing. With `Ok` the part has the file's size; its sum is not looked at.
    pub(super) fn run(
        &self,
        part: &mut Part,
        tell: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Failed> {
        let there = part.len();
        if there == self.file.size {
            return Ok(());
        }
        let tag = part.tag(self.url);
        let range = (there > 0).then_some(Range { from: there, tag: tag.as_deref() });
        let mut reply = self.client.get(self.url, range, self.until)?;
        match reply.status {
            200 => {
                announced(&reply, self.file.size)?;
                if there > 0 {
                    let why = "the server sends the whole file, or another version of it";
                    tell(&Event::Restart { file: self.file, why });
                }
                let tag = reply.header("etag").map(str::to_owned);
                part.begin(self.url, tag.as_deref())?;
            }
            206 if there > 0 => {
                let changed = tag.is_some() && reply.header("etag") != tag.as_deref();
                if changed || !fits(reply.header("content-range"), there, self.file.size) {
                    return Err(Failed::Restart("the server has another version of the file"));
                }
                announced(&reply, self.file.size - there)?;
                tell(&Event::Resume { file: self.file, from: there });
            }
            416 if there > 0 => {
                return Err(Failed::Restart("the server has no bytes from there on"));
            }
            status => {
                let retry_after =
                    reply.header("retry-after").and_then(|text| text.trim().parse().ok());
                return Err(Problem::Status { status, retry_after }.into());
            }
        }
        self.body(&mut reply, part, tell)
    }

    /// Reads to the file's size, and no byte further.
    fn body(
        &self,
        reply: &mut Reply,
        part: &mut Part,
        tell: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Failed> {
        let size = self.file.size;
        let mut buffer = vec![0; BUFFER];
        let mut window = (Instant::now(), part.len());
        loop {
            let left = size - part.len();
            // One byte more than is missing, so that an answer that is too long shows.
            let most = usize::try_from(left + 1).map_or(BUFFER, |most| most.min(BUFFER));
            let n = match reply.read(&mut buffer[..most]) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // All is there; how the connection ends does not matter.
                Err(_) if left == 0 => return Ok(()),
                Err(error) => return Err(interrupted(error, self.limits, size, part.len()).into()),
            };
            if n as u64 > left {
                part.clear()?;
                return Err(Problem::Longer { expected: size }.into());
            }
            if n == 0 {
                let found = part.len();
                let cut = Problem::Cut { expected: size, found };
                return if left == 0 { Ok(()) } else { Err(cut.into()) };
            }
            if part.len() == 0 && looks_like_a_page(&buffer[..n]) {
                return Err(Problem::Page.into());
            }
            part.append(&buffer[..n])?;
            tell(&Event::Progress { file: self.file, done: part.len() });
            self.in_time(&mut window, part.len())?;
        }
    }

    /// Whether enough came in the last stretch of time, and there is time left.
    fn in_time(&self, window: &mut (Instant, u64), found: u64) -> Result<(), Problem> {
        let now = Instant::now();
        if now >= self.until {
            return Err(Problem::Time { seconds: self.limits.total.as_secs() });
        }
        let (since, before) = *window;
        if now.duration_since(since) >= self.limits.stall {
            let (least, seconds) = (self.limits.least, self.limits.stall.as_secs());
            if found - before < least {
                return Err(Problem::Stalled { least, seconds, found });
            }
            *window = (now, found);
        }
        Ok(())
    }
}

/// Whether the answer can be the file, by its head: no page, and as many bytes as are missing.
fn announced(reply: &Reply, expected: u64) -> Result<(), Problem> {
    let kind = reply.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("text/html") || kind.starts_with("application/xhtml") {
        return Err(Problem::Page);
    }
    match reply.length() {
        Some(found) if found != expected => Err(Problem::Length { expected, found }),
        _ => Ok(()),
    }
}

/// Whether a `Content-Range` (`bytes 100-199/200`) is the rest of the file from `from` on.
fn fits(range: Option<&str>, from: u64, size: u64) -> bool {
    let parse = |text: &str| -> Option<(u64, u64, Option<u64>)> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        Some((first.parse().ok()?, last.parse().ok()?, total))
    };
    range.and_then(parse).is_some_and(|(first, last, total)| {
        first == from
            && last.checked_add(1) == Some(size)
            && total.is_none_or(|total| total == size)
    })
}

/// Whether these first bytes are those of a web page. No published file begins so.
fn looks_like_a_page(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    start.starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::{fits, looks_like_a_page};

    #[test]
    fn a_range_fits_where_it_is_the_rest() {
        for (text, right) in [
            ("bytes 100-199/200", true),
            ("bytes 100-199/*", true),
            ("bytes 99-199/200", false),
            ("bytes 100-198/200", false),
            ("bytes 100-199/201", false),
            ("bytes 100-18446744073709551615/200", false),
            ("bytes */200", false),
            ("items 100-199/200", false),
            ("", false),
        ] {
            assert_eq!(fits(Some(text), 100, 200), right, "{text}");
        }
        assert!(!fits(None, 100, 200));
    }

    #[test]
    fn pages_are_known_by_their_first_bytes() {
        assert!(looks_like_a_page(b"\xef\xbb\xbf\r\n <!DOCTYPE html>"));
        assert!(looks_like_a_page(b"<html>") && !looks_like_a_page(b"\x1f\x8b<"));
        assert!(!looks_like_a_page(b"PK\x03\x04") && !looks_like_a_page(b""));
    }
}
