//! Training the runs that are not finished: several small ones side by side.
//!
//! Results do not depend on the number of threads, so what is fastest may be chosen: with c cores, c runs of one thread each.
//! The longest runs begin first; who comes when fewer runs than cores are left gets the cores that are free.

use super::plan::{Experiment, Job, Score, run_folder, with_seed};
use crate::checkpoint::CheckpointEvery;
use crate::deterministic::Deterministic;
use crate::error::TrainError;
use crate::fit::{FitResult, Resumable};
use crate::history::{RunHistory, TestScore};
use crate::model_file::Preprocessing;
use crate::run_dir::{RunDir, RunInfo, RunRecord};
use crate::trainer::{Isa, TrainOptions, Trainer};
use crate::weights_hash;
use cnn_callbacks::Ending;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// How the runs are trained. Changes the speed, never the numbers.
#[derive(Clone, Debug)]
pub struct RunOptions<'a> {
    /// Cores to use, 1 or more.
    pub cores: usize,
    /// Runs at the same time, at most; `None` for as many as there are cores.
    pub side_by_side: Option<usize>,
    /// Instruction set.
    pub isa: Isa,
    /// Kept in each run's run.json: the command line.
    pub command: Vec<String>,
    /// Kept in each run's run.json: where the data was found.
    pub data_source: String,
    /// Kept there too: [`RunInfo::data_path`].
    pub data_path: String,
    /// When this becomes true, the runs being trained keep what they have learned after their present step, and no other begins.
    pub interrupt: &'a AtomicBool,
}

/// Told of every run that is taken up or finished; from several threads.
pub trait Observer: Sync {
    /// A run that was interrupted goes on after so many of its steps.
    fn resumed(&self, row: &str, seed: u64, steps: u64) {
        let _ = (row, seed, steps);
    }

    /// A run has been trained and tested, and its folder is about to be completed: the place to add pictures.
    ///
    /// # Errors
    /// Whatever keeps the run from being kept; it ends the experiment.
    fn trained(&self, run: &RunDir, row: &str, history: &RunHistory) -> Result<(), TrainError> {
        let _ = (run, row, history);
        Ok(())
    }

    /// A run is finished.
    fn finished(&self, progress: &Progress<'_>) {
        let _ = progress;
    }
}

/// Where an experiment stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The run that has just been finished.
    pub score: &'a Score,
    /// Runs that are finished, those of earlier calls included.
    pub done: usize,
    /// Runs in all.
    pub total: usize,
    /// Seconds until the last run is finished, from the speed so far: multiply-accumulates per second of the runs finished in this
    /// call. Of runs that are on their way nothing counts as done.
    pub seconds_left: f64,
}

/// What the workers share.
struct Shared {
    queue: VecDeque<usize>,
    /// Threads of the runs that are being trained.
    busy: usize,
    /// Workers without a run.
    idle: usize,
    done: usize,
    cost_done: f64,
    cost_left: f64,
    /// Seconds that the finished runs took, each with what it took before it was interrupted.
    seconds: f64,
    failure: Option<TrainError>,
    scores: Vec<(usize, Score)>,
}

impl Experiment<'_> {
    /// Trains the runs that are not finished. After an error the runs that have begun are finished, and no other begins; after
    /// [`RunOptions::interrupt`] less than all are [`Experiment::finished`], and a later call takes up the others.
    ///
    /// # Errors
    /// The first of: a disk's error, a callback that failed, an observer's. A run that diverges is a result, not an error.
    pub fn run(
        &mut self,
        options: &RunOptions<'_>,
        observer: &dyn Observer,
    ) -> Result<(), TrainError> {
        let mut waiting: Vec<usize> =
            (0..self.jobs.len()).filter(|&i| self.jobs[i].score.is_none()).collect();
        waiting.sort_by(|&a, &b| self.jobs[b].cost.total_cmp(&self.jobs[a].cost));
        let cores = options.cores.max(1);
        let workers = options.side_by_side.unwrap_or(cores).clamp(1, waiting.len().max(1));
        let shared = Mutex::new(Shared {
            done: self.jobs.len() - waiting.len(),
            cost_done: 0.0,
            cost_left: waiting.iter().map(|&i| self.jobs[i].cost).sum(),
            seconds: 0.0,
            queue: waiting.into(),
            busy: 0,
            idle: workers,
            failure: None,
            scores: Vec::new(),
        });
        let this = &*self;
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| this.work(&shared, cores, workers, options, observer));
            }
        });
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (i, score) in shared.scores {
            self.jobs[i].score = Some(score);
            self.jobs[i].stale = false;
        }
        shared.failure.map_or(Ok(()), Err)
    }

    /// One worker: takes runs until there is none.
    fn work(
        &self,
        shared: &Mutex<Shared>,
        cores: usize,
        workers: usize,
        options: &RunOptions<'_>,
        observer: &dyn Observer,
    ) {
        let locked = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (at, threads) = {
                let mut now = locked();
                if now.failure.is_some() || options.interrupt.load(Ordering::SeqCst) {
                    return;
                }
                let takers = now.idle.min(now.queue.len());
                let Some(at) = now.queue.pop_front() else { return };
                let threads = (cores.saturating_sub(now.busy) / takers.max(1)).max(1);
                now.busy += threads;
                now.idle -= 1;
                (at, threads)
            };
            let job = &self.jobs[at];
            let outcome = self.train(job, threads, workers, options, observer);
            let mut now = locked();
            now.busy -= threads;
            now.idle += 1;
            match outcome {
                Ok(None) => return,
                Ok(Some(score)) => {
                    now.done += 1;
                    now.cost_done += job.cost;
                    now.cost_left -= job.cost;
                    now.seconds += score.seconds;
                    let speed = now.cost_done / now.seconds.max(1e-9);
                    let side_by_side = workers.min(self.jobs.len() - now.done).max(1);
                    let seconds_left =
                        now.cost_left.max(0.0) / speed.max(1e-9) / side_by_side as f64;
                    let progress = Progress {
                        score: &score,
                        done: now.done,
                        total: self.jobs.len(),
                        seconds_left,
                    };
                    observer.finished(&progress);
                    now.scores.push((at, score));
                }
                Err(source) => {
                    let row = self.sweep.rows[job.row].name.clone();
                    now.failure.get_or_insert(TrainError::Row { row, source: Box::new(source) });
                }
            }
        }
    }

    /// Trains, tests and keeps one run; none where it was interrupted.
    fn train(
        &self,
        job: &Job,
        threads: usize,
        side_by_side: usize,
        options: &RunOptions<'_>,
        observer: &dyn Observer,
    ) -> Result<Option<Score>, TrainError> {
        let row = &self.sweep.rows[job.row];
        let config = with_seed(row, job.seed);
        let (text, info) = (config.to_toml()?, self.info(job, threads, options));
        let (run, from) = run_folder(&job.folder, &text, &info)?;
        let engine = TrainOptions { threads, isa: options.isa, ..TrainOptions::default() };
        let mut trainer = Trainer::new(&config, config.model.build()?, engine)?;
        trainer.set_class_names(&self.data.classes)?;
        if from.is_none() {
            run.begin(&text, &config, trainer.model(), &info)?;
        }
        let callbacks = config.build_callbacks(&run.callback_context());
        let mut callbacks = callbacks.map_err(|(_, error)| TrainError::Monitors(vec![error]))?;
        if let Some(from) = &from {
            observer.resumed(&row.name, job.seed, from.steps_taken());
        }
        let checkpoints = run.checkpoints();
        let plan = Resumable {
            checkpoints: &checkpoints,
            every: CheckpointEvery::Auto,
            data: job.id.clone(),
            from,
            interrupt: options.interrupt,
        };
        let (train, test) = (&self.data.train, &self.data.test);
        let fit = trainer.fit_resumable(train, None, test, &mut callbacks, plan)?;
        if fit.interrupted {
            return Ok(None);
        }
        if let Some(stop) = fit.stopped_by.as_ref().filter(|stop| stop.ending == Ending::Failed) {
            let source = io::Error::other(format!("{} asked to stop: {}", stop.by, stop.reason));
            return Err(TrainError::disk("written", run.path(), &source));
        }
        let mut history = RunHistory::new(&fit, config.fit.batch_size);
        let mut train_final = None;
        if !fit.diverged() {
            (history.test, train_final) = self.measure(&mut trainer, &fit)?;
            history.train = train_final;
        }
        observer.trained(&run, &row.name, &history)?;
        if fit.diverged() {
            run.keep_history(&history)?;
            checkpoints.clear()?;
        } else {
            run.finish(&RunRecord {
                config: &config,
                model: trainer.model(),
                weights: trainer.weights(),
                classes: &self.data.classes,
                preprocessing: Preprocessing::bytes(self.data.train.shape()),
                history: &history,
                info: &info,
            })?;
        }
        let score = Score {
            schema: Score::SCHEMA,
            id: job.id.clone(),
            row: row.name.clone(),
            seed: job.seed,
            diverged: fit.diverged(),
            epochs: fit.history.len(),
            stopped_by: fit.stopped_by.as_ref().map(|stop| stop.by.clone()),
            train: last_epoch(&fit, &history),
            train_final,
            test: history.test,
            seconds: fit.seconds,
            images_per_second: fit.mean_images_per_second(),
            threads,
            side_by_side,
            weights_hash: (!fit.diverged())
                .then(|| weights_hash(trainer.model(), trainer.weights())),
        };
        score.write(&run)?;
        Ok(Some(score))
    }

    fn info(&self, job: &Job, threads: usize, options: &RunOptions<'_>) -> RunInfo {
        RunInfo {
            seed: job.seed,
            threads,
            isa: options.isa.name().to_owned(),
            deterministic: Deterministic::of(options.isa),
            command: options.command.clone(),
            data: self.data.name.clone(),
            data_source: options.data_source.clone(),
            data_path: options.data_path.clone(),
            data_fingerprint: self.data.fingerprint.clone(),
            limit: self.limit,
            ..RunInfo::default()
        }
    }

    /// The final weights on the test images and, where the sweep asks for it, on the images that they were learned from.
    fn measure(
        &self,
        trainer: &mut Trainer,
        fit: &FitResult,
    ) -> Result<(Option<TestScore>, Option<TestScore>), TrainError> {
        let test = trainer.evaluate(&self.data.test)?;
        let test = test.score();
        if fit.train.is_some() {
            return Ok((Some(test), fit.train));
        }
        let train = self.sweep.eval_train.then(|| {
            // Those before the validation part.
            let indices: Vec<u32> = (0..fit.samples as u32).collect();
            let measured = trainer.measure(&self.data.train, &indices);
            TestScore::new(measured.loss(), measured.correct as u64, measured.count as u64)
        });
        Ok((Some(test), train))
    }
}

/// What the last epoch reported of the training images.
fn last_epoch(fit: &FitResult, history: &RunHistory) -> TestScore {
    let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
    let loss = last(fit.history.get("loss").unwrap_or_default());
    TestScore::without_interval(loss, last(history.accuracy("")))
}
