//! `cargo xtask check`: what CI runs, and nothing else. Cheapest first, so that a slip is found early.

use crate::{page, repo, tidy};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A step that is one cargo line.
struct Step {
    args: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

const FORMAT: Step = Step { args: &["fmt", "--all", "--check"], env: &[] };

/// The training screen and downloads are built with their features alone. The whole workspace is named so that everything but
/// cnn-data and what stands on it is what the steps before have built.
const FEATURES: &str = "--features=cnn-cli/tui,cnn-cli/download";

const REST: [Step; 7] = [
    Step {
        args: &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"],
        env: &[],
    },
    Step {
        args: &[
            "clippy",
            "--workspace",
            FEATURES,
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
        env: &[],
    },
    Step { args: &["test", "--workspace", "--quiet"], env: &[] },
    Step {
        args: &[
            "test",
            "--workspace",
            FEATURES,
            "--bin=cnn",
            "--test=cli",
            "--quiet",
            "--",
            "tui",
            "fetch",
        ],
        env: &[],
    },
    Step {
        args: &[
            "test",
            "--package=cnn-data",
            "--features=download",
            "--lib",
            "--test=download",
            "--quiet",
        ],
        env: &[],
    },
    // A layer, a loss and a callback from outside the workspace.
    Step {
        args: &[
            "run",
            "--quiet",
            "--locked",
            "--manifest-path=examples/extend/Cargo.toml",
            "--target-dir=target",
        ],
        env: &[],
    },
    Step {
        args: &["doc", "--workspace", "--no-deps", "--quiet"],
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

/// Runs every step; the first that fails ends it.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    if !args.is_empty() {
        bail!("`cargo xtask check` takes no arguments");
    }
    let start = Instant::now();
    cargo(&FORMAT)?;

    let step = Instant::now();
    println!("$ cargo xtask tidy");
    if tidy::run()? != 0 {
        bail!("tidy has found something (see above)");
    }
    seconds(step);

    for step in &REST {
        cargo(step)?;
    }
    let step = Instant::now();
    println!("$ cargo xtask page");
    page::run(&[])?;
    seconds(step);
    deny()?;
    println!("OK: everything passes, in {:.0} s", start.elapsed().as_secs_f64());
    Ok(0)
}

/// Runs one cargo line and prints its seconds.
fn cargo(step: &Step) -> Result<()> {
    let start = Instant::now();
    let code = repo::status("cargo", step.args, step.env)?;
    if code != 0 {
        bail!("`cargo {}` failed with exit code {code}", step.args.join(" "));
    }
    seconds(start);
    Ok(())
}

/// Licences, doubles and sources, where cargo-deny is installed; advisories, where their database has been fetched. Nothing is
/// downloaded.
fn deny() -> Result<()> {
    let probe = Command::new("cargo")
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        println!(
            "  skipped: cargo deny check (not installed; `cargo install cargo-deny --locked` brings it)"
        );
        return Ok(());
    }
    cargo(&Step {
        args: &["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"],
        env: &[],
    })?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).unwrap_or_default();
    let databases = home.join("advisory-dbs");
    if databases.read_dir().is_ok_and(|mut all| all.next().is_some()) {
        return cargo(&Step {
            args: &["deny", "check", "--disable-fetch", "advisories"],
            env: &[],
        });
    }
    println!(
        "  skipped: cargo deny check advisories (no database in {}; `cargo deny fetch db` brings it)",
        databases.display()
    );
    Ok(())
}

fn seconds(start: Instant) {
    println!("  {:.1} s", start.elapsed().as_secs_f64());
}
