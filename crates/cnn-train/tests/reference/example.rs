//! A part of a model.toml, where the docs of a thing have none: its first example, written by the writer of files.

use cnn_callbacks::CallbackSpec;
use cnn_nn::config::write::{Toml, node};
use cnn_nn::layer::Link;
use cnn_nn::losses::LossSpec;
use cnn_optim::schedules::{LearningRate, ScheduleSpec};

/// The thing of that kind and name where it belongs; `value` is how a thing that is no table is written.
pub(crate) fn of(kind: &str, name: &str, value: &str) -> String {
    let dense = |key: &str| format!("[[layers]]\ntype = \"Dense\"\nunits = 64\n{key} = {value}\n");
    match kind {
        "activation" => dense("activation"),
        "initializer" => dense("kernel_initializer"),
        "regularizer" => dense("kernel_regularizer"),
        "constraint" => dense("kernel_constraint"),
        "metric" => format!("[compile]\nmetrics = [{value}]\n"),
        "loss" => loss(name),
        "optimizer" => {
            let kind = cnn_optim::REGISTRY.iter().find(|kind| kind.name == name).unwrap();
            let spec = &(kind.examples)()[0];
            let LearningRate::Constant(rate) = spec.learning_rate() else { unreachable!() };
            compile("optimizer", &format!("{{ type = \"{name}\", learning_rate = {rate} }}"))
        }
        "schedule" => {
            let all = ScheduleSpec::examples();
            let schedule = all.into_iter().find(|spec| spec.name() == name).unwrap();
            let schedule = node(&schedule).unwrap();
            compile("optimizer", &format!("{{ type = \"SGD\", learning_rate = {schedule} }}"))
        }
        "callback" => {
            let kind = cnn_callbacks::REGISTRY.iter().find(|kind| kind.name == name).unwrap();
            let specs: Vec<CallbackSpec> = (kind.examples)();
            let file = Toml::default().list("callbacks", &[node(&specs[0]).unwrap()]);
            file.into_string().trim_start().to_owned()
        }
        _ => String::new(),
    }
}

/// A loss with the layer before it.
fn loss(name: &str) -> String {
    let all = LossSpec::examples();
    let (_, outputs, link) = all.iter().find(|(spec, ..)| spec.name() == name).unwrap();
    let activation = match link {
        Some(Link::Softmax) => "activation = \"softmax\"\n",
        Some(Link::Sigmoid) => "activation = \"sigmoid\"\n",
        None => "",
    };
    let head = "input = [28, 28, 1]\n\n[[layers]]\ntype = \"Flatten\"\n\n";
    let layer = format!("[[layers]]\ntype = \"Dense\"\nunits = {outputs}\n{activation}\n");
    format!("{head}{layer}{}", compile("loss", &format!("\"{name}\"")))
}

/// `[compile]` with this one key.
fn compile(key: &str, value: &str) -> String {
    format!("[compile]\n{key} = {value}\n")
}
