//! The dictionary in an npy header, read without Python: nothing is evaluated.

use super::{MAX_RANK, bad};
use crate::FormatError;

/// The three keys, as far as they have been seen.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) descr: Option<String>,
    pub(super) fortran: Option<bool>,
    pub(super) shape: Option<Vec<usize>>,
}

/// A parser of just the dictionaries that NumPy writes.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `token` if it comes next.
    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), FormatError> {
        if self.take(token) {
            Ok(())
        } else {
            Err(bad(format!(
                "the npy header is no plain dictionary: expected {token} at its byte {}",
                self.at
            )))
        }
    }

    /// The whole header: one dictionary of the three keys and nothing behind it.
    pub(super) fn dictionary(&mut self) -> Result<Fields, FormatError> {
        let mut fields = Fields::default();
        self.expect("{")?;
        while !self.take("}") {
            let key = self.string()?;
            self.expect(":")?;
            let repeated = match key.as_str() {
                "descr" => fields.descr.replace(self.string()?).is_some(),
                "fortran_order" => fields.fortran.replace(self.boolean()?).is_some(),
                "shape" => fields.shape.replace(self.shape()?).is_some(),
                _ => {
                    return Err(bad(
                        "the npy header has a key other than descr, fortran_order and shape",
                    ));
                }
            };
            if repeated {
                return Err(bad(format!("the npy header has the key '{key}' twice")));
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        self.skip_space();
        if self.rest().is_empty() {
            Ok(fields)
        } else {
            Err(bad("the npy header goes on after its dictionary"))
        }
    }

    fn string(&mut self) -> Result<String, FormatError> {
        let quote = if self.take("'") { '\'' } else { self.expect("\"").map(|()| '"')? };
        let end = self
            .rest()
            .find(quote)
            .ok_or_else(|| bad("the npy header has a string without an end"))?;
        let text = self.rest()[..end].to_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, FormatError> {
        if self.take("True") { Ok(true) } else { self.expect("False").map(|()| false) }
    }

    fn shape(&mut self) -> Result<Vec<usize>, FormatError> {
        self.expect("(")?;
        let mut shape = Vec::new();
        while !self.take(")") {
            self.skip_space();
            if self.rest().starts_with('-') {
                return Err(bad("the npy header has a negative size"));
            }
            let digits = self.rest().len()
                - self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let size = self.rest()[..digits]
                .parse()
                .map_err(|_| bad("the npy header has a size that is not a whole number"))?;
            self.at += digits;
            shape.push(size);
            if shape.len() > MAX_RANK {
                return Err(bad(format!("the array has more than {MAX_RANK} axes")));
            }
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }
}
