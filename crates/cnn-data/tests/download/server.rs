//! A server of HTTP on this machine that does as a test says, good or bad, and remembers what it was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// How many were asked before.
    pub(crate) number: usize,
    /// The address without its host.
    pub(crate) path: String,
    /// All of the head.
    pub(crate) head: String,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The first byte that is asked for, where a range is.
    pub(crate) fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// A server that ends with this value.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server; each question is answered on a thread of its own, and then its connection is closed.
    pub(crate) fn start(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let (log, end, answer) = (Arc::clone(&asked), Arc::clone(&over), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { address, asked, over, thread: Some(thread) }
    }

    /// The server's folder, as a mirror's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/data/", self.address)
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request, &mut TcpStream),
) {
    let (mut head, mut byte) = (Vec::new(), [0; 1]);
    while !head.ends_with(b"\r\n\r\n") {
        // What is no question (TLS, say) is answered when it pauses to wait for one.
        let enough = head.first().is_some_and(|first| *first == 22) && head.len() > 5;
        if enough || !matches!(stream.read(&mut byte), Ok(1)) {
            break;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let request = {
        let mut log = log.lock().unwrap();
        let request = Request { number: log.len(), path, head };
        log.push(request.clone());
        request
    };
    answer(&request, &mut stream);
}

/// Sends a status line with headers (each ending in `\r\n`) and a body. Whoever hangs up early is not a failure of the server.
pub(crate) fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Answers as a good server does: whole, or the rest that is asked for, where the tag is still that one.
pub(crate) fn good(request: &Request, stream: &mut TcpStream, bytes: &[u8], tag: &str) {
    let (status, headers, from) = head_of(request, bytes.len(), tag);
    send(stream, status, &headers, &bytes[from..]);
}

/// As [`good`], but with no more than `most` bytes of the body.
pub(crate) fn cut(request: &Request, stream: &mut TcpStream, bytes: &[u8], tag: &str, most: usize) {
    let (status, headers, from) = head_of(request, bytes.len(), tag);
    send(stream, status, &headers, &bytes[from..bytes.len().min(from + most)]);
}

fn head_of(request: &Request, size: usize, tag: &str) -> (&'static str, String, usize) {
    let same = request.header("if-range").is_none_or(|asked| asked == tag);
    match request.from().filter(|_| same) {
        Some(from) if from < size => {
            let last = size - 1;
            let range = format!("Content-Range: bytes {from}-{last}/{size}\r\n");
            let length = size - from;
            let headers = format!("Content-Length: {length}\r\nETag: {tag}\r\n{range}");
            ("206 Partial Content", headers, from)
        }
        _ => ("200 OK", format!("Content-Length: {size}\r\nETag: {tag}\r\n"), 0),
    }
}

/// Waits until the other side hangs up.
pub(crate) fn until_hung_up(stream: &mut TcpStream) {
    let mut byte = [0; 1];
    while matches!(stream.read(&mut byte), Ok(n) if n > 0) {}
}
