//! The few messages of an event file, in the encoding of protocol buffers: fields in the order of their numbers, those that
//! have their default left out, as TensorFlow writes them.
//!
//! | message | fields |
//! |---|---|
//! | `Event` | 1 `wall_time` f64, 2 `step`, 3 `file_version`, 5 `summary` |
//! | `Summary` | 1 `value` |
//! | `Summary.Value` | 1 `tag`, 8 `tensor`, 9 `metadata` { 1 `plugin_data` { 1 `plugin_name` } } |
//! | `TensorProto` | 1 `dtype`, 2 `tensor_shape` { 2 `dim` { 1 `size` } }, 4 `tensor_content`, 8 `string_val` |
//!
//! **Source**: TensorFlow `core/util/event.proto`, `core/framework/summary.proto`, `core/framework/tensor.proto`; TensorBoard's
//! plugins `scalar`, `histogram` and `image` (their `summary_v2.py`).

/// One record.
pub(super) struct Event<'a> {
    /// Seconds since 1970.
    pub(super) time: f64,
    /// What the x axis counts: epochs or batches.
    pub(super) step: u64,
    pub(super) payload: Payload<'a>,
}

/// What a record says.
pub(super) enum Payload<'a> {
    /// The first record of a file.
    Version(&'a str),
    /// One number.
    Scalar { tag: &'a str, value: f32 },
    /// Rows of left edge, right edge and count.
    Histogram { tag: &'a str, buckets: &'a [[f64; 3]] },
    /// A PNG file.
    Image { tag: &'a str, width: usize, height: usize, png: &'a [u8] },
}

const DT_FLOAT: u64 = 1;
const DT_DOUBLE: u64 = 2;
const DT_STRING: u64 = 7;

impl Event<'_> {
    /// Appends the record's bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        key(out, 1, FIXED64);
        out.extend(self.time.to_le_bytes());
        number(out, 2, self.step);
        match &self.payload {
            Payload::Version(version) => bytes(out, 3, version.as_bytes()),
            other => {
                let value = value(other);
                let mut summary = Vec::with_capacity(value.len() + 8);
                bytes(&mut summary, 1, &value);
                bytes(out, 5, &summary);
            }
        }
    }
}

/// `Summary.Value`.
fn value(payload: &Payload<'_>) -> Vec<u8> {
    let mut tensor = Vec::new();
    let (tag, plugin) = match payload {
        Payload::Version(_) => return Vec::new(),
        Payload::Scalar { tag, value } => {
            tensor_head(&mut tensor, DT_FLOAT, &[]);
            bytes(&mut tensor, 4, &value.to_le_bytes());
            (tag, "scalars")
        }
        Payload::Histogram { tag, buckets } => {
            tensor_head(&mut tensor, DT_DOUBLE, &[buckets.len(), 3]);
            let content: Vec<u8> = buckets.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
            bytes(&mut tensor, 4, &content);
            (tag, "histograms")
        }
        Payload::Image { tag, width, height, png } => {
            tensor_head(&mut tensor, DT_STRING, &[3]);
            bytes(&mut tensor, 8, width.to_string().as_bytes());
            bytes(&mut tensor, 8, height.to_string().as_bytes());
            bytes(&mut tensor, 8, png);
            (tag, "images")
        }
    };
    let (mut data, mut metadata) = (Vec::new(), Vec::new());
    bytes(&mut data, 1, plugin.as_bytes());
    bytes(&mut metadata, 1, &data);
    let mut out = Vec::with_capacity(tensor.len() + 64);
    bytes(&mut out, 1, tag.as_bytes());
    bytes(&mut out, 8, &tensor);
    bytes(&mut out, 9, &metadata);
    out
}

/// Type and shape.
fn tensor_head(out: &mut Vec<u8>, kind: u64, dims: &[usize]) {
    number(out, 1, kind);
    let mut shape = Vec::new();
    for &size in dims {
        let mut dim = Vec::new();
        number(&mut dim, 1, size as u64);
        bytes(&mut shape, 2, &dim);
    }
    bytes(out, 2, &shape);
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

fn key(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

/// A whole number; 0 is the default and left out.
fn number(out: &mut Vec<u8>, field: u64, n: u64) {
    if n != 0 {
        key(out, field, VARINT);
        varint(out, n);
    }
}

/// Text, bytes or a message inside a message.
fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    key(out, field, LENGTH);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// Seven bits per byte, the lowest first; all bytes but the last have the highest bit set.
fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
