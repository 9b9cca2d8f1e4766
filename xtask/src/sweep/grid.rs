//! Which networks are measured.

use std::fmt::Write as _;

/// Convolutions c → c without shrinking, and a classifier: the first convolution has one gradient, the others both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Height and width of the image.
    pub(super) side: usize,
    /// Channels of the image, and filters of the convolutions.
    pub(super) channels: usize,
    /// Height and width of the kernels.
    pub(super) kernel: usize,
    /// Images in a batch.
    pub(super) batch: usize,
    /// Convolutions in a row.
    pub(super) depth: usize,
    /// Threads that train it.
    pub(super) threads: usize,
}

/// What an axis begins from.
pub(super) const BASE: Shape =
    Shape { side: 14, channels: 32, kernel: 3, batch: 32, depth: 2, threads: 1 };

/// One number of the shape that changes while the others stay.
#[derive(Debug)]
pub(super) struct Axis {
    /// In file names.
    pub(super) name: &'static str,
    /// What changes, in words.
    pub(super) label: &'static str,
    /// Rising.
    pub(super) values: &'static [usize],
    with: fn(usize) -> Shape,
}

impl Axis {
    /// The base with one of the axis's values.
    pub(super) fn shape(&self, value: usize) -> Shape {
        (self.with)(value)
    }

    /// What stays, in words.
    pub(super) fn others(&self) -> String {
        let Shape { side, channels, kernel, batch, depth, threads } = BASE;
        let all = [
            ("depth", format!("{depth} convolutions")),
            ("channels", format!("{channels} channels and filters")),
            ("kernel", format!("{kernel} × {kernel}")),
            ("image", format!("{side} × {side} pixels")),
            ("batch", format!("batch {batch}")),
            ("threads", format!("{threads} thread")),
        ];
        let rest = all.into_iter().filter(|(name, _)| *name != self.name).map(|(_, text)| text);
        rest.collect::<Vec<_>>().join(", ")
    }
}

pub(super) const AXES: [Axis; 6] = [
    Axis {
        name: "channels",
        label: "channels",
        values: &[1, 3, 8, 16, 17, 31, 32, 33, 48, 64, 65],
        with: |channels| Shape { channels, ..BASE },
    },
    Axis {
        name: "batch",
        label: "batch size",
        values: &[1, 4, 7, 8, 32, 33, 128],
        with: |batch| Shape { batch, ..BASE },
    },
    Axis {
        name: "kernel",
        label: "kernel size",
        values: &[1, 3, 5],
        with: |kernel| Shape { kernel, ..BASE },
    },
    Axis {
        name: "image",
        label: "image size",
        values: &[7, 14, 28, 33],
        with: |side| Shape { side, ..BASE },
    },
    Axis {
        name: "depth",
        label: "convolutions",
        values: &[1, 2, 4, 8],
        with: |depth| Shape { depth, ..BASE },
    },
    Axis {
        name: "threads",
        label: "threads",
        values: &[1, 2],
        with: |threads| Shape { threads, ..BASE },
    },
];

impl Shape {
    /// The name of its model and of its file.
    pub(super) fn name(&self) -> String {
        let Self { side, channels, kernel, batch, depth, threads } = self;
        format!(
            "image{side}-channels{channels}-kernel{kernel}-batch{batch}-depth{depth}-threads{threads}"
        )
    }

    /// Its model.toml.
    fn model(&self) -> String {
        let Self { side, channels, kernel, batch, depth, .. } = *self;
        let convs = vec![Conv { filters: channels, kernel, stride: 1 }; depth];
        model(&self.name(), [side, side, channels], &convs, batch)
    }
}

/// A network to measure.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) name: String,
    /// Its model.toml.
    pub(super) text: String,
    pub(super) threads: usize,
}

/// Every network, each once.
pub(super) fn networks() -> Vec<Network> {
    let mut networks: Vec<Network> = Vec::new();
    for axis in &AXES {
        for shape in axis.values.iter().map(|value| axis.shape(*value)) {
            let (name, text, threads) = (shape.name(), shape.model(), shape.threads);
            if !networks.iter().any(|network| network.name == name) {
                networks.push(Network { name, text, threads });
            }
        }
    }
    let (name, text, threads) = (RESNET_LIKE.to_owned(), resnet_like(), BASE.threads);
    networks.push(Network { name, text, threads });
    networks
}

/// One convolution with "same" padding and relu.
#[derive(Clone, Copy, Debug)]
struct Conv {
    filters: usize,
    kernel: usize,
    stride: usize,
}

/// The name of [`resnet_like`].
pub(super) const RESNET_LIKE: &str = "resnet-like";

/// Its batch.
pub(super) const RESNET_BATCH: usize = 128;

/// The convolutions of ResNet-20 (He et al. 2015, section 4.2) in a row, on 32 × 32 × 3: one, then six with 16 filters, six with 32
/// and six with 64, the image halved where the filters double. Without its sums, and with all pixels before the classifier
/// instead of their mean.
fn resnet_like() -> String {
    let conv = |filters, stride| Conv { filters, kernel: 3, stride };
    let mut convs = vec![conv(16, 1)];
    for (filters, first) in [(16, 1), (32, 2), (64, 2)] {
        convs.push(conv(filters, first));
        convs.extend([conv(filters, 1); 5]);
    }
    model(RESNET_LIKE, [32, 32, 3], &convs, RESNET_BATCH)
}

fn model(name: &str, input: [usize; 3], convs: &[Conv], batch: usize) -> String {
    let mut text = format!("name = \"{name}\"\ninput = {input:?}\n");
    for Conv { filters, kernel, stride } in convs {
        let _ = write!(
            text,
            "\n[[layers]]\ntype = \"Conv2D\"\nfilters = {filters}\nkernel_size = {kernel}\nstrides = {stride}\npadding = \"same\"\nactivation = \"relu\"\n"
        );
    }
    let _ = write!(
        text,
        "\n[[layers]]\ntype = \"Flatten\"\n\n[[layers]]\ntype = \"Dense\"\nunits = 10\nactivation = \"softmax\"\n\n[compile]\noptimizer = {{ type = \"Adam\" }}\n\n[fit]\nbatch_size = {batch}\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_axis_rises_and_goes_through_the_base() {
        for axis in &AXES {
            assert!(axis.values.is_sorted(), "{}", axis.name);
            assert!(axis.values.iter().any(|value| axis.shape(*value) == BASE), "{}", axis.name);
            let names: Vec<String> = axis.values.iter().map(|v| axis.shape(*v).name()).collect();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
            assert_eq!(axis.others().split(", ").count(), AXES.len() - 1, "{}", axis.others());
        }
    }

    #[test]
    fn the_base_is_measured_once() {
        let sizes: usize = AXES.iter().map(|axis| axis.values.len()).sum();
        let networks = networks();
        assert_eq!(networks.len(), sizes - (AXES.len() - 1) + 1);
        assert_eq!(networks.iter().filter(|network| network.name == BASE.name()).count(), 1);
    }

    #[test]
    fn models_are_written_as_they_should_be() {
        let expected = r#"name = "image14-channels17-kernel3-batch32-depth2-threads1"
input = [14, 14, 17]

[[layers]]
type = "Conv2D"
filters = 17
kernel_size = 3
strides = 1
padding = "same"
activation = "relu"

[[layers]]
type = "Conv2D"
filters = 17
kernel_size = 3
strides = 1
padding = "same"
activation = "relu"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 10
activation = "softmax"

[compile]
optimizer = { type = "Adam" }

[fit]
batch_size = 32
"#;
        assert_eq!(Shape { channels: 17, ..BASE }.model(), expected);
        let resnet = resnet_like();
        assert_eq!(resnet.matches("type = \"Conv2D\"").count(), 19);
        assert_eq!(resnet.matches("strides = 2").count(), 2);
        assert!(toml::from_str::<toml::Table>(&resnet).is_ok());
    }
}
