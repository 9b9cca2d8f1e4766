//! What a loss says of small cases, and of models that it does not fit.

use super::*;
use crate::losses::{BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy};
use proptest::prelude::*;

const SOFTMAX: Option<Link> = Some(Link::Softmax);

fn loss(spec: &LossSpec, outputs: usize, link: Option<Link>) -> Loss {
    Loss::new(spec, &Shape::new(vec![outputs]), link).unwrap()
}

fn plain(outputs: usize) -> Loss {
    loss(&LossSpec::default(), outputs, SOFTMAX)
}

fn measure(
    loss: &Loss,
    y: &[f32],
    labels: Labels<'_>,
    d: &mut [f32],
) -> (BatchMetrics, ClassCounts) {
    let mut counts = ClassCounts::new(loss.classes());
    (loss.measure(Isa::best(), y, labels, true, 1.0, d, &mut counts), counts)
}

#[test]
fn equal_logits_cost_log_of_the_classes() {
    let mut d = [0.0; 10];
    let (metrics, _) = measure(&plain(10), &[1.0; 10], Labels::plain(&[0]), &mut d);
    assert!((metrics.loss() - 10f64.ln()).abs() < 1e-6);
    assert_eq!(metrics.correct, 1);
    assert!((d[0] + 0.9).abs() < 1e-6 && (d[9] - 0.1).abs() < 1e-6);
}

proptest! {
    /// The loop that counts and the kernels know the same right answers.
    #[test]
    fn the_counts_of_the_classes_add_up_to_the_kernels(
        samples in prop::collection::vec(
            (prop::array::uniform3(prop_oneof![(-2i8..3).prop_map(f32::from), Just(f32::NAN)]), 0u32..3, 0u32..3, 0u8..5),
            1..20,
        ),
    ) {
        use cnn_kernels::loss::{softmax_cross_entropy, softmax_cross_entropy_mixed};
        let logits: Vec<f32> = samples.iter().flat_map(|s| s.0).collect();
        let labels: Vec<u32> = samples.iter().map(|s| s.1).collect();
        let partners: Vec<u32> = samples.iter().map(|s| s.2).collect();
        let shares: Vec<f32> = samples.iter().map(|s| f32::from(s.3) / 4.0).collect();
        let total = |counts: &[u64]| counts.iter().sum::<u64>() as usize;

        let (metrics, counts) = measure(&plain(3), &logits, Labels::plain(&labels), &mut []);
        let (_, correct) = softmax_cross_entropy(Isa::best(), 3, &logits, &labels, 1.0, &mut []);
        prop_assert_eq!((total(&counts.correct), metrics.correct), (correct, correct));
        prop_assert_eq!((total(&counts.samples), metrics.count), (samples.len(), samples.len()));

        let mixed = Labels { classes: &labels, mixed: Some((&partners, &shares)) };
        let (metrics, counts) = measure(&plain(3), &logits, mixed, &mut []);
        let (_, correct) =
            softmax_cross_entropy_mixed(Isa::best(), 3, &logits, &labels, &partners, &shares, 1.0, &mut []);
        prop_assert_eq!((total(&counts.correct), metrics.correct), (correct, correct));
    }

    /// By sorting: the class is among the first k where its rank, ties in its favour, is below k.
    #[test]
    fn the_first_k_are_those_of_a_sorted_row(
        row in prop::collection::vec((-3i8..4).prop_map(f32::from), 5), class in 0usize..5, k in 1usize..6,
    ) {
        let mut order: Vec<usize> = (0..5).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then((b == class).cmp(&(a == class))));
        let rank = order.iter().position(|&at| at == class).unwrap();
        let loss = plain(5).counting_top(&[k, 5]).unwrap();
        let (metrics, _) = measure(&loss, &row, Labels::plain(&[class as u32]), &mut []);
        prop_assert_eq!(metrics.in_top[..2].to_vec(), vec![usize::from(rank < k), 1]);
        prop_assert_eq!(metrics.in_top[2..].iter().sum::<usize>(), 0);
    }
}

#[test]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
fn a_single_unit_is_about_two_classes() {
    let binary = LossSpec::BinaryCrossentropy(BinaryCrossentropy::default());
    let of_scores = loss(&binary, 1, Some(Link::Sigmoid));
    assert_eq!((of_scores.outputs(), of_scores.classes()), (1, 2));
    let (metrics, counts) =
        measure(&of_scores, &[3.0, -0.1, 0.1, 0.0], Labels::plain(&[1, 1, 0, 0]), &mut []);
    assert_eq!((metrics.correct, counts.correct), (2, vec![1, 1]));

    // Of outputs as they are, the threshold is ½.
    let squares = LossSpec::MeanSquaredError(MeanSquaredError::default());
    let of_shares = loss(&squares, 1, Some(Link::Sigmoid));
    assert_eq!(of_shares.link(), None);
    let (metrics, _) = measure(&of_shares, &[0.5, 0.6], Labels::plain(&[0, 1]), &mut []);
    assert_eq!(metrics.correct, 2);
    assert!((metrics.loss_sum - (0.25 + 0.16)).abs() < 1e-6);

    let mut two = [0.0; 2];
    of_scores.probabilities(&[0.25], &mut two);
    assert_eq!(two, [0.75, 0.25]);
    let logits = BinaryCrossentropy { from_logits: true, ..BinaryCrossentropy::default() };
    loss(&LossSpec::BinaryCrossentropy(logits), 1, None).probabilities(&[0.0], &mut two);
    assert_eq!(two, [0.5, 0.5]);
}

#[test]
fn whatever_the_outputs_the_probabilities_sum_to_one() {
    /// Loss, link, outputs, and the probabilities that they are.
    type Case<'a> = (&'a LossSpec, Option<Link>, [f32; 3], [f32; 3]);
    let logits = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    let logits = LossSpec::SparseCategoricalCrossentropy(logits);
    let (binary, squares) = (
        LossSpec::BinaryCrossentropy(BinaryCrossentropy::default()),
        LossSpec::MeanSquaredError(MeanSquaredError::default()),
    );
    let cases: [Case<'_>; 5] = [
        (&logits, None, [1000.0, 1000.0 + 3.0_f32.ln(), -1000.0], [0.25, 0.75, 0.0]),
        (&binary, Some(Link::Sigmoid), [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]),
        (&binary, Some(Link::Sigmoid), [0.9, 0.9, 0.0], [0.5, 0.5, 0.0]),
        (&squares, None, [-1.0, 0.3, 0.1], [0.0, 0.75, 0.25]),
        (&squares, None, [-1.0, 0.0, -0.5], [0.186_32, 0.506_48, 0.307_20]),
    ];
    for (spec, link, row, expected) in cases {
        let mut to = [f32::NAN; 3];
        loss(spec, 3, link).probabilities(&row, &mut to);
        for (a, b) in to.iter().zip(expected) {
            assert!((a - b).abs() < 1e-4, "{spec:?} {row:?}: {to:?}");
        }
    }
}

/// The same targets, scores and losses whether an image is mixed with itself or not at all.
#[test]
fn an_image_mixed_with_itself_is_itself() {
    let scores = [0.3, -1.2, 2.0, 0.0, 1.5, -0.4, 0.2, 0.7, 0.1, 1.0, -2.0, 0.6];
    for (spec, outputs, link) in LossSpec::examples() {
        let loss = loss(&spec, outputs, link);
        let (labels, y) = ([1, 0, 1], &scores[..3 * outputs]);
        let (mut d, mut e) = (vec![0.0; y.len()], vec![0.0; y.len()]);
        let (one, counts) = measure(&loss, y, Labels::plain(&labels), &mut d);
        let mixed = Labels { classes: &labels, mixed: Some((&labels, &[0.3, 1.0, 0.5])) };
        let (two, others) = measure(&loss, y, mixed, &mut e);
        assert!((one.loss_sum - two.loss_sum).abs() < 1e-9, "{spec:?}");
        assert!(d.iter().zip(&e).all(|(a, b)| (a - b).abs() < 1e-7), "{spec:?}: {d:?} {e:?}");
        assert_eq!((one.correct, counts), (two.correct, others));
    }
}

#[test]
fn an_image_shaped_output_is_refused_with_the_fix() {
    let shape = Shape::new(vec![5, 5, 10]);
    let error = Loss::new(&LossSpec::default(), &shape, SOFTMAX).unwrap_err();
    assert!(error.message.contains("[5, 5, 10]") && error.hint.contains("Flatten"));
}
