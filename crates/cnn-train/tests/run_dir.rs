//! Run folders: what they hold, that nothing is overwritten unasked, and the way back.

mod support;

use cnn_callbacks::CallbackSpec;
use cnn_train::{
    Config, ErrorKind, Preprocessing, RunDir, RunHistory, RunInfo, RunRecord, TestScore,
    TrainError, Trainer, read_npz, weights_from, weights_hash,
};
use std::fs;
use std::path::Path;
use support::{MODEL, stripes, trainer};

/// Trains a little and writes everything into the folder.
fn run(folder: &Path, replace: bool) -> Result<Trainer, TrainError> {
    let (config, _) = Config::from_toml("model.toml", MODEL).expect("a sound model.toml");
    let mut t = trainer(MODEL, 1);
    let dir = RunDir::create(folder, replace)?;
    let info = RunInfo {
        seed: 7,
        threads: 1,
        isa: "scalar".into(),
        command: vec!["cnn".into(), "train".into()],
        data: "stripes".into(),
        ..RunInfo::default()
    };
    dir.begin(MODEL, &config, t.model(), &info)?;
    let result = t.fit(&stripes(90, 1), None, &mut [])?;
    let test = t.evaluate(&stripes(30, 2))?;
    let mut history = RunHistory::new(&result, config.fit.batch_size);
    history.test = Some(test.score());
    let classes = ["h", "v", "d"].map(String::from);
    let preprocessing = Preprocessing::bytes([8, 8, 1]);
    dir.finish(&RunRecord {
        config: &config,
        model: t.model(),
        weights: t.weights(),
        classes: &classes,
        preprocessing,
        history: &history,
        info: &info,
    })?;
    Ok(t)
}

#[test]
fn a_run_can_be_read_back_whole() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("runs/first");
    let t = run(&folder, false).unwrap();
    let saved = RunDir::open(&folder).unwrap();
    assert_eq!(weights_hash(&saved.model, &saved.weights), t.weights_hash());
    assert_eq!((saved.classes.len(), saved.preprocessing.width, saved.config.fit.seed), (3, 8, 7));
    assert_eq!(fs::read_to_string(folder.join("model.toml")).unwrap(), MODEL);
    let resolved = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert_eq!(Config::from_toml("config.toml", &resolved).unwrap().0, saved.config);

    let history = RunDir::history(&folder).unwrap();
    assert_eq!(
        (history.schema, history.params.epochs, history.params.steps, history.params.samples),
        (1, 4, 3, 90)
    );
    assert_eq!(
        (history.get("loss").len(), history.accuracy("").len(), history.accuracy("val_").len()),
        (4, 4, 0)
    );
    assert!(history.test.unwrap().accuracy > 0.0);
    let csv = fs::read_to_string(folder.join("history.csv")).unwrap();
    assert!(
        csv.starts_with("epoch,accuracy,loss,seconds\n0,") && csv.lines().count() == 5,
        "{csv}"
    );

    let info = RunDir::info(&folder).unwrap();
    assert_eq!((info.finished, info.weights_hash, info.seed), (true, Some(t.weights_hash()), 7));
    assert_eq!(info.command, ["cnn", "train"]);

    let tensors = read_npz(&folder.join("weights.npz")).unwrap();
    assert_eq!(weights_from(t.model(), &tensors).unwrap(), t.weights());
    assert_eq!(tensors[0].name, "conv2d/kernel");
    assert!(
        fs::read_dir(&folder).unwrap().all(|f| !f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.')),
        "no temporary files are left"
    );
}

#[test]
fn nothing_is_overwritten_unasked() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), false).unwrap();
    let before = fs::read(root.path().join("model.cnn")).unwrap();
    let error = run(root.path(), false).err().unwrap();
    assert!(
        matches!(error, TrainError::Exists { .. })
            && error.kind() == ErrorKind::Disk
            && error.hint().contains("--force"),
        "{error}"
    );
    assert_eq!(fs::read(root.path().join("model.cnn")).unwrap(), before);
    fs::write(root.path().join("curves.svg"), "old").unwrap();
    fs::write(root.path().join("notes.txt"), "mine").unwrap();
    run(root.path(), true).unwrap();
    assert_eq!(fs::read_to_string(root.path().join("notes.txt")).unwrap(), "mine");
    assert!(
        !root.path().join("curves.svg").exists(),
        "an old picture does not stay beside a new run"
    );
}

#[test]
fn a_folder_with_other_things_is_never_replaced() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("model.toml"), "mine").unwrap();
    let error = RunDir::create(root.path(), true).unwrap_err();
    assert!(matches!(error, TrainError::NotReplaced { .. }), "{error}");
    assert_eq!(fs::read_to_string(root.path().join("model.toml")).unwrap(), "mine");
    let file = root.path().join("model.toml");
    assert!(RunDir::create(&file, true).is_err());
}

#[test]
fn names_stay_inside_their_folder() {
    let root = tempfile::tempdir().unwrap();
    for name in ["", "..", ".hidden", "a/b", "a\\b", "c:d", "new\nline"] {
        assert!(
            matches!(RunDir::create_named(root.path(), name, false), Err(TrainError::Name { .. })),
            "{name:?}"
        );
    }
    let dir = RunDir::create_named(root.path(), "fashion-cnn", false).unwrap();
    assert_eq!(dir.path(), root.path().join("fashion-cnn"));
}

#[test]
fn callbacks_write_into_the_run_but_not_over_its_files() {
    let root = tempfile::tempdir().unwrap();
    let dir = RunDir::create(root.path(), false).unwrap();
    let logger = |name: &str| {
        CallbackSpec::CSVLogger(cnn_callbacks::CSVLogger::new(name)).build(&dir.callback_context())
    };
    assert!(logger("history.csv").is_err());
    let mut t = trainer(MODEL, 1);
    t.fit(&stripes(64, 1), None, &mut [logger("log.csv").unwrap()]).unwrap();
    assert_eq!(fs::read_to_string(dir.file("log.csv")).unwrap().lines().count(), 5);
}

#[test]
fn a_diverged_run_keeps_its_history_and_has_no_model() {
    let root = tempfile::tempdir().unwrap();
    let (config, _) = Config::from_toml("model.toml", MODEL).unwrap();
    let mut t = trainer(MODEL, 1);
    let dir = RunDir::create(root.path(), false).unwrap();
    let info = RunInfo::default();
    dir.begin(MODEL, &config, t.model(), &info).unwrap();
    let result = t.fit(&stripes(40, 1), None, &mut []).unwrap();
    let mut history = RunHistory::new(&result, 32);
    history.test = Some(TestScore::without_interval(f64::NAN, 0.1));
    let mut weights = t.weights().to_vec();
    weights[3] = f32::NAN;
    let record = RunRecord {
        config: &config,
        model: t.model(),
        weights: &weights,
        classes: &[],
        preprocessing: Preprocessing::bytes([8, 8, 1]),
        history: &history,
        info: &info,
    };
    let error = dir.finish(&record).unwrap_err();
    assert_eq!(error.to_string(), "the weight conv2d/kernel[3] is NaN");
    assert_eq!(error.kind(), ErrorKind::Diverged);
    assert!(RunDir::history(root.path()).unwrap().test.unwrap().loss.is_nan());
    assert!(!RunDir::info(root.path()).unwrap().finished);
    // Whoever trains has it for itself.
    let open = || RunDir::open(root.path()).unwrap_err();
    assert!(open().to_string().contains("it is being trained"), "{}", open());
    drop(dir);
    assert!(open().to_string().contains("did not come to its end"), "{}", open());
    assert!(open().hint().ends_with("--rate-factor 0.5"), "{}", open().hint());
    fs::remove_file(root.path().join("history.json")).unwrap();
    assert!(open().to_string().contains("was interrupted"), "{}", open());
    let resume = format!("cnn train --resume {}", root.path().display());
    assert!(matches!(open(), TrainError::Unfinished { .. }) && open().hint().ends_with(&resume));
}

#[test]
fn another_configuration_is_told_line_by_line() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let t = run(&folder, false).unwrap();
    let config = |text: &str| {
        let (config, _) = Config::from_toml("model.toml", text).unwrap();
        let model = config.model.build().unwrap();
        config.resolved(&model)
    };
    assert_eq!(config(MODEL), Config::from_toml("", MODEL).unwrap().0.resolved(t.model()));
    RunDir::check_config(&folder, &config(MODEL)).unwrap();
    for (was, now) in [("epochs = 4", "epochs = 5"), ("filters = 6", "filters = 5")] {
        assert!(MODEL.contains(was), "{was}");
        let error = RunDir::check_config(&folder, &config(&MODEL.replace(was, now))).unwrap_err();
        assert_eq!(error.code(), "T028");
        let text = error.to_string();
        assert!(text.ends_with(&format!("\nit had {was}\nnow {now}")), "{text}");
    }
}

#[test]
fn what_is_no_run_or_damaged_says_so() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(RunDir::open(root.path()), Err(TrainError::NotARun { .. })));
    assert!(matches!(RunDir::open(&root.path().join("nowhere")), Err(TrainError::Disk { .. })));
    fs::write(root.path().join("history.json"), "{\"schema\": 1").unwrap();
    assert!(matches!(RunDir::history(root.path()), Err(TrainError::Json { .. })));
    fs::write(root.path().join("model.cnn"), "CNNMODEL and nothing else").unwrap();
    assert!(matches!(RunDir::open(root.path()), Err(TrainError::ModelFile { .. })));
}

#[cfg(unix)]
#[test]
fn files_can_be_read_by_others_as_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let dir = RunDir::create(&root.path().join("run"), false).unwrap();
    dir.write("curves.svg", b"<svg/>").unwrap();
    fs::write(dir.file("plain"), "").unwrap();
    let mode = |name: &str| fs::metadata(dir.file(name)).unwrap().permissions().mode();
    assert_eq!(mode("curves.svg"), mode("plain"));
}

#[test]
fn a_later_schema_is_refused() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), false).unwrap();
    for name in ["history.json", "run.json"] {
        let text = fs::read_to_string(root.path().join(name)).unwrap().replacen(
            "\"schema\": 1",
            "\"schema\": 9",
            1,
        );
        fs::write(root.path().join(name), text).unwrap();
    }
    assert!(RunDir::history(root.path()).unwrap_err().to_string().contains("schema 9"));
    assert!(RunDir::info(root.path()).unwrap_err().to_string().contains("schema 9"));
}

#[test]
fn what_there_is_of_a_run_can_be_read() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("whole");
    let t = run(&folder, false).unwrap();
    let whole = RunDir::remains(&folder).unwrap();
    assert_eq!(whole.weights.as_deref(), Some(t.weights()));
    assert_eq!(whole.history.map(|history| history.epoch.len()), Some(4));
    assert_eq!(whole.config, RunDir::open(&folder).unwrap().config);

    // Diverged: no weights. Killed: no history either. Without its run.json it is no run.
    fs::remove_file(folder.join("model.cnn")).unwrap();
    let diverged = RunDir::remains(&folder).unwrap();
    assert!(
        diverged.weights.is_none() && diverged.history.is_some() && diverged.classes.is_empty()
    );
    fs::remove_file(folder.join("history.json")).unwrap();
    let killed = RunDir::remains(&folder).unwrap();
    assert!(killed.history.is_none() && killed.info.is_some_and(|info| info.seed == 7));
    fs::write(folder.join("config.toml"), "input = [").unwrap();
    let error = RunDir::remains(&folder).unwrap_err();
    assert!(error.to_string().contains("config.toml: "), "{error}");
    fs::remove_file(folder.join("run.json")).unwrap();
    let error = RunDir::remains(&folder).unwrap_err();
    assert!(matches!(error, TrainError::NotARun { .. }), "{error}");
}
