//! Whether a model and a data set fit each other, with a caret into the model.toml where they do not.

use crate::failure::Failure;
use crate::files::ModelText;
use cnn_data::Dataset;
use cnn_nn::Model;
use cnn_nn::config::{Diagnostic, Document};

/// Compares input with images and outputs with classes.
pub(crate) fn check(source: &ModelText, model: &Model, data: &Dataset) -> Result<(), Failure> {
    let (document, mut found) = Document::parse(&source.name, &source.text);
    let shape = data.train.shape();
    let input = model.input().dims();
    // As Keras, a grey image also fits an input without the channel axis.
    if input != shape && !(shape[2] == 1 && input == &shape[..2]) {
        let what = match (input, shape) {
            ([h, w, c], [dh, dw, dc]) if [*h, *w] == [dh, dw] => {
                format!("the model takes {c} channels, the images of {} have {dc}", data.name)
            }
            _ => {
                format!("the model's input is {input:?}, the images of {} are {shape:?}", data.name)
            }
        };
        let error = Diagnostic::error("M070", what)
            .at(document.span("input"))
            .with_label("height, width, channels");
        found.push(error.with_help(format!("input = {shape:?}")));
    }
    let (outputs, classes) = (model.output().len(), data.classes.len());
    if model.classes() != classes {
        let last = (0..model.layers().len())
            .rev()
            .find(|i| document.locate(&format!("layers.{i}.units")).is_some());
        let span = last.and_then(|i| document.span(&format!("layers.{i}.units")));
        let what = match outputs {
            1 => format!(
                "the model has 1 output, for two classes; {} has {classes} classes",
                data.name
            ),
            _ => format!("the model has {outputs} outputs, {} has {classes} classes", data.name),
        };
        found.push(
            Diagnostic::error("M071", what)
                .at(span)
                .with_help(format!("units = {classes}, one for each class")),
        );
    }
    if found.has_errors() { Err(Failure::mistakes(&found)) } else { Ok(()) }
}
