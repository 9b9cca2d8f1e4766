//! Bad inputs that are text, and what a run leaves: model.toml, sweep.toml, the model file, history.json, run.json.

use crate::parsers::{Kind, MODEL};
use crate::{Case, case};
use cnn_train::{Config, ModelFile, Preprocessing};

/// A model with this one layer, as a table's lines.
fn layer(lines: &str) -> String {
    format!(
        "input = [8, 8, 1]\n[[layers]]\n{lines}\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n"
    )
}

fn conv(lines: &str) -> String {
    layer(&format!("type = \"Conv2D\"\nfilters = 2\nkernel_size = 3\n{lines}"))
}

/// A layer inside blocks, `depth` of them.
fn nested(depth: usize) -> String {
    let (open, close) = ("{ type = \"Residual\", layers = [".repeat(depth), "] }".repeat(depth));
    format!("input = [8, 8, 1]\nlayers = [{open}{{ type = \"Flatten\" }}{close}]\n")
}

pub(crate) fn models() -> Vec<Case> {
    [syntax(), values(), shapes()].into_iter().flatten().collect()
}

fn syntax() -> Vec<Case> {
    use Kind::Model;
    vec![
        case("empty", Model, "", "M012", "no `input`"),
        case("the seed's call", Model, "MaxPooling2D) 2,2)\n", "M001", "call"),
        case("not UTF-8", Model, b"input = [8]\n\xFF".to_vec(), "M001", "UTF-8"),
        case("NUL", Model, "input = [8]\n\0\n", "M001", "model.toml:2"),
        case("escapes", Model, "input = [8]\n\u{1b}]0;x\u{7} = 1\n", "M001", "model.toml:2"),
        case("escapes in a string", Model, "input = [8]\n\"\\u001b[2J\" = 1\n", "M008", ""),
        case("20,000 brackets", Model, format!("a = {}", "[".repeat(20_000)), "M002", "nested"),
        case("20,000 tables", Model, "a = ".to_owned() + &"{a=".repeat(20_000), "M002", "nested"),
        case("20,000 dots", Model, "a.".repeat(20_000) + "a = 1", "M002", "nested"),
        case(
            "20,000 dots in a header",
            Model,
            format!("[{}a]", "a.".repeat(20_000)),
            "M002",
            "nested",
        ),
        case("33 blocks deep", Model, nested(33), "M002", "nested"),
        case("2 MiB", Model, "#".repeat(2 << 20), "M002", "limit is 262144"),
        case("signs alone", Model, format!("a = {}1", "+".repeat(260_000)), "M001", ""),
        case("line breaks and quotes", Model, "'\n".repeat(130_000), "M001", ""),
        case("23,000 headers", Model, "[[layers]]\n".repeat(23_000), "M002", "the limit is 1000"),
        case("a key of 1 KB", Model, "k".repeat(1000) + " = 1", "M002", "a key of 1000 bytes"),
        case("twice", Model, "input = [8]\ninput = [9]\n", "M001", "duplicate"),
        case("a page", Model, "<html><body>not found</body></html>\n", "M001", ""),
        case("JSON", Model, "{\"input\": [8, 8, 1]}\n", "M001", ""),
        case("a date", Model, "input = 1979-05-27\n", "M006", ""),
    ]
}

fn values() -> Vec<Case> {
    use Kind::Model;
    vec![
        case("a misspelt key", Model, conv("activatoin = \"relu\""), "M003", "activation"),
        case("an unknown layer", Model, layer("type = \"Conv3D\""), "M004", "Conv2D"),
        case(
            "a Lambda",
            Model,
            layer("type = \"Lambda\"\nfunction = \"os.system\""),
            "M004",
            "Lambda",
        ),
        case("no type", Model, layer("filters = 3"), "M005", "type"),
        case(
            "filters −32",
            Model,
            layer("type = \"Conv2D\"\nfilters = -32\nkernel_size = 3"),
            "M006",
            "-32",
        ),
        case(
            "filters 1.5",
            Model,
            layer("type = \"Conv2D\"\nfilters = 1.5\nkernel_size = 3"),
            "M006",
            "1.5",
        ),
        case(
            "filters text",
            Model,
            layer("type = \"Conv2D\"\nfilters = \"64\"\nkernel_size = 3"),
            "M006",
            "without quotes",
        ),
        case(
            "filters 1e99",
            Model,
            layer("type = \"Conv2D\"\nfilters = 1e99\nkernel_size = 3"),
            "M006",
            "1e99",
        ),
        case(
            "filters 2^65",
            Model,
            layer("type = \"Conv2D\"\nfilters = 36893488147419103232\nkernel_size = 3"),
            "M006",
            "",
        ),
        case(
            "filters 0",
            Model,
            layer("type = \"Conv2D\"\nfilters = 0\nkernel_size = 3"),
            "M030",
            "filters",
        ),
        case("stride 0", Model, conv("strides = 0"), "M033", "stride"),
        case(
            "kernel 0",
            Model,
            layer("type = \"Conv2D\"\nfilters = 1\nkernel_size = 0"),
            "M033",
            "",
        ),
        case("three sizes", Model, conv("strides = [1, 1, 1]"), "M007", ""),
        case("groups 3", Model, conv("groups = 3"), "M037", "groups"),
        case("groups 0", Model, conv("groups = 0"), "M037", "groups"),
        case("dropout nan", Model, layer("type = \"Dropout\"\nrate = nan"), "M036", "rate"),
        case("dropout −0.1", Model, layer("type = \"Dropout\"\nrate = -0.1"), "M036", "rate"),
        case("an infinite penalty", Model, conv("kernel_regularizer = { l2 = inf }"), "M037", ""),
        case("a NaN constraint", Model, conv("kernel_constraint = { max_norm = nan }"), "M039", ""),
        case(
            "a rate of NaN",
            Model,
            MODEL.to_owned() + "[compile]\noptimizer = { type = \"Adam\", learning_rate = nan }\n",
            "M062",
            "learning_rate",
        ),
        case("epochs −1", Model, MODEL.replace("epochs = 1", "epochs = -1"), "M006", "-1"),
        case("batch 0", Model, MODEL.replace("epochs = 1", "batch_size = 0"), "M060", ""),
        case(
            "a split of 1.5",
            Model,
            MODEL.replace("epochs = 1", "validation_split = 1.5"),
            "M060",
            "",
        ),
        case("an unknown section", Model, MODEL.to_owned() + "[fitt]\nepochs = 1\n", "M008", "fit"),
        case(
            "an unknown monitor",
            Model,
            MODEL.to_owned() + "[[callbacks]]\ntype = \"EarlyStopping\"\nmonitor = \"val_acc\"\n",
            "M064",
            "val_acc",
        ),
        case(
            "a path outside",
            Model,
            MODEL.to_owned() + "[[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"../../x.csv\"\n",
            "M063",
            "",
        ),
        case(
            "a name with escapes",
            Model,
            format!("name = \"\\u001b]0;\"\n{MODEL}"),
            "M010",
            "name",
        ),
        case(
            "a name of 1 KB",
            Model,
            format!("name = \"{}\"\n{MODEL}", "x".repeat(1000)),
            "M010",
            "name",
        ),
        case("a layer named as a path", Model, conv("name = \"../../../x\""), "M010", ""),
        case("two of one name", Model, conv("name = \"a\"") + "name = \"a\"\n", "M011", "a"),
    ]
}

fn shapes() -> Vec<Case> {
    use Kind::Model;
    let large = 1_u64 << 40;
    let block = |layers: &str| format!("input = [8, 8, 4]\nlayers = [{layers}]\n");
    let huge = "{ type = \"Conv2D\", filters = 4, kernel_size = 2147483648, padding = \"same\" }";
    let dense = "{ type = \"Dense\", units = 268435456 }";
    vec![
        case("no axes", Model, MODEL.replace("[6, 6, 1]", "[]"), "M014", "1 to 4 axes"),
        case("an axis of 0", Model, MODEL.replace("[6, 6, 1]", "[6, 0, 1]"), "M014", "size 0"),
        case(
            "a huge input",
            Model,
            MODEL.replace("[6, 6, 1]", "[4294967296, 4294967296, 9]"),
            "M022",
            "limit",
        ),
        case("no layers", Model, "input = [8]\nlayers = []\n", "M013", "no layers"),
        case(
            "a kernel too large",
            Model,
            layer("type = \"Conv2D\"\nfilters = 1\nkernel_size = 9"),
            "M031",
            "conv2d",
        ),
        case("a dilation of 2^62", Model, conv("dilation_rate = 4611686018427387904"), "M035", ""),
        case("padding 2^55", Model, conv("padding = 36028797018963968"), "M035", ""),
        case("padding 2^63 − 1", Model, conv("padding = 9223372036854775807"), "M035", ""),
        case(
            "units 2^32",
            Model,
            MODEL.replace("units = 3", "units = 4294967296"),
            "M021",
            "parameters",
        ),
        case(
            "units 2^63 − 1",
            Model,
            MODEL.replace("units = 3", "units = 9223372036854775807"),
            "M021",
            "",
        ),
        case(
            "zeros of 2^40",
            Model,
            layer(&format!("type = \"ZeroPadding2D\"\npadding = {large}")),
            "M035",
            "",
        ),
        case(
            "a reshape of 2^40",
            Model,
            layer(&format!("type = \"Reshape\"\ntarget_shape = [{large}, {large}]")),
            "M042",
            "",
        ),
        case(
            "a conv after Flatten",
            Model,
            layer(
                "type = \"Flatten\"\n[[layers]]\ntype = \"Conv2D\"\nfilters = 1\nkernel_size = 1",
            ),
            "M032",
            "Flatten",
        ),
        case(
            "branches that differ",
            Model,
            block(
                "{ type = \"Residual\", layers = [{ type = \"Conv2D\", filters = 9, kernel_size = 3 }] }",
            ),
            "M044",
            "equal shapes",
        ),
        case(
            "one branch",
            Model,
            block("{ type = \"Concatenate\", branches = [[]] }"),
            "M044",
            "two branches",
        ),
        case(
            "an empty block",
            Model,
            block("{ type = \"Residual\", layers = [] }"),
            "M044",
            "no layers",
        ),
        case(
            "2^64 weights in a block",
            Model,
            block(&format!("{{ type = \"Residual\", layers = [{huge}] }}")),
            "M021",
            "parameters",
        ),
        case(
            "two times 2^64 weights, and a block behind",
            Model,
            block(&format!(
                "{{ type = \"Residual\", layers = [{huge}, {huge}, {{ type = \"Residual\", layers = [{huge}, {huge}] }}, {{ type = \"SqueezeExcite\", ratio = 1 }}] }}"
            )),
            "M021",
            "parameters",
        ),
        case(
            "wide Dense layers in a branch",
            Model,
            format!(
                "input = [4]\nlayers = [{{ type = \"Concatenate\", branches = [[{dense}], [{dense}], [{dense}, {dense}]] }}]\n"
            ),
            "M021",
            "",
        ),
        case(
            "images in a block of a flat input",
            Model,
            "input = [4]\nlayers = [{ type = \"Residual\", layers = [{ type = \"Conv2D\", filters = 4, kernel_size = 1 }] }]\n",
            "M032",
            "layers[0]",
        ),
    ]
}

pub(crate) fn sweeps() -> Vec<Case> {
    use Kind::Sweep;
    let grid = |lines: &str| format!("model = \"base\"\nseeds = 1\n[grid]\n{lines}\n");
    // A repetition of a repetition; a few more, and no memory would do.
    let deeper = "\"repeat.flatten\" = [100]\n\"repeat.dropout..dense\" = [100]\n";
    let many: Vec<String> = (1..=100).map(|i| i.to_string()).collect();
    let many = many.join(", ");
    vec![
        case("empty", Sweep, "", "E005", ""),
        case("an unknown model", Sweep, "model = \"other\"\n", "E005", "base"),
        case("2 MiB", Sweep, "#".repeat(2 << 20), "M002", "limit"),
        case("20,000 brackets", Sweep, format!("a = {}", "[".repeat(20_000)), "M002", "nested"),
        case(
            "a path outside",
            Sweep,
            format!("name = \"../../x\"\n{}", grid("")),
            "E001",
            "folder",
        ),
        case("seeds 0", Sweep, "model = \"base\"\nseeds = 0\n", "E003", "seeds"),
        case(
            "seeds 2^63",
            Sweep,
            "model = \"base\"\nseeds = 9223372036854775807\n",
            "E003",
            "seeds",
        ),
        case("an unknown path", Sweep, grid("\"fit.epoch\" = [1]"), "M003", "epochs"),
        case("no values", Sweep, grid("\"fit.epochs\" = []"), "E008", ""),
        case(
            "a million rows",
            Sweep,
            grid(&format!(
                "\"fit.epochs\" = [{many}]\n\"fit.batch_size\" = [{many}]\n\"layers.conv2d.filters\" = [{many}]"
            )),
            "E006",
            "1000",
        ),
        case("repeated −1 times", Sweep, grid("\"repeat.conv2d\" = [-1]"), "E009", "0 to 100"),
        case(
            "repeated 2^63 times",
            Sweep,
            grid("\"repeat.conv2d\" = [9223372036854775807]"),
            "E009",
            "0 to 100",
        ),
        case(
            "repeated 100 times 100 times",
            Sweep,
            grid(deeper),
            "E009",
            "expected 1000 layers at most",
        ),
        case(
            "an insertion of no layer",
            Sweep,
            grid("\"insert.after.conv2d\" = [[3]]"),
            "E009",
            "",
        ),
        case(
            "a huge layer",
            Sweep,
            grid("\"layers.dense.units\" = [9223372036854775807]"),
            "M021",
            "parameters",
        ),
        case(
            "escapes in a name",
            Sweep,
            "model = \"base\"\n[[variants]]\nname = \"\\u001b[2J\"\n",
            "E001",
            "",
        ),
        case("a seed in the grid", Sweep, grid("\"fit.seed\" = [1]"), "E009", "seed"),
    ]
}

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

pub(crate) const HISTORY: &str = "{\"schema\": 1, \"params\": {\"epochs\": 2, \"steps\": 3, \"batch_size\": 4, \"samples\": 12, \"validation_samples\": 0}, \
\"metrics\": [\"accuracy\", \"loss\"], \"epoch\": [0, 1], \"history\": {\"accuracy\": [0.5, 0.75], \"loss\": [1.5, null]}, \"seconds\": [0.5, 0.25], \
\"images_per_second\": [24.0, 48.0], \"stopped_by\": null, \"train\": null, \"penalty\": 0.0, \"test\": {\"loss\": 0.5, \"accuracy\": 0.75}}";

pub(crate) const RUN: &str = "{\"schema\": 1, \"program\": \"0.1.0\", \"finished\": true, \"seed\": 7, \"threads\": 2, \"isa\": \"avx2\", \
\"command\": [\"cnn\", \"train\"], \"data\": \"fashion-mnist\", \"data_fingerprint\": \"ab\", \"weights_hash\": null}";

pub(crate) fn runs() -> Vec<Case> {
    use Kind::{ConfigOfRun, History, ModelFile, Payload, Run};
    let file = model_file();
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = file.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let text = |n: u64, text: &str| [&n.to_le_bytes()[..], text.as_bytes()].concat();
    let no_model =
        |toml: &str| [text(5, "0.1.0"), text(toml.len() as u64, toml), vec![0; 32]].concat();
    let tensors = |n: u64| [text(5, "0.1.0"), text(0, ""), n.to_le_bytes().to_vec()].concat();
    let list = |n: usize, one: &str| format!("[{}]", vec![one; n].join(","));
    let metrics = |list: &str| HISTORY.replace("[\"accuracy\", \"loss\"]", list);
    let command = |list: &str| RUN.replace("[\"cnn\", \"train\"]", list);
    let columns: String = (0..300_000).map(|i| format!("\"{i:x}\":[],")).collect();
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
        case("schema 9", History, HISTORY.replacen("1,", "9,", 1), "T021", "schema 9"),
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
        case("a negative seed", Run, RUN.replace("7", "-7"), "T021", ""),
        case("schema 9", Run, RUN.replacen("1,", "9,", 1), "T021", "schema 9"),
        case("words without end", Run, command(&list(6_000_000, "\"\"")) + "x", "T021", ""),
        case("a list for a word", Run, command(&"[".repeat(100_000)), "T021", ""),
        case("a config of brackets", ConfigOfRun, "[".repeat(100_000), "T021", ""),
        case("a config that is none", ConfigOfRun, b"\xFF\xFE\0".to_vec(), "T021", ""),
        case("an empty config", ConfigOfRun, b"", "T021", "input"),
    ]
}

/// Unusual, and right.
pub(crate) fn odd() -> Vec<(&'static str, Kind, Vec<u8>)> {
    let windows = format!("\u{feff}{}", MODEL.replace('\n', "\r\n"));
    vec![
        ("a mark and Windows's line ends", Kind::Model, windows.into_bytes()),
        ("l1_l2", Kind::Model, conv("kernel_regularizer = \"l1_l2\"").into_bytes()),
        ("dropout of all", Kind::Model, layer("type = \"Dropout\"\nrate = 1.0").into_bytes()),
        ("12 blocks deep", Kind::Model, in_blocks(12).into_bytes()),
        ("a sweep of one row", Kind::Sweep, b"model = \"base\"\nseeds = 1\n".to_vec()),
        ("a model file", Kind::ModelFile, model_file()),
        ("a history", Kind::History, HISTORY.into()),
        ("a run", Kind::Run, RUN.into()),
        ("unknown keys of a run", Kind::Run, RUN.replacen('{', "{\"later\": 1, ", 1).into_bytes()),
    ]
}

fn in_blocks(depth: usize) -> String {
    let convolution = "{ type = \"Conv2D\", filters = 1, kernel_size = 3, padding = \"same\" }";
    let text = nested(depth).replace("{ type = \"Flatten\" }", convolution);
    let head =
        ", { type = \"Flatten\" }, { type = \"Dense\", units = 3, activation = \"softmax\" }]\n";
    text.strip_suffix("]\n").unwrap().to_owned() + head
}
