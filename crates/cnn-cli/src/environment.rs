//! The environment: read here and nowhere else.

use crate::failure::{Exit, Failure};
use crate::{files, output};
use cnn_data::{DataError, Dataset};
use cnn_train::{Deterministic, Isa, RunInfo};
use cnn_viz::terminal::Ink;
use std::env;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The folder in which data sets are looked for by name: `$CNN_DATA_DIR`; else `./data`; else the nearest `data` folder
/// beside or above the program, which is the repository's for a program that cargo built there.
fn data_root() -> PathBuf {
    if let Some(folder) = env::var_os("CNN_DATA_DIR").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder);
    }
    let here = PathBuf::from("data");
    if here.is_dir() {
        return here;
    }
    let program = env::current_exe().unwrap_or_default();
    let beside = program
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("data"))
        .find(|folder| folder.is_dir());
    beside.unwrap_or(here)
}

/// The folder of a data set that is known by its name.
pub(crate) fn data_folder(name: &str) -> PathBuf {
    data_root().join(name)
}

/// Loads a data set, its pictures in the size that they have. Where a name's files are missing, says where names are looked for.
pub(crate) fn load(data: &str) -> Result<Dataset, Failure> {
    load_as(data, None)
}

/// Loads a data set for a model with this input: height, width and channels, or height and width.
pub(crate) fn load_for(data: &str, input: &[usize]) -> Result<Dataset, Failure> {
    load_as(data, shape(input))
}

/// The same; nothing for a name whose files are not on this machine.
pub(crate) fn load_if_there(data: &str, input: &[usize]) -> Result<Option<Dataset>, Failure> {
    match read(data, shape(input)) {
        Err(error) if is_missing(data, &error) => Ok(None),
        read => read.map(Some).map_err(|error| explained(data, error)),
    }
}

/// Loads the data set of a run: from where it was, else by the words that were given then.
pub(crate) fn load_of(info: &RunInfo, input: &[usize]) -> Result<Dataset, Failure> {
    let given = info.data_given();
    if info.data_path.is_empty() {
        return load_for(given, input);
    }
    match read(&info.data_path, shape(input)) {
        // It may have been moved, together with the run.
        Err(DataError::Unknown { .. }) => load_for(given, input)
            .map_err(|failure| failure.help(&format!("it was in {}", info.data_path))),
        read => read.map_err(|error| explained(&info.data_path, error)),
    }
}

/// As many images as are wanted, and what is to be said about them.
pub(crate) fn first_images(mut data: Dataset, limit: Option<u32>) -> Dataset {
    if let Some(limit) = limit {
        data.train = data.train.take(limit as usize);
        data.test = data.test.take(limit as usize);
    }
    for note in &data.notes {
        output::note(&format!("note: {note}\n"));
    }
    data
}

/// The place of a data set from the root; nothing for one that is known by name, or was given so.
pub(crate) fn data_path(given: &str) -> String {
    if cnn_data::NAMES.contains(&&*given.replace('_', "-")) {
        return String::new();
    }
    let path = files::from_root(Path::new(given));
    if path == Path::new(given) { String::new() } else { path.to_string_lossy().into_owned() }
}

fn shape(input: &[usize]) -> Option<[usize; 3]> {
    match *input {
        [h, w, c] => Some([h, w, c]),
        [h, w] => Some([h, w, 1]),
        _ => None,
    }
}

fn read(data: &str, shape: Option<[usize; 3]>) -> Result<Dataset, DataError> {
    cnn_data::load_as(data, &data_root(), shape)
}

fn load_as(data: &str, shape: Option<[usize; 3]>) -> Result<Dataset, Failure> {
    read(data, shape).map_err(|error| explained(data, error))
}

/// Whether a data set is known by name, and its files are not there.
fn is_missing(data: &str, error: &DataError) -> bool {
    matches!(error, DataError::NotThere { .. } | DataError::MissingIdx { .. })
        && cnn_data::NAMES.contains(&data)
}

fn explained(data: &str, error: DataError) -> Failure {
    let missing = is_missing(data, &error);
    let failure = Failure::from(error);
    if !missing {
        return failure;
    }
    let name = data.replace('_', "-");
    failure.help(&format!("cnn data fetch {name} gets it")).help(&format!(
        "{} was looked at; CNN_DATA_DIR names another folder of data sets",
        data_root().display()
    ))
}

/// The picture that is used where none is named.
pub(crate) fn default_picture() -> Result<PathBuf, Failure> {
    let path = data_root().join("stairs.png");
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::new(
        Exit::Data,
        "",
        "the picture that is used where none is named is not there",
        &path.display().to_string(),
        &[],
        &["name a picture: cnn convolve photo.png"],
    ))
}

/// The instruction set that the kernels use: the best that the processor has, or the one that `$CNN_ISA` names.
pub(crate) fn isa() -> Result<Isa, Failure> {
    let Some(name) = env::var("CNN_ISA").ok().filter(|name| !name.is_empty()) else {
        return Ok(Isa::best());
    };
    Isa::named(&name).ok_or_else(|| {
        let known: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
        Failure::usage(
            &format!(
                "CNN_ISA = `{}` is no instruction set of this processor",
                name.escape_default()
            ),
            &format!("it has {}", known.join(", ")),
        )
    })
}

/// The same, used in this mode.
pub(crate) fn isa_for(mode: Deterministic) -> Result<Isa, Failure> {
    isa().map(|isa| mode.isa(isa))
}

/// The command line, word by word; what is not UTF-8 as far as it can be shown.
pub(crate) fn command_line() -> Vec<String> {
    env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// As many threads as were asked for; 0 stands for what the machine gives this process.
pub(crate) fn threads(asked: u16) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => usize::from(n),
    }
}

/// Whether the terminal shows more than ASCII: whether the locale is UTF-8, by `LC_ALL`, else `LC_CTYPE`, else `LANG`. A
/// Windows console does.
#[cfg(feature = "tui")]
pub(crate) fn utf8() -> bool {
    let set = |name: &&str| env::var(name).is_ok_and(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(set).map(env::var);
    cfg!(windows) || locale.is_some_and(|locale| names_utf8(&locale.unwrap_or_default()))
}

/// Whether a locale such as `de_DE.UTF-8` is UTF-8.
#[cfg(feature = "tui")]
fn names_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// What a terminal that shows colours says about how many it has: any of them, 256, or fewer than pictures want.
pub(crate) fn terminal_ink() -> Ink {
    let says = |name: &str, words: &[&str]| {
        env::var(name).is_ok_and(|value| words.iter().any(|word| value.contains(word)))
    };
    if says("COLORTERM", &["truecolor", "24bit"]) || says("TERM", &["direct"]) {
        Ink::TrueColor
    } else if says("TERM", &["256"]) {
        Ink::Indexed
    } else {
        Ink::Ascii
    }
}

/// The most memory that this process has held so far, in bytes; `None` where the system does not tell.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kib)
}

/// The version, and what it makes of this machine.
pub(crate) fn long_version() -> String {
    let isas: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    format!(
        "{}\nkernels: {} (this processor has {})\nthreads: {}",
        env!("CARGO_PKG_VERSION"),
        isa().map_or_else(|_| "none: CNN_ISA is wrong", Isa::name),
        isas.join(", "),
        threads(0),
    )
}

/// A folder for a run that was given none: runs/20261124-173000-NAME, in UTC; counted on where two begin in one second.
pub(crate) fn new_run(name: &str) -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(60).collect();
    let base = format!("{}-{}", timestamp(seconds), name.trim_start_matches('.'));
    let mut folder = Path::new("runs").join(&base);
    let mut count = 1;
    while folder.exists() {
        count += 1;
        folder.set_file_name(format!("{base}-{count}"));
    }
    folder
}

/// Seconds since 1970 as `YYYYMMDD-HHMMSS` in UTC. Source: Howard Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`.
fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + 400 * era + u64::from(month <= 2);
    let (hours, minutes) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}-{hours:02}{minutes:02}{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[cfg(feature = "tui")]
    #[test]
    fn a_locale_names_its_encoding() {
        let yes = ["en_US.UTF-8", "C.utf8", "de_DE.utf-8@euro"];
        let no = ["C", "POSIX", "de_DE", "ja_JP.eucJP", ""];
        assert!(yes.into_iter().all(super::names_utf8) && !no.into_iter().any(super::names_utf8));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(timestamp(0), "19700101-000000");
        assert_eq!(timestamp(951_827_696), "20000229-123456");
        assert_eq!(timestamp(1_795_541_399), "20261124-172959");
    }
}
