//! Getting files from servers that work, that do not, and that lie. No network is needed: the servers are of this process.
#![cfg(feature = "download")]
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

mod files;
mod lies;
mod resuming;
mod server;
mod support;

use server::{Server, good, send};
use support::{bytes, get, get_with, names, options, set};

#[test]
fn a_file_comes_once_and_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("made/by/it");
    let server = Server::start(|request, stream| good(request, stream, &bytes(), "\"a\""));
    assert_eq!(get(&deep, &[&server]).is_right(&deep), "ask, done");
    assert_eq!(get(&deep, &[&server]).is_right(&deep), "done");
    let asked = server.asked();
    assert_eq!((asked.len(), &asked[0].path[..]), (1, "/data/x.gz"));
    assert_eq!(asked[0].header("accept-encoding"), Some("identity"));
    assert!(asked[0].header("range").is_none());
}

#[test]
fn an_answer_without_a_length_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Server::start(|_, stream| send(stream, "200 OK", "", &bytes()));
    assert_eq!(get(folder.path(), &[&plain]).is_right(folder.path()), "ask, done");

    let folder = tempfile::tempdir().unwrap();
    let chunked = Server::start(|_, stream| {
        let mut body = Vec::new();
        for chunk in bytes().chunks(70_001) {
            body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        send(stream, "200 OK", "Transfer-Encoding: chunked\r\n", &body);
    });
    assert_eq!(get(folder.path(), &[&chunked]).is_right(folder.path()), "ask, done");
}

#[test]
fn a_mirror_may_be_written_without_its_last_slash() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, stream| good(request, stream, &bytes(), "\"a\""));
    let mut options = options(&[&server]);
    options.mirrors[0].pop();
    let files = get_with(folder.path(), &options).result.unwrap();
    assert_eq!(files[0].from.as_deref(), Some(&format!("{}x.gz", server.url())[..]));
    assert_eq!(server.asked()[0].path, "/data/x.gz");
}

#[test]
fn redirects_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let last = Server::start(|request, stream| good(request, stream, &bytes(), "\"a\""));
    let away = format!("Location: {}there/x.gz\r\n", last.url());
    let first = Server::start(move |request, stream| match request.path.as_str() {
        "/data/x.gz" => send(stream, "302 Found", "Location: y.gz\r\n", b"moved"),
        "/data/y.gz" => send(stream, "308 Permanent Redirect", "Location: /z.gz?a=b\r\n", b""),
        _ => send(stream, "301 Moved Permanently", &away, b"<html>moved</html>"),
    });
    assert_eq!(get(folder.path(), &[&first]).is_right(folder.path()), "ask, done");
    let paths: Vec<String> = first.asked().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/data/x.gz", "/data/y.gz", "/z.gz?a=b"]);
    assert_eq!(last.asked()[0].path, "/data/there/x.gz");
}

#[test]
fn the_table_names_its_files_and_sums() {
    let folder = tempfile::tempdir().unwrap();
    for set in cnn_data::download::SETS {
        assert!(cnn_data::NAMES.contains(&set.name));
        let text = set.by_hand(folder.path());
        for file in set.files {
            assert!(text.contains(file.name) && text.contains(file.sha256));
            assert!(text.contains(&file.size.to_string()));
        }
        assert!(set.mirrors.iter().all(|mirror| text.contains(mirror) && mirror.ends_with('/')));
    }
    assert!(names(folder.path()).is_empty() && set().files.len() == 1);
}
