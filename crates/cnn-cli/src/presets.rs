//! The course's networks, as files that people can copy. They travel inside the program.

/// A model.toml that comes with the program.
#[derive(Debug)]
pub(crate) struct Preset {
    /// What `cnn train NAME` says.
    pub(crate) name: &'static str,
    /// The file's text.
    pub(crate) text: &'static str,
}

impl Preset {
    /// The first line of the file's comment: what the network is.
    pub(crate) fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// In the order of the course's table.
        pub(crate) const PRESETS: &[Preset] =
            &[$(Preset { name: $name, text: include_str!(concat!("../presets/", $name, ".toml")) }),+];
    };
}

presets![
    "cnn32",
    "dnn",
    "cnn16",
    "cnn64",
    "one-conv64",
    "conv-conv-pool",
    "three-conv64",
    "cnn32-augmented",
    "fast",
    "small",
    "mobilenet",
    "resnet",
    "mnist-assignment",
    "mnist",
];

/// The preset of that name.
pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// The presets' names in one line.
pub(crate) fn names() -> String {
    PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_preset() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().replace(".toml", ""))
            .collect();
        files.sort();
        let mut names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        names.sort_unstable();
        assert_eq!(files, names);
    }
}
