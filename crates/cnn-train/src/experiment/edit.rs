//! Changing a model.toml by paths: `fit.epochs`, `layers.conv2d.filters`, `insert.after.flatten`, `repeat.conv2d..max_pooling2d`.

use crate::config::Config;
use cnn_nn::Model;
use cnn_nn::config::write::{Node, Toml, WriteError};
use cnn_nn::config::{MAX_ITEMS, nearest};
use cnn_nn::model::TOP_LEVEL;

/// Times that a part of a model can be repeated, at most.
const MAX_REPEAT: usize = 100;

/// What a path of a sweep changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// `fit.epochs`: a value of a section, keys from the top.
    Value(Vec<String>),
    /// `layers.conv2d.filters`: a value of some layers; without keys, the layers themselves.
    Layer { which: String, keys: Vec<String> },
    /// `insert.before.X`, `insert.after.X`.
    Insert { after: bool, which: String },
    /// `repeat.X`, `repeat.X..Y`: a range of layers so many times, 0 to leave it out.
    Repeat { from: String, to: String },
}

/// Why a change cannot be made: what, and what would work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) what: String,
    pub(super) label: String,
    pub(super) help: String,
    /// Whether the value is to blame, and not the path.
    pub(super) of_value: bool,
}

fn refused(what: String, label: &str, help: &str) -> Refused {
    Refused { what, label: label.to_owned(), help: help.to_owned(), of_value: false }
}

fn refused_value(what: String, label: &str, help: &str) -> Refused {
    Refused { of_value: true, ..refused(what, label, help) }
}

/// The first words of paths.
const BEGINNINGS: [&str; 8] =
    ["layers", "compile", "fit", "callbacks", "input", "insert.before", "insert.after", "repeat"];

/// What people call by its last word alone.
const INSIDE: [(&str, &str); 9] = [
    ("optimizer", "compile.optimizer"),
    ("learning_rate", "compile.optimizer.learning_rate"),
    ("loss", "compile.loss"),
    ("epochs", "fit.epochs"),
    ("batch_size", "fit.batch_size"),
    ("validation_split", "fit.validation_split"),
    ("filters", "layers.Conv2D.filters"),
    ("kernel_size", "layers.Conv2D.kernel_size"),
    ("units", "layers.dense.units"),
];

impl Path {
    /// Reads a path.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let help = "for example \"fit.batch_size\", \"layers.conv2d.filters\" (one layer), \"layers.Conv2D.filters\" (all of \
                    the type), \"insert.after.flatten\", \"repeat.conv2d_1..max_pooling2d_1\"";
        let incomplete =
            || refused(format!("the path `{text}` is not complete"), "names no value", help);
        if let Some(range) = text.strip_prefix("repeat.") {
            let (from, to) = range.split_once("..").unwrap_or((range, range));
            if from.is_empty() || to.is_empty() {
                return Err(incomplete());
            }
            return Ok(Self::Repeat { from: from.to_owned(), to: to.to_owned() });
        }
        let keys: Vec<String> = text.split('.').map(str::to_owned).collect();
        if keys.iter().any(String::is_empty) {
            return Err(incomplete());
        }
        match (keys[0].as_str(), keys.len()) {
            ("layers" | "name", 1) | ("insert" | "repeat", 1 | 2) => Err(incomplete()),
            ("layers", _) => Ok(Self::Layer { which: keys[1].clone(), keys: keys[2..].to_vec() }),
            ("insert", 3) if matches!(keys[1].as_str(), "before" | "after") => {
                Ok(Self::Insert { after: keys[1] == "after", which: keys[2].clone() })
            }
            (top, 1) if top != "input" && top != "callbacks" && TOP_LEVEL.contains(&top) => {
                Err(incomplete())
            }
            (top, _) if TOP_LEVEL.contains(&top) && top != "name" => Ok(Self::Value(keys)),
            (top, _) => {
                let inside =
                    |(word, path): &(&str, &'static str)| nearest(top, [*word]).map(|_| *path);
                let near = nearest(top, BEGINNINGS.iter().copied().chain(TOP_LEVEL));
                let near = near.or_else(|| INSIDE.iter().find_map(inside));
                let label = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "no such part of a model.toml".to_owned(),
                };
                Err(refused(format!("unknown path `{text}`"), &label, help))
            }
        }
    }

    /// Values first, then insertions, then repetitions, so that copies carry what was changed in the original.
    pub(super) fn order(&self) -> u8 {
        match self {
            Self::Value(_) | Self::Layer { .. } => 0,
            Self::Insert { .. } => 1,
            Self::Repeat { .. } => 2,
        }
    }
}

/// A layer being edited.
#[derive(Clone, Debug)]
struct Slot {
    /// The name by which paths call it: the model's own or Keras's automatic one. None for inserted layers.
    name: Option<String>,
    /// Its type, and its place in the file as it was.
    origin: Option<(String, usize)>,
    node: Node,
    /// Changes that touched it: number of the change, and the keys below the layer.
    touched: Vec<(usize, String)>,
}

/// A model.toml as a tree, being changed.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    layers: Vec<Slot>,
    rest: Vec<(String, Node)>,
    /// Changes to sections: number of the change, and its path.
    touched: Vec<(usize, String)>,
}

impl Draft {
    /// Of a sound configuration, every value spelt out.
    pub(super) fn new(config: &Config, model: &Model) -> Result<Self, WriteError> {
        let text = config.to_toml()?;
        let (document, _) = cnn_nn::config::Document::parse("", &text);
        let mut rest: Vec<(String, Node)> = document
            .entries(&[])
            .unwrap_or_default()
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        let layers = match rest.iter().position(|(key, _)| key == "layers") {
            Some(at) => match rest.remove(at).1 {
                Node::List(layers) => layers,
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        let slot = |(i, (node, layer)): (usize, (Node, &cnn_nn::model::ModelLayer))| Slot {
            name: Some(layer.name.clone()),
            origin: Some((layer.kind().to_owned(), i)),
            node,
            touched: Vec::new(),
        };
        let layers = layers.into_iter().zip(model.layers()).enumerate().map(slot).collect();
        Ok(Self { layers, rest, touched: Vec::new() })
    }

    /// Makes one change; `number` is how [`Draft::places`] calls it. A model of more layers than a model.toml may have is refused
    /// before it is made: repetitions of repetitions would not end.
    pub(super) fn change(
        &mut self,
        number: usize,
        path: &Path,
        value: &Node,
    ) -> Result<(), Refused> {
        match path {
            Path::Value(keys) => {
                self.touched.push((number, keys.join(".")));
                put(&mut self.rest, keys, value)
            }
            Path::Layer { which, keys } => {
                for i in self.find(which)? {
                    let slot = &mut self.layers[i];
                    slot.touched.push((number, keys.join(".")));
                    if keys.is_empty() {
                        slot.node = layer(value)?;
                    } else if let Node::Table(entries) = &mut slot.node {
                        put(entries, keys, value)?;
                    }
                }
                Ok(())
            }
            Path::Insert { after, which } => {
                let new = match value {
                    Node::List(list) => list.iter().map(layer).collect::<Result<Vec<_>, _>>()?,
                    one => vec![layer(one)?],
                };
                let places = self.find(which)?;
                self.room_for(places.len().saturating_mul(new.len()))?;
                for i in places.into_iter().rev() {
                    let at = i + usize::from(*after);
                    let slots = new.iter().map(|node| Slot {
                        name: None,
                        origin: None,
                        node: node.clone(),
                        touched: vec![(number, String::new())],
                    });
                    self.layers.splice(at..at, slots);
                }
                Ok(())
            }
            Path::Repeat { from, to } => self.repeat(number, from, to, value),
        }
    }

    /// Whether so many layers more can be taken.
    fn room_for(&self, more: usize) -> Result<(), Refused> {
        let total = self.layers.len().saturating_add(more);
        if total <= MAX_ITEMS {
            return Ok(());
        }
        let what = format!("the model would have {total} layers");
        let most = format!("expected {MAX_ITEMS} layers at most");
        Err(refused_value(what, &most, "repeat or insert less"))
    }

    fn repeat(&mut self, number: usize, from: &str, to: &str, value: &Node) -> Result<(), Refused> {
        let times = match value {
            Node::Plain(text) => text.parse::<usize>().ok().filter(|times| *times <= MAX_REPEAT),
            _ => None,
        };
        let Some(times) = times else {
            return Err(refused_value(
                format!("a part of the model cannot be repeated {value} times"),
                "expected a whole number, 0 to 100",
                "0 leaves the part out, 1 changes nothing",
            ));
        };
        let only = |found: Vec<usize>, which: &str| match found[..] {
            [one] => Ok(one),
            _ => Err(refused(
                format!("`{which}` is more than one layer"),
                "expected one layer",
                "name the layer, or give its position",
            )),
        };
        let (first, last) = (only(self.find(from)?, from)?, only(self.find(to)?, to)?);
        if last < first {
            return Err(refused(
                format!("`{to}` stands before `{from}`"),
                "expected the first layer first",
                &format!("repeat.{to}..{from}"),
            ));
        }
        let part: Vec<Slot> = self.layers[first..=last].to_vec();
        self.room_for(part.len().saturating_mul(times.saturating_sub(1)))?;
        let copies = (0..times).flat_map(|copy| {
            part.iter().cloned().map(move |mut slot| {
                slot.touched.push((number, String::new()));
                // Two layers cannot have one name: copies get Keras's automatic ones.
                if let (true, Node::Table(entries)) = (copy > 0, &mut slot.node) {
                    entries.retain(|(key, _)| key != "name");
                }
                slot
            })
        });
        let copies: Vec<Slot> = copies.collect();
        self.layers.splice(first..=last, copies);
        Ok(())
    }

    /// The layers that are meant: by name, by position in the file as it was, or all of a type.
    fn find(&self, which: &str) -> Result<Vec<usize>, Refused> {
        let all = |matches: &dyn Fn(&Slot) -> bool| -> Vec<usize> {
            (0..self.layers.len()).filter(|&i| matches(&self.layers[i])).collect()
        };
        let position: Option<usize> = which.parse().ok();
        let mut found = all(&|slot| slot.name.as_deref() == Some(which));
        if found.is_empty() {
            found = all(&|slot| {
                slot.origin
                    .as_ref()
                    .is_some_and(|(kind, at)| kind == which || Some(*at) == position)
            });
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let origins = self.layers.iter().filter_map(|slot| slot.origin.as_ref());
        let kinds: Vec<&str> = origins.map(|(kind, _)| kind.as_str()).collect();
        let names: Vec<&str> = self.layers.iter().filter_map(|slot| slot.name.as_deref()).collect();
        let near = nearest(which, names.iter().chain(&kinds).copied());
        let label = near
            .map_or_else(|| "no such layer".to_owned(), |near| format!("did you mean `{near}`?"));
        let help =
            format!("the model's layers are {}; or a position from 0, or a type", names.join(", "));
        Err(refused(format!("the model has no layer `{which}`"), &label, &help))
    }

    /// The model.toml as it is now.
    pub(super) fn text(&self) -> String {
        let sections = |node: &Node| matches!(node, Node::Table(_));
        let tables = |key: &str, node: &Node| key == "callbacks" && matches!(node, Node::List(_));
        let mut file = Toml::default();
        for (key, node) in
            self.rest.iter().filter(|(key, node)| !sections(node) && !tables(key, node))
        {
            file = file.value(key, node);
        }
        file = file.list("layers", self.layers.iter().map(|slot| &slot.node));
        for (key, node) in &self.rest {
            file = match node {
                Node::Table(_) => file.section(key, node),
                Node::List(items) if tables(key, node) => file.list(key, items),
                _ => file,
            };
        }
        file.into_string()
    }

    /// Where the changes stand in [`Draft::text`]: number of the change, and a path for `Document::locate`.
    pub(super) fn places(&self) -> Vec<(usize, String)> {
        let of_layer = |(i, slot): (usize, &Slot)| {
            let path = move |(number, keys): &(usize, String)| {
                let dot = if keys.is_empty() { "" } else { "." };
                (*number, format!("layers.{i}{dot}{keys}"))
            };
            slot.touched.iter().map(path).collect::<Vec<_>>()
        };
        let layers = self.layers.iter().enumerate().flat_map(of_layer);
        layers.chain(self.touched.iter().cloned()).collect()
    }
}

/// A layer as a table: one that is only named has its defaults.
fn layer(value: &Node) -> Result<Node, Refused> {
    match value {
        Node::Table(_) => Ok(value.clone()),
        Node::Text(name) => Ok(Node::Table(vec![("type".to_owned(), Node::Text(name.clone()))])),
        other => Err(refused_value(
            format!("{other} is no layer"),
            "expected a table with a `type`",
            "for example { type = \"Dropout\", rate = 0.5 }; [] inserts nothing",
        )),
    }
}

/// Sets a value, making the tables on the way. `"default"` takes the key away, so that its default holds.
fn put(entries: &mut Vec<(String, Node)>, keys: &[String], value: &Node) -> Result<(), Refused> {
    let Some((key, rest)) = keys.split_first() else { return Ok(()) };
    let at = entries.iter().position(|(known, _)| known == key);
    if rest.is_empty() {
        match (at, value) {
            (Some(at), Node::Text(word)) if word == "default" => drop(entries.remove(at)),
            (None, Node::Text(word)) if word == "default" => {}
            (Some(at), value) => entries[at].1 = value.clone(),
            (None, value) => entries.push((key.clone(), value.clone())),
        }
        return Ok(());
    }
    let at = at.unwrap_or_else(|| {
        entries.push((key.clone(), Node::Table(Vec::new())));
        entries.len() - 1
    });
    let node = &mut entries[at].1;
    if let Node::Text(name) = node {
        *node = Node::Table(vec![("type".to_owned(), Node::Text(name.clone()))]);
    }
    match node {
        Node::Table(inner) => put(inner, rest, value),
        Node::List(items) => {
            let count = items.len();
            let item = rest[0].parse::<usize>().ok().and_then(|i| items.get_mut(i));
            match (item, &rest[1..]) {
                (Some(item), []) => *item = value.clone(),
                (Some(Node::Table(inner)), keys) => return put(inner, keys, value),
                _ => {
                    let what = format!("`{key}` has no element `{}`", rest[0]);
                    return Err(refused(what, &format!("it has {count}"), "elements count from 0"));
                }
            }
            Ok(())
        }
        other => {
            let what = format!("`{key}` is {other}: it has no `{}`", rest.join("."));
            Err(refused(what, "not a table", "set the key itself"))
        }
    }
}
