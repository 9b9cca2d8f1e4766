//! `cnn data fetch`: with the feature `download` from a server of this process, killed and started again, two at once; without it,
//! what it says instead.

#[path = "../../../cnn-data/tests/download/packed.rs"]
mod packed;
#[cfg(feature = "download")]
#[path = "../../../cnn-data/tests/download/server.rs"]
mod server;

use crate::support::{cnn, code, stderr, stdout};

#[test]
fn files_that_are_there_need_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let here = packed::folder();
    let here = here.to_str().unwrap();
    let output = cnn(folder.path(), &["data", "fetch", "fashion-mnist", "--to", here]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.matches("was there already, and is right").count(), 4, "{text}");
    assert!(text.ends_with(&format!("train with it: cnn train cnn32 --data {here}\n")), "{text}");
    assert!(!packed::published("t10k-labels-idx1-ubyte.gz").is_empty());
}

#[cfg(not(feature = "download"))]
#[test]
fn a_cnn_without_downloads_says_what_to_put_where() {
    use crate::support::{snapshot, transcript};
    let folder = tempfile::tempdir().unwrap();
    let text = transcript(folder.path(), &["data", "fetch", "fashion-mnist"])
        + &transcript(folder.path(), &["data", "fetch", "mnist", "--to", "here"]);
    snapshot("fetch-absent", &text);
    assert!(!folder.path().join("data").exists() && !folder.path().join("here").exists());
}

#[cfg(feature = "download")]
mod network {
    use super::packed::published;
    use super::server::{Server, cut, good, send, until_hung_up};
    use crate::support::{clean, cnn, code, snapshot, stderr, stdout};
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;

    const IMAGES: &str = "train-images-idx3-ubyte.gz";

    fn name(request: &super::server::Request) -> &str {
        request.path.strip_prefix("/data/").unwrap()
    }

    fn mirror() -> Server {
        Server::start(|request, stream| good(request, stream, &published(name(request)), "\"1\""))
    }

    fn start(folder: &Path, server: &Server) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
        command.args(["data", "fetch", "fashion-mnist", "--mirror", &server.url()]);
        let command = clean(&mut command, folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// All four files are there, right, and nothing beside them.
    fn is_complete(data: &Path) {
        let mut count = 0;
        for entry in fs::read_dir(data).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(fs::read(data.join(&name)).unwrap() == published(&name), "{name}");
            count += 1;
        }
        assert_eq!(count, 4);
    }

    #[test]
    fn a_data_set_comes_and_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let server = mirror();
        let url = server.url();
        let fetch = ["data", "fetch", "fashion-mnist", "--mirror", &url];
        let output = cnn(folder.path(), &fetch);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let told = stdout(&output).replace(&url, "http://MIRROR/");
        let progress = stderr(&output).replace(&url, "http://MIRROR/");
        snapshot("fetch", &format!("--- stdout ---\n{told}--- stderr ---\n{progress}"));
        is_complete(&folder.path().join("data/fashion-mnist"));
        assert_eq!(code(&cnn(folder.path(), &["data", "info", "fashion-mnist"])), 0);

        let again = [&fetch[..], &["--format", "json"]].concat();
        let json: serde_json::Value =
            serde_json::from_str(&stdout(&cnn(folder.path(), &again))).unwrap();
        assert_eq!((&json["schema"], &json["name"]), (&1.into(), &"fashion-mnist".into()));
        assert!(json["files"].as_array().unwrap().iter().all(|file| file["from"].is_null()));
        assert_eq!(server.asked().len(), 4);
    }

    #[test]
    fn killed_in_the_middle_it_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data/fashion-mnist");
        // The first two questions are never answered to the end.
        let server = Server::start(|request, stream| {
            let bytes = published(name(request));
            if request.number < 2 {
                cut(request, stream, &bytes, "\"1\"", 5_000_000);
                until_hung_up(stream);
            } else {
                good(request, stream, &bytes, "\"1\"");
            }
        });
        let part = data.join(format!("{IMAGES}.part"));
        let length = || fs::metadata(&part).map_or(0, |meta| meta.len());
        for killed in 1..=2 {
            let mut child = start(folder.path(), &server);
            while length() < killed * 5_000_000 {
                std::thread::sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!data.join(IMAGES).exists() && server.asked().len() == killed as usize);
        }
        let output = start(folder.path(), &server).wait_with_output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let asked = server.asked();
        assert_eq!((asked[0].from(), asked[1].from()), (None, Some(5_000_000)));
        assert_eq!((asked[2].from(), asked.len()), (Some(10_000_000), 6));
        assert_eq!(asked[2].header("if-range"), Some("\"1\""));
        assert!(stderr(&output).contains("going on after 10000000 bytes"), "{}", stderr(&output));
        is_complete(&data);
    }

    #[test]
    fn two_processes_at_once_get_each_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let (let_go, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let server = Server::start(move |request, stream| {
            if request.number == 0 {
                held.lock().unwrap().recv().unwrap();
            }
            good(request, stream, &published(name(request)), "\"1\"");
        });
        let first = start(folder.path(), &server);
        while server.asked().is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut second = start(folder.path(), &server);
        let mut waits = String::new();
        let mut says = BufReader::new(second.stderr.take().unwrap());
        says.read_line(&mut waits).unwrap();
        assert_eq!(waits, format!("{IMAGES}: another process is getting it; waiting for it\n"));
        let_go.send(()).unwrap();
        let rest = std::thread::spawn(move || says.lines().map_while(Result::ok).count());
        let (first, second) =
            (first.wait_with_output().unwrap(), second.wait_with_output().unwrap());
        assert_eq!((code(&first), code(&second)), (0, 0), "{}", stderr(&first));
        rest.join().unwrap();
        let from = format!("{IMAGES}: from http");
        assert!(stdout(&first).contains(&from) && !stdout(&second).contains(&from));
        assert_eq!(server.asked().len(), 4);
        is_complete(&folder.path().join("data/fashion-mnist"));
    }

    #[test]
    fn mistakes_have_their_codes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let server = Server::start(|request, stream| match name(request) {
            "mnist.npz" => send(stream, "503 Busy", "Retry-After: 60\r\n", b""),
            _ => send(stream, "200 OK", "Content-Type: text/html\r\n", b"<html>log in</html>"),
        });
        let url = server.url();
        fs::create_dir_all(path.join("other")).unwrap();
        fs::write(path.join("other/mnist.npz"), b"mine").unwrap();
        fs::write(path.join("file"), b"").unwrap();
        let mut text = String::new();
        for (to, set, exit) in [
            ("new", "mnist", 6),
            ("new", "fashion-mnist", 6),
            ("other", "mnist", 3),
            ("file", "mnist", 5),
        ] {
            let output = cnn(path, &["data", "fetch", set, "--to", to, "--mirror", &url]);
            let error = stderr(&output).replace(&url, "http://MIRROR/");
            assert_eq!(code(&output), exit, "{error}");
            let asked = format!("$ cnn data fetch {set} --to {to}\nexit code {exit}\n");
            text.extend([&asked, &error, "\n"]);
        }
        snapshot("fetch-mistakes", &text);
        assert_eq!(fs::read(path.join("other/mnist.npz")).unwrap(), b"mine");
    }
}
