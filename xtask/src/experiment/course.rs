//! The course's table beside Keras's numbers and the course's own, and what the numbers say about the course's claims.

use crate::document::thousands;
use crate::repo;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write as _;

/// Keras's numbers, made by `data/golden/keras_reference.py`.
const KERAS: &str = "data/golden/keras_reference.json";

/// Differences with a larger p are called noise, as `cnn experiment` does.
const SIGNIFICANCE: f64 = 0.05;

/// The part of the page that belongs to the course's table.
pub(super) fn block(results: &Value) -> Result<String> {
    let keras: Value = serde_json::from_str(&repo::read(KERAS)?).context(KERAS)?;
    let seeds = results["seeds"].as_array().map_or(0, Vec::len);
    let best = results["compared_with"].as_str().unwrap_or("–");
    let mut table = String::new();
    for row in rows(results) {
        let name = row["name"].as_str().unwrap_or_default();
        let course = keras["course"]["test_accuracy"][name].as_f64();
        let _ = writeln!(
            table,
            "| `{name}` | {} | {} | {}{} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            thousands(number(row, "parameters")? as u64),
            thousands(number(row, "macs")? as u64),
            spread(&row["test_accuracy"], 4),
            if row["on_front"] == true { " ◆" } else { "" },
            against(row, best),
            spread(&row["test_loss"], 4),
            spread(&row["train_accuracy"], 4),
            spread(&row["train_loss"], 4),
            to_threshold(row),
            spread(&row["seconds"], 0),
            of_keras(&keras["presets"][name]),
            of_keras(&keras["fresh_order"][name]),
            course.map_or_else(|| "–".to_owned(), |accuracy| format!("{accuracy:.4}")),
        );
    }
    let side_by_side = results["side_by_side"].as_u64().unwrap_or(1);
    let threshold = number(&results["threshold"], "at_least")?;
    Ok(format!(
        "Fashion-MNIST, {} training images, {} epochs, Adam with its defaults, batch 32, no augmentation, no validation split: the
course's setting. Mean ± sample standard deviation over {seeds} seeds. Test loss and accuracy are measured once, after the last epoch,
on {} test images; training loss and accuracy are the last epoch's running means, as Keras reports them. ◆: on the Pareto front of
MACs and test accuracy. Difference: to `{best}`, with p of the two-sided paired t-test over the seeds, adjusted after Holm; ≈: within
noise (p ≥ {SIGNIFICANCE}). Epochs: until the training accuracy reaches {threshold}. Seconds: of training, up to {side_by_side} runs side by side.
Keras's numbers: `{KERAS}`. The course's: one run each.

| preset | parameters | MACs | test accuracy | difference | test loss | training accuracy | training loss | epochs | seconds | Keras | Keras, new order | course |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
{table}
### What the numbers say about the course's claims

The p of each sentence is for that question alone: of twenty such questions without any difference, one has p < {SIGNIFICANCE} by chance on average.

{}
### Beside Keras

{}
### Run by run

| preset | seed | test loss | test accuracy | training loss | training accuracy |
|---|---|---|---|---|---|
{}",
        thousands(number(results, "train_images")? as u64),
        epochs(results),
        thousands(number(results, "test_images")? as u64),
        claims(results)?,
        beside_keras(results, &keras)?,
        run_by_run(results)
    ))
}

fn rows(results: &Value) -> impl Iterator<Item = &Value> {
    results["rows"].as_array().into_iter().flatten()
}

fn row<'a>(results: &'a Value, name: &str) -> Result<&'a Value> {
    rows(results).find(|row| row["name"] == name).with_context(|| format!("no row {name}"))
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().with_context(|| format!("no number {key}"))
}

fn accuracy(results: &Value, name: &str) -> Result<f64> {
    number(&row(results, name)?["test_accuracy"], "mean")
}

/// The epochs of all runs: `5`, or `3 to 5`.
fn epochs(results: &Value) -> String {
    let runs = rows(results).flat_map(|row| row["runs"].as_array().into_iter().flatten());
    let all = runs.filter_map(|run| run["epochs"].as_u64());
    let (low, high) = all.fold((u64::MAX, 0), |b, n| (b.0.min(n), b.1.max(n)));
    if low >= high { high.to_string() } else { format!("{low} to {high}") }
}

/// The claims of the course, each with what these runs say: the words depend on the numbers.
fn claims(results: &Value) -> Result<String> {
    let ratio = |key: &str, a: &str, b: &str| -> Result<f64> {
        Ok(number(row(results, a)?, key)? / number(row(results, b)?, key)?)
    };
    let parameters = |name: &str| -> Result<String> {
        Ok(thousands(number(row(results, name)?, "parameters")? as u64))
    };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "- **\"Fewer layers are better.\"** {} Removing the last block takes the network from {} to {} parameters, {:.1} times as
  many with {:.2} times the MACs, because Flatten then hands 13 × 13 × 64 numbers to the Dense layer instead of 5 × 5 × 64: the
  smaller number of layers is the larger network, and the comparison is not of depth alone.",
        compared(results, "one-conv64", "cnn64", Claim::Above)?,
        parameters("cnn64")?,
        parameters("one-conv64")?,
        ratio("parameters", "one-conv64", "cnn64")?,
        ratio("macs", "one-conv64", "cnn64")?,
    );
    let _ = writeln!(
        text,
        "- **\"Two convolutions and one pooling are best.\"** {} It costs {:.1} times the MACs of `one-conv64` and {:.1} times
  those of `cnn64`.",
        compared(results, "conv-conv-pool", "one-conv64", Claim::Above)?,
        ratio("macs", "conv-conv-pool", "one-conv64")?,
        ratio("macs", "conv-conv-pool", "cnn64")?,
    );
    let _ = writeln!(
        text,
        "- **\"More filters are better.\"** {} {} MACs grow {:.1} and {:.1} times.",
        compared(results, "cnn32", "cnn16", Claim::Above)?,
        compared(results, "cnn64", "cnn32", Claim::Above)?,
        ratio("macs", "cnn32", "cnn16")?,
        ratio("macs", "cnn64", "cnn32")?,
    );
    let _ = writeln!(
        text,
        "- **\"A third block is worse: the features vanish.\"** {} Its last pooling leaves 1 × 1 × 64.",
        compared(results, "three-conv64", "cnn64", Claim::Below)?
    );
    let _ = writeln!(
        text,
        "- **\"Convolutions beat the dense network.\"** {} `cnn16` has {:.2} times the parameters of `dnn` and {:.1} times its MACs.",
        compared(results, "cnn16", "dnn", Claim::Above)?,
        ratio("parameters", "cnn16", "dnn")?,
        ratio("macs", "cnn16", "dnn")?,
    );
    let _ = writeln!(
        text,
        "- **\"Convolutions make training faster.\"** {} `cnn64` has {:.0} times the MACs of `dnn`{}.",
        faster(results)?,
        ratio("macs", "cnn64", "dnn")?,
        if is_steady(results, "cnn64")? && is_steady(results, "dnn")? {
            let slower = mean_ratio(results, "seconds", "cnn64", "dnn")?;
            format!(", and its runs took {slower:.1} times the seconds")
        } else {
            String::new()
        }
    );
    text += &one_run(results)?;
    Ok(text)
}

/// How much a table of single runs can say.
fn one_run(results: &Value) -> Result<String> {
    let images = number(results, "test_images")?;
    let p = accuracy(results, results["compared_with"].as_str().unwrap_or_default())?;
    let error = (p * (1.0 - p) / images).sqrt();
    Ok(format!(
        "- **One run per row**, as the course has it, carries a sampling error of ± {error:.4} from the test images alone
  (√(p (1 − p) / {}) at p = {p:.3}), and the seed moves it again: by {} here (one standard deviation). The course's gaps
  .9006/.9024 and .9120/.9200 are {:.1} and {:.1} times the former.\n",
        thousands(images as u64),
        deviations(results),
        0.0018 / error,
        0.0080 / error,
    ))
}

/// What a claim says of a row beside another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    Above,
    Below,
}

/// Sentences on two rows: what the numbers say of the claim, the difference, and whether it is more than noise.
fn compared(results: &Value, a: &str, b: &str, claim: Claim) -> Result<String> {
    let mut pairs = results["pairs"].as_array().into_iter().flatten();
    let (pair, sign) = pairs
        .find_map(|pair| match (pair["row"].as_str(), pair["with"].as_str()) {
            (Some(row), Some(with)) if (row, with) == (a, b) => Some((pair, 1.0)),
            (Some(row), Some(with)) if (row, with) == (b, a) => Some((pair, -1.0)),
            _ => None,
        })
        .with_context(|| format!("{a} and {b} are not compared"))?;
    let difference = sign * number(pair, "difference")?;
    let (word, found) =
        if difference < 0.0 { ("below", Claim::Below) } else { ("above", Claim::Above) };
    let (verdict, test) = match pair["p"].as_f64() {
        Some(p) if p < SIGNIFICANCE => (
            if found == claim { "bear it out" } else { "contradict it" },
            format!("more than noise (paired t-test, p {})", small(p)),
        ),
        Some(p) => ("do not decide it", format!("within noise (paired t-test, p {})", small(p))),
        None => ("do not decide it", "one seed, no test is possible".to_owned()),
    };
    Ok(format!("The numbers {verdict}: `{a}` lies {:.4} {word} `{b}`, {test}.", difference.abs()))
}

/// Whether the seconds of a row's runs are worth comparing: with other work on the machine they scatter.
fn is_steady(results: &Value, name: &str) -> Result<bool> {
    let seconds = &row(results, name)?["seconds"];
    Ok(seconds["sd"].as_f64().unwrap_or(0.0) <= 0.2 * number(seconds, "mean")?)
}

/// What the seconds say about `cnn64` and `dnn`.
fn faster(results: &Value) -> Result<&'static str> {
    if !(is_steady(results, "cnn64")? && is_steady(results, "dnn")?) {
        return Ok(
            "These runs do not decide it: their seconds scatter by more than a fifth, other work disturbed them. What shrinks \
             is the image, not the work:",
        );
    }
    Ok(if mean_ratio(results, "seconds", "cnn64", "dnn")? > 1.0 {
        "The numbers contradict it: what shrinks is the image, not the work."
    } else {
        "The numbers bear it out."
    })
}

/// The mean of one row over that of another.
fn mean_ratio(results: &Value, key: &str, a: &str, b: &str) -> Result<f64> {
    Ok(number(&row(results, a)?[key], "mean")? / number(&row(results, b)?[key], "mean")?)
}

fn small(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("= {p:.3}") }
}

/// "0.0017 to 0.0049", the rows' standard deviations.
fn deviations(results: &Value) -> String {
    let all = rows(results).filter_map(|row| row["test_accuracy"]["sd"].as_f64());
    let (low, high) = all.fold((f64::INFINITY, 0.0f64), |b, sd| (b.0.min(sd), b.1.max(sd)));
    if low.is_finite() { format!("{low:.4} to {high:.4}") } else { "an unknown amount".to_owned() }
}

/// Where ours lies beside Keras's numbers, and beside those of a Keras that shuffles as ours does.
fn beside_keras(results: &Value, keras: &Value) -> Result<String> {
    let (mut above, mut all, mut orders) = (0, 0, String::new());
    for row in rows(results) {
        let name = row["name"].as_str().unwrap_or_default();
        let ours = accuracy(results, name)?;
        let Some(theirs) = keras["presets"][name]["test_accuracy_mean"].as_f64() else { continue };
        (above, all) = (above + u32::from(ours > theirs), all + 1);
        if let Some(fresh) = keras["fresh_order"][name]["test_accuracy_mean"].as_f64() {
            let _ = write!(
                orders,
                " `{name}` lies {} Keras and {} Keras with new orders.",
                beside(ours - theirs),
                beside(ours - fresh)
            );
        }
    }
    Ok(format!(
        "Ours lies above Keras's mean in {above} of {all} rows. One thing differs by design: with its seed set, Keras takes the images in the
same order in every epoch (`python data/golden/keras_shuffle.py`), ours shuffles anew (unless told `--no-shuffle`). The column \"new
order\" is Keras made to do the same (`python data/golden/keras_reference.py --fresh-order PRESET`).{orders} At the same weights both
compute the same (`python data/golden/compare_keras.py --each-step`).
"
    ))
}

/// `0.0041 above`.
fn beside(difference: f64) -> String {
    let word = if difference < 0.0 { "below" } else { "above" };
    format!("{:.4} {word}", difference.abs())
}

fn run_by_run(results: &Value) -> String {
    let mut text = String::new();
    for row in rows(results) {
        for run in row["runs"].as_array().into_iter().flatten() {
            let digits =
                |value: &Value| value.as_f64().map_or("–".to_owned(), |v| format!("{v:.4}"));
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} | {} |",
                row["name"].as_str().unwrap_or_default(),
                run["seed"],
                digits(&run["test"]["loss"]),
                digits(&run["test"]["accuracy"]),
                digits(&run["train"]["loss"]),
                digits(&run["train"]["accuracy"])
            );
        }
    }
    text
}

/// The difference to the best row.
fn against(row: &Value, best: &str) -> String {
    if row["name"] == best {
        return "best".to_owned();
    }
    let comparison = &row["comparison"];
    let Some(difference) = comparison["difference"].as_f64() else { return "–".to_owned() };
    let sign = if difference < 0.0 { "−" } else { "+" };
    let noise = if comparison["within_noise"] == true { "≈ " } else { "" };
    let p = comparison["p_adjusted"]
        .as_f64()
        .map_or_else(String::new, |p| format!(" (p {})", small(p)));
    format!("{noise}{sign}{:.4}{p}", difference.abs())
}

fn to_threshold(row: &Value) -> String {
    let (reached, runs) = (row["reached"].as_u64(), row["runs"].as_array().map(Vec::len));
    match (row["epochs_to_threshold"]["mean"].as_f64(), reached, runs) {
        (Some(mean), Some(reached), Some(runs)) if reached < runs as u64 => {
            format!("{mean:.1} ({reached} of {runs})")
        }
        (Some(mean), ..) => format!("{mean:.1}"),
        _ => "never".to_owned(),
    }
}

/// Mean ± sample standard deviation.
fn spread(summary: &Value, decimals: usize) -> String {
    match (summary["mean"].as_f64(), summary["sd"].as_f64()) {
        (Some(mean), Some(sd)) => format!("{mean:.decimals$} ± {sd:.decimals$}"),
        (Some(mean), None) => format!("{mean:.decimals$} (one run)"),
        _ => "–".to_owned(),
    }
}

/// Keras's mean and spread for a preset.
fn of_keras(preset: &Value) -> String {
    let Some(mean) = preset["test_accuracy_mean"].as_f64() else { return "–".to_owned() };
    match preset["test_accuracy_sd"].as_f64() {
        Some(sd) => format!("{mean:.4} ± {sd:.4}"),
        None => format!("{mean:.4} (one run)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_words_follow_the_numbers() {
        let results = json!({"pairs": [
            {"row": "b", "with": "a", "difference": 0.01, "p": 0.0004},
            {"row": "c", "with": "a", "difference": 0.001, "p": 0.4},
            {"row": "d", "with": "a", "difference": 0.001, "p": null},
        ]});
        let said = |a: &str, b: &str, claim| compared(&results, a, b, claim).unwrap();
        assert_eq!(
            said("b", "a", Claim::Above),
            "The numbers bear it out: `b` lies 0.0100 above `a`, more than noise (paired t-test, p < 0.001)."
        );
        assert!(said("b", "a", Claim::Below).starts_with("The numbers contradict it: `b` lies"));
        assert!(said("a", "b", Claim::Below).starts_with("The numbers bear it out: `a` lies"));
        assert_eq!(
            said("a", "c", Claim::Above),
            "The numbers do not decide it: `a` lies 0.0010 below `c`, within noise (paired t-test, p = 0.400)."
        );
        assert!(said("d", "a", Claim::Above).ends_with("one seed, no test is possible."));
        assert!(compared(&results, "a", "x", Claim::Above).is_err());
    }

    #[test]
    fn seconds_that_scatter_decide_nothing() {
        let said = |sd: f64, mean: f64| {
            let row = |name: &str, mean: f64, sd: f64| json!({"name": name, "seconds": {"mean": mean, "sd": sd}});
            faster(&json!({"rows": [row("cnn64", mean, sd), row("dnn", 3.0, 0.1)]})).unwrap()
        };
        assert!(said(5.0, 90.0).starts_with("The numbers contradict it"));
        assert!(said(0.1, 2.0).starts_with("The numbers bear it out"));
        assert!(said(60.0, 90.0).starts_with("These runs do not decide it"));
    }

    #[test]
    fn the_comparison_with_keras_follows_the_numbers() {
        let row = |name: &str, mean: f64| json!({"name": name, "test_accuracy": {"mean": mean}, "runs": [{"epochs": 5}]});
        let results = json!({"rows": [row("a", 0.9), row("b", 0.7), row("c", 0.1)]});
        let keras = json!({
            "presets": {"a": {"test_accuracy_mean": 0.89}, "b": {"test_accuracy_mean": 0.8}},
            "fresh_order": {"a": {"test_accuracy_mean": 0.905}},
        });
        let said = beside_keras(&results, &keras).unwrap();
        assert!(said.starts_with("Ours lies above Keras's mean in 1 of 2 rows."), "{said}");
        let orders = "`a` lies 0.0100 above Keras and 0.0050 below Keras with new orders.";
        assert!(said.contains(orders) && !said.contains("`b`"), "{said}");
        assert_eq!(epochs(&results), "5");
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(spread(&json!({"mean": 0.9, "sd": 0.01}), 4), "0.9000 ± 0.0100");
        assert_eq!(spread(&json!({"mean": 0.9, "sd": null}), 4), "0.9000 (one run)");
        let row = json!({"name": "x", "comparison": {"difference": -0.004, "p_adjusted": 0.2, "within_noise": true}});
        assert_eq!(against(&row, "y"), "≈ −0.0040 (p = 0.200)");
        assert_eq!(against(&row, "x"), "best");
    }
}
