//! `cnn explain` without an image: what the channels of a layer look for.

use super::figures;
use super::{Args, failure};
use crate::failure::Failure;
use crate::{output, pictures};
use cnn_data::Split;
use cnn_nn::explain::{
    Images, Maximise, MaximiseCheck, Maximised, Network, cam_layer, check_maximised, maximise,
};
use cnn_train::SavedRun;
use std::path::{Path, PathBuf};

/// Images of the test split that a channel's activation is compared with.
const TEST_IMAGES: usize = 256;

/// Channels that are shown unless others are named.
const SHOWN: usize = 16;

/// Channels of one layer, each with the image that drives it.
pub(super) struct Driven {
    /// The layer's name.
    pub(super) layer: String,
    /// Keras's class name.
    pub(super) kind: &'static str,
    /// What its channels are called: `channels` of maps, `units` of a row of numbers.
    pub(super) word: &'static str,
    /// How many it has.
    pub(super) channels: usize,
    pub(super) found: Vec<Maximised>,
    /// One for each, unless nobody wants them.
    pub(super) checks: Option<Vec<MaximiseCheck>>,
    /// Images of the data set that were looked at.
    pub(super) test_images: usize,
    pub(super) files: Vec<PathBuf>,
}

/// Finds the images, checks them, draws them.
pub(super) fn run(
    args: &Args,
    saved: &mut SavedRun,
    network: &Network<'_>,
    layer: Option<usize>,
    out: &Path,
) -> Result<Driven, Failure> {
    let model = network.model();
    let last = model.layers().iter().rposition(|layer| layer.param_count() > 0);
    let layer = layer.or_else(|| cam_layer(model)).or(last).unwrap_or(0);
    let of_model = &model.layers()[layer];
    let channels = of_model.output.dims().last().copied().unwrap_or(1);
    let of = match &args.channels {
        Some(given) => parse(given, channels, &of_model.name)?,
        None => (0..channels.min(SHOWN)).collect(),
    };
    let settings = Maximise { seed: args.seed, ..Maximise::default() };
    let found = maximise(network, layer, &of, &settings).map_err(|e| failure(&e))?;
    let data = if args.no_sanity { None } else { test_images(args, saved)? };
    let checks = if args.no_sanity {
        None
    } else {
        let fill = |i: usize, x: &mut [f32]| {
            if let Some(split) = &data {
                split.fill(&[i as u32], x, &mut [0]);
            }
        };
        let images: Option<Images<'_>> = data.as_ref().map(|split| (split.len(), &fill as _));
        let checks = check_maximised(network, layer, &found, &settings, images);
        Some(checks.map_err(|e| failure(&e))?)
    };
    let mut driven = Driven {
        layer: of_model.name.clone(),
        kind: of_model.kind(),
        word: if of_model.output.rank() == 3 { "channels" } else { "units" },
        channels,
        found,
        checks,
        test_images: data.map_or(0, |split| split.len()),
        files: Vec::new(),
    };
    driven.files = figures::channels(args, saved, &driven, network.image_shape(), out)?;
    Ok(driven)
}

/// The first images of the test split. Where no data set was named and the run's own is not there, a note says so.
fn test_images(args: &Args, saved: &mut SavedRun) -> Result<Option<Split>, Failure> {
    match args.run.data(saved, args.data.as_deref()) {
        Ok(data) => {
            pictures::fits(saved, &data)?;
            Ok(Some(data.test.take(TEST_IMAGES)))
        }
        Err(failure) if args.data.is_some() => Err(failure),
        Err(_) => {
            output::note(
                "note: the data set is not there, so that channels are compared with random images only\n",
            );
            Ok(None)
        }
    }
}

/// `0,3,8-15` as numbers, in that order, each once.
fn parse(given: &str, channels: usize, layer: &str) -> Result<Vec<usize>, Failure> {
    let shown: String = given.chars().take(80).collect();
    let wrong = || {
        let what = format!("`{}` are no channels", shown.escape_debug());
        Failure::usage(&what, "numbers and ranges, such as 0,3,8-15")
    };
    let mut all = Vec::new();
    for part in given.split(',') {
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        if let Some(asked) = [first, last].into_iter().find(|asked| *asked >= channels) {
            let layer = layer.to_owned();
            let error = cnn_nn::explain::ExplainError::Channel { layer, asked, channels };
            return Err(failure(&error));
        }
        if last < first {
            return Err(wrong());
        }
        all.extend(first..=last);
    }
    let mut seen = vec![false; channels];
    all.retain(|channel| !std::mem::replace(&mut seen[*channel], true));
    Ok(all)
}
