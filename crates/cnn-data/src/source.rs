//! What people write for DATA: a name or a path, and after commas how it is to be read.

use crate::DataError;
use std::path::Path;

/// Share of the images that become the test split where a data set has none of its own.
const TEST_SHARE: f64 = 0.2;

/// A side of a picture, at most, and numbers in one, at most.
const MOST_SIDE: usize = 4096;

/// A name or path with its options: `photos,test=0.3,size=64x64x3`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// What is before the options.
    pub(crate) place: String,
    /// Share of every class for the test split, where the data set has none; 0 < share < 1.
    pub(crate) test: Option<f64>,
    /// Height, width and channels.
    pub(crate) size: Option<[usize; 3]>,
}

impl Source {
    /// Reads `given`. What exists under that very name has no options.
    pub(crate) fn parse(given: &str) -> Result<Self, DataError> {
        let mut source = Self { place: given.to_owned(), test: None, size: None };
        if Path::new(given).exists() {
            return Ok(source);
        }
        while let Some((rest, option)) = source.place.rsplit_once(',') {
            let wrong = |hint: &str| DataError::Mismatch {
                path: rest.into(),
                message: format!(
                    "`{}` does not say how to read it",
                    option.chars().take(40).collect::<String>()
                ),
                hint: hint.to_owned(),
            };
            match option.split_once('=') {
                Some(("test", share)) => {
                    let share = share.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
                    source.test = Some(share.ok_or_else(|| {
                        wrong(
                            "test=0.2 makes a fifth of every class the test split; between 0 and 1",
                        )
                    })?);
                }
                Some(("size", size)) => {
                    source.size = Some(parse_size(size).ok_or_else(|| {
                        wrong("size=28x28x1 is height, width and channels: 1 (grey) or 3 (colour)")
                    })?);
                }
                Some(_) if Path::new(rest).exists() => {
                    return Err(wrong(
                        "after the path may come test=0.2 and size=28x28x1, each after a comma",
                    ));
                }
                _ => break,
            }
            let end = rest.len();
            source.place.truncate(end);
        }
        Ok(source)
    }

    /// The share for the test split.
    pub(crate) fn test_share(&self) -> f64 {
        self.test.unwrap_or(TEST_SHARE)
    }

    /// Refuses options that the format at hand does not know.
    pub(crate) fn without_options(&self) -> Result<(), DataError> {
        if self.test.is_none() && self.size.is_none() {
            return Ok(());
        }
        Err(DataError::Mismatch {
            path: self.place.clone().into(),
            message: "test= and size= are for folders of pictures and for CSV files".into(),
            hint: "leave the options out: these images come in one size, with a test split".into(),
        })
    }
}

fn parse_size(text: &str) -> Option<[usize; 3]> {
    let sides: Vec<usize> = text.split('x').map(|side| side.parse().ok()).collect::<Option<_>>()?;
    let [h, w, c] = match sides[..] {
        [h, w] => [h, w, 1],
        [h, w, c] => [h, w, c],
        _ => return None,
    };
    let side = |n| (1..=MOST_SIDE).contains(&n);
    (side(h) && side(w) && matches!(c, 1 | 3)).then_some([h, w, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_commas() {
        let parse = |text| Source::parse(text).map_err(|e| e.to_string());
        let plain = Source { place: "a,b".into(), test: None, size: None };
        assert_eq!(parse("a,b"), Ok(plain.clone()));
        assert_eq!(parse("a,b,test=0.25"), Ok(Source { test: Some(0.25), ..plain.clone() }));
        let both = Source { test: Some(0.5), size: Some([8, 9, 3]), ..plain };
        assert_eq!(parse("a,b,size=8x9x3,test=0.5"), Ok(both));
        assert_eq!(parse("a,size=8x9").map(|source| source.size), Ok(Some([8, 9, 1])));
        for wrong in [
            "a,test=1",
            "a,test=0",
            "a,test=x",
            "a,test=NaN",
            "a,size=8",
            "a,size=0x8",
            "a,size=8x8x2",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
