//! Equal images of a data set: within a split, and in both.

use cnn_data::{Dataset, Split, equal_images};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Examples of each kind that are shown.
const SHOWN: usize = 5;

/// Images that are equal in every pixel: positions in either split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    train: Vec<u32>,
    test: Vec<u32>,
}

/// All equal images of a data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Twins {
    groups: Vec<Group>,
    /// Within the training split and within the test split.
    within: [Within; 2],
    across: Across,
}

/// Equal images of one split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Within {
    /// Images that repeat an earlier one.
    repeats: usize,
    /// Images in groups whose labels differ.
    disagreeing: usize,
}

/// Test images that are also training images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Across {
    images: usize,
    /// Those whose label is not that of every training image that is equal.
    disagreeing: usize,
}

impl Twins {
    /// Finds them.
    pub(super) fn of(data: &Dataset) -> Self {
        let all = |split: &Split| (0..split.len() as u32).collect::<Vec<u32>>();
        let (train, test) = (all(&data.train), all(&data.test));
        let mut twins = Self::default();
        for group in equal_images(&[(&data.train, &train), (&data.test, &test)]) {
            let of = |part| {
                group.iter().filter(|place| place.part == part).map(|place| place.image).collect()
            };
            let group = Group { train: of(0), test: of(1) };
            let label = |split: &Split, image: u32| split.labels[image as usize];
            for (within, (split, images)) in twins
                .within
                .iter_mut()
                .zip([(&data.train, &group.train), (&data.test, &group.test)])
            {
                within.repeats += images.len().saturating_sub(1);
                if images.iter().any(|&image| label(split, image) != label(split, images[0])) {
                    within.disagreeing += images.len();
                }
            }
            if !group.train.is_empty() {
                twins.across.images += group.test.len();
                twins.across.disagreeing +=
                    group.test.iter().filter(|&&image| group.contradicts(data, image)).count();
            }
            twins.groups.push(group);
        }
        twins
    }

    /// A few lines for people.
    pub(super) fn text(&self, data: &Dataset) -> String {
        let mut text = String::from("  images that are equal in every pixel\n");
        let sizes = [data.train.len(), data.test.len()];
        for ((name, n), within) in ["train", "test"].into_iter().zip(sizes).zip(self.within) {
            let _ = writeln!(
                text,
                "    {name:5} {} of {n} repeat another one; {} are in groups whose labels differ",
                within.repeats, within.disagreeing
            );
        }
        let Across { images, disagreeing } = self.across;
        let _ = writeln!(
            text,
            "    both  {images} of {} test images are also training images, {disagreeing} of them with another label",
            sizes[1]
        );
        let pairs = [
            ("the same image twice in training, with different labels", self.in_training(data)),
            ("a test image in training, with another label", self.in_both(data, true)),
            ("a test image in training, with the same label", self.in_both(data, false)),
        ];
        for (what, pairs) in pairs {
            if !pairs.is_empty() {
                let _ = writeln!(text, "    {what}:");
                for pair in pairs.iter().take(SHOWN) {
                    let _ = writeln!(text, "      {pair}");
                }
                if pairs.len() > SHOWN {
                    let _ = writeln!(
                        text,
                        "      and {} more; --format json has all",
                        pairs.len() - SHOWN
                    );
                }
            }
        }
        text
    }

    /// A pair for each group of training images whose labels differ.
    fn in_training(&self, data: &Dataset) -> Vec<String> {
        let differ = |group: &Group| {
            let label = |image: u32| data.train.labels[image as usize];
            let first = *group.train.first()?;
            let other = group.train.iter().find(|&&image| label(image) != label(first))?;
            Some(format!("{} = {}", named(data, 0, first), named(data, 0, *other)))
        };
        self.groups.iter().filter_map(differ).collect()
    }

    /// Each test image that is also in training, and its label contradicted or not.
    fn in_both(&self, data: &Dataset, contradicted: bool) -> Vec<String> {
        let mut pairs = Vec::new();
        for group in self.groups.iter().filter(|group| !group.train.is_empty()) {
            for &image in &group.test {
                if group.contradicts(data, image) == contradicted {
                    let label = data.test.labels[image as usize];
                    let other =
                        group.train.iter().find(|&&twin| data.train.labels[twin as usize] != label);
                    let twin = *other.unwrap_or(&group.train[0]);
                    pairs.push(format!("{} = {}", named(data, 1, image), named(data, 0, twin)));
                }
            }
        }
        pairs
    }

    /// All of it.
    pub(super) fn json(&self, data: &Dataset) -> Value {
        let within =
            |within: Within| json!({"repeats": within.repeats, "disagreeing": within.disagreeing});
        let labels = |split: &Split, images: &[u32]| -> Vec<u32> {
            images.iter().map(|&image| split.labels[image as usize]).collect()
        };
        let groups: Vec<Value> = (self.groups.iter())
            .map(|group| {
                json!({
                    "train": group.train, "test": group.test,
                    "train_labels": labels(&data.train, &group.train),
                    "test_labels": labels(&data.test, &group.test),
                })
            })
            .collect();
        json!({
            "train": within(self.within[0]), "test": within(self.within[1]),
            "both": {"images": self.across.images, "disagreeing": self.across.disagreeing},
            "groups": groups,
        })
    }
}

impl Group {
    /// Whether a training image equal to this test image has another label.
    fn contradicts(&self, data: &Dataset, test: u32) -> bool {
        let label = data.test.labels[test as usize];
        self.train.iter().any(|&image| data.train.labels[image as usize] != label)
    }
}

/// `test 7 (Shirt)`, with the file's name where there is one.
fn named(data: &Dataset, part: usize, image: u32) -> String {
    let (what, split) = if part == 0 { ("train", &data.train) } else { ("test", &data.test) };
    let label = split.labels[image as usize] as usize;
    let class = data.classes.get(label).cloned().unwrap_or_else(|| label.to_string());
    match data.files[part].get(image as usize) {
        Some(file) => format!("{what} {image} ({class}, {file})"),
        None => format!("{what} {image} ({class})"),
    }
}
