//! Bad inputs that are text: model.toml and sweep.toml.

use crate::parsers::{Kind, MODEL};
use crate::runs::{HISTORY, RUN, model_file};
use crate::{Case, case};

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

#[expect(clippy::too_many_lines, reason = "a table")]
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

#[expect(clippy::too_many_lines, reason = "a table")]
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
        case("escapes in a path", Sweep, grid("\"re\\eat.dropout\" = [1]"), "E009", "re\u{fffd}at"),
        case("a seed in the grid", Sweep, grid("\"fit.seed\" = [1]"), "E009", "seed"),
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
