//! What `cnn explain` says, to people and to programs.

use super::Explained;
use super::channels::Driven;
use super::figures::largest;
use crate::pictures::Chosen;
use cnn_nn::explain::{Explanation, Likeness, MaximiseCheck, Maximised, PixelCurves};
use cnn_train::SavedRun;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) fn class_name(saved: &SavedRun, class: usize) -> &str {
    saved.classes.get(class).map_or("?", String::as_str)
}

/// A number in about three digits.
pub(super) fn short(value: f32) -> String {
    let text = if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") };
    text.replace('-', "−")
}

/// The channel's number; for units of the last layer their class.
pub(super) fn channel_name(saved: &SavedRun, driven: &Driven, channel: usize) -> String {
    let last = saved.model.layers().last().is_some_and(|last| last.name == driven.layer);
    match saved.classes.get(channel) {
        Some(class) if last => class.clone(),
        _ => channel.to_string(),
    }
}

/// A share with three digits, or two places.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.2} %", 100.0 * share) } else { "∞".to_owned() }
}

/// What the model says of the image, and what is true.
pub(super) fn answer(saved: &SavedRun, one: &Explained) -> String {
    let predicted = largest(&one.probabilities);
    let share = percent(f64::from(one.probabilities[predicted]));
    let truth = match one.image.label {
        None => String::new(),
        Some(label) if label == predicted => ", which it is".to_owned(),
        Some(label) => format!(", but it is {}", class_name(saved, label)),
    };
    format!("predicted {} ({share}){truth}", class_name(saved, predicted))
}

/// What is explained.
pub(super) fn under_picture(saved: &SavedRun, one: &Explained) -> Vec<String> {
    let share = percent(f64::from(one.probabilities[one.class]));
    vec![
        format!("class {}", class_name(saved, one.class)),
        format!("score {:.2}, probability {share}", one.score),
    ]
}

fn verdict(depends_on_model: bool, beats_random: [bool; 2]) -> String {
    let order = match beats_random {
        [true, true] => "better than random orders",
        [true, false] => "better than random orders in deletion only",
        [false, true] => "better than random orders in insertion only",
        [false, false] => "no better than random orders",
    };
    if depends_on_model {
        format!("depends on the model; {order}")
    } else {
        format!("mostly the picture: much the same with random weights; {order}")
    }
}

/// `test image 7`, or the file's name.
pub(super) fn image_name(image: &Chosen) -> String {
    match image.name.parse::<usize>() {
        Ok(position) => format!("test image {position}"),
        Err(_) => image.name.clone(),
    }
}

/// One image for people.
pub(super) fn image(one: &Explained, saved: &SavedRun) -> String {
    let mut text = format!("{}: {}\n", image_name(&one.image), answer(saved, one));
    let what = if saved.model.ends_in_softmax() {
        "the number before the softmax"
    } else {
        "the model's output"
    };
    let name = class_name(saved, one.class);
    let called = if name == one.class.to_string() {
        format!("class {name}")
    } else {
        format!("class {} {name}", one.class)
    };
    let _ = writeln!(text, "explained: the score {:.3} of {called}, {what}\n", one.score);
    if one.sanity.is_some() {
        text += "                        alike   ssim  deletion  insertion\n";
    }
    for (i, map) in one.maps.iter().enumerate() {
        let name = method_name(saved, map);
        let Some(sanity) = &one.sanity else {
            let _ = writeln!(text, "{name}");
            continue;
        };
        let (checked, curves) = (&sanity.randomised[i], &sanity.curves[i]);
        let Likeness { spearman, ssim } = checked.likeness;
        let says = verdict(checked.depends_on_model(), sanity.beats_random(i));
        let _ = writeln!(text, "{name:<22} {spearman:>6.2} {ssim:>6.2} {}   {says}", areas(curves));
    }
    if let Some(sanity) = &one.sanity {
        let none = format!("{:6} {:6}", "", "");
        let references = &sanity.references;
        let _ = writeln!(text, "{:<22} {none} {}", "random order", areas(&references.random));
        let _ = writeln!(text, "{:<22} {none} {}", "strongest pixels", areas(&references.picture));
        let models = sanity.randomised.first().map_or(0, |one| one.models);
        let models = if models == 1 { "1 model".to_owned() } else { format!("{models} models") };
        let _ = write!(
            text,
            "\nalike: rank correlation of the map with those of {models} with random weights, 1 is the same; ssim: likewise.\n\
             deletion, insertion: area under the probability as pixels go (low is good) and come (high is good).\n"
        );
    }
    for map in &one.maps {
        if let Some(complete) = map.completeness {
            let _ = writeln!(
                text,
                "integrated gradients: {} steps; the shares add up to {:.4}, the score rises by {:.4} from the baseline: \
                 completeness error {}",
                complete.steps,
                complete.sum,
                complete.score - complete.baseline_score,
                percent(complete.error())
            );
        }
    }
    for file in &one.files {
        let _ = writeln!(text, "{}", file.display());
    }
    text
}

/// The method, with the layer that it took.
fn method_name(saved: &SavedRun, map: &Explanation) -> String {
    match map.layer {
        Some(layer) => format!("{} {}", map.method.name(), saved.model.layers()[layer].name),
        None => map.method.name().to_owned(),
    }
}

fn areas(curves: &PixelCurves) -> String {
    format!("{:>9.3} {:>10.3}", curves.deletion_area(), curves.insertion_area())
}

/// One image for programs.
pub(super) fn image_json(one: &Explained, saved: &SavedRun) -> Value {
    let likeness = |one: &Likeness| json!({ "spearman": one.spearman, "ssim": one.ssim });
    let curves = |curves: &PixelCurves| {
        json!({
            "shares": curves.shares, "deletion": curves.deletion, "insertion": curves.insertion,
            "deletion_area": curves.deletion_area(), "insertion_area": curves.insertion_area(),
        })
    };
    let method = |(i, map): (usize, &Explanation)| {
        let rows: Vec<Vec<f32>> = map.map.rows().into_iter().map(|row| row.to_vec()).collect();
        let completeness = map.completeness.map(|complete| {
            json!({
                "steps": complete.steps, "score": complete.score, "baseline_score": complete.baseline_score,
                "sum": complete.sum, "error": complete.error(),
            })
        });
        let sanity = one.sanity.as_ref().map(|sanity| {
            let (checked, [fewer, more]) = (&sanity.randomised[i], sanity.beats_random(i));
            let cascade: Vec<Value> = checked
                .cascade
                .iter()
                .map(|stage| json!({ "layer": stage.layer, "likeness": likeness(&stage.likeness) }))
                .collect();
            json!({
                "random_models": checked.models, "likeness": likeness(&checked.likeness), "cascade": cascade,
                "depends_on_model": checked.depends_on_model(), "beats_random_orders": { "deletion": fewer, "insertion": more },
                "curves": curves(&sanity.curves[i]),
            })
        });
        json!({
            "method": map.method.name(), "layer": map.layer.map(|at| &saved.model.layers()[at].name),
            "signed": map.method.is_signed(), "map": rows, "completeness": completeness, "sanity": sanity,
        })
    };
    json!({
        "image": one.image.name, "label": one.image.label, "predicted": largest(&one.probabilities),
        "class": one.class, "name": class_name(saved, one.class), "score": one.score,
        "probability": one.probabilities[one.class],
        "methods": one.maps.iter().enumerate().map(method).collect::<Vec<_>>(),
        "references": one.sanity.as_ref().map(|sanity| json!({
            "random": curves(&sanity.references.random), "picture": curves(&sanity.references.picture),
        })),
        "files": files(&one.files),
    })
}

fn files(paths: &[std::path::PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Channels for people.
pub(super) fn channels(driven: &Driven, saved: &SavedRun) -> String {
    let mut text = format!(
        "{} ({}): {} of {} {}, mean activation of each for the image that drives it\n\n",
        driven.layer,
        driven.kind,
        driven.found.len(),
        driven.channels,
        driven.word
    );
    let names: Vec<String> =
        driven.found.iter().map(|found| channel_name(saved, driven, found.channel)).collect();
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let _ = write!(text, "{:wide$}  reached", "");
    if driven.checks.is_some() {
        let data = if driven.test_images > 0 { "  test images" } else { "" };
        let _ = write!(text, "  random images  random weights{data}");
    }
    text.push('\n');
    for (i, (found, name)) in driven.found.iter().zip(&names).enumerate() {
        let _ = write!(text, "{name:wide$}  {:>7.3}", found.activation);
        if let Some(check) = driven.checks.as_ref().map(|checks| checks[i]) {
            text += &check_line(found, &check);
        }
        text.push('\n');
    }
    if driven.checks.is_some() {
        text += "\nrandom images, test images: the largest activation among them; random weights: for the image made in the same way\n\
                 for a model with random weights.\n";
    }
    for file in &driven.files {
        let _ = writeln!(text, "{}", file.display());
    }
    text
}

/// What an activation is compared with, and what that says.
fn check_line(found: &Maximised, check: &MaximiseCheck) -> String {
    let mut text = format!("  {:>13.3}  {:>14.3}", check.noise, check.random_model);
    if let Some(data) = check.data {
        let _ = write!(text, "  {data:>11.3}");
    }
    text += match (check.depends_on_model(found), check.data) {
        (false, _) => "   says nothing about the model",
        (true, Some(data)) if data > found.activation => {
            "   depends on the model, but a test image drives it further"
        }
        (true, _) => "   depends on the model",
    };
    text
}

/// Channels for programs.
pub(super) fn channels_json(driven: &Driven) -> Value {
    let channel = |(i, found): (usize, &Maximised)| {
        let check = driven.checks.as_ref().map(|checks| {
            let check = checks[i];
            json!({
                "random_images": check.noise, "test_images": check.data, "random_weights": check.random_model,
                "depends_on_model": check.depends_on_model(found),
            })
        });
        json!({ "channel": found.channel, "activation": found.activation, "image": found.image, "sanity": check })
    };
    json!({
        "layer": driven.layer, "test_images": driven.test_images,
        "channels": driven.found.iter().enumerate().map(channel).collect::<Vec<_>>(),
        "files": files(&driven.files),
    })
}
