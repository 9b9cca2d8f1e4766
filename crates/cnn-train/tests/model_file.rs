//! The model file: what goes in comes out, and damage is always seen.

mod support;

use cnn_train::{
    Config, ModelFile, NamedTensor, Preprocessing, TrainError, model_file, weights_hash,
};
use proptest::prelude::*;
use support::{MODEL, stripes, trainer};

const SMALL: &str = "input = [2, 2, 1]\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n";

fn file(toml: &str, classes: &[&str]) -> ModelFile {
    let (config, _) =
        Config::from_toml("model.toml", toml).unwrap_or_else(|found| panic!("{found}"));
    let model = config.model.build().expect("the model is sound");
    let weights = model.initial_weights(1);
    let classes: Vec<String> = classes.iter().map(|&c| c.to_owned()).collect();
    let [h, w, c] = [model.input().dims()[0], model.input().dims()[1], model.input().dims()[2]];
    ModelFile::new(&config, &model, &weights, &classes, Preprocessing::bytes([h, w, c]))
        .expect("finite weights")
}

#[test]
fn a_trained_model_comes_back_with_the_same_weights_and_predictions() {
    let mut t = trainer(MODEL, 1);
    t.fit(&stripes(90, 1), None, &mut []).unwrap();
    let (config, _) = Config::from_toml("model.toml", MODEL).unwrap();
    let classes = ["horizontal", "vertical", "diagonal"].map(String::from);
    let saved =
        ModelFile::new(&config, t.model(), t.weights(), &classes, Preprocessing::bytes([8, 8, 1]))
            .unwrap();
    let read = ModelFile::from_bytes(&saved.to_bytes().unwrap()).unwrap();
    assert_eq!(read, saved);
    let (config, model, weights) = read.unpack().unwrap();
    assert_eq!(weights_hash(&model, &weights), t.weights_hash());
    assert_eq!(config.fit.epochs, 4);
    let mut other =
        cnn_train::Trainer::new(&config, model, cnn_train::TrainOptions::default()).unwrap();
    other.set_weights(&weights).unwrap();
    assert_eq!(other.evaluate(&stripes(30, 2)).unwrap(), t.evaluate(&stripes(30, 2)).unwrap());
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = file(SMALL, &["a", "b"]).to_bytes().unwrap();
    assert!(ModelFile::from_bytes(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(
            ModelFile::from_bytes(&bytes[..length]).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    let mut bytes = file(SMALL, &["a", "b"]).to_bytes().unwrap();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(
            matches!(ModelFile::from_bytes(&bytes), Err(TrainError::ModelFile { .. })),
            "bit {bit}"
        );
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn bytes_after_the_end_are_an_error() {
    let mut bytes = file(SMALL, &["a", "b"]).to_bytes().unwrap();
    bytes.push(0);
    assert!(ModelFile::from_bytes(&bytes).unwrap_err().to_string().contains("are there"));
}

/// An envelope with a right checksum around any payload.
fn envelope(payload: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let mut bytes = model_file::MAGIC.to_vec();
    bytes.extend(model_file::VERSION.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    let sum = sha2::Sha256::new().chain_update(&bytes).chain_update(payload).finalize();
    bytes.extend(sum);
    bytes.extend(payload);
    bytes
}

#[test]
fn trailing_bytes_inside_the_envelope_are_an_error() {
    let bytes = file(SMALL, &["a", "b"]).to_bytes().unwrap();
    let mut payload = bytes[50..].to_vec();
    assert_eq!(envelope(&payload), bytes);
    payload.push(7);
    assert!(
        ModelFile::from_bytes(&envelope(&payload))
            .unwrap_err()
            .to_string()
            .contains("1 bytes follow the content")
    );
}

#[test]
fn a_forged_length_takes_no_memory() {
    // The program's version claims 2^40 bytes.
    let payload = [(1u64 << 40).to_le_bytes().as_slice(), b"0.1.0"].concat();
    assert!(ModelFile::from_bytes(&envelope(&payload)).is_err());
}

#[test]
fn another_version_and_another_kind_of_file_say_so() {
    let mut bytes = file(SMALL, &["a", "b"]).to_bytes().unwrap();
    bytes[8] = 9;
    let error = ModelFile::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("version 9") && error.hint().contains("update"), "{error}");
    let error = ModelFile::from_bytes(&[b'P'; 100]).unwrap_err();
    assert!(error.to_string().contains("CNNMODEL"), "{error}");
}

/// `golden/version-1.cnn` was written by the first program with this format. It is never written again: what it holds has
/// to stay readable.
#[test]
fn a_file_of_version_1_is_still_read() {
    let read = ModelFile::from_bytes(include_bytes!("golden/version-1.cnn")).unwrap();
    let (config, model, weights) = read.unpack().unwrap();
    assert_eq!(weights, (0..10u8).map(|i| f32::from(i) / 4.0 - 1.0).collect::<Vec<_>>());
    assert_eq!(
        (model.name(), config.fit.batch_size, read.classes.as_slice()),
        ("first", 32, ["a", "b"].map(String::from).as_slice())
    );
    assert_eq!(read.preprocessing, Preprocessing::bytes([2, 2, 1]));
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_name_and_place() {
    let mut saved = file(SMALL, &["a", "b"]);
    saved.tensors[0].values[5] = f32::NAN;
    let read = ModelFile::from_bytes(&saved.to_bytes().unwrap()).unwrap();
    assert_eq!(read.unpack().unwrap_err().to_string(), "the weight dense/kernel[5] is NaN");
    let (config, _) = Config::from_toml("model.toml", SMALL).unwrap();
    let model = config.model.build().unwrap();
    let mut weights = model.initial_weights(1);
    weights[8] = f32::INFINITY;
    let error = ModelFile::new(&config, &model, &weights, &[], Preprocessing::bytes([2, 2, 1]))
        .unwrap_err();
    assert_eq!(error.to_string(), "the weight dense/bias[0] is inf");
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let sound = file(SMALL, &["a", "b"]);
    let refused = |change: fn(&mut ModelFile)| {
        let mut saved = sound.clone();
        change(&mut saved);
        saved.unpack().unwrap_err().to_string()
    };
    let text = refused(|f| {
        f.tensors[0].name = "conv2d/kernel".into();
        f.tensors[1].shape = vec![3];
    });
    for part in [
        "dense/kernel [4, 2] is missing",
        "dense/bias must be [2], got [3]",
        "the model has no `conv2d/kernel`",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(
        refused(|f| f.tensors.push(f.tensors[0].clone())).contains("`dense/kernel` is there twice")
    );
    assert!(refused(|f| f.tensors[0].values.truncate(3)).contains("dense/kernel"));
    assert!(refused(|f| f.classes.truncate(1)).contains("1 names for 2 outputs"));
    assert!(refused(|f| f.preprocessing.channels = 3).contains("2×2×3"));
    assert!(refused(|f| f.preprocessing.divisor = 0.0).contains("divided by 0"));
    assert!(refused(|f| f.model_toml.push_str("nonsense = 1\n")).contains("nonsense"));
}

#[test]
fn the_weights_hash_depends_on_names_shapes_and_values() {
    let hash = |toml: &str, weights: &dyn Fn(&cnn_nn::Model) -> Vec<f32>| {
        let model = Config::from_toml("model.toml", toml).unwrap().0.model.build().unwrap();
        weights_hash(&model, &weights(&model))
    };
    let ones = |model: &cnn_nn::Model| vec![1.0; model.param_count()];
    let base = hash(SMALL, &ones);
    assert_eq!(base, hash(SMALL, &ones));
    assert_ne!(
        base,
        hash(&SMALL.replace("type = \"Dense\"", "type = \"Dense\"\nname = \"other\""), &ones)
    );
    let minus_zero = hash(SMALL, &|model| vec![-0.0; model.param_count()]);
    assert_ne!(minus_zero, hash(SMALL, &|model| vec![0.0; model.param_count()]));
    // Computed with Python's hashlib over the documented bytes.
    assert_eq!(base, include_str!("golden/ones.sha256").trim());
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(ModelFile::from_bytes(&bytes).is_err());
        prop_assert!(ModelFile::from_bytes(&envelope(&bytes)).is_err());
    }

    #[test]
    fn a_changed_payload_with_a_right_checksum_never_panics(at in 0usize..600, value in any::<u8>()) {
        let bytes = file(SMALL, &["a", "b"]).to_bytes().unwrap();
        let mut payload = bytes[50..].to_vec();
        let at = at % payload.len();
        payload[at] = value;
        if let Ok(read) = ModelFile::from_bytes(&envelope(&payload)) {
            let _ = read.unpack();
        }
    }

    #[test]
    fn any_content_survives_the_file(
        text in ".*", names in prop::collection::vec(".*", 0..4), values in prop::collection::vec(any::<u32>(), 0..40)
    ) {
        let values: Vec<f32> = values.into_iter().map(f32::from_bits).filter(|v| !v.is_nan()).collect();
        let saved = ModelFile {
            program: text.clone(),
            model_toml: text,
            tensors: vec![NamedTensor { name: "t".into(), shape: vec![values.len() as u64], values }],
            classes: names,
            preprocessing: Preprocessing::bytes([1, 2, 3]),
        };
        prop_assert_eq!(ModelFile::from_bytes(&saved.to_bytes().unwrap()).unwrap(), saved);
    }
}
