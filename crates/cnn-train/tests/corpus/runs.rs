//! Bad files of a run: the model file, history.json, run.json, config.toml.

use crate::parsers::Kind;
use crate::{Case, case};
use cnn_train::{Config, ModelFile, Preprocessing};

/// The bytes of a small model's file.
pub(crate) fn model_file() -> Vec<u8> {
    let text = "input = [2, 1, 1]\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n";
    let (config, _) = Config::from_toml("model.toml", text).unwrap();
    let model = config.model.build().unwrap();
    let classes = ["a", "b"].map(String::from);
    let preprocessing = Preprocessing::bytes([2, 1, 1]);
    let weights = model.initial_weights(1);
    ModelFile::new(&config, &model, &weights, &classes, preprocessing).unwrap().to_bytes().unwrap()
}

/// A checkpoint of a small model.
pub(crate) const CHECKPOINT: &[u8] =
    include_bytes!("../../../../data/fixtures/v2/unfinished/step-000000000084.cnnckpt");

pub(crate) const HISTORY: &str = "{\"schema\": 1, \"params\": {\"epochs\": 2, \"steps\": 3, \"batch_size\": 4, \"samples\": 12, \"validation_samples\": 0}, \
\"metrics\": [\"accuracy\", \"loss\"], \"epoch\": [0, 1], \"history\": {\"accuracy\": [0.5, 0.75], \"loss\": [1.5, null]}, \"seconds\": [0.5, 0.25], \
\"images_per_second\": [24.0, 48.0], \"stopped_by\": null, \"train\": null, \"penalty\": 0.0, \"test\": {\"loss\": 0.5, \"accuracy\": 0.75}}";

pub(crate) const RUN: &str = "{\"schema\": 1, \"program\": \"0.1.0\", \"finished\": true, \"seed\": 7, \"threads\": 2, \"isa\": \"avx2\", \
\"command\": [\"cnn\", \"train\"], \"data\": \"fashion-mnist\", \"data_fingerprint\": \"ab\", \"weights_hash\": null}";

/// A text as it stands in a payload, of any length that it says it has.
fn text(n: u64, text: &str) -> Vec<u8> {
    [&n.to_le_bytes()[..], text.as_bytes()].concat()
}

pub(crate) fn checkpoints() -> Vec<Case> {
    use Kind::{Checkpoint, CheckpointPayload};
    vec![
        case("a model file", Checkpoint, model_file(), "T013", "CNNCKPT"),
        case(
            "version 3",
            Checkpoint,
            [&CHECKPOINT[..8], &[3, 0], &CHECKPOINT[10..]].concat(),
            "T013",
            "version 3",
        ),
        case("cut off", Checkpoint, &CHECKPOINT[..6000], "T013", "are there"),
        case("a text of 2^40 bytes", CheckpointPayload, text(1 << 40, "0.1.0"), "T013", "payload"),
        case(
            "10^9 weights",
            CheckpointPayload,
            [text(5, "0.1.0"), text(0, ""), text(0, ""), 1_000_000_000_u64.to_le_bytes().to_vec()]
                .concat(),
            "T013",
            "payload",
        ),
        case(
            "bytes behind it",
            CheckpointPayload,
            [&CHECKPOINT[50..], &[0]].concat(),
            "T013",
            "follow",
        ),
    ]
}

pub(crate) fn runs() -> Vec<Case> {
    use Kind::{ConfigOfRun, History, ModelFile, Payload, Run};
    let file = model_file();
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = file.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let no_model =
        |toml: &str| [text(5, "0.1.0"), text(toml.len() as u64, toml), vec![0; 32]].concat();
    let tensors = |n: u64| [text(5, "0.1.0"), text(0, ""), n.to_le_bytes().to_vec()].concat();
    let list = |n: usize, one: &str| format!("[{}]", vec![one; n].join(","));
    let metrics = |list: &str| HISTORY.replace("[\"accuracy\", \"loss\"]", list);
    let command = |list: &str| RUN.replace("[\"cnn\", \"train\"]", list);
    let columns: String =
        (0..300_000).flat_map(|i| ["\"".to_owned(), i.to_string(), "\":[],".to_owned()]).collect();
    vec![
        case("empty", ModelFile, b"", "T013", "0 bytes, at least 50"),
        case("the header alone", ModelFile, &file[..50], "T013", "0 are there"),
        case("cut in the middle", ModelFile, &file[..200], "T013", "are there"),
        case("another kind", ModelFile, [b'P'; 100], "T013", "CNNMODEL"),
        case("version 65535", ModelFile, changed(8, &[0xFF; 2]), "T013", "version 65535"),
        case(
            "2^63 bytes",
            ModelFile,
            changed(10, &(1u64 << 63).to_le_bytes()),
            "T013",
            "9223372036854775808",
        ),
        case("a flipped bit", ModelFile, changed(300, &[0xAA]), "T013", "checksum"),
        case(
            "a second file behind it",
            ModelFile,
            [&file[..], &file].concat(),
            "T013",
            "are there",
        ),
        case("no payload", Payload, b"", "T013", "payload"),
        case("a text of 2^40 bytes", Payload, text(1 << 40, "0.1.0"), "T013", "payload"),
        case("a text of 2^64 − 1 bytes", Payload, text(u64::MAX, "0.1.0"), "T013", "payload"),
        case("2^60 tensors", Payload, tensors(1 << 60), "T013", "payload"),
        case("10^9 tensors", Payload, tensors(1_000_000_000), "T013", "payload"),
        case(
            "not UTF-8",
            Payload,
            [&2u64.to_le_bytes()[..], &[0xFF; 2]].concat(),
            "T013",
            "payload",
        ),
        case("an empty model.toml", Payload, no_model(""), "T013", "input"),
        case("a model.toml of brackets", Payload, no_model(&"[".repeat(20_000)), "T013", ""),
        case("bytes behind the content", Payload, [&file[50..], &[0]].concat(), "T013", "follow"),
        case("empty", History, b"", "T021", ""),
        case("cut off", History, &HISTORY.as_bytes()[..100], "T021", ""),
        case("schema 9", History, HISTORY.replacen("1,", "9,", 1), "T032", "schema 9"),
        case("schema 2^40", History, HISTORY.replacen("1,", "1099511627776,", 1), "T021", ""),
        case("a text for numbers", History, HISTORY.replace("[0, 1]", "\"\""), "T021", ""),
        case("100,000 brackets", History, "[".repeat(100_000), "T021", ""),
        case("100,000 brackets in a value", History, metrics(&"[".repeat(100_000)), "T021", ""),
        case("metrics without end", History, metrics(&list(6_000_000, "\"\"")) + "x", "T021", ""),
        case(
            "epochs without end",
            History,
            HISTORY.replace("[0, 1]", &list(12_000_000, "0")) + "x",
            "T021",
            "",
        ),
        case(
            "columns without end",
            History,
            HISTORY.replace("\"accuracy\": [0.5", &format!("{columns}\"accuracy\": [0.5")) + "x",
            "T021",
            "",
        ),
        case("trailing bytes", History, HISTORY.to_owned() + "{}", "T021", "trailing"),
        case(
            "not UTF-8",
            History,
            HISTORY.replace("loss", "lo\u{0}s").replace('\u{0}', "\u{1b}"),
            "T021",
            "",
        ),
        case("empty", Run, b"", "T021", ""),
        case("null", Run, "null", "T021", ""),
        case("a negative seed", Run, RUN.replace('7', "-7"), "T021", ""),
        case("schema 9", Run, RUN.replacen("1,", "9,", 1), "T032", "schema 9"),
        case("words without end", Run, command(&list(6_000_000, "\"\"")) + "x", "T021", ""),
        case("a list for a word", Run, command(&"[".repeat(100_000)), "T021", ""),
        case("a config of brackets", ConfigOfRun, "[".repeat(100_000), "T021", ""),
        case("a config that is none", ConfigOfRun, b"\xFF\xFE\0".to_vec(), "T021", ""),
        case("an empty config", ConfigOfRun, b"", "T021", "input"),
    ]
}
