//! Folders of class folders with pictures: `DATA/train/CLASS/*.png` and `DATA/test/CLASS/*.png`, or `DATA/CLASS/*.png` alone.
//!
//! The classes are the folders' names, sorted by their bytes. The images of a split come in the order of the SHA-256 of their
//! files (equal files by name): mixed, so that the first or last images are of all classes, and the same on every machine,
//! however the disk lists them. Every picture is resized to one size as [`crate::image_file`] does: a triangle filter (bilinear;
//! where it makes smaller, as wide as the old pixels that a new one covers), in arithmetic that is the same on every machine.
//! So PNG pictures give the same bits everywhere; a JPEG decoder may round a pixel differently on another processor, and then
//! the fingerprint differs.

use crate::hold_out::{Key, held_out, key};
use crate::source::Source;
use crate::{BadFile, DataError, Images, Split, image_file, read_file};
use ndarray::Array4;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a split's pixels, at most.
const MAX_PIXELS: usize = 2 << 30;

/// What a folder holds.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) train: Split,
    pub(crate) test: Split,
    pub(crate) classes: Vec<String>,
    /// The files of both splits, as paths within the folder.
    pub(crate) files: [Vec<String>; 2],
    pub(crate) notes: Vec<String>,
}

/// A picture that is there.
struct File {
    path: PathBuf,
    class: u32,
}

/// What was passed over.
#[derive(Default)]
struct Skipped {
    hidden: usize,
    others: usize,
    folders: usize,
}

/// Whether a folder has folders in it that are not hidden: then it is taken for a folder of class folders.
pub(crate) fn has_folders(folder: &Path) -> Result<bool, DataError> {
    Ok(!entries(folder)?.1.is_empty())
}

/// Class names, the files for training, and those for the test where there are some.
type Layout = (Vec<String>, Vec<File>, Option<Vec<File>>);

/// Which files a folder has for what.
fn layout(folder: &Path, source: &Source, skipped: &mut Skipped) -> Result<Layout, DataError> {
    let (_, inside) = entries(folder)?;
    let named = |name: &str| inside.iter().find(|path| path.file_name().is_some_and(|n| n == name));
    let (train, test) = match (named("train"), named("test")) {
        (Some(train), Some(test)) => (train, test),
        (Some(only), None) | (None, Some(only)) if inside.len() == 1 => {
            return Err(mismatch(
                only,
                "of the folders train and test only one is there",
                "add the other; or name this one as DATA, and a part of it becomes the test split",
            ));
        }
        _ => {
            let (classes, files) = list(folder, skipped)?;
            return Ok((classes, files, None));
        }
    };
    if source.test.is_some() {
        return Err(mismatch(
            folder,
            "test= is for folders without a test split",
            "leave it out: the folder test is the test split",
        ));
    }
    let (classes, files) = list(train, skipped)?;
    let (of_test, mut tests) = list(test, skipped)?;
    let position = |name: &String| classes.iter().position(|class| class == name);
    let places: Vec<Option<usize>> = of_test.iter().map(position).collect();
    if let Some(stranger) = places.iter().position(Option::is_none) {
        return Err(mismatch(
            &test.join(&of_test[stranger]),
            "a class of the test split that the training split lacks",
            &format!("the classes of train are {}", shown(&classes)),
        ));
    }
    for file in &mut tests {
        file.class = places[file.class as usize].unwrap_or_default() as u32;
    }
    Ok((classes, files, Some(tests)))
}

/// Reads a folder of class folders. `shape` is the size that a model wants, if there is one.
pub(crate) fn load(
    folder: &Path,
    source: &Source,
    shape: Option<[usize; 3]>,
) -> Result<Folder, DataError> {
    let (mut skipped, mut notes) = (Skipped::default(), Vec::new());
    let (classes, train, test) = layout(folder, source, &mut skipped)?;
    note_skipped(&skipped, &mut notes);
    let all = train.iter().chain(test.iter().flatten());
    let shape = settled(source.size.or(shape), folder, all, &mut notes)?;
    let (mut changes, mut bad) = (BTreeMap::new(), Vec::new());
    let total = train.len() + test.as_ref().map_or(0, Vec::len);
    let mut read = |files: &[File]| read_all(files, shape, &mut changes, &mut bad);
    let (mut train, test) = (read(&train)?, test.as_deref().map(&mut read).transpose()?);
    if !bad.is_empty() {
        return Err(DataError::Pictures { folder: folder.to_owned(), total, bad });
    }
    notes.extend(changes.into_iter().map(|(what, n)| format!("{n} of {total} pictures: {what}")));
    let test = if let Some(test) = test {
        test
    } else {
        let (kept, rest) = cut(train, folder, source)?;
        notes.push(cut_note(source, kept.len(), total, "files"));
        train = rest;
        kept
    };
    let finish = |mut read: Vec<Read>| {
        read.sort_by(|a, b| (a.key, &a.path).cmp(&(b.key, &b.path)));
        finished(read, shape, folder)
    };
    let (train, train_files) = finish(train)?;
    let (test, test_files) = finish(test)?;
    Ok(Folder { train, test, classes, files: [train_files, test_files], notes })
}

/// The test split and the training split of pictures that have none.
fn cut(
    all: Vec<Read>,
    folder: &Path,
    source: &Source,
) -> Result<(Vec<Read>, Vec<Read>), DataError> {
    let labels: Vec<u32> = all.iter().map(|read| read.class).collect();
    let keys: Vec<Key> = all.iter().map(|read| read.key).collect();
    let mut held = held_out(&labels, &keys, source.test_share()).into_iter();
    let (test, train): (Vec<_>, _) = all.into_iter().partition(|_| held.next().unwrap_or_default());
    if test.is_empty() {
        return Err(nothing_to_test(folder));
    }
    Ok((test, train))
}

/// A data set of which nothing can be cut for the test.
pub(crate) fn nothing_to_test(path: &Path) -> DataError {
    mismatch(
        path,
        "no class has two different images: nothing can become the test split",
        "add images, or a test split",
    )
}

/// Says how the test split came about; `of` is what the sums are of.
pub(crate) fn cut_note(source: &Source, test: usize, total: usize, of: &str) -> String {
    format!(
        "there is no test split: {test} of {total} images became it, {} of every class; the SHA-256 of the {of} chooses them, so that it stays the same. \
         {},test=0.3 takes another share",
        source.test_share(),
        source.place
    )
}

fn mismatch(path: &Path, message: &str, hint: &str) -> DataError {
    DataError::Mismatch {
        path: path.to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

/// The first names.
fn shown(names: &[String]) -> String {
    let more = if names.len() > 12 { ", …" } else { "" };
    names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ") + more
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Files and folders in a folder, each sorted by name, hidden folders left out.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let io = |source| DataError::Io { path: folder.to_owned(), source };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        match path.is_dir() {
            true if !hidden(&path) => folders.push(path),
            true => {}
            false => files.push(path),
        }
    }
    files.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    folders.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok((files, folders))
}

/// The classes of a folder and their pictures, both sorted by name.
fn list(folder: &Path, skipped: &mut Skipped) -> Result<(Vec<String>, Vec<File>), DataError> {
    let (loose, folders) = entries(folder)?;
    skip(&loose, skipped);
    let mut classes = Vec::new();
    let mut files = Vec::new();
    for path in folders {
        let (inside, below) = entries(&path)?;
        let pictures: Vec<PathBuf> =
            inside.iter().filter(|path| is_picture(path)).cloned().collect();
        skip(inside.iter().filter(|path| !is_picture(path)), skipped);
        skipped.folders += below.len();
        if pictures.is_empty() {
            return Err(mismatch(
                &path,
                "a class folder without a PNG or JPEG picture",
                "put the class's pictures into it (not into folders below), or delete it",
            ));
        }
        let class = classes.len() as u32;
        classes.push(
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        );
        files.extend(pictures.into_iter().map(|path| File { path, class }));
    }
    if classes.len() < 2 {
        let found = match &classes[..] {
            [one] => format!("only one class, {one}: there is nothing to tell apart"),
            _ => "no class folders".to_owned(),
        };
        return Err(mismatch(
            folder,
            &found,
            "each class has a folder of its own with its pictures, named as the class: DATA/shoe/1.png, DATA/bag/1.png",
        ));
    }
    Ok((classes, files))
}

fn is_picture(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    !hidden(path) && matches!(end.as_deref(), Some("png" | "jpg" | "jpeg"))
}

fn skip<'a>(files: impl IntoIterator<Item = &'a PathBuf>, skipped: &mut Skipped) {
    for path in files {
        if hidden(path) { skipped.hidden += 1 } else { skipped.others += 1 }
    }
}

fn note_skipped(skipped: &Skipped, notes: &mut Vec<String>) {
    let count = |n: usize, what: &str, more: &str| match n {
        0 => None,
        1 => Some(format!("1 {what}{more}")),
        n => Some(format!("{n} {what}s{more}")),
    };
    let named: Vec<String> = [
        count(skipped.hidden, "hidden file", ""),
        count(skipped.others, "file", " without the ending .png, .jpg or .jpeg"),
        count(skipped.folders, "folder", " inside class folders"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !named.is_empty() {
        notes.push(format!("passed over: {}", named.join(", ")));
    }
}

/// The size that all pictures get: the one asked for, or else the one that most of them have, grey if all are.
fn settled<'a>(
    wanted: Option<[usize; 3]>,
    folder: &Path,
    files: impl Iterator<Item = &'a File>,
    notes: &mut Vec<String>,
) -> Result<[usize; 3], DataError> {
    if let Some(shape) = wanted {
        if !matches!(shape[2], 1 | 3) {
            let found = format!(
                "the model takes {} channels; pictures have 1 (grey) or 3 (colour)",
                shape[2]
            );
            return Err(mismatch(folder, &found, "input = [height, width, 3]"));
        }
        return Ok(shape);
    }
    let (mut sizes, mut colour) = (BTreeMap::new(), false);
    for file in files {
        // Files that cannot be read are listed later, all together.
        if let Some((size, has_color)) =
            read_file(&file.path).ok().and_then(|bytes| image_file::header(&bytes).ok())
        {
            *sizes.entry(size).or_insert(0_usize) += 1;
            colour |= has_color;
        }
    }
    let most = sizes.iter().max_by_key(|&(size, n)| (*n, std::cmp::Reverse(*size)));
    let [h, w] = most.map_or([1, 1], |(size, _)| *size);
    let shape = [h, w, if colour { 3 } else { 1 }];
    if sizes.len() > 1 {
        notes.push(format!(
            "the pictures have {} sizes; {h}×{w} is that of most. A model's input says what they are resized to",
            sizes.len()
        ));
    }
    Ok(shape)
}

/// A picture that was read.
struct Read {
    pixels: Vec<u8>,
    class: u32,
    key: Key,
    path: PathBuf,
}

/// Reads pictures; the bad ones are listed in `bad`, what had to be changed is counted in `changes`.
fn read_all(
    files: &[File],
    shape: [usize; 3],
    changes: &mut BTreeMap<String, usize>,
    bad: &mut Vec<BadFile>,
) -> Result<Vec<Read>, DataError> {
    let size: usize = shape.iter().product();
    if files.len().saturating_mul(size) > MAX_PIXELS {
        let path = files.first().map_or_else(PathBuf::new, |file| file.path.clone());
        let found =
            format!("{} pictures of {shape:?} are more than {MAX_PIXELS} bytes", files.len());
        return Err(mismatch(&path, &found, "choose a smaller size for the model's input"));
    }
    let mut all = Vec::with_capacity(files.len());
    for File { path, class } in files {
        let picture = read_file(path).map_err(|error| match error {
            DataError::Io { source, .. } => source.to_string(),
            other => other.to_string(),
        });
        let picture =
            picture.and_then(|bytes| Ok((key(&bytes), image_file::fitted(&bytes, shape)?)));
        match picture {
            Ok((key, picture)) => {
                for note in picture.notes {
                    // Each size has its own note; what counts is that the size changed.
                    let resized = format!("resized to {}×{}", shape[0], shape[1]);
                    let note = if note.starts_with("resized from") { resized } else { note };
                    *changes.entry(note).or_insert(0) += 1;
                }
                all.push(Read { pixels: picture.pixels, class: *class, key, path: path.clone() });
            }
            Err(reason) => bad.push(BadFile { path: path.clone(), reason }),
        }
    }
    Ok(all)
}

/// The split of these pictures, and their paths within the folder.
fn finished(
    read: Vec<Read>,
    [h, w, c]: [usize; 3],
    folder: &Path,
) -> Result<(Split, Vec<String>), DataError> {
    let labels = read.iter().map(|read| read.class).collect();
    let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let files = read.iter().map(|read| name(&read.path)).collect();
    let n = read.len();
    let mut pixels = Vec::with_capacity(n * h * w * c);
    for read in read {
        pixels.extend(read.pixels);
    }
    let images = Array4::from_shape_vec((n, h, w, c), pixels)
        .map_err(|error| mismatch(folder, &error.to_string(), "use pictures of one size"))?;
    Ok((Split { images: Images::U8(images), labels }, files))
}
