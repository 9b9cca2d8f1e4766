//! The kernel that the command line means.

use crate::failure::Failure;
use crate::files;
use cnn_tensor::filters::{self, KernelTextError, NAMED, Named};
use ndarray::Array2;
use std::path::Path;

/// The kernel, with its name for titles.
pub(super) struct Kernel {
    pub(super) name: String,
    /// `[kh, kw]`.
    pub(super) numbers: Array2<f64>,
    /// Factor on every sum.
    pub(super) weight: f64,
}

/// The kernel that `--kernel` means, by its name, its rows or its file; `weight` wins over the named kernel's own.
pub(super) fn read(given: &str, weight: Option<f64>) -> Result<Kernel, Failure> {
    let given = given.trim();
    if let Some(named) = Named::find(given) {
        let weight = weight.unwrap_or(named.weight);
        return Ok(Kernel { name: given.to_owned(), numbers: named.kernel(), weight });
    }
    let path = Path::new(given);
    let (name, text) = if path.is_file() {
        let stem = path.file_stem().map_or_else(|| "kernel".into(), |stem| stem.to_string_lossy());
        (stem.into_owned(), files::text(path, 1 << 20)?)
    } else if given.contains(char::is_alphabetic)
        && !given.contains([' ', ';'])
        && !is_number(given)
    {
        return Err(unknown(given));
    } else {
        ("kernel".to_owned(), given.to_owned())
    };
    let numbers = filters::parse(&text).map_err(|error| {
        let help = match error {
            KernelTextError::TooLarge { .. } => "small numbers and a --weight do the same",
            KernelTextError::TooMany { .. } => "is this the file that you meant?",
            _ => "rows end with `;` or a line's end: --kernel \"0 1 0; 1 -4 1; 0 1 0\"",
        };
        Failure::usage(&error.to_string(), help)
    })?;
    Ok(Kernel { name, numbers, weight: weight.unwrap_or(1.0) })
}

/// A kernel of one number, such as `1e3`, is no name.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

fn unknown(name: &str) -> Failure {
    let names = || NAMED.iter().map(|named| named.name);
    let family = |name: &str| name.split('-').next().unwrap_or_default().to_owned();
    let families: Vec<String> = names().map(&family).collect();
    let near = cnn_nn::config::nearest(name, names().chain(families.iter().map(String::as_str)));
    let help = match near {
        Some(near) if Named::find(near).is_some() && near != family(near) => {
            format!("did you mean {near}?")
        }
        // The first word of several: `sobel` of sobel-x and sobel-y.
        Some(near) => {
            let all: Vec<&str> = names().filter(|name| family(name) == near).collect();
            format!("did you mean {}?", all.join(" or "))
        }
        None => {
            let all: Vec<&str> = names().collect();
            format!("there are {}; or give rows of numbers, or a file of them", all.join(", "))
        }
    };
    let shown: String = name.chars().take(80).collect();
    Failure::usage(&format!("there is no kernel `{shown}`, nor a file of that name"), &help)
}
