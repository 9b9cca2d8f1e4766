//! Writes each epoch's metrics to a CSV file, in the layout of Keras's class of that name.
//!
//! Columns: `epoch` (from 0), then the metrics of the first epoch, sorted. Where none of them begins with `val_`, columns for
//! validation are added, so that a later run with validation can be appended. A value that is missing is `NA`. Lines end in
//! CR LF and numbers are written as Python writes them. The file is on disk after every epoch.
//!
//! ```toml
//! [[callbacks]]
//! type = "CSVLogger"
//! filename = "log.csv"                 # in the run folder
//! ```
//!
//! **Errors**: at build, a `filename` outside of the run folder or of another callback's file, or a `separator` that CSV cannot have;
//! before the first epoch, a file that exists already. A full disk stops training ([`Control::fail`]).
//!
//! **Source**: Keras `callbacks/csv_logger.py`.

use super::BuildContext;
use super::context::{make_folder, reopen};
use crate::text::python_repr;
use crate::{
    Callback, CallbackError, Control, EpochEnd, Logs, Memory, Resume, Text, TrainBegin, TrainEnd,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::path::PathBuf;

/// Write each epoch's metrics to `filename`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CSVLogger {
    /// The file, relative to the run folder; folders in between are made. No default.
    pub filename: String,
    /// What stands between values, one ASCII character. Default a comma.
    #[serde(default = "comma")]
    pub separator: char,
    /// Whether lines are added to a file that exists. Default false: such a file is an error.
    #[serde(default)]
    pub append: bool,
}

fn comma() -> char {
    ','
}

const NAME: &str = "CSVLogger";

impl CSVLogger {
    /// Writes to this file, values separated by commas.
    pub fn new(filename: &str) -> Self {
        Self { filename: filename.to_owned(), separator: comma(), append: false }
    }

    /// Checks every value and returns the callback. Touches no file.
    pub fn build(&self, context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        let wrong = |key, expected, got: String, hint: &str| CallbackError::Value {
            callback: NAME,
            key,
            expected,
            got,
            hint: hint.to_owned(),
        };
        let path = context.file(&self.filename).map_err(|why| {
            wrong("filename", "a file in the run folder", format!("\"{}\"", self.filename), why)
        })?;
        let s = self.separator;
        let Some(separator) =
            u8::try_from(s).ok().filter(|s| s.is_ascii() && !b"\"\r\n\0".contains(s))
        else {
            let hint = "`,`, `;` and a tab are usual";
            return Err(wrong(
                "separator",
                "one ASCII character other than a quote or a line end",
                format!("{s:?}"),
                hint,
            ));
        };
        let write = if self.append {
            Opening::Append
        } else if context.may_overwrite() {
            Opening::Replace
        } else {
            Opening::New
        };
        Ok(Box::new(Logger {
            run_dir: context.run_dir().to_owned(),
            path,
            separator,
            opening: write,
            table: None,
        }))
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::new("log.csv"),
            Self { separator: ';', append: true, ..Self::new("logs/train.csv") },
        ]
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Opening {
    New,
    Replace,
    Append,
}

struct Logger {
    run_dir: PathBuf,
    path: PathBuf,
    separator: u8,
    opening: Opening,
    table: Option<Table>,
}

/// An open file and its columns.
struct Table {
    writer: csv::Writer<File>,
    /// The header that the file has already.
    existing: Option<Vec<String>>,
    /// Metrics, in order; known from the first epoch on.
    keys: Option<Vec<String>>,
}

impl Logger {
    fn open(&self) -> Result<Table, String> {
        make_folder(&self.run_dir, &self.path)?;
        let say = |e: std::io::Error| format!("{}: {e}", self.path.display());
        let existing = if self.opening == Opening::Append { self.header()? } else { None };
        let mut options = OpenOptions::new();
        let options = match self.opening {
            Opening::New => options.write(true).create_new(true),
            Opening::Replace => options.write(true).create(true).truncate(true),
            Opening::Append => options.append(true).create(true),
        };
        let file = options.open(&self.path).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                format!(
                    "{}: the file exists; use another filename, or `append = true`",
                    self.path.display()
                )
            }
            _ => say(e),
        })?;
        let mut writer = csv::WriterBuilder::new();
        let writer =
            writer.delimiter(self.separator).terminator(csv::Terminator::CRLF).from_writer(file);
        Ok(Table { writer, existing, keys: None })
    }

    /// The first line of the file, if there is one.
    fn header(&self) -> Result<Option<Vec<String>>, String> {
        if !self.path.exists() {
            return Ok(None);
        }
        let say = |e: csv::Error| format!("{}: {e}", self.path.display());
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.delimiter(self.separator).from_path(&self.path).map_err(say)?;
        let names: Vec<String> = reader.headers().map_err(say)?.iter().map(str::to_owned).collect();
        Ok((!names.is_empty()).then_some(names))
    }
}

impl Table {
    fn write(&mut self, epoch: usize, logs: &Logs) -> Result<(), String> {
        let say = |e: csv::Error| e.to_string();
        if self.keys.is_none() {
            let keys = columns(logs);
            let header: Vec<&str> =
                std::iter::once("epoch").chain(keys.iter().map(String::as_str)).collect();
            match &self.existing {
                Some(old) if *old != header => {
                    return Err(format!(
                        "it has the columns {}, this run has {}; use another filename",
                        old.join(", "),
                        header.join(", ")
                    ));
                }
                Some(_) => {}
                None => self.writer.write_record(&header).map_err(say)?,
            }
            self.keys = Some(keys);
        }
        self.writer.write_field(epoch.to_string()).map_err(say)?;
        for key in self.keys.iter().flatten() {
            let value = logs.get(key).map_or_else(|| "NA".to_owned(), python_repr);
            self.writer.write_field(value).map_err(say)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(say)?;
        self.writer.flush().map_err(|e| e.to_string())
    }
}

/// The metrics sorted, and their `val_` twins where there are none.
fn columns(logs: &Logs) -> Vec<String> {
    let mut keys: Vec<String> = logs.iter().map(|(name, _)| name.to_owned()).collect();
    keys.sort_unstable();
    if !keys.iter().any(|k| k.starts_with("val_")) {
        let twins: Vec<String> = keys.iter().map(|k| format!("val_{k}")).collect();
        keys.extend(twins);
    }
    keys
}

impl Callback for Logger {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, control: &mut Control) {
        match self.open() {
            Ok(table) => self.table = Some(table),
            Err(why) => control.fail(NAME, why),
        }
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        let Some(table) = &mut self.table else { return };
        if let Err(why) = table.write(event.epoch, event.logs) {
            control.fail(NAME, format!("{}: {why}", self.path.display()));
            self.table = None;
        }
    }

    fn state(&mut self) -> Result<Memory, String> {
        let Some(table) = &mut self.table else { return Ok(Memory::new()) };
        let say = |e: std::io::Error| format!("{}: {e}", self.path.display());
        table.writer.flush().map_err(say)?;
        // An open file that was appended to begins elsewhere, so the length is what counts.
        let file = table.writer.get_ref();
        file.sync_data().map_err(say)?;
        let length = file.metadata().map_err(say)?.len();
        let memory = Memory::new().counts("length", [length]);
        let memory = match &table.existing {
            Some(existing) => memory.texts("existing", existing),
            None => memory,
        };
        Ok(match &table.keys {
            Some(keys) => memory.texts("keys", keys),
            None => memory,
        })
    }

    fn on_resume(&mut self, _event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        let length = kept.count("length")?;
        // What was open is closed before the file is cut.
        self.table = None;
        make_folder(&self.run_dir, &self.path)?;
        let file = reopen(&self.path, length)?;
        let mut writer = csv::WriterBuilder::new();
        let writer =
            writer.delimiter(self.separator).terminator(csv::Terminator::CRLF).from_writer(file);
        let strings = |texts: &[Text]| texts.iter().map(ToString::to_string).collect();
        let (existing, keys) = (kept.get_texts("existing").ok(), kept.get_texts("keys").ok());
        self.table =
            Some(Table { writer, existing: existing.map(strings), keys: keys.map(strings) });
        Ok(())
    }

    fn on_train_end(&mut self, _event: &TrainEnd<'_>, _control: &mut Control) {
        self.table = None;
    }
}
