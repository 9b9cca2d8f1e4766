//! `cargo xtask page`: the page of `cnn report` in a real browser. It loads without a message on the console, its script runs, and
//! its numbers are those of the run.

use crate::repo;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Names under which the browser is installed.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Where the run and the page go, from the root.
const FOLDER: &str = "target/page";

/// How long the browser may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Images of Fashion-MNIST for training, and for the test.
const LIMIT: &str = "400";

const MODEL: &str = r#"name = "page <&>"
input = [28, 28, 1]

[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
strides = 2
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 10
activation = "softmax"

[fit]
epochs = 2
validation_split = 0.1
"#;

/// Makes a run and its page and looks at it; says so where no browser is installed.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    if !args.is_empty() {
        bail!("`cargo xtask page` takes no arguments");
    }
    let Some(browser) = BROWSERS.into_iter().find(|name| repo::answers(name)) else {
        println!(
            "  skipped: no chromium (apt-get install chromium), so the page of `cnn report` is not looked at in a browser"
        );
        return Ok(0);
    };
    let folder = repo::root().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("{FOLDER} cannot be made"))?;
    fs::write(folder.join("model.toml"), MODEL)?;
    let (model, run) = (format!("{FOLDER}/model.toml"), format!("{FOLDER}/run"));
    cnn(&[
        "train",
        &model,
        "--data",
        "fashion-mnist",
        "--limit",
        LIMIT,
        "--run-dir",
        &run,
        "--force",
        "--verbose",
        "0",
    ])?;
    cnn(&["report", &run, "--limit", LIMIT, "--images", "0,23,28", "--force"])?;
    let json = |args: &[&str]| -> Result<Value> {
        Ok(serde_json::from_str(&cnn(&[args, &["--format", "json"]].concat())?)?)
    };
    let history = fs::read_to_string(folder.join("run/history.json"))?;
    let documents = [
        ("history", serde_json::from_str(&history)?),
        ("evaluate", json(&["evaluate", &run, "--limit", LIMIT])?),
        ("summary", json(&["summary", &model])?),
    ];
    let dom = load(browser, &folder.join("run/report.html"))?;
    let count = compare(&dom, &documents)?;
    ensure!(count > 100, "the page in the browser has only {count} numbers of the run");
    let sortable = dom.contains(r#"<th scope="col"><button type="button">Precision</button>"#);
    ensure!(sortable, "the page's script did not run: its tables cannot be sorted");
    println!("  {browser}: no message on the console, {count} numbers equal to the run's");
    Ok(0)
}

/// Runs `cnn` from the sources, as a person would, and returns what it printed.
fn cnn(args: &[&str]) -> Result<String> {
    let line = [&["run", "--quiet", "-p", "cnn-cli", "--"], args].concat();
    println!("$ cargo {}", line.join(" "));
    repo::output(Path::new("cargo"), &line)
}

/// Loads the page from disk and returns the document that the browser made of it. Anything that the page says on the console is an
/// error: it says nothing when all is well.
fn load(browser: &str, page: &Path) -> Result<String> {
    let profile = profile()?;
    let kept = |name: &str| profile.with_file_name(name);
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--v=0",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .stdout(File::create(kept("dom.html"))?)
        .stderr(File::create(kept("log.txt"))?)
        .spawn()
        .with_context(|| format!("`{browser}` cannot be started"))?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                child.kill()?;
                bail!("`{browser}` did not show the page within {PATIENCE:?}");
            }
            None => sleep(Duration::from_millis(20)),
        }
    };
    let log = String::from_utf8_lossy(&fs::read(kept("log.txt"))?).into_owned();
    ensure!(status.success(), "`{browser}` failed:\n{log}");
    let said: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    ensure!(said.is_empty(), "the page has messages on the console:\n{}", said.join("\n"));
    Ok(fs::read_to_string(kept("dom.html"))?)
}

/// A new folder for the browser's own files.
fn profile() -> Result<PathBuf> {
    let profile = repo::root().join(FOLDER).join("profile");
    if profile.exists() {
        fs::remove_dir_all(&profile).context("the browser's old files cannot be removed")?;
    }
    fs::create_dir_all(&profile)?;
    Ok(profile)
}

/// Compares every number of the document with the place that its metric names, and returns how many there are. Answers to
/// single images (`predict/…`) are left to the tests of `cnn`.
fn compare(dom: &str, documents: &[(&str, Value)]) -> Result<usize> {
    let mut count = 0;
    for (metric, value) in numbers(dom)? {
        let (name, place) = metric.split_once('/').with_context(|| format!("metric {metric}"))?;
        if name == "predict" {
            continue;
        }
        let document = documents.iter().find(|(known, _)| *known == name);
        let (_, document) = document.with_context(|| format!("no document for {metric}"))?;
        let expected = document.pointer(&format!("/{place}")).and_then(Value::as_f64);
        ensure!(expected == Some(value), "{metric}: the page says {value}, the run {expected:?}");
        count += 1;
    }
    Ok(count)
}

/// The `<data>` elements of a document: metric and value.
fn numbers(dom: &str) -> Result<Vec<(String, f64)>> {
    let mut found = Vec::new();
    for part in dom.split("<data ").skip(1) {
        let of = |name: &str| {
            let rest = part.split_once(&format!("{name}=\""))?.1;
            rest.split_once('"').map(|(value, _)| value.replace("&amp;", "&"))
        };
        let (metric, value) =
            of("data-metric").zip(of("value")).context("a number without value")?;
        found.push((metric, value.parse().context("a value that is no number")?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DOM: &str = r#"<p><data data-metric="history/test/loss" value="0.25">0.2500</data> and
        <data data-metric="evaluate/report/T-shirt~1top/recall" value="1">1</data></p>"#;

    #[test]
    fn numbers_are_compared_with_their_places() {
        let documents = |loss: f64| {
            [
                ("history", json!({ "test": { "loss": loss } })),
                ("evaluate", json!({ "report": { "T-shirt/top": { "recall": 1.0 } } })),
            ]
        };
        assert_eq!(compare(DOM, &documents(0.25)).unwrap(), 2);
        let wrong = compare(DOM, &documents(0.26)).unwrap_err().to_string();
        assert_eq!(wrong, "history/test/loss: the page says 0.25, the run Some(0.26)");
        let unknown = r#"<data data-metric="history/test/acc" value="1">1</data>"#;
        assert!(compare(unknown, &documents(0.25)).is_err(), "a place that is not there");
    }
}
