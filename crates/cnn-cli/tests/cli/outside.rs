//! Training, measuring and asking a model reach for nothing outside: no network, and no file is written but in the run folder. Seen
//! by the system itself, through `strace`.

use crate::support::{code, skipped, stderr};
use crate::tiny;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// System calls that talk to others, and those that make, change, rename or remove files.
const CALLS: &str = "trace=network,openat,open,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,truncate,mknod,mknodat,chmod,fchmodat,chown,fchownat,execve";

/// The words in quotes of a line of strace.
fn quoted(line: &str) -> Vec<&str> {
    line.split('"').skip(1).step_by(2).collect()
}

/// What a line of the trace does outside of `inside`, a relative and an absolute path, if anything: talks, starts a program, or writes.
fn outside<'a>(line: &'a str, inside: [&str; 2]) -> Option<&'a str> {
    // "1234 call(…) = result"; lines of a call that another thread interrupted begin with the call, too.
    let call = line.split_once(' ')?.1.trim_start();
    let name = call.split('(').next()?;
    let failed = call.contains(" = -1 ");
    let networks =
        ["socket", "connect", "bind", "sendto", "sendmsg", "sendmmsg", "listen", "accept"];
    if networks.contains(&name) {
        return Some(line);
    }
    // A pair of connected ends inside the process wakes the thread that waits for signals.
    let inward = ["socketpair", "recvfrom", "recvmsg", "shutdown", "execve", "+++", "---"];
    if inward.iter().any(|word| name.starts_with(word)) || failed {
        return None;
    }
    let reads = matches!(name, "open" | "openat" | "openat2")
        && !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| call.contains(flag));
    let resumed = name.starts_with("<...");
    let mine = |path: &&str| {
        inside.iter().any(|inside| path.starts_with(inside))
            || ["/dev/tty", "/dev/null"].contains(path)
            || path.is_empty()
    };
    (!reads && !resumed && !quoted(call).iter().all(mine)).then_some(line)
}

/// Runs the program under strace, and demands that nothing outside of `inside` is touched.
fn traced(folder: &Path, inside: &str, args: &[&str]) {
    let log = folder.join("trace.log");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-e", CALLS, "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_cnn"))
        .args(args)
        .current_dir(folder)
        .env("CNN_DATA_DIR", "data")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(code(&run), 0, "{args:?}: {}", stderr(&run));
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("openat("), "nothing was seen: {text}");
    assert_eq!(text.matches("execve(").count(), 1, "no other program is started: {text}");
    let absolute = folder.join(inside);
    let inside = [inside, absolute.to_str().unwrap()];
    let found: Vec<&str> = text.lines().filter_map(|line| outside(line, inside)).collect();
    assert!(found.is_empty(), "cnn {args:?}\n{}", found.join("\n"));
}

#[test]
fn what_is_outside_is_seen() {
    for line in [
        "7 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3",
        "7 connect(3, {sa_family=AF_UNIX, sun_path=\"run/x\"}, 110) = -1 ENOENT (No such file)",
        "7 openat(AT_FDCWD, \"/etc/passwd\", O_WRONLY|O_CLOEXEC) = 4",
        "7 openat(AT_FDCWD, \"other\", O_RDONLY|O_CREAT, 0666) = 4",
        "7 rename(\"run/a\", \"b\") = 0",
        "7 unlink(\"model.toml\") = 0",
    ] {
        assert!(outside(line, ["run", "/tmp/run"]).is_some(), "{line}");
    }
    for line in [
        "7 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 4",
        "7 rename(\"run/a\", \"run/b\") = 0",
        "7 openat(AT_FDCWD, \"/dev/tty\", O_RDWR) = 4",
    ] {
        assert_eq!(outside(line, ["run", "/tmp/run"]), None, "{line}");
    }
}

#[test]
fn no_network_and_no_file_outside_of_the_run_folder() {
    let probe = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skipped("no strace, or it may not look into processes here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let model = tiny::MODEL.to_owned()
        + "[[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"log.csv\"\n[[callbacks]]\ntype = \"TensorBoard\"\n"
        + "[[callbacks]]\ntype = \"ModelCheckpoint\"\nfilepath = \"best.cnn\"\nmonitor = \"loss\"\n";
    fs::write(path.join("model.toml"), model).unwrap();
    let train =
        ["train", "model.toml", "--data", "data/bars", "--run-dir", "run", "--threads", "2"];
    traced(path, "run", &[&train[..], &["--checkpoint-every", "3"]].concat());
    traced(path, "run", &["train", "--resume", "run"]);
    // These write nothing at all.
    traced(path, "nowhere", &["evaluate", "run", "--data", "data/bars"]);
    let picture = path.join("run/curves.png");
    traced(path, "nowhere", &["predict", "run", picture.to_str().unwrap()]);
    traced(path, "nowhere", &["summary", "run/model.toml"]);
}
