//! Opening a run: its model and weights, and the data set that it was trained on.

use crate::failure::{Exit, Failure};
use crate::{environment, files, output, presets, report};
use cnn_data::Dataset;
use cnn_nn::Model;
use cnn_train::{
    Config, Deterministic, Preprocessing, Remains, RunDir, SavedRun, TrainError, TrainOptions,
    Trainer, model_file,
};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The trained model that a command looks into.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArg {
    /// A run folder, or its model.cnn; with --weights also a model.toml, or the name of a preset.
    #[arg(value_name = "RUN")]
    path: PathBuf,

    /// Weights for a model.toml, or in place of the run's: an .npz of arrays named as the parameters (conv2d/kernel), as
    /// `cnn train --save-weights` or Keras and numpy.savez write it.
    #[arg(long, value_name = "FILE.npz")]
    weights: Option<PathBuf>,
}

impl RunArg {
    /// The model with its weights. Of a model.toml the classes are called by their numbers; see [`Self::data`].
    pub(crate) fn open(&self) -> Result<SavedRun, Failure> {
        let Some(weights) = &self.weights else {
            return if self.names_a_model() { Err(self.no_weights()) } else { open(&self.path) };
        };
        let mut saved = if self.is_saved() { open(&self.path)? } else { self.untrained()? };
        let put = cnn_train::read_npz(weights)
            .and_then(|tensors| cnn_train::weights_from(&saved.model, &tensors));
        saved.weights = put.map_err(|error| Failure::from(error).at(weights))?;
        Ok(saved)
    }

    /// The data set that `given` names, or else the run's own. It gives the classes of a model.toml their names.
    pub(crate) fn data(
        &self,
        saved: &mut SavedRun,
        given: Option<&str>,
    ) -> Result<Dataset, Failure> {
        let data = data(&self.path, &saved.model, given)?;
        if !self.is_saved() && data.classes.len() == saved.classes.len() {
            saved.classes.clone_from(&data.classes);
        }
        Ok(data)
    }

    /// The run's folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        Some(&*self.path).filter(|path| path.is_dir())
    }

    /// Whether this is what `cnn train` wrote: a folder, or a model file by its first bytes.
    pub(crate) fn is_saved(&self) -> bool {
        let mut magic = [0; model_file::MAGIC.len()];
        let read = |mut file: File| file.read_exact(&mut magic);
        self.path.is_dir()
            || (File::open(&self.path).and_then(read).is_ok() && magic == model_file::MAGIC)
    }

    /// Whether this is a model.toml, or no file but a preset's name.
    fn names_a_model(&self) -> bool {
        let toml = self.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
        let preset = || self.path.to_str().is_some_and(|name| presets::find(name).is_some());
        if self.path.exists() { toml && self.path.is_file() } else { preset() }
    }

    fn no_weights(&self) -> Failure {
        let place = self.path.display().to_string();
        let train = format!("train it and give the run folder: cnn train {place} --data DATA");
        let npz = "or give its weights: --weights FILE.npz, with arrays such as conv2d/kernel";
        Failure::new(
            Exit::Disk,
            "T020",
            "this is a model without weights",
            &place,
            &[],
            &[&train, npz],
        )
    }

    /// The model of a model.toml, before it has its weights.
    fn untrained(&self) -> Result<SavedRun, Failure> {
        let source = files::model(&self.path.to_string_lossy())?;
        let (config, warnings) = Config::from_toml(&source.name, &source.text)
            .map_err(|found| Failure::mistakes(&found))?;
        output::note(&report::diagnostics(&warnings));
        let model = config.model.build().map_err(TrainError::from)?;
        let shape = match *model.input().dims() {
            [h, w, c] => [h, w, c],
            [h, w] => [h, w, 1],
            _ => [1, model.input().len(), 1],
        };
        let classes = (0..model.classes()).map(|class| format!("class {class}")).collect();
        Ok(SavedRun {
            config,
            model,
            weights: Vec::new(),
            classes,
            preprocessing: Preprocessing::bytes(shape),
        })
    }
}

/// A run that can be used. The path must be there.
pub(crate) fn open(path: &Path) -> Result<SavedRun, Failure> {
    there(path)?;
    RunDir::open(path).map_err(|error| at_its_file(error, path))
}

/// A run as far as it is there, finished or not. The path must be.
pub(crate) fn remains(path: &Path) -> Result<Remains, Failure> {
    there(path)?;
    RunDir::remains(path).map_err(|error| at_its_file(error, path))
}

pub(crate) fn there(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let help = "give the folder that `cnn train` wrote; it said which";
    let place = path.display().to_string();
    Err(Failure::new(Exit::Disk, "T020", "there is no such run", &place, &[], &[help]))
}

fn at_its_file(error: TrainError, path: &Path) -> Failure {
    match error {
        TrainError::ModelFile { .. } if path.is_dir() => {
            Failure::from(error).at(&path.join("model.cnn"))
        }
        _ => Failure::from(error).at(path),
    }
}

/// The run's model, ready to answer.
pub(crate) fn trainer(
    saved: &SavedRun,
    threads: u16,
    mode: Deterministic,
) -> Result<Trainer, Failure> {
    let options = TrainOptions {
        threads: environment::threads(threads),
        isa: environment::isa_for(mode)?,
        ..TrainOptions::default()
    };
    let mut trainer = Trainer::new(&saved.config, saved.model.clone(), options)?;
    trainer.set_weights(&saved.weights)?;
    Ok(trainer)
}

/// The data set that `given` names, or else the one that the run was trained on, as its run.json says. A note is printed
/// where the images are not those of the training.
pub(crate) fn data(run: &Path, model: &Model, given: Option<&str>) -> Result<Dataset, Failure> {
    let info = run.is_dir().then(|| RunDir::info(run)).transpose();
    let info = info.map_err(|error| Failure::from(error).at(run));
    let input = model.input().dims();
    let (data, trained_on) = match (given, info) {
        (Some(given), info) => {
            let trained_on = info.ok().flatten().map(|info| info.data_fingerprint);
            (environment::load_for(given, input)?, trained_on)
        }
        (None, Ok(Some(info))) => {
            let help = "--data names another data set, or another place of this one";
            let data = environment::load_of(&info, input).map_err(|failure| failure.help(help))?;
            (data, Some(info.data_fingerprint))
        }
        (None, Ok(None)) => {
            return Err(Failure::usage(
                "only a run folder says which data set it was trained on",
                "name it with --data, or give the run folder",
            ));
        }
        (None, Err(error)) => return Err(error),
    };
    if trained_on.is_some_and(|trained_on| trained_on != data.fingerprint) {
        output::note(&format!(
            "note: {} is not the data set that this run was trained on\n",
            data.name
        ));
    }
    Ok(data)
}
