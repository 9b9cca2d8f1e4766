//! One question to a mirror, redirects followed: ureq with rustls.
//!
//! Redirects are followed here and not by ureq, so that they lead to http and https only, and never from https back to http.

use super::{Limits, Problem};
use std::io::{self, Read};
use std::time::{Duration, Instant};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::{Agent, Body, Error, Proxy, Timeout};

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Asks for files.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    limits: Limits,
}

/// The bytes from `from` on, of the version with that tag where there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range<'a> {
    pub(super) from: u64,
    pub(super) tag: Option<&'a str>,
}

/// An answer: its head, and a body to read.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Box<dyn Read>,
}

impl Client {
    pub(super) fn new(limits: Limits, proxy_variables: bool) -> Self {
        let proxy = if proxy_variables { Proxy::try_from_env() } else { None };
        let config = Agent::config_builder()
            .proxy(proxy)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("cnn/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_send_request(Some(limits.stall))
            .timeout_recv_response(Some(limits.stall))
            .timeout_per_read(Some(limits.stall))
            .timeout_per_write(Some(limits.stall))
            .build();
        Self { agent: config.new_agent(), limits }
    }

    /// Asks for a file, or for the rest of it.
    pub(super) fn get(
        &self,
        url: &str,
        range: Option<Range<'_>>,
        until: Instant,
    ) -> Result<Reply, Problem> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let reply = self.once(&url, range, until)?;
            if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(reply);
            }
            let Some(to) = reply.header("location") else {
                return Err(Problem::Redirect { reason: "a redirect that leads nowhere".into() });
            };
            url = redirected(&url, to)?;
        }
        Err(Problem::Redirect { reason: format!("more than {REDIRECTS} redirects") })
    }

    fn once(&self, url: &str, range: Option<Range<'_>>, until: Instant) -> Result<Reply, Problem> {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut request = self.agent.get(url).config().timeout_global(Some(left)).build();
        if let Some(range) = range {
            request = request.header("Range", format!("bytes={}-", range.from));
            if let Some(tag) = range.tag {
                request = request.header("If-Range", tag);
            }
        }
        let response: Response<Body> =
            request.call().map_err(|error| problem(&error, &self.limits))?;
        let (head, body) = response.into_parts();
        let body = Box::new(body.into_reader());
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Reply {
    /// A header that is there once, as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Length`, where it is a number.
    pub(super) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The next bytes of the body; none at its end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

/// What is the matter, in this module's words.
fn problem(error: &Error, limits: &Limits) -> Problem {
    let unreachable = |reason: &str| Problem::Unreachable { reason: plain(reason) };
    match error {
        Error::HostNotFound => unreachable("the name has no address"),
        Error::ConnectionFailed => unreachable("refused"),
        Error::ConnectProxyFailed(reason) => unreachable(reason),
        Error::Timeout(Timeout::Global) => Problem::Time { seconds: limits.total.as_secs() },
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => unreachable("no answer in time"),
        Error::Timeout(_) => {
            Problem::Stalled { least: limits.least, seconds: limits.stall.as_secs(), found: 0 }
        }
        Error::Rustls(_) | Error::Tls(_) | Error::Pem(_) | Error::TlsRequired => {
            Problem::Tls { reason: plain(&error.to_string()) }
        }
        // rustls's verdict on a certificate comes wrapped.
        Error::Io(inner) if inner.kind() == io::ErrorKind::InvalidData => {
            Problem::Tls { reason: plain(&inner.to_string()) }
        }
        Error::Io(inner) => unreachable(&inner.to_string()),
        other => Problem::Protocol { reason: plain(&other.to_string()) },
    }
}

/// Why the body did not go on, with `found` bytes of the file there.
pub(super) fn interrupted(error: io::Error, limits: &Limits, expected: u64, found: u64) -> Problem {
    match problem(&Error::from(error), limits) {
        Problem::Stalled { least, seconds, .. } => Problem::Stalled { least, seconds, found },
        Problem::Unreachable { .. } => Problem::Cut { expected, found },
        other => other,
    }
}

/// Text from outside, fit to print: no control characters, and not long.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Where a redirect leads.
fn redirected(from: &str, to: &str) -> Result<String, Problem> {
    let refused = |reason: &str| {
        let to: String = plain(to).chars().take(80).collect();
        Err(Problem::Redirect { reason: format!("a redirect to {to}: {reason}") })
    };
    let Ok(base) = from.parse::<Uri>() else {
        return refused("from an address that is none");
    };
    let (scheme, host) = (
        base.scheme_str().unwrap_or("http"),
        base.authority().map_or("", ureq::http::uri::Authority::as_str),
    );
    let lower = to.to_ascii_lowercase();
    let absolute = if lower.starts_with("http://") || lower.starts_with("https://") {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{host}{to}")
    } else if to.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) {
        return refused("only http and https are followed");
    } else {
        let folder = base.path().rfind('/').map_or("/", |at| &base.path()[..=at]);
        format!("{scheme}://{host}{folder}{to}")
    };
    let absolute = absolute.split('#').next().unwrap_or_default().to_owned();
    if scheme == "https" && !absolute.to_ascii_lowercase().starts_with("https://") {
        return refused("from https back to http");
    }
    match absolute.parse::<Uri>() {
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(absolute),
        _ => refused("no address"),
    }
}

#[cfg(test)]
mod tests {
    use super::redirected;

    #[test]
    fn redirects_lead_to_addresses() {
        let from = "https://a.example:8443/data/x.gz?k=1";
        for (to, expected) in [
            ("https://b.example/y", "https://b.example/y"),
            ("//b.example/y#part", "https://b.example/y"),
            ("/y?z", "https://a.example:8443/y?z"),
            ("y.gz", "https://a.example:8443/data/y.gz"),
            ("a/b:c", "https://a.example:8443/data/a/b:c"),
        ] {
            assert_eq!(redirected(from, to).unwrap(), expected);
        }
        assert_eq!(redirected("http://a/x", "https://b/x").unwrap(), "https://b/x");
    }

    #[test]
    fn and_nowhere_else() {
        for (to, why) in [
            ("http://b.example/y", "from https back to http"),
            ("HTTP://b.example/y", "from https back to http"),
            ("file:///etc/passwd", "only http and https"),
            ("javascript:alert(1)", "only http and https"),
            ("https://", "no address"),
            ("https:// b/\u{1b}[2J", "no address"),
        ] {
            let text = redirected("https://a.example/x", to).unwrap_err().to_string();
            assert!(text.contains(why) && !text.contains('\u{1b}'), "{text}");
        }
    }
}
