//! The experiments that travel inside the program, as files that people can copy.

/// A sweep.toml that comes with the program.
#[derive(Debug)]
pub(crate) struct Embedded {
    /// What `cnn experiment NAME` says.
    pub(crate) name: &'static str,
    /// The file's text.
    pub(crate) text: &'static str,
}

impl Embedded {
    /// The first line of the file's comment: what is compared.
    pub(crate) fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

macro_rules! experiments {
    ($($name:literal),+ $(,)?) => {
        /// All of them.
        pub(crate) const EXPERIMENTS: &[Embedded] =
            &[$(Embedded { name: $name, text: include_str!(concat!("../experiments/", $name, ".toml")) }),+];
    };
}

experiments!["course", "overfitting", "recipes", "resnet", "mnist"];

/// The experiment of that name.
pub(crate) fn find(name: &str) -> Option<&'static Embedded> {
    EXPERIMENTS.iter().find(|experiment| experiment.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;
    use cnn_train::Overrides;
    use cnn_train::experiment::Sweep;

    #[test]
    fn every_experiment_of_the_folder_is_embedded_and_sound() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, EXPERIMENTS.len());
        for experiment in EXPERIMENTS {
            let find = |name: &str| {
                let preset = presets::find(name).ok_or("no such preset")?;
                Ok((format!("{name}.toml"), preset.text.to_owned()))
            };
            let file = format!("{}.toml", experiment.name);
            let sweep = Sweep::from_toml(&file, experiment.text, Overrides::default(), &find);
            let sweep = sweep.unwrap_or_else(|found| panic!("{found}"));
            assert_eq!(sweep.name, experiment.name);
        }
    }

    #[test]
    fn the_course_has_the_course_s_parameters() {
        let find = |name: &str| {
            let preset = presets::find(name).ok_or("no such preset")?;
            Ok((name.to_owned(), preset.text.to_owned()))
        };
        let course = super::find("course").unwrap();
        let sweep = Sweep::from_toml("course", course.text, Overrides::default(), &find).unwrap();
        let parameters: Vec<u64> = sweep.rows.iter().map(|row| row.parameters).collect();
        assert_eq!(parameters, [101_770, 55_098, 113_386, 243_786, 1_386_506, 1_218_634, 84_106]);
    }
}
