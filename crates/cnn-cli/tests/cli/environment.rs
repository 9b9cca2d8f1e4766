//! What the machine can do to a run: full disks, folders that vanish, few files, signals, terminals, languages, odd paths.

use crate::support::{code, send, skipped, stderr, stdout};
use crate::tiny;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const CNN: &str = env!("CARGO_BIN_EXE_cnn");

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    folder
}

/// Training in the folder `run`.
const TRAIN: &str = "train model.toml --data data/bars --threads 1 --run-dir";

/// A command in a folder, in no particular terminal or language.
fn command(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("CNN_DATA_DIR", "data");
    for name in ["LC_ALL", "LANG", "TERM", "COLUMNS", "NO_COLOR", "CNN_ISA"] {
        command.env_remove(name);
    }
    command
}

/// What a shell makes of `script`, in which `$CNN` is the program.
fn shell(folder: &Path, script: &str) -> Output {
    command(folder, "sh").args(["-c", script]).env("CNN", CNN).output().unwrap()
}

fn cnn(folder: &Path, args: &[&OsStr]) -> Output {
    command(folder, CNN).args(args).output().unwrap()
}

/// `cnn train … --run-dir RUN MORE`.
fn train(folder: &Path, run: &OsStr, more: &str) -> Output {
    let mut words: Vec<&OsStr> = TRAIN.split(' ').map(OsStr::new).collect();
    words.push(run);
    words.extend(more.split_whitespace().map(OsStr::new));
    cnn(folder, &words)
}

/// The weights' hash of a finished run.
fn hash(run: &Path) -> String {
    let info: Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    assert_eq!(info["finished"], true);
    info["weights_hash"].as_str().unwrap().to_owned()
}

fn whole(folder: &Path) -> String {
    let output = train(folder, OsStr::new("whole"), "");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    hash(&folder.join("whole"))
}

fn resumed(folder: &Path, run: &str) -> String {
    let output = cnn(folder, &["train", "--resume", run].map(OsStr::new));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    hash(&folder.join(run))
}

#[test]
fn a_full_disk_is_told_and_the_run_goes_on_once_there_is_room() {
    let folder = folder();
    let whole = whole(folder.path());
    for room in [1, 2, 4, 6] {
        // The system ends a process for that unless it asks for an error instead.
        let script = format!("trap '' XFSZ; ulimit -f {room}; exec \"$CNN\" {TRAIN} run --resume");
        let output = shell(folder.path(), &script);
        let text = stderr(&output);
        assert_eq!(code(&output), 5, "{room}: {text}");
        assert!(text.contains("run/") && text.contains("make room"), "{room}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
    // Killed by the system instead.
    let script = format!("ulimit -f 2; exec \"$CNN\" {TRAIN} run --resume");
    assert_ne!(code(&shell(folder.path(), &script)), 0);
    let begun = train(folder.path(), OsStr::new("run"), "--resume");
    assert_eq!(code(&begun), 0, "{}", stderr(&begun));
    assert_eq!(hash(&folder.path().join("run")), whole);
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = folder();
    for words in
        ["--help", "summary model.toml", "summary model.toml --json", &format!("{TRAIN} run")]
    {
        let words = words.replace(" --json", " --format json");
        let output = shell(folder.path(), &format!("\"$CNN\" {words} >/dev/full"));
        assert_eq!(code(&output), 5, "{words}: {}", stderr(&output));
        assert!(stderr(&output).contains("<stdout>"), "{}", stderr(&output));
    }
    // Nobody to read what is shown is no reason to stop.
    let output = shell(folder.path(), &format!("\"$CNN\" {TRAIN} two 2>/dev/full"));
    assert_eq!(code(&output), 0);
    let output = shell(folder.path(), &format!("exec \"$CNN\" {TRAIN} three >&- 2>&-"));
    assert_eq!(code(&output), 0);
    assert_eq!(hash(&folder.path().join("three")), hash(&folder.path().join("two")));
}

/// What makes a command's user one whom permissions bind; `None` where that cannot be had.
fn bound(folder: &Path) -> Option<Vec<OsString>> {
    let root = stdout(&shell(folder, "id -u")).trim() == "0";
    if !root {
        return Some(Vec::new());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let words: Vec<OsString> = nobody.map(OsString::from).into();
    let runs = Command::new(&words[0]).args(&words[1..]).args([CNN, "--version"]).output();
    let runs = runs.is_ok_and(|output| output.status.success());
    if !runs {
        skipped("permissions do not bind root, and there is no other user to be");
    }
    runs.then_some(words)
}

#[test]
fn folders_and_files_that_may_not_be_used_are_told() {
    let folder = folder();
    let Some(mut words) = bound(folder.path()) else { return };
    words.push(CNN.into());
    let cnn = |args: &str| {
        let mut command = command(folder.path(), words[0].to_str().unwrap());
        command.args(&words[1..]).args(args.split(' ')).output().unwrap()
    };
    let sealed = folder.path().join("sealed");
    fs::create_dir(&sealed).unwrap();
    fs::write(folder.path().join("secret.toml"), tiny::MODEL).unwrap();
    for (path, mode) in [(&sealed, 0o555), (&folder.path().join("secret.toml"), 0o000)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let output = cnn(&format!("{TRAIN} sealed/run"));
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(stderr(&output).contains("choose a place that you may"), "{}", stderr(&output));
    let output = cnn("summary secret.toml");
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).to_lowercase().contains("permission denied"), "{}", stderr(&output));
    fs::set_permissions(&sealed, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Starts training that takes long, and waits for a checkpoint after its first.
fn begun(folder: &Path, run: &str) -> Child {
    let mut command = command(folder, CNN);
    command.args(TRAIN.split(' ')).args([run, "--epochs", "400", "--checkpoint-every", "5"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let there = || fs::read_dir(folder.join(run)).into_iter().flatten().flatten();
    let kept = || there().filter(|file| file.path().extension().is_some_and(|e| e == "cnnckpt"));
    while kept().count() < 2 {
        std::thread::sleep(Duration::from_millis(3));
    }
    child
}

#[test]
fn a_run_folder_that_is_removed_is_told() {
    let folder = folder();
    let child = begun(folder.path(), "run");
    fs::rename(folder.path().join("run"), folder.path().join("gone")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(stderr(&output).contains("error[T025]: run/"), "{}", stderr(&output));
    assert!(!folder.path().join("run").exists(), "nothing is written beside it");
}

#[test]
fn stopped_and_hung_up_and_told_twice_it_goes_on_to_the_same_bits() {
    let folder = folder();
    let long = train(folder.path(), OsStr::new("whole"), "--epochs 400");
    assert_eq!(code(&long), 0);
    let whole = hash(&folder.path().join("whole"));
    // Stopped and continued: nothing else.
    let child = begun(folder.path(), "one");
    send(&child, "-STOP");
    std::thread::sleep(Duration::from_millis(50));
    send(&child, "-CONT");
    assert_eq!(code(&child.wait_with_output().unwrap()), 0);
    assert_eq!(hash(&folder.path().join("one")), whole);
    // The terminal is gone, which is said twice.
    let child = begun(folder.path(), "two");
    send(&child, "-HUP");
    // It may be gone by then.
    let _ = Command::new("kill").args(["-HUP", &child.id().to_string()]).output();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 129, "{}", stderr(&output));
    assert_eq!(resumed(folder.path(), "two"), whole);
    // Ctrl-C twice: the second ends it at once, if the first has not.
    let child = begun(folder.path(), "three");
    send(&child, "-STOP");
    send(&child, "-INT");
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).output();
    send(&child, "-CONT");
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).output();
    let output = child.wait_with_output().unwrap();
    let ended = (output.status.code(), output.status.signal());
    assert!(matches!(ended, (Some(130), None) | (None, Some(2))), "{ended:?}");
    assert_eq!(resumed(folder.path(), "three"), whole);
}

#[test]
fn sixteen_open_files_are_enough() {
    let folder = folder();
    let whole = whole(folder.path());
    let output = shell(folder.path(), &format!("ulimit -n 16; exec \"$CNN\" {TRAIN} run"));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(hash(&folder.path().join("run")), whole);
    // And where they are not, it is said.
    let output = shell(folder.path(), &format!("ulimit -n 4; exec \"$CNN\" {TRAIN} none"));
    assert!((2..=5).contains(&code(&output)), "{}: {}", code(&output), stderr(&output));
    assert!(stderr(&output).contains("oo many open files"), "{}", stderr(&output));
}

#[test]
fn numbers_do_not_depend_on_terminal_and_language() {
    let folder = folder();
    let plain = shell(folder.path(), "\"$CNN\" summary model.toml");
    for words in ["TERM=dumb", "COLUMNS=10", "LC_ALL=C", "LC_ALL=tr_TR.UTF-8", "LC_ALL=de_DE.UTF-8"]
    {
        let output = shell(folder.path(), &format!("{words} \"$CNN\" summary model.toml"));
        assert_eq!(stdout(&output), stdout(&plain), "{words}");
    }
    let trained = |words: &str, run: &str| {
        let output = shell(folder.path(), &format!("{words} \"$CNN\" {TRAIN} {run}"));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let csv = fs::read_to_string(folder.path().join(run).join("history.csv")).unwrap();
        let timeless: Vec<String> =
            csv.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect();
        (stdout(&output).replace(run, "RUN"), timeless, hash(&folder.path().join(run)))
    };
    let one = trained("LC_ALL=C", "trained");
    for (i, words) in ["LC_ALL=ko_KR.UTF-8", "LANG=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8", "TERM=dumb"]
        .iter()
        .enumerate()
    {
        assert_eq!(trained(words, &format!("trained{i}")), one, "{words}");
    }
}

#[test]
fn a_terminal_of_ten_columns_breaks_nothing() {
    let folder = folder();
    let script = "stty cols 10; \"$CNN\" summary model.toml; \"$CNN\" $TRAIN run";
    let run = command(folder.path(), "script")
        .args(["-qec", script, "/dev/null"])
        .env("CNN", CNN)
        .env("TRAIN", TRAIN)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = run else {
        skipped("there is no `script` to make a terminal with");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(code(&output), 0, "{text}");
    assert!(!text.contains("panicked") && text.contains("Epoch 3/3"), "{text}");
    assert_eq!(hash(&folder.path().join("run")), whole(folder.path()));
}

#[test]
fn odd_paths_work_or_are_told() {
    let folder = folder();
    let whole = whole(folder.path());
    for name in [&b"two\nlines"[..], b"not-utf-8-\xff\xfe", b"-dash", b"\x1b[31mred"] {
        let run = Path::new(".").join(OsStr::from_bytes(name));
        let output = train(folder.path(), run.as_os_str(), "");
        assert_eq!(code(&output), 0, "{name:?}: {}", stderr(&output));
        assert_eq!(hash(&folder.path().join(run)), whole, "{name:?}");
    }
    let long = "x".repeat(5000);
    for (args, exit) in [
        (format!("summary {long}"), 4),
        (format!("{TRAIN} {long}"), 5),
        (format!("train model.toml --data {long} --run-dir run"), 3),
        (format!("evaluate {long} --data data/bars"), 5),
    ] {
        let words: Vec<&OsStr> = args.split(' ').map(OsStr::new).collect();
        let output = cnn(folder.path(), &words);
        assert_eq!(code(&output), exit, "{:.40}: {:.200}", args, stderr(&output));
        assert!(!stderr(&output).contains("panicked"));
    }
    let bad = OsStr::from_bytes(b"model-\xff.toml");
    let output = cnn(folder.path(), &[OsStr::new("summary"), bad]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("UTF-8"), "{}", stderr(&output));
    let output = cnn(folder.path(), &["train", "data", "--data", "data/bars"].map(OsStr::new));
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("this is a folder"), "{}", stderr(&output));
}

/// The standard library asks the system how many threads it gives this process: its processors, and on Linux the quota of its
/// control group too.
#[test]
fn as_many_threads_as_the_system_gives() {
    let folder = folder();
    let run = command(folder.path(), "taskset").args(["-c", "0", CNN, "--version"]).output();
    let Ok(output) = run else {
        skipped("there is no `taskset` to take processors away with");
        return;
    };
    assert!(stdout(&output).contains("threads: 1\n"), "{}", stdout(&output));
}
