//! `cargo xtask bench --against-peers`: how fast `cnn` and other frameworks train and answer, measured in turns.
//!
//! Machines change their speed by themselves, so nothing is compared with an earlier figure: round by round every contestant runs
//! once, each in a process of its own, and a ratio is of one round. The peers' scripts are in xtask/peers.

mod args;
mod child;
mod compare;
mod peers;
mod table;

use crate::{document, repo};
use anyhow::{Context, Result, bail};
use args::Args;
use compare::{Job, Measure, Mode, Run, WORKLOADS};
use peers::{Entrant, OURS, Programs};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use table::Setting;

const PAGE: &str = "docs/performance.md";
const PART: &str = "peers";

/// Measures, prints the table and, after a whole run, writes it into the page.
pub(crate) fn run(words: &[String]) -> Result<u8> {
    let args = match Args::read(words) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(2);
        }
    };
    let folder = repo::root().join(&args.output);
    let file = folder.join("results.json");
    if file.exists() && !args.force {
        bail!("{} is there already: say --force, or name another --output", file.display());
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let programs = Programs::find(&args)?;
    for lacking in &programs.lacking {
        eprintln!("note: {lacking}");
    }
    let peers = programs.peers();
    if peers.is_empty() {
        bail!(
            "there is nobody to compare with; xtask/peers/README.md says how the peers are installed"
        );
    }
    let runs = rounds(&args, &programs.entrants(), &file)?;
    let setting = Setting {
        rounds: args.rounds,
        seconds: args.seconds,
        threads: args.threads,
        runs: &runs,
        peers: &peers,
    };
    let table = table::markdown(&setting);
    println!("{table}");
    eprintln!("wrote {}", file.display());
    let whole = args.whole() && programs.lacking.is_empty() && runs.iter().all(|r| r.said.is_ok());
    if whole && document::has_place(PAGE, PART) {
        let by = "This part is written by `cargo xtask bench --against-peers`.";
        document::fill(PAGE, PART, &format!("{by}\n\n{}", table.trim()))?;
        eprintln!("wrote {PAGE}");
    }
    Ok(u8::from(runs.iter().any(|run| run.said.is_err())))
}

/// Every contestant does every job once a round; what they said is kept after each round.
fn rounds(args: &Args, entrants: &[Entrant<'_>], file: &Path) -> Result<Vec<Run>> {
    let wanted = |id: &str| args.only.is_empty() || args.only.iter().any(|only| only == id);
    let mut jobs: Vec<Job> = Vec::new();
    for workload in WORKLOADS.iter().filter(|workload| wanted(workload.id)) {
        if !jobs.contains(&workload.job) {
            jobs.push(workload.job);
        }
    }
    let mut runs = Vec::new();
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        for &job in &jobs {
            for entrant in compare::rotated(entrants, round) {
                measure(args, entrant, job, round, &mut runs)?;
            }
        }
        let text = serde_json::to_string_pretty(&json_of(args, &runs))? + "\n";
        fs::write(file, text).with_context(|| file.display().to_string())?;
    }
    Ok(runs)
}

/// One contestant at one job, once with each of its settings.
fn measure(
    args: &Args,
    entrant: Entrant<'_>,
    job: Job,
    round: usize,
    runs: &mut Vec<Run>,
) -> Result<()> {
    for line in entrant.lines(job, args) {
        let command = line.text();
        if round == 0 {
            eprintln!("$ {command}");
        }
        let outcome = line.run()?;
        let start = outcome.start.filter(|_| job.mode == Mode::Cold).map(|s| s.as_secs_f64());
        let mut said = outcome.said;
        if job.mode == Mode::Cold && start.is_none() && said.is_ok() {
            said = Err("it did not say when its first step was done".to_owned());
        }
        let (who, others) = (entrant.key(), outcome.others);
        let run = Run { round, job, who, command, start, others, said };
        eprintln!("  {}", progress(entrant.name(), &run));
        runs.push(run);
    }
    Ok(())
}

/// `PyTorch          cnn32, Train 32: 15,100 images/s; others took 0.03 processors`.
fn progress(name: &str, run: &Run) -> String {
    let Job { network, mode, batch } = run.job;
    let (measure, unit) = match mode {
        Mode::Cold => (Measure::Start, "s"),
        Mode::Infer if batch == 1 => (Measure::Latency, "µs"),
        Mode::Train | Mode::Infer => (Measure::Rate, "images/s"),
    };
    let said = match (&run.said, measure.of(run)) {
        (Err(error), _) => format!("failed: {error}"),
        (Ok(_), None) => "said nothing of its speed".to_owned(),
        (Ok(_), Some(value)) => format!("{} {unit}", table::figure(measure, value)),
    };
    let others = run.others.map_or(String::new(), |n| format!("; others took {n:.2} processors"));
    format!("{name:<13} {network}, {mode:?} {batch}: {said}{others}")
}

/// Everything that was measured, and the rows of the table as numbers.
fn json_of(args: &Args, runs: &[Run]) -> Value {
    let mut peers: Vec<&'static str> = Vec::new();
    for run in runs.iter().filter(|run| run.who != OURS) {
        if !peers.contains(&run.who) {
            peers.push(run.who);
        }
    }
    let spread = |s: compare::Spread| json!({"median": s.median, "min": s.min, "max": s.max});
    let job = |job: Job| json!({"network": job.network, "mode": format!("{:?}", job.mode).to_lowercase(), "batch_size": job.batch});
    let rows = WORKLOADS.iter().filter(|workload| runs.iter().any(|run| run.job == workload.job));
    let rows = rows.map(|workload| {
        let found = compare::compare(workload, runs, OURS, &peers);
        let beside = found.peers.iter().map(|peer| {
            json!({"who": peer.who, "figure": spread(peer.figure), "ratio": peer.ratio.map(spread)})
        });
        json!({
            "id": workload.id, "job": job(workload.job), "measure": format!("{:?}", workload.measure).to_lowercase(),
            "goal": workload.goal, "cnn": found.ours.map(spread), "peers": beside.collect::<Vec<_>>(),
            "ratio_to_best": found.best.map(spread),
        })
    });
    let rows: Vec<Value> = rows.collect();
    let runs = runs.iter().map(|run| {
        json!({
            "round": run.round, "job": job(run.job), "who": run.who, "command": run.command, "start_s": run.start,
            "others_processors": run.others, "said": run.said.as_ref().ok(), "error": run.said.as_ref().err(),
        })
    });
    json!({
        "schema": 1, "machine": document::machine(), "rounds": args.rounds, "seconds": args.seconds,
        "threads": args.threads, "rows": rows, "runs": runs.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of(mode: Mode, batch: usize, said: Result<Value, String>) -> Run {
        let job = Job { network: "cnn32", mode, batch };
        let command = "cnn".to_owned();
        Run { round: 0, job, who: "cnn", command, start: Some(0.4), others: Some(0.5), said }
    }

    #[test]
    fn progress_says_the_figure_or_why_there_is_none() {
        let said = Ok(json!({"images_per_second": 15117.0}));
        let text = progress("cnn", &run_of(Mode::Train, 32, said));
        assert_eq!(
            text,
            "cnn           cnn32, Train 32: 15,100 images/s; others took 0.50 processors"
        );
        let text = progress("cnn", &run_of(Mode::Cold, 32, Ok(json!({}))));
        assert!(text.contains("cnn32, Cold 32: 0.40 s"), "{text}");
        let text = progress("cnn", &run_of(Mode::Infer, 1, Err("no memory".to_owned())));
        assert!(text.contains("Infer 1: failed: no memory"), "{text}");
    }

    #[test]
    fn every_raw_figure_is_kept() {
        let other =
            Run { who: "jax", ..run_of(Mode::Train, 32, Ok(json!({"images_per_second": 50.0}))) };
        let failed = run_of(Mode::Train, 128, Err("no memory".to_owned()));
        let ours = run_of(Mode::Train, 32, Ok(json!({"images_per_second": 100.0, "more": 7})));
        let value = json_of(&Args::default(), &[ours, other, failed]);
        assert_eq!(value["runs"][0]["said"]["more"], 7);
        assert_eq!(value["runs"][2]["error"], "no memory");
        assert_eq!(
            value["rows"][0]["job"],
            json!({"network": "cnn32", "mode": "train", "batch_size": 32})
        );
        assert_eq!(value["rows"][0]["ratio_to_best"]["median"], 2.0);
        assert_eq!(value["rows"][0]["peers"][0]["who"], "jax");
    }

    #[test]
    fn a_mistake_in_the_arguments_is_a_usage_error() {
        assert_eq!(run(&["--rounds".to_owned(), "0".to_owned()]).unwrap(), 2);
        assert_eq!(run(&[]).unwrap(), 2);
    }
}
