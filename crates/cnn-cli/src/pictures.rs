//! Pictures that people choose: by number in the test split, or as files.

use crate::failure::{Exit, Failure};
use crate::output;
use crate::runs::RunArg;
use cnn_data::Dataset;
use cnn_train::{Preprocessing, SavedRun, TrainError};
use std::path::Path;

/// One picture as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    /// As it was asked for: `23`, or the file's name.
    pub(crate) name: String,
    /// Its class, where the data set says.
    pub(crate) label: Option<usize>,
    /// Numbers between 0 and 1, `[h, w, c]`.
    pub(crate) pixels: Vec<f32>,
}

/// The test images that the course looks at: three of Fashion-MNIST's ankle boots.
const COURSE: [usize; 3] = [0, 23, 28];

/// The pictures that `asked` names: whole numbers are positions in the test split of `data` (or else of the run's own data
/// set, which is then loaded), everything else is a PNG or JPEG file. Where nothing is asked for, those that the course
/// looks at, or the first three of a small data set.
pub(crate) fn choose(
    asked: &[String],
    run: &RunArg,
    saved: &mut SavedRun,
    data: Option<&str>,
    invert: bool,
) -> Result<Vec<Chosen>, Failure> {
    takes_pictures(saved)?;
    if asked.iter().any(String::is_empty) {
        let help = "give pictures, or positions in the test split: 0 7 photo.png";
        return Err(Failure::usage("one of the images has no name", help));
    }
    let numbers = asked.is_empty() || asked.iter().any(|name| position(name).is_some());
    // A data set that was named also names the classes of a model that comes without names.
    let names = data.is_some() && !run.is_saved();
    let data = (numbers || names).then(|| run.data(saved, data)).transpose()?;
    if let Some(data) = data.as_ref().filter(|_| numbers) {
        fits(saved, data)?;
    }
    if let Some(data) = data.as_ref().filter(|_| asked.is_empty()) {
        let has = |all: &[usize]| all.iter().all(|&at| at < data.test.len());
        let shown =
            if has(&COURSE) { COURSE.to_vec() } else { (0..data.test.len().min(3)).collect() };
        return shown.into_iter().map(|at| of_test_split(data, at)).collect();
    }
    let one = |name: &String| match (position(name), &data) {
        (Some(at), Some(data)) => of_test_split(data, at),
        _ => Ok(Chosen {
            name: name.clone(),
            label: None,
            pixels: read(Path::new(name), saved.preprocessing, invert)?,
        }),
    };
    asked.iter().map(one).collect()
}

/// The model's input is a picture: height, width and channels, or height and width.
fn takes_pictures(saved: &SavedRun) -> Result<(), Failure> {
    let input = saved.model.input().dims();
    if matches!(input.len(), 2 | 3) {
        return Ok(());
    }
    let what = format!("the model's input {input:?} is no picture");
    let help = "pictures want a model with input = [height, width, channels]";
    Err(Failure::model("M082", &what, "", help))
}

/// The images of `data` are as large as the model's input.
pub(crate) fn fits(saved: &SavedRun, data: &Dataset) -> Result<(), Failure> {
    let Preprocessing { height, width, channels, .. } = saved.preprocessing;
    let expected = [height, width, channels].map(|dim| dim as usize);
    if data.test.shape() == expected {
        return Ok(());
    }
    let got = data.test.shape().to_vec();
    Err(TrainError::ImageShape { what: "test data", expected: expected.to_vec(), got }.into())
}

fn position(name: &str) -> Option<usize> {
    name.parse().ok()
}

/// One picture of the test split.
pub(crate) fn of_test_split(data: &Dataset, at: usize) -> Result<Chosen, Failure> {
    let split = &data.test;
    if at >= split.len() {
        return Err(Failure::new(
            Exit::Usage,
            "",
            &format!("there is no test image {at}"),
            "",
            &[&format!("{} has {} test images", data.name, split.len())],
            &[&format!("numbers go from 0 to {}", split.len().saturating_sub(1))],
        ));
    }
    let (mut pixels, mut label) = (vec![0.0; split.shape().iter().product()], [0]);
    split.fill(&[at as u32], &mut pixels, &mut label);
    Ok(Chosen { name: at.to_string(), label: Some(label[0] as usize), pixels })
}

/// A picture file as the model's input: numbers between 0 and 1.
pub(crate) fn read(path: &Path, to: Preprocessing, invert: bool) -> Result<Vec<f32>, Failure> {
    let shape = [to.height, to.width, to.channels].map(|dim| dim as usize);
    let mut picture = cnn_data::image_file::load(path, shape)?;
    if invert {
        picture.invert();
    }
    for note in picture.notes.iter().filter(|note| !(invert && note.contains("--invert"))) {
        output::note(&format!("note: {}: {note}\n", path.display()));
    }
    Ok(picture.pixels.into_iter().map(|byte| f32::from(byte) / to.divisor).collect())
}
