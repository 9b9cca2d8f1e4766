//! Finding layers by what people call them.

use crate::config::nearest;
use crate::model::{Model, ModelLayer};

/// A layer was asked for that the model does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model has no layer `{asked}`")]
pub struct UnknownLayer {
    /// What was asked for.
    pub asked: String,
    /// The name or kind that was probably meant.
    pub near: Option<String>,
    /// The model's layers: `1 conv2d (Conv2D)`.
    pub layers: Vec<String>,
}

impl UnknownLayer {
    /// What would work.
    pub fn hint(&self) -> String {
        match &self.near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "give names, kinds (conv, pool, Dense), numbers, or `all`".to_owned(),
        }
    }
}

/// Whether `word` is a kind of layer that this one is: its class (`Conv2D`, `conv2d`), or `conv`, `pool`, `all`.
fn is_kind(layer: &ModelLayer, word: &str) -> bool {
    let kind = layer.kind().to_ascii_lowercase();
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "all" => true,
        "conv" | "pool" => kind.contains(&word),
        _ => kind == word || layer.spec.snake_name() == word,
    }
}

/// Positions of the layers that `asked` names, in the model's order, each once.
///
/// A word is, in this order: a layer's name (`max_pooling2d_1`); its number, counted from 1 as in messages about a
/// model.toml; or a kind (`conv`, `pool`, `Dense`; `all` is every layer).
///
/// # Errors
/// The first word that is none of these, with the nearest one that is.
pub fn select_layers<S: AsRef<str>>(
    model: &Model,
    asked: &[S],
) -> Result<Vec<usize>, UnknownLayer> {
    let mut found = Vec::new();
    for word in asked {
        let positions = find(model, word.as_ref().trim());
        if positions.is_empty() {
            return Err(unknown(model, word.as_ref().trim()));
        }
        found.extend(positions);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn find(model: &Model, word: &str) -> Vec<usize> {
    let layers = model.layers();
    if let Some(at) = layers.iter().position(|layer| layer.name == word) {
        return vec![at];
    }
    if let Ok(number) = word.parse::<usize>() {
        return (1..=layers.len()).contains(&number).then(|| number - 1).into_iter().collect();
    }
    (0..layers.len()).filter(|&at| is_kind(&layers[at], word)).collect()
}

fn unknown(model: &Model, asked: &str) -> UnknownLayer {
    let names = model.layers().iter().map(|layer| layer.name.as_str());
    let kinds = model.layers().iter().map(|layer| -> &str { layer.kind() });
    let listed =
        |(at, layer): (usize, &ModelLayer)| format!("{} {} ({})", at + 1, layer.name, layer.kind());
    UnknownLayer {
        asked: asked.to_owned(),
        near: nearest(asked, names.chain(kinds)).map(str::to_owned),
        layers: model.layers().iter().enumerate().map(listed).collect(),
    }
}

/// Positions of the convolution and pooling layers: those whose outputs the course draws. May be empty.
pub fn feature_layers(model: &Model) -> Vec<usize> {
    let is_feature = |layer: &ModelLayer| {
        layer.output.dims().len() == 3 && (is_kind(layer, "conv") || is_kind(layer, "pool"))
    };
    (0..model.layers().len()).filter(|&at| is_feature(&model.layers()[at])).collect()
}

/// A kernel of layer `index` as pictures: [height, width, channels, filters], in the order in which its weights lie.
///
/// A convolution's kernel is that by itself. A Dense layer behind the `Flatten` of an image [h, w, c] has one picture of the
/// image's size for each unit and channel; activations and dropout between them change nothing. `None` for every other
/// layer: a Dense kernel [in, units] of a row of numbers has no height and width.
pub fn kernel_pictures(model: &Model, index: usize, shape: &[usize]) -> Option<[usize; 4]> {
    let layers = model.layers();
    match *shape {
        [h, w, c, filters] => Some([h, w, c, filters]),
        [_, units] if layers.get(index)?.kind() == "Dense" => {
            let through = |at: &usize| matches!(layers[*at].kind(), "Dropout" | "Activation");
            let behind = (0..index).rev().find(|at| !through(at))?;
            if layers[behind].kind() != "Flatten" {
                return None;
            }
            let image = behind.checked_sub(1).map_or(model.input(), |at| &layers[at].output);
            match *image.dims() {
                [h, w, c] => Some([h, w, c, units]),
                [h, w] => Some([h, w, 1, units]),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelSpec;
    use crate::layers::{Conv2D, Dense, Flatten, LayerSpec, MaxPooling2D};

    fn pictures(model: &Model, index: usize) -> Option<[usize; 4]> {
        kernel_pictures(model, index, &model.layers()[index].params[0].shape)
    }

    fn course() -> Model {
        let layers = [
            LayerSpec::Conv2D(Conv2D::new(2, 3)),
            LayerSpec::MaxPooling2D(MaxPooling2D::default()),
            LayerSpec::Conv2D(Conv2D::new(2, 3)),
            LayerSpec::MaxPooling2D(MaxPooling2D::default()),
            LayerSpec::Flatten(Flatten),
            LayerSpec::Dense(Dense::new(3)),
        ];
        ModelSpec::new([28, 28, 1], layers).build().unwrap()
    }

    #[test]
    fn names_numbers_and_kinds_find_their_layers_in_order() {
        let model = course();
        let select = |asked: &[&str]| select_layers(&model, asked).unwrap();
        assert_eq!(feature_layers(&model), [0, 1, 2, 3]);
        assert_eq!(select(&["max_pooling2d_1", "conv2d"]), [0, 3], "the model's order");
        assert_eq!(select(&["conv", "3", "Conv2D"]), [0, 2], "each once");
        assert_eq!(select(&["POOL"]), [1, 3]);
        assert_eq!(select(&["6"]), [5]);
        assert_eq!(select(&["all"]).len(), 6);
    }

    #[test]
    fn a_layer_that_is_not_there_is_answered_with_the_nearest() {
        let model = course();
        let near = |asked: &str| select_layers(&model, &[asked]).unwrap_err().near;
        assert_eq!(near("max_poling2d_1").as_deref(), Some("max_pooling2d_1"));
        assert_eq!(near("convolution"), None);
        assert_eq!(near("conv2d_2").as_deref(), Some("conv2d"));
        for wrong in ["0", "7", "", "dropout"] {
            let error = select_layers(&model, &["conv", wrong]).unwrap_err();
            assert_eq!(error.to_string(), format!("the model has no layer `{wrong}`"));
            assert_eq!(error.layers[0], "1 conv2d (Conv2D)");
            assert!(error.hint().starts_with("give names"), "{}", error.hint());
        }
    }

    #[test]
    fn a_dense_kernel_behind_flatten_is_pictures() {
        let model = course();
        assert_eq!(pictures(&model, 2), Some([3, 3, 2, 2]));
        assert_eq!(pictures(&model, 5), Some([5, 5, 2, 3]));
        assert_eq!(kernel_pictures(&model, 6, &[2, 3]), None, "there is no such layer");
        let layers = [
            LayerSpec::Flatten(Flatten),
            LayerSpec::Dense(Dense::new(4)),
            LayerSpec::Dense(Dense::new(3)),
        ];
        let model = ModelSpec::new([28, 20], layers).build().unwrap();
        assert_eq!(pictures(&model, 1), Some([28, 20, 1, 4]));
        assert_eq!(pictures(&model, 2), None, "its inputs are no image");
    }
}
