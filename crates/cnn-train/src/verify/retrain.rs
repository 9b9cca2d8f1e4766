//! Training a run again beside what it recorded.

use super::{Check, Outcome};
use crate::error::TrainError;
use crate::history::RunHistory;
use crate::trainer::Trainer;
use cnn_callbacks::{Callback, Control, EpochEnd};
use cnn_data::Dataset;
use std::sync::{Arc, Mutex, PoisonError};

/// A callback that looks at the clock.
const CLOCK: &str = "TimeBudget";

const NAME: &str = "Verify";

/// What a run is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Retraining<'a> {
    /// Its history.json.
    pub recorded: &'a RunHistory,
    /// SHA-256 of its final weights.
    pub weights_hash: &'a str,
    /// Only so many epochs; `None` for all of them.
    pub epochs: Option<usize>,
}

/// Who ended the run, where that was none of its callbacks, or one that looks at the clock: how many steps there were before that
/// cannot be repeated. `callbacks` are those of the configuration.
pub fn ended_from_outside<'a>(
    recorded: &'a RunHistory,
    callbacks: &[Box<dyn Callback>],
) -> Option<&'a str> {
    let by = recorded.stopped_by.as_ref().map(|stop| stop.by.as_str())?;
    (by == CLOCK || !callbacks.iter().any(|callback| callback.name() == by)).then_some(by)
}

/// Trains again and compares every number of every epoch as it comes, then the final weights; ends at the first difference.
/// `trainer` is one that was not trained yet, of the run's configuration, `callbacks` are those of the configuration and
/// `watchers` others that only look.
///
/// Where the run was [`ended_from_outside`], its last epoch may be half of one: what comes before is compared, and the rest only
/// if it turns out equal.
///
/// # Errors
/// As [`Trainer::fit`].
pub fn retrain(
    trainer: &mut Trainer,
    data: &Dataset,
    mut callbacks: Vec<Box<dyn Callback>>,
    watchers: Vec<Box<dyn Callback>>,
    run: Retraining<'_>,
) -> Result<Vec<Check>, TrainError> {
    let trained = run.recorded.epoch.len();
    let outside = ended_from_outside(run.recorded, &callbacks).map(str::to_owned);
    callbacks.retain(|callback| callback.name() != CLOCK);
    callbacks.extend(watchers);
    let wanted = run.epochs.map_or(trained, |epochs| epochs.min(trained));
    let whole = if outside.is_some() { wanted.min(trained.saturating_sub(1)) } else { wanted };
    let found = Arc::new(Mutex::new(Seen::default()));
    callbacks.push(Box::new(Watch {
        recorded: run.recorded.clone(),
        whole,
        until: (outside.is_some() || wanted < trained).then_some(wanted),
        seen: Arc::clone(&found),
    }));
    let fit = trainer.fit_with_test(&data.train, None, &data.test, &mut callbacks)?;
    let Seen { mut checks, epochs, .. } =
        std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    if checks.iter().any(Check::differs) {
        return Ok(checks);
    }
    let now = RunHistory::new(&fit, trainer.fit.batch_size);
    if epochs < whole {
        let stop = fit.stopped_by.as_ref().map_or("nothing", |stop| &stop.by);
        checks.push(Check::of(
            "epochs",
            &trained.to_string(),
            &format!("{epochs}, ended by {stop}"),
        ));
        return Ok(checks);
    }
    if whole > 0 {
        checks.push(recorded_only(run.recorded, &now, whole));
    }
    let hash = Check::of("weights", run.weights_hash, &trainer.weights_hash());
    if wanted < trained {
        let why = format!("only {wanted} of {trained} epochs were trained");
        checks.push(Check::not("weights", why));
    } else if let Some(by) = outside.filter(|_| hash.differs()) {
        let why = format!(
            "`{by}` ended the run in epoch {trained}, after as many steps as that took: none of them can be told from outside"
        );
        checks.push(Check::not(format!("epoch {trained} and the weights"), why));
    } else {
        checks.extend(ending(run.recorded, &now, whole == trained));
        checks.push(hash);
    }
    Ok(checks)
}

/// The epochs as a whole, with the columns that the history has beside the logs: `test_loss`, measured for the record.
fn recorded_only(recorded: &RunHistory, now: &RunHistory, whole: usize) -> Check {
    for (name, values) in recorded.history.iter() {
        let Some(others) = now.history.get(name) else {
            return Check::of(name, "a column of history.json", "there is no such metric");
        };
        for (epoch, (&recorded, &now)) in values.iter().zip(others).enumerate().take(whole) {
            let check = Check::of_numbers(place(epoch, name), recorded, now);
            if check.differs() {
                return check;
            }
        }
    }
    let names: Vec<&str> = recorded.history.iter().map(|(name, _)| name).collect();
    let epochs = if whole == 1 { "epoch 1".to_owned() } else { format!("epochs 1 to {whole}") };
    Check { what: format!("{epochs}: {}", names.join(", ")), outcome: Outcome::Same }
}

/// What is known at the end of training alone.
fn ending(recorded: &RunHistory, now: &RunHistory, stopped_too: bool) -> Vec<Check> {
    let by = |history: &RunHistory| {
        history.stopped_by.as_ref().map_or_else(|| "nothing".to_owned(), |stop| stop.by.clone())
    };
    let mut checks = Vec::new();
    if stopped_too {
        checks.push(Check::of("what ended training", &by(recorded), &by(now)));
    }
    checks.push(Check::of(
        "size of the run",
        &format!("{:?}", recorded.params),
        &format!("{:?}", now.params),
    ));
    checks.push(Check::of_numbers("penalty", recorded.penalty, now.penalty));
    checks.retain(Check::differs);
    checks
}

fn place(epoch: usize, name: &str) -> String {
    format!("epoch {}, {name}", epoch + 1)
}

/// What the watch has seen.
#[derive(Debug, Default)]
struct Seen {
    /// The first difference.
    checks: Vec<Check>,
    /// Epochs that were trained.
    epochs: usize,
}

/// Compares the logs of every epoch, and ends training at the first difference.
struct Watch {
    recorded: RunHistory,
    /// Epochs that can be compared.
    whole: usize,
    /// Where training is to end, though nothing in the configuration ends it there.
    until: Option<usize>,
    seen: Arc<Mutex<Seen>>,
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        NAME
    }

    /// As the run had it, whose screen may have wanted to see it.
    fn reports_learning_rate(&self) -> bool {
        self.recorded.history.get(cnn_callbacks::LEARNING_RATE).is_some()
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.epochs = event.epoch + 1;
        if event.epoch < self.whole {
            let differs = event.logs.iter().find_map(|(name, now)| {
                let what = place(event.epoch, name);
                let check = match self.recorded.get(name).get(event.epoch) {
                    Some(&recorded) => Check::of_numbers(what, recorded, now),
                    None => Check::of(what, "no number", &now.to_string()),
                };
                check.differs().then_some(check)
            });
            if let Some(check) = differs {
                control.stop(NAME, format!("{} differs", check.what));
                seen.checks.push(check);
                return;
            }
        } else if self.until.is_none() {
            let (recorded, now) = (self.whole.to_string(), (event.epoch + 1).to_string());
            seen.checks.push(Check::of("epochs", &recorded, &now));
            control.stop(NAME, "the run had ended by now");
            return;
        }
        if self.until.is_some_and(|until| event.epoch + 1 >= until) {
            control.stop(NAME, "this is as far as it is compared");
        }
    }
}
