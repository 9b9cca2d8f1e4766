//! The `//!` head of a source file, and the docs of a field, as text for people: Markdown without what only rustdoc understands.

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A paragraph in one line, or rows of a table, in Markdown.
    Text(String),
    /// Code or a formula, line by line.
    Code {
        /// Whether it is a part of a model.toml.
        toml: bool,
        /// The lines.
        text: String,
    },
}

/// The blocks of the `//!` lines that begin a source file.
pub(crate) fn blocks(source: &str) -> Vec<Block> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut reader = Reader::default();
    for line in lines {
        reader.read(line.strip_prefix(' ').unwrap_or(line));
    }
    reader.end_paragraph();
    reader.blocks
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    paragraph: String,
    /// Whether it is TOML, and the lines so far.
    code: Option<(bool, String)>,
    /// Whether the line before was a row of a table.
    row: bool,
}

impl Reader {
    fn read(&mut self, line: &str) {
        let after_row = std::mem::replace(&mut self.row, line.starts_with('|'));
        if let Some(language) = line.strip_prefix("```") {
            if let Some((toml, text)) = self.code.take() {
                self.blocks.push(Block::Code { toml, text });
            } else {
                self.end_paragraph();
                self.code = Some((language != "text", String::new()));
            }
        } else if let Some((toml, text)) = &mut self.code {
            // Lines that rustdoc hides make a tested program of the snippet.
            if !(*toml && (line == "#" || line.starts_with("# "))) {
                text.push_str(line);
                text.push('\n');
            }
        } else if line.trim().is_empty() {
            self.end_paragraph();
        } else if self.row {
            let row = plain(line);
            match self.blocks.last_mut() {
                Some(Block::Text(rows)) if after_row => {
                    rows.push('\n');
                    rows.push_str(&row);
                }
                _ => {
                    self.end_paragraph();
                    self.blocks.push(Block::Text(row));
                }
            }
        } else {
            if line.starts_with("**") || line.starts_with("- ") {
                self.end_paragraph();
            }
            if !self.paragraph.is_empty() {
                self.paragraph.push(' ');
            }
            self.paragraph.push_str(line.trim());
        }
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        if !text.is_empty() {
            self.blocks.push(Block::Text(plain(&text)));
        }
    }
}

/// The first paragraph of a description, in one line.
pub(crate) fn first_paragraph(text: &str) -> String {
    plain(text.split("\n\n").next().unwrap_or_default())
}

/// Modules that are pages.
const MODULES: [&str; 3] = ["initializer", "regularizer", "constraint"];

/// Without hints at a type, which are for who reads code: ``([`Loss`])``, ``(see [`Loss`])``, ``See [`Loss`].``
fn without_asides(text: &str) -> String {
    let mut text = text.to_owned();
    for (open, close) in [(" (see [`", "`])"), (" ([`", "`])"), (" See [`", "`].")] {
        let mut from = 0;
        while let Some(at) = text[from..].find(open).map(|at| from + at) {
            from = at + open.len();
            let Some(length) = text[from..].find("`]") else { break };
            let path = &text[from..from + length];
            let module = MODULES.iter().any(|module| path.ends_with(module));
            if text[from + length..].starts_with(close) && !module {
                text.replace_range(at..from + length + close.len(), "");
                from = at;
            }
        }
    }
    text
}

/// Without rustdoc's links and escapes: ``[`crate::loss::Loss`]`` becomes `` `Loss` ``.
pub(crate) fn plain(text: &str) -> String {
    let text = without_asides(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("[`") {
        out.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let Some(end) = after.find("`]") else {
            out.push_str("[`");
            rest = after;
            continue;
        };
        let path = &after[..end];
        let name = path.rsplit("::").next().unwrap_or(path);
        let written = match MODULES.iter().find(|module| **module == name) {
            Some(module) => format!("[{module}s]({module}s.md)"),
            None => format!("`{name}`"),
        };
        out.push_str(&written);
        rest = &after[end + 2..];
        if let Some(target) = rest.strip_prefix('(') {
            rest = target.split_once(')').map_or("", |(_, rest)| rest);
        }
    }
    out.push_str(rest);
    // Clippy wants backticks around names that mix cases.
    let names = ["PyTorch", "TensorFlow", "LeCun", "NumPy"];
    let out = names.iter().fold(out, |out, name| out.replace(&format!("`{name}`"), name));
    out.replace("\\[", "[").replace("\\]", "]")
}

#[test]
fn what_only_rustdoc_understands_is_left_away() {
    let source = "//! y = x (see [`Z`]), see [`crate::a::B`] and\n//! [`C`](super::C) in \\[0, 1).\n//! **Errors** none.\n//!\n\
        //! ```\n//! # let text = r#\"\n//! type = \"C\"\n//! # \"#;\n//! ```\n\
        //! | a |\n//! |---|\n//! ```text\n//! a\n//! # b\n//! ```\n\nuse x;\n//! no";
    let expected = [
        Block::Text("y = x, see `B` and `C` in [0, 1).".into()),
        Block::Text("**Errors** none.".into()),
        Block::Code { toml: true, text: "type = \"C\"\n".into() },
        Block::Text("| a |\n|---|".into()),
        Block::Code { toml: false, text: "a\n# b\n".into() },
    ];
    assert_eq!(blocks(source), expected);
}
