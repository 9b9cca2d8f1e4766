//! What is in the folder already, locks, and the disk.

use crate::server::{Server, good, send, until_hung_up};
use crate::support::{SIZE, bytes, get, get_with, options, set, sum};
use cnn_data::download::{Event, FetchError, Limits, Options, fetch};
use std::fs;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

fn good_server() -> Server {
    Server::start(|request, stream| good(request, stream, &bytes(), "\"a\""))
}

#[test]
fn another_file_of_the_name_is_kept_unless_it_may_be_replaced() {
    for other in [b"my own work".to_vec(), vec![9; SIZE]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        fs::write(&path, &other).unwrap();
        let server = good_server();
        let error = get(folder.path(), &[&server]).result.unwrap_err();
        assert_eq!(error.code(), "D070");
        let text = error.to_string();
        assert!(text.contains(&format!("{} bytes", other.len())), "{text}");
        assert_eq!(text.contains(&sum(&other)), other.len() == SIZE, "{text}");
        assert!(server.asked().is_empty() && fs::read(&path).unwrap() == other);

        // A mirror that fails leaves it as it was.
        let bad = Server::start(|_, stream| send(stream, "404 Not Found", "", b""));
        let repair = |server: &Server| Options { repair: true, ..options(&[server]) };
        let failed = get_with(folder.path(), &repair(&bad)).result;
        assert!(matches!(failed, Err(FetchError::NoMirror { .. })));
        assert!(fs::read(&path).unwrap() == other);
        let told = get_with(folder.path(), &repair(&server)).is_right(folder.path());
        assert_eq!(told, "ask, done");
    }
}

#[test]
fn two_at_once_get_it_once() {
    let folder = tempfile::tempdir().unwrap();
    // The first is answered when the second waits.
    let (waits, waited) = mpsc::channel::<()>();
    let waited = Mutex::new(waited);
    let server = Server::start(move |request, stream| {
        waited.lock().unwrap().recv().unwrap();
        good(request, stream, &bytes(), "\"a\"");
    });
    let options = Arc::new(options(&[&server]));
    let (asks, asked) = mpsc::channel::<()>();
    let first = {
        let (folder, options) = (folder.path().to_owned(), Arc::clone(&options));
        std::thread::spawn(move || {
            fetch(&set(), &folder, &options, &mut |event| {
                if matches!(event, Event::Ask { .. }) {
                    asks.send(()).unwrap();
                }
            })
        })
    };
    asked.recv().unwrap();
    let second = fetch(&set(), folder.path(), &options, &mut |event| {
        if matches!(event, Event::Wait { .. }) {
            waits.send(()).unwrap();
        }
    });
    let (first, second) = (first.join().unwrap().unwrap(), second.unwrap());
    assert!(first[0].from.is_some() && second[0].from.is_none());
    assert_eq!(server.asked().len(), 1);
    assert_eq!(get(folder.path(), &[&server]).is_right(folder.path()), "done");
}

#[test]
fn who_does_not_come_to_an_end_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gz.lock");
    let lock = fs::File::create(&path).unwrap();
    lock.lock().unwrap();
    let limits = Limits { total: Duration::from_millis(120), ..options(&[]).limits };
    let server = good_server();
    let outcome = get_with(folder.path(), &Options { limits, ..options(&[&server]) });
    assert_eq!(outcome.told, ["wait"]);
    assert_eq!(outcome.result.unwrap_err().code(), "D072");
    assert!(server.asked().is_empty());
    // A lock file that nobody holds is none.
    drop(lock);
    assert_eq!(get(folder.path(), &[&server]).is_right(folder.path()), "ask, done");
}

#[test]
fn folders_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let server = good_server();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = get(&file, &[&server]).result.unwrap_err();
    assert_eq!((error.code(), error.hints().len()), ("D071", 1), "{error}");
    // A folder in the place of the part.
    fs::create_dir_all(folder.path().join("x.gz.part")).unwrap();
    let error = get(folder.path(), &[&server]).result.unwrap_err();
    assert_eq!(error.code(), "D071", "{error}");
    assert!(server.asked().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("x.gz.part")).unwrap();
    let server = Server::start(|request, stream| {
        good(request, stream, &bytes(), "\"a\"");
        until_hung_up(stream);
    });
    let error = get(folder.path(), &[&server]).result.unwrap_err();
    assert_eq!(error.code(), "D071", "{error}");
    assert!(!folder.path().join("x.gz").exists());
}
