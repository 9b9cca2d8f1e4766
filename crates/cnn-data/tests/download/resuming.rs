//! Cut-off files go on where they stopped, as long as it is the same file.

use crate::server::{Server, cut, good, send};
use crate::support::{SIZE, bytes, get, names, part};
use std::fs;
use std::path::Path;

/// A third is there, with its tag, as a process leaves it that was killed.
fn begun(path: &Path, server: &Server) {
    fs::write(path.join("x.gz.part"), &bytes()[..SIZE / 3]).unwrap();
    let from = format!("{}x.gz\n\"a\"\n", server.url());
    fs::write(path.join("x.gz.part.from"), from).unwrap();
}

#[test]
fn a_cut_connection_goes_on_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| match request.number {
        0..3 => cut(request, stream, &bytes(), "\"a\"", SIZE / 4),
        _ => good(request, stream, &bytes(), "\"a\""),
    });
    let told = get(folder.path(), &[&server]).is_right(folder.path());
    assert_eq!(told, "ask, resume 75000, resume 150000, resume 225000, done");
    let asked = server.asked();
    let froms: Vec<_> = asked.iter().map(crate::server::Request::from).collect();
    assert_eq!(froms, [None, Some(75_000), Some(150_000), Some(225_000)]);
    assert!(asked[1..].iter().all(|request| request.header("if-range") == Some("\"a\"")));
}

#[test]
fn who_cuts_without_bringing_anything_is_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| cut(request, stream, &bytes(), "\"a\"", 0));
    let problem = get(folder.path(), &[&server]).problem(folder.path());
    assert_eq!(problem.to_string(), "cut off: 0 of 300000 bytes came");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn another_mirror_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start(|_, _| {});
    begun(folder.path(), &first);
    let second = Server::start(|request, stream| good(request, stream, &bytes(), "\"other\""));
    let told = get(folder.path(), &[&second]).is_right(folder.path());
    assert_eq!(told, "ask, resume 100000, done");
    // The tag is of another server's version: the sum says whether it is the same file.
    assert_eq!(second.asked()[0].header("if-range"), None);
}

#[test]
fn a_version_that_changed_starts_again() {
    // As it should be: If-Range does not hold, so all of it comes.
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| good(request, stream, &bytes(), "\"b\""));
    begun(folder.path(), &server);
    let told = get(folder.path(), &[&server]).is_right(folder.path());
    assert_eq!(
        told,
        "ask, restart: the server sends the whole file, or another version of it, done"
    );
    assert_eq!(server.asked()[0].header("if-range"), Some("\"a\""));

    // A server that knows no If-Range sends the rest of the other version.
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| {
        let mut plain = request.clone();
        plain.head = plain.head.replace("if-range", "x-none").replace("If-Range", "x-none");
        good(&plain, stream, &bytes(), "\"b\"");
    });
    begun(folder.path(), &server);
    let told = get(folder.path(), &[&server]).is_right(folder.path());
    assert_eq!(told, "ask, restart: the server has another version of the file, done");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn ranges_that_are_ignored_refused_or_wrong() {
    for name in ["ignored", "refused", "wrong"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(move |request, stream| match (request.from(), name) {
            (Some(_), "refused") => {
                let headers = "Content-Range: bytes */300000\r\nContent-Length: 0\r\n";
                send(stream, "416 Range Not Satisfiable", headers, b"");
            }
            (Some(from), "wrong") => {
                let headers =
                    format!("Content-Range: bytes {}-299999/300000\r\nETag: \"a\"\r\n", from - 10);
                send(stream, "206 Partial Content", &headers, &bytes()[from - 10..]);
            }
            _ => {
                let headers = "Content-Length: 300000\r\nETag: \"a\"\r\n";
                send(stream, "200 OK", headers, &bytes());
            }
        });
        begun(folder.path(), &server);
        let told = get(folder.path(), &[&server]).is_right(folder.path());
        assert!(told.contains("restart: ") && !told.contains("resume"), "{name}: {told}");
    }
}

#[test]
fn a_part_of_something_else_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| good(request, stream, &bytes(), "\"a\""));
    fs::write(folder.path().join("x.gz.part"), vec![1; SIZE / 2]).unwrap();
    let told = get(folder.path(), &[&server]).is_right(folder.path());
    let expected =
        "ask, resume 150000, restart: what was there before does not fit this file, done";
    assert_eq!(told, expected);

    // Longer than the file: not even asked for.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.gz.part"), vec![1; SIZE + 1]).unwrap();
    assert_eq!(get(folder.path(), &[&server]).is_right(folder.path()), "ask, done");
}

#[test]
fn a_part_that_is_all_there_needs_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| good(request, stream, &bytes(), "\"a\""));
    fs::write(folder.path().join("x.gz.part"), bytes()).unwrap();
    assert_eq!(get(folder.path(), &[&server]).is_right(folder.path()), "ask, done");
    assert!(server.asked().is_empty());
}

#[test]
fn after_a_failure_the_next_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| match request.number {
        0 => cut(request, stream, &bytes(), "\"a\"", SIZE / 3),
        1 => send(stream, "503 Service Unavailable", "", b""),
        _ => good(request, stream, &bytes(), "\"a\""),
    });
    assert_eq!(get(folder.path(), &[&server]).problem(folder.path()).code(), "N012");
    assert_eq!(names(folder.path()), ["x.gz.lock", "x.gz.part", "x.gz.part.from"]);
    assert_eq!(part(folder.path()), SIZE as u64 / 3);
    let told = get(folder.path(), &[&server]).is_right(folder.path());
    assert_eq!(told, "ask, resume 100000, done");
    assert_eq!(server.asked()[2].header("if-range"), Some("\"a\""));
}
