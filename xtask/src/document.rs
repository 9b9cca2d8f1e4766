//! Parts of the documents that a command writes: what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.

use crate::repo;
use anyhow::{Context, Result, bail};
use std::fs;

/// Puts another text between a document's markers.
pub(crate) fn fill(document: &str, name: &str, block: &str) -> Result<()> {
    let text = repo::read(document)?;
    let text = replaced(&text, name, block).with_context(|| document.to_owned())?;
    fs::write(repo::root().join(document), text).with_context(|| document.to_owned())
}

/// Whether a document is there and has a place for this part.
pub(crate) fn has_place(document: &str, name: &str) -> bool {
    repo::read(document).is_ok_and(|text| replaced(&text, name, "").is_ok())
}

/// The text with another part between its markers.
fn replaced(text: &str, name: &str, block: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let Some((before, rest)) = text.split_once(&begin) else {
        bail!("no line {begin}: put it and {end} where the table belongs")
    };
    let Some((_, after)) = rest.split_once(&end) else { bail!("no {end} below {begin}") };
    Ok(format!("{before}{begin}\n{block}\n{end}{after}"))
}

/// The processor's name and the number of threads.
pub(crate) fn machine() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|line| line.split(':').nth(1));
    format!("{} with {threads} threads", model.map_or("an unnamed processor", str::trim))
}

/// `1,386,506`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = "# Results\n<!-- a:begin -->\nold\n<!-- a:end -->\nmine\n";
        let new = replaced(page, "a", "new").unwrap();
        assert_eq!(new, "# Results\n<!-- a:begin -->\nnew\n<!-- a:end -->\nmine\n");
        assert_eq!(replaced(&new, "a", "new").unwrap(), new);
        assert!(replaced(page, "b", "new").is_err());
        assert!(replaced("<!-- a:end --><!-- a:begin -->", "a", "new").is_err());
    }

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!([thousands(999), thousands(1_386_506)], ["999", "1,386,506"]);
    }
}
