//! Data sets: a name, a folder of idx files, of CSV files or of pictures, or an `.npz`, as training and test images with class
//! names.

use crate::arrays::{images_of, labels_of};
use crate::fingerprint::fingerprint;
use crate::source::Source;
use crate::{
    DataError, FormatError, Images, Split, csv_images, gz, idx, image_folder, npz, read_file,
};
use ndarray::Array4;
use std::path::{Path, PathBuf};

/// Class names of Fashion-MNIST, in label order.
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Names that [`load`] knows.
pub const NAMES: [&str; 2] = ["fashion-mnist", "mnist"];

/// Class names of MNIST, in label order.
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The fingerprint of Fashion-MNIST as published: its classes have names wherever its files lie.
const FASHION_MNIST_FINGERPRINT: &str =
    "fc303f11200c9432c1c1cc53d02c1e8238603efd66465fd80d1a43ce26f6222f";

/// Training and test images.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The data set's name, or its file's or folder's.
    pub name: String,
    /// What to train on.
    pub train: Split,
    /// What to measure on.
    pub test: Split,
    /// A name for each class.
    pub classes: Vec<String>,
    /// SHA-256 over sizes, pixels and labels of both parts, in hexadecimal; independent of compression and file format.
    pub fingerprint: String,
    /// What the user should know about how the data was read.
    pub notes: Vec<String>,
    /// Where each image came from, training and test: a path within the folder. Empty where images are not files.
    pub files: [Vec<String>; 2],
}

/// Loads a data set by name (looked up under `root`), by folder or by file.
///
/// | given | is read as |
/// |---|---|
/// | `fashion-mnist`, `mnist` | the folder of that name under `root` |
/// | a folder with idx files | the four files as published, plain or `.gz` |
/// | a folder with `train.csv` | [`csv_images`], with `test.csv` beside it, plain or `.gz`, such as `mnist_train.csv` |
/// | a folder of folders | pictures: `train/CLASS/*.png` and `test/CLASS/*.png`, or `CLASS/*.png` alone; also JPEG |
/// | an `.npz` | `x_train`, `y_train`, `x_test`, `y_test` |
/// | a `.csv`, `.csv.gz` | one table |
///
/// Class folders and a table alone have no test split: then a fifth of every class becomes it, chosen by the SHA-256 of the
/// images, so that it is the same in every run; `DATA,test=0.3` takes another share. Pictures are resized to one size: that of
/// [`load_as`], else the one that most of them have, or `DATA,size=64x64x3`. Their order is that of their SHA-256, so that classes
/// are mixed, and neither names nor the disk matter.
///
/// # Errors
/// An unknown name, missing files, and whatever is wrong with the files or how they fit together.
pub fn load(source: &str, root: &Path) -> Result<Dataset, DataError> {
    load_as(source, root, None)
}

/// As [`load`], for a model whose input is `shape` (height, width, channels): pictures are resized to it, and the numbers of a CSV
/// line are laid out so, where they are as many. `size=` in `source` wins.
///
/// # Errors
/// As [`load`].
pub fn load_as(source: &str, root: &Path, shape: Option<[usize; 3]>) -> Result<Dataset, DataError> {
    match source {
        "fashion-mnist" | "fashion_mnist" => {
            let folder = root.join("fashion-mnist");
            named(load_idx_folder(&folder)?, &folder, "fashion-mnist", FASHION_MNIST_CLASSES)
        }
        "mnist" => load_mnist(&root.join("mnist")),
        _ => load_path(source, shape),
    }
}

fn load_mnist(folder: &Path) -> Result<Dataset, DataError> {
    let file = folder.join("mnist.npz");
    let data = if file.exists() {
        load_npz(&file)?
    } else if folder.join("train-images-idx3-ubyte").exists()
        || folder.join("train-images-idx3-ubyte.gz").exists()
    {
        load_idx_folder(folder)?
    } else {
        let hint = format!(
            "put Keras's mnist.npz (11 MB, arrays x_train y_train x_test y_test) at {}, or the four idx files in {}; neither comes with this project",
            file.display(),
            folder.display()
        );
        return Err(DataError::NotThere { name: "mnist", path: file, hint });
    };
    named(data, folder, "mnist", DIGITS)
}

/// Gives a known data set its name and class names, which every label must have.
fn named(
    mut data: Dataset,
    path: &Path,
    name: &str,
    classes: [&str; 10],
) -> Result<Dataset, DataError> {
    for (what, split) in [("training", &data.train), ("test", &data.test)] {
        if let Some(at) = split.labels.iter().position(|&label| label as usize >= classes.len()) {
            return Err(DataError::Mismatch {
                path: path.to_owned(),
                message: format!(
                    "the {what} label {} at position {at}, but {name} has the classes 0 to {}",
                    split.labels[at],
                    classes.len() - 1
                ),
                hint: "the labels file is damaged or of another data set; get it again".into(),
            });
        }
    }
    name.clone_into(&mut data.name);
    data.classes = classes.map(String::from).to_vec();
    Ok(data)
}

fn load_path(given: &str, shape: Option<[usize; 3]>) -> Result<Dataset, DataError> {
    let source = Source::parse(given)?;
    let path = Path::new(&source.place);
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let ends =
        |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    let zipped_csv = || source.place.to_ascii_lowercase().ends_with(".csv.gz");
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => load_folder(path, &source, shape),
        Ok(_) if ends("npz") => {
            source.without_options()?;
            load_npz(path)
        }
        Ok(_) if ends("csv") || zipped_csv() => {
            let tables = csv_images::load(path, None, &source, shape)?;
            assemble(path, tables.train, tables.test, tables.notes)
        }
        Ok(_) => Err(DataError::Mismatch {
            path: path.to_owned(),
            message: "a file that is neither an .npz nor a .csv".into(),
            hint: "give a name (fashion-mnist, mnist), a folder (idx files, train.csv, or a folder of pictures for each class), an .npz with x_train, y_train, x_test and y_test, or a .csv".into(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let near = NAMES.iter().find(|name| strsim::damerau_levenshtein(name, given) <= 3);
            let hint = match near {
                Some(name) => format!("did you mean {name}?"),
                None => format!("known names are {}; otherwise give a folder of idx files, CSV files or pictures, an .npz or a .csv", NAMES.join(" and ")),
            };
            Err(DataError::Unknown { name: given.chars().take(80).collect(), hint })
        }
        Err(error) => Err(io(error)),
    }
}

/// A folder by what is in it.
fn load_folder(
    folder: &Path,
    source: &Source,
    shape: Option<[usize; 3]>,
) -> Result<Dataset, DataError> {
    let has = |file: &str| folder.join(file).exists() || folder.join(format!("{file}.gz")).exists();
    if IDX_FILES.into_iter().any(has) {
        source.without_options()?;
        return load_idx_folder(folder);
    }
    if let Some((train, test)) = csv_images::files(folder)? {
        let tables = csv_images::load(&train, test.as_deref(), source, shape)?;
        return assemble(folder, tables.train, tables.test, tables.notes);
    }
    if !image_folder::has_folders(folder)? {
        return Err(DataError::Mismatch {
            path: folder.to_owned(),
            message: "no data set in this folder".into(),
            hint: format!(
                "it needs the four idx files ({}; plain or .gz), or train.csv, or a folder of pictures for each class",
                IDX_FILES.join(", ")
            ),
        });
    }
    let pictures = image_folder::load(folder, source, shape)?;
    let mut data = assemble(folder, pictures.train, pictures.test, pictures.notes)?;
    (data.classes, data.files) = (pictures.classes, pictures.files);
    Ok(data)
}

/// The files of a folder as MNIST is published.
const IDX_FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// One idx file of the folder, plain or gzipped.
fn load_idx(folder: &Path, file: &'static str) -> Result<(PathBuf, idx::Idx), DataError> {
    let plain = folder.join(file);
    let zipped = folder.join(format!("{file}.gz"));
    let path = [plain, zipped].into_iter().find(|path| path.exists());
    let path = path.ok_or_else(|| DataError::MissingIdx { folder: folder.to_owned(), file })?;
    let bytes = read_file(&path)?;
    match parse_idx(&bytes) {
        Ok(idx) => Ok((path, idx)),
        Err(source) => Err(DataError::Format { path, source }),
    }
}

/// Parses an idx file, inflating it first if it is gzip; never more than its own header promises.
///
/// # Errors
/// As [`idx::parse`] and [`gz::inflate`].
pub fn parse_idx(bytes: &[u8]) -> Result<idx::Idx, FormatError> {
    if !gz::is_gzip(bytes) {
        return idx::parse(bytes);
    }
    let inflated = gz::inflate(bytes, |head| {
        if gz::is_gzip(head) {
            return Err(FormatError::new("D023", "gzip inside gzip", "unpack it once: gunzip"));
        }
        let header = idx::parse_header(head)?;
        Ok(header.len + header.data_len())
    })?;
    idx::parse_vec(inflated)
}

fn load_idx_folder(folder: &Path) -> Result<Dataset, DataError> {
    let images = |file| -> Result<Images, DataError> {
        let (path, idx) = load_idx(folder, file)?;
        let dims = match idx.shape[..] {
            [n, h, w] => (n, h, w, 1),
            [n, h, w, c] => (n, h, w, c),
            _ => {
                let swapped = idx.shape.len() == 1;
                let message = format!(
                    "{:?}: images have 3 or 4 dimensions, this file has {}",
                    idx.shape,
                    idx.shape.len()
                );
                let hint = if swapped {
                    "this is a labels file: images and labels are swapped"
                } else {
                    "use the images file as published"
                };
                return Err(DataError::Mismatch { path, message, hint: hint.into() });
            }
        };
        Array4::from_shape_vec(dims, idx.data).map(Images::U8).map_err(|error| {
            DataError::Mismatch {
                path,
                message: error.to_string(),
                hint: "use the images file as published".into(),
            }
        })
    };
    let labels = |file| -> Result<Vec<u32>, DataError> {
        let (path, idx) = load_idx(folder, file)?;
        if idx.shape.len() == 1 {
            return Ok(idx.data.iter().map(|&label| u32::from(label)).collect());
        }
        let message =
            format!("{:?}: labels have 1 dimension, this file has {}", idx.shape, idx.shape.len());
        let hint = "this is an images file: images and labels are swapped".into();
        Err(DataError::Mismatch { path, message, hint })
    };
    let train = Split {
        images: images("train-images-idx3-ubyte")?,
        labels: labels("train-labels-idx1-ubyte")?,
    };
    let test = Split {
        images: images("t10k-images-idx3-ubyte")?,
        labels: labels("t10k-labels-idx1-ubyte")?,
    };
    assemble(folder, train, test, Vec::new())
}

fn load_npz(path: &Path) -> Result<Dataset, DataError> {
    let mut entries = npz::read(path)?;
    let names: Vec<String> =
        entries.iter().map(|entry| entry.name.chars().take(40).collect()).collect();
    let mut array = |name: &str| {
        let at = entries.iter().position(|entry| entry.name == name);
        at.map(|at| entries.swap_remove(at).array).ok_or_else(|| DataError::Mismatch {
            path: path.to_owned(),
            message: format!(
                "no array {name}; the file has {}",
                if names.is_empty() { "none".into() } else { names.join(", ") }
            ),
            hint:
                "an .npz data set has x_train, y_train, x_test and y_test, as keras.datasets.mnist"
                    .into(),
        })
    };
    let (x_train, y_train, x_test, y_test) =
        (array("x_train")?, array("y_train")?, array("x_test")?, array("y_test")?);
    let mut notes = Vec::new();
    let mismatch = |(message, hint): (String, &str)| DataError::Mismatch {
        path: path.to_owned(),
        message,
        hint: hint.into(),
    };
    let train = Split {
        images: images_of("x_train", x_train, &mut notes).map_err(mismatch)?,
        labels: labels_of("y_train", y_train).map_err(mismatch)?,
    };
    let test = Split {
        images: images_of("x_test", x_test, &mut notes).map_err(mismatch)?,
        labels: labels_of("y_test", y_test).map_err(mismatch)?,
    };
    assemble(path, train, test, notes)
}

/// Checks that the four arrays fit, and finishes the data set.
fn assemble(
    path: &Path,
    train: Split,
    test: Split,
    mut notes: Vec<String>,
) -> Result<Dataset, DataError> {
    let mismatch = |message: String, hint: &str| DataError::Mismatch {
        path: path.to_owned(),
        message,
        hint: hint.to_owned(),
    };
    for (what, split) in [("training", &train), ("test", &test)] {
        let (n, h, w, c) = split.images.dim();
        if n != split.labels.len() {
            let message = format!("{n} {what} images, but {} {what} labels", split.labels.len());
            return Err(mismatch(
                message,
                "each image needs one label: take both files from the same data set",
            ));
        }
        if n == 0 || h == 0 || w == 0 || c == 0 {
            return Err(mismatch(
                format!("the {what} images have the shape [{n}, {h}, {w}, {c}]"),
                "there must be at least one image of at least one pixel",
            ));
        }
    }
    if train.shape() != test.shape() {
        let message =
            format!("training images are {:?}, test images {:?}", train.shape(), test.shape());
        return Err(mismatch(message, "both must have the same height, width and channels"));
    }
    let classes =
        train.labels.iter().chain(&test.labels).max().map_or(0, |&label| label as usize + 1);
    let missing = classes_without_images(&train, classes);
    if !missing.is_empty() {
        notes.push(format!("no training image has the label {missing}"));
    }
    let name =
        path.file_stem().map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned());
    let fingerprint = fingerprint(&train, &test);
    let classes = if fingerprint == FASHION_MNIST_FINGERPRINT {
        FASHION_MNIST_CLASSES.map(String::from).to_vec()
    } else {
        (0..classes).map(|c| c.to_string()).collect()
    };
    let files = [Vec::new(), Vec::new()];
    Ok(Dataset { name, train, test, classes, fingerprint, notes, files })
}

/// The labels below `classes` that no image of the split has, the first few by number.
fn classes_without_images(split: &Split, classes: usize) -> String {
    const SHOWN: usize = 5;
    let mut seen = vec![false; classes];
    for &label in &split.labels {
        seen[label as usize] = true;
    }
    let missing: Vec<String> =
        (0..classes).filter(|&class| !seen[class]).map(|class| class.to_string()).collect();
    match missing.len().checked_sub(SHOWN) {
        None | Some(0) => missing.join(", "),
        Some(more) => format!("{} and {more} others", missing[..SHOWN].join(", ")),
    }
}
