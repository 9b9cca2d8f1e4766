//! Servers that do not give the file: each is told by its code, what came is thrown away where it is wrong, and the next
//! mirror is asked.

use crate::server::{Request, Server, cut, good, send, until_hung_up};
use crate::support::{SIZE, bytes, get, get_with, names, options, part};
use cnn_data::download::{FetchError, Limits, Options, Problem};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A bad mirror alone is an error of this code. Returns the problem's text, and the bytes of it that were kept.
fn alone(code: &str, bad: &Server, options: &Options) -> (String, u64) {
    let folder = tempfile::tempdir().unwrap();
    let problem = get_with(folder.path(), options).problem(folder.path());
    assert_eq!(problem.code(), code, "{problem}");
    let kept = part(folder.path());
    assert_eq!(names(folder.path()).contains(&"x.gz.part".to_owned()), kept > 0);
    assert!(!bad.asked().is_empty());
    (problem.to_string(), kept)
}

/// The same, and with a good mirror behind it the file comes.
fn bad(
    code: &str,
    answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static,
) -> (String, u64) {
    let bad = Server::start(answer);
    let found = alone(code, &bad, &options(&[&bad]));
    let folder = tempfile::tempdir().unwrap();
    let good = Server::start(|request, stream| good(request, stream, &bytes(), "\"good\""));
    let told = get(folder.path(), &[&bad, &good]).is_right(folder.path());
    assert_eq!(told, format!("ask, {code}, ask, done"));
    found
}

/// A mirror that is too slow for little patience. Returns the bytes of it that were kept.
fn slow(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> u64 {
    let slow = Server::start(answer);
    let limits = Limits { stall: Duration::from_millis(250), ..options(&[]).limits };
    let (text, kept) = alone("N018", &slow, &Options { limits, ..options(&[&slow]) });
    assert!(text.contains("fewer than 4096 bytes"), "{text}");
    assert!(text.ends_with(&format!("{kept} are there")), "{text}");
    kept
}

#[test]
fn a_length_that_is_not_the_files_is_refused_before_a_byte_is_read() {
    for size in [0, SIZE - 1, SIZE + 1, usize::MAX / 2] {
        let (text, kept) = bad("N015", move |_, stream| {
            let length = format!("Content-Length: {size}\r\n");
            send(stream, "200 OK", &length, &bytes());
        });
        assert_eq!((text, kept), (format!("{size} bytes announced, 300000 expected"), 0));
    }
}

#[test]
fn what_is_longer_than_the_file_is_stopped_at_once() {
    for more in [1, 100_000] {
        let (text, kept) = bad("N017", move |_, stream| {
            let body = [bytes(), vec![7; more]].concat();
            send(stream, "200 OK", "", &body);
        });
        assert_eq!((text, kept), ("more than the file's 300000 bytes came".to_owned(), 0));
    }
    // A body without an end is not read to its end.
    let (_, kept) = bad("N017", |_, stream| {
        send(stream, "200 OK", "", &bytes());
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    assert_eq!(kept, 0);
}

#[test]
fn other_bytes_are_thrown_away() {
    let (text, kept) = bad("N020", |request, stream| {
        let mut bytes = bytes();
        bytes[SIZE / 2] ^= 1;
        good(request, stream, &bytes, "\"bad\"");
    });
    assert!(text.starts_with("wrong SHA-256: expected ") && text.contains(", found "), "{text}");
    assert_eq!(kept, 0);
}

#[test]
fn answers_that_are_none() {
    for (status, headers, says) in [
        ("404 Not Found", "", "the server answered 404 Not Found"),
        ("403 Strange", "", "the server answered 403 Forbidden"),
        ("500 Oh", "", "the server answered 500 Internal Server Error"),
        (
            "503 Busy",
            "Retry-After: 120\r\n",
            "the server answered 503 Service Unavailable (try again in 120 s)",
        ),
        ("503 Busy", "Retry-After: soon\r\n", "the server answered 503 Service Unavailable"),
        ("206 Partial Content", "", "the server answered 206"),
        ("204 No Content", "", "the server answered 204"),
    ] {
        let (text, kept) = bad("N012", move |_, stream| {
            send(stream, status, headers, b"<html>no</html>");
        });
        assert_eq!((&text[..], kept), (says, 0));
    }
}

#[test]
fn a_web_page_is_told_as_one() {
    let (text, kept) = bad("N014", |_, stream| {
        let page = b"<html>please log in</html>";
        send(
            stream,
            "200 OK",
            "Content-Type: text/HTML; charset=x\r\nContent-Length: 26\r\n",
            page,
        );
    });
    assert_eq!((&text[..], kept), ("a web page came, not the file", 0));
    // Without a type, and as long as the file.
    let (_, kept) = bad("N014", |request, stream| {
        let mut page = b"\r\n <!DOCTYPE html><title>404</title>".to_vec();
        page.resize(SIZE, b' ');
        good(request, stream, &page, "\"page\"");
    });
    assert_eq!(kept, 0);
}

#[test]
fn redirects_without_an_end_or_to_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let loops = Server::start(|_, stream| send(stream, "302 Found", "Location: /x.gz\r\n", b""));
    let text = get(folder.path(), &[&loops]).problem(folder.path()).to_string();
    assert_eq!((&text[..], loops.asked().len()), ("more than 5 redirects", 6));
    for (location, says) in [
        (
            "Location: file:///etc/passwd\r\n",
            "a redirect to file:///etc/passwd: only http and https",
        ),
        ("Location: http://\r\n", "a redirect to http://: no address"),
        ("", "a redirect that leads nowhere"),
    ] {
        let (text, kept) =
            bad("N013", move |_, stream| send(stream, "307 Temporary Redirect", location, b""));
        assert!(text.starts_with(says) && kept == 0, "{text}");
    }
}

#[test]
fn who_stalls_or_drips_is_left() {
    // Half of it, and then nothing.
    let kept = slow(|request, stream| {
        cut(request, stream, &bytes(), "\"a\"", SIZE / 2);
        until_hung_up(stream);
    });
    assert!(kept <= SIZE as u64 / 2);
    // A byte now and then.
    let kept = slow(|request, stream| {
        cut(request, stream, &bytes(), "\"a\"", 0);
        for byte in bytes() {
            std::thread::sleep(Duration::from_millis(5));
            if stream.write_all(&[byte]).is_err() {
                break;
            }
        }
    });
    assert!(kept < 4096);
    // No answer at all, and a head without an end.
    assert_eq!(slow(|_, stream| until_hung_up(stream)), 0);
    let endless = |_: &Request, stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-");
        until_hung_up(stream);
    };
    assert_eq!(slow(endless), 0);
}

#[test]
fn a_file_has_its_time() {
    let folder = tempfile::tempdir().unwrap();
    // Never too slow, and never done.
    let server = Server::start(|request, stream| {
        cut(request, stream, &bytes(), "\"a\"", 0);
        for piece in bytes().chunks(100) {
            std::thread::sleep(Duration::from_millis(5));
            if stream.write_all(piece).is_err() {
                break;
            }
        }
    });
    let limits = Limits { total: Duration::from_millis(300), least: 1, ..options(&[]).limits };
    let options = Options { limits, ..options(&[&server, &server]) };
    let problem = get_with(folder.path(), &options).problem(folder.path());
    assert_eq!(problem.code(), "N019", "{problem}");
    assert_eq!(server.asked().len(), 1, "no time for another mirror");
}

#[test]
fn nobody_there_and_no_http() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = options(&[]);
    options.mirrors = vec![format!("http://{gone}/"), "http://no-such-host.invalid/".into()];
    let outcome = get_with(path, &options);
    let problems = outcome.problems(path);
    assert!(problems.iter().all(|problem| problem.code() == "N010"), "{problems:?}");
    let Err(error) = outcome.result else { unreachable!() };
    assert_eq!((error.code(), error.hints().len()), ("N001", 1));
    assert!(matches!(error, FetchError::NoMirror { .. }));

    for answer in ["220 smtp.example ESMTP\r\n\r\n", "HTTP/1.1 403 \u{1b}[2J\r\n\r\n"] {
        let (text, _) = bad("N021", move |_, stream| {
            let _ = stream.write_all(answer.as_bytes());
        });
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn who_speaks_no_tls_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let mut options = options(&[]);
    options.mirrors = vec![server.url().replace("http:", "https:")];
    let problem = get_with(folder.path(), &options).problem(folder.path());
    assert!(matches!(problem, Problem::Tls { .. }), "{problem}");
    assert!(problem.hint().contains("clock"));
}
