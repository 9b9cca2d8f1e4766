//! Parts of the documents that a command writes: what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.

use anyhow::{Result, bail};
use std::fs;

/// The page with another text between its markers. `file` is what messages call it.
pub(crate) fn replaced(file: &str, page: &str, name: &str, block: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let Some((before, rest)) = page.split_once(&begin) else {
        bail!("{file} has no line {begin}: put it and {end} where the table belongs")
    };
    let Some((_, after)) = rest.split_once(&end) else {
        bail!("{file} has no {end} below {begin}")
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = "# Results\n<!-- a:begin -->\nold\n<!-- a:end -->\nmine\n";
        let new = replaced("page", page, "a", "new").unwrap();
        assert_eq!(new, "# Results\n<!-- a:begin -->\nnew\n<!-- a:end -->\nmine\n");
        assert_eq!(replaced("page", &new, "a", "new").unwrap(), new);
        assert!(replaced("page", page, "b", "new").is_err());
        assert!(replaced("page", "<!-- a:end --><!-- a:begin -->", "a", "new").is_err());
    }
}
