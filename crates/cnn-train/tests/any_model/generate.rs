//! Random layers of every kind, as the text of a model.toml: mostly sensible, now and then far out of range.

use cnn_nn::layers::{Function, LayerSpec};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Numbers that shape arithmetic must survive.
const EXTREMES: [&str; 12] = [
    "0",
    "-1",
    "1048577",
    "2147483648",
    "4294967297",
    "36028797018963968",
    "4611686018427387904",
    "9223372036854775807",
    "1.5",
    "nan",
    "inf",
    "-1e300",
];

const INITIALIZERS: [&str; 17] = [
    "\"glorot_uniform\"",
    "\"glorot_normal\"",
    "\"he_uniform\"",
    "\"he_normal\"",
    "\"lecun_uniform\"",
    "\"lecun_normal\"",
    "\"orthogonal\"",
    "\"identity\"",
    "\"zeros\"",
    "\"ones\"",
    "{ constant = 0.1 }",
    "{ uniform = [-0.1, 0.1] }",
    "{ normal = 0.1 }",
    "{ truncated_normal = 0.1 }",
    "{ orthogonal = 1.5 }",
    "{ identity = 0.5 }",
    "\"RandomUniform\"",
];

const FILLS: [&str; 4] = ["\"reflect\"", "\"wrap\"", "\"constant\"", "\"nearest\""];

/// What the choices are made of.
pub(crate) struct Dice {
    random: ChaCha8Rng,
    /// One value in so many is extreme; 0 for none.
    pub(crate) wild: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), wild: 0 }
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.random.next_u64() % n.max(1)
    }

    pub(crate) fn one_of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    /// A number from 1 to `most`, or an extreme one.
    fn size(&mut self, most: u64) -> String {
        if self.wild > 0 && self.below(self.wild) == 0 {
            return self.one_of(&EXTREMES).to_owned();
        }
        (1 + self.below(most)).to_string()
    }

    fn pair(&mut self, most: u64) -> String {
        if self.below(2) == 0 {
            return self.size(most);
        }
        format!("[{}, {}]", self.size(most), self.size(most))
    }

    fn fraction(&mut self) -> String {
        if self.wild > 0 && self.below(self.wild) == 0 {
            return self.one_of(&EXTREMES).to_owned();
        }
        format!("0.{}", self.below(9) + 1)
    }

    fn function(&mut self) -> String {
        let all = Function::ALL;
        let chosen = all[self.below(all.len() as u64) as usize];
        // serde's name of it.
        serde_json::to_string(&chosen).unwrap()
    }

    fn padding(&mut self) -> String {
        match self.below(4) {
            0 => "\"valid\"".to_owned(),
            1 => self.size(3),
            _ => "\"same\"".to_owned(),
        }
    }

    /// One in two times this key with this value.
    fn maybe(&mut self, out: &mut Vec<String>, key: &str, value: impl FnOnce(&mut Self) -> String) {
        if self.below(2) == 0 {
            let value = value(self);
            out.push(format!("{key} = {value}"));
        }
    }

    fn flag(&mut self) -> String {
        (self.below(2) == 0).to_string()
    }

    fn regularizer(&mut self) -> String {
        match self.below(3) {
            0 => "\"l1l2\"".to_owned(),
            1 => format!("{{ l1 = {} }}", self.fraction()),
            _ => "{ l1 = 1e-4, l2 = 1e-3 }".to_owned(),
        }
    }

    fn constraint(&mut self) -> String {
        self.one_of(&["\"unit_norm\"", "\"non_neg\"", "{ max_norm = 1.5 }"]).to_owned()
    }

    fn convolution(&mut self, out: &mut Vec<String>) {
        let kernel = self.pair(4);
        out.push(format!("kernel_size = {kernel}"));
        self.maybe(out, "strides", |d| d.pair(3));
        self.maybe(out, "padding", Self::padding);
        // Keras knows no dilation of a strided convolution: both together are refused.
        if self.below(3) == 0 {
            self.maybe(out, "dilation_rate", |d| d.pair(3));
        }
        self.maybe(out, "activation", Self::function);
        self.maybe(out, "use_bias", Self::flag);
        self.maybe(out, "bias_initializer", |d| d.one_of(&INITIALIZERS[8..]).to_owned());
    }

    fn weights(&mut self, out: &mut Vec<String>, stem: &str) {
        let initializer = format!("{stem}_initializer");
        self.maybe(out, &initializer, |d| d.one_of(&INITIALIZERS).to_owned());
        if self.below(3) == 0 {
            let regularizer = format!("{stem}_regularizer");
            self.maybe(out, &regularizer, Self::regularizer);
            self.maybe(out, "bias_regularizer", Self::regularizer);
            self.maybe(out, "activity_regularizer", Self::regularizer);
        }
        self.maybe(out, &format!("{stem}_constraint"), Self::constraint);
    }

    fn resampled(&mut self, out: &mut Vec<String>) {
        self.maybe(out, "fill_mode", |d| d.one_of(&FILLS).to_owned());
        self.maybe(out, "interpolation", |d| d.one_of(&["\"nearest\"", "\"bilinear\""]).to_owned());
        self.maybe(out, "fill_value", Self::fraction);
    }

    fn layers(&mut self, depth: usize, most: u64) -> String {
        let n = self.below(most + 1);
        let layers: Vec<String> = (0..n).map(|_| self.layer(depth + 1)).collect();
        format!("[{}]", layers.join(", "))
    }

    /// A layer as an inline table.
    pub(crate) fn layer(&mut self, depth: usize) -> String {
        let kinds = LayerSpec::KINDS;
        let mut kind = kinds[self.below(kinds.len() as u64) as usize];
        // Half of all layers are of the kinds that have the most to get wrong.
        if self.below(2) == 0 {
            kind = self.one_of(&["Conv2D", "Conv2D", "Residual", "Concatenate", "SeparableConv2D"]);
        }
        // Blocks in blocks, but not without end.
        if depth >= 3 && matches!(kind, "Residual" | "Concatenate") {
            kind = "Conv2D";
        }
        let mut out = vec![format!("type = \"{kind}\"")];
        self.keys(kind, depth, &mut out);
        format!("{{ {} }}", out.join(", "))
    }

    fn keys(&mut self, kind: &str, depth: usize, out: &mut Vec<String>) {
        match kind {
            "Conv2D" | "SeparableConv2D" | "DepthwiseConv2D" => self.convolutions(kind, out),
            "Dense" => {
                let units = self.size(12);
                out.push(format!("units = {units}"));
                self.maybe(out, "activation", Self::function);
                self.maybe(out, "use_bias", Self::flag);
                self.weights(out, "kernel");
            }
            "Activation" => out.push(format!("activation = {}", self.function())),
            "MaxPooling2D" | "AveragePooling2D" => {
                self.maybe(out, "pool_size", |d| d.pair(3));
                self.maybe(out, "strides", |d| d.pair(3));
                self.maybe(out, "padding", Self::padding);
            }
            "GlobalAveragePooling2D" | "GlobalMaxPooling2D" => {
                self.maybe(out, "keepdims", Self::flag);
            }
            "BatchNormalization" | "LayerNormalization" | "GroupNormalization" => {
                if kind == "BatchNormalization" {
                    self.maybe(out, "momentum", Self::fraction);
                }
                if kind == "GroupNormalization" {
                    self.maybe(out, "groups", |d| d.size(4));
                }
                self.maybe(out, "epsilon", |d| d.one_of(&["1e-3", "1e-5"]).to_owned());
                self.maybe(out, "center", Self::flag);
                self.maybe(out, "scale", Self::flag);
                if self.below(3) == 0 {
                    self.maybe(out, "gamma_initializer", |d| d.one_of(&INITIALIZERS).to_owned());
                    self.maybe(out, "beta_initializer", |d| d.one_of(&INITIALIZERS).to_owned());
                }
            }
            "Residual" => {
                let (main, other) = (self.layers(depth, 3), self.layers(depth, 2));
                let end =
                    format!("{{ type = \"Conv2D\", filters = {}, kernel_size = 1 }}", self.size(5));
                let ended = |list: &str| match list.strip_suffix(']') {
                    Some("[") | None => format!("[{end}]"),
                    Some(begin) => format!("{begin}, {end}]"),
                };
                // Two branches that end in as many channels fit more often.
                match self.below(3) {
                    0 => out.push(format!("layers = {main}")),
                    1 => out.push(format!("layers = {main}, shortcut = {other}")),
                    _ => {
                        out.push(format!(
                            "layers = {}, shortcut = {}",
                            ended(&main),
                            ended(&other)
                        ));
                    }
                }
                self.maybe(out, "activation", Self::function);
            }
            "Concatenate" => {
                let branches: Vec<String> =
                    (0..=self.below(3)).map(|_| self.layers(depth, 2)).collect();
                out.push(format!("branches = [{}]", branches.join(", ")));
            }
            "SqueezeExcite" => {
                self.maybe(out, "ratio", |d| d.size(4));
                self.maybe(out, "activation", Self::function);
            }
            "Reshape" => {
                let shape: Vec<String> = (0..=self.below(4))
                    .map(|_| if self.below(3) == 0 { "-1".to_owned() } else { self.size(8) })
                    .collect();
                out.push(format!("target_shape = [{}]", shape.join(", ")));
            }
            "Cropping2D" => self.maybe(out, "cropping", |d| d.pair(3)),
            "ZeroPadding2D" => self.maybe(out, "padding", |d| d.pair(3)),
            _ => self.remedies(kind, out),
        }
    }

    fn convolutions(&mut self, kind: &str, out: &mut Vec<String>) {
        self.convolution(out);
        if kind != "DepthwiseConv2D" {
            let filters = self.size(9);
            out.push(format!("filters = {filters}"));
        }
        if kind != "Conv2D" {
            self.maybe(out, "depth_multiplier", |d| d.size(3));
            self.weights(out, "depthwise");
        }
        if kind == "SeparableConv2D" {
            self.maybe(out, "pointwise_initializer", |d| d.one_of(&INITIALIZERS).to_owned());
            self.maybe(out, "pointwise_constraint", Self::constraint);
        }
        if kind == "Conv2D" {
            if self.below(4) == 0 {
                self.maybe(out, "groups", |d| d.size(3));
            }
            self.weights(out, "kernel");
        }
    }

    /// Layers that act in training alone.
    fn remedies(&mut self, kind: &str, out: &mut Vec<String>) {
        match kind {
            "Dropout" | "SpatialDropout2D" => out.push(format!("rate = {}", self.fraction())),
            "GaussianNoise" => out.push(format!("stddev = {}", self.fraction())),
            "RandomContrast" | "RandomErasing" => {
                out.push(format!("factor = {}", self.fraction()));
                out.push("value_range = [0.0, 1.0]".to_owned());
            }
            "RandomCrop" => {
                out.push(format!("height = {}, width = {}", self.size(6), self.size(6)));
                self.maybe(out, "padding", |d| d.size(2));
            }
            "RandomFlip" => {
                let modes = ["\"horizontal\"", "\"vertical\"", "\"horizontal_and_vertical\""];
                self.maybe(out, "mode", |d| d.one_of(&modes).to_owned());
            }
            "RandomRotation" => {
                out.push(format!("factor = {}", self.fraction()));
                self.resampled(out);
            }
            "RandomTranslation" => {
                let (h, w) = (self.fraction(), self.fraction());
                out.push(format!("height_factor = {h}, width_factor = {w}"));
                self.resampled(out);
            }
            "RandomZoom" => {
                out.push(format!("height_factor = {}", self.fraction()));
                self.maybe(out, "width_factor", Self::fraction);
                self.resampled(out);
            }
            "Rescaling" => {
                out.push(format!("scale = {}", self.fraction()));
                self.maybe(out, "offset", Self::fraction);
            }
            _ => {}
        }
    }
}
