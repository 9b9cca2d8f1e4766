//! Values and texts that never change: random streams, derivations, error texts, the spelling of padding.

use cnn_tensor::random::{
    Purpose, below, beta, normal_f32, permutation, sin_cos_turns, stream, uniform_f32,
};
use cnn_tensor::{Padding, Shape, Window};
use rand_chacha::rand_core::RngCore;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, I64Deserializer, StrDeserializer, U64Deserializer};

/// The expected words come from a cipher written from D. J. Bernstein's description in Python, not from the crate.
#[test]
fn streams_are_chacha8_with_seed_purpose_and_place_as_key() {
    let mut rng = stream(42, Purpose::Init, 0, 0);
    let words: Vec<u32> = (0..4).map(|_| rng.next_u32()).collect();
    assert_eq!(words, [0x9d0b_fc81, 0x863c_3e57, 0xc507_e6e4, 0x26b2_7755]);
    // Beyond the first block, and with every part of the key at its end.
    let mut rng = stream(u64::MAX, Purpose::Dropout, 7, (1 << 63) + 1);
    let words: Vec<u32> = (0..40).map(|_| rng.next_u32()).collect();
    assert_eq!((words[0], words[1]), (0xde44_6e14, 0x8b2e_68b1));
    assert_eq!((words[38], words[39]), (0xfc87_ba66, 0x8291_3229));
    let purposes =
        [Purpose::Init, Purpose::Shuffle, Purpose::Dropout, Purpose::Augment, Purpose::Mix];
    assert_eq!(purposes.map(|purpose| purpose as u64), [1, 2, 3, 4, 5]);
}

#[test]
fn uniform_numbers_are_the_high_24_bits() {
    let mut rng = stream(42, Purpose::Dropout, 7, 3);
    let scaled = [(); 3].map(|()| uniform_f32(&mut rng) * 16_777_216.0);
    assert_eq!(scaled.map(|v| v as u32), [5_110_819, 720_062, 2_790_932]);
}

/// A generator that gives one word for ever.
struct Constant(u32);

impl RngCore for Constant {
    fn next_u32(&mut self) -> u32 {
        self.0
    }
    fn next_u64(&mut self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(self.0 as u8);
    }
}

/// What a seed means does not change: the shares of a mixed batch, rounded as they are used.
#[test]
fn beta_numbers_are_fixed() {
    let drawn = |alpha| {
        let mut rng = stream(42, Purpose::Mix, 0, 0);
        [(); 4].map(|()| beta(&mut rng, alpha) as f32)
    };
    for (alpha, expected) in [
        (0.2, [1.0, 0.037_015_78, 0.302_592_5, 0.827_091_6]),
        (1.0, [0.664_784_5, 0.914_430_56, 0.793_129_1, 0.142_629_44]),
    ] {
        for (got, expected) in drawn(alpha).iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-6, "{alpha}: {:?}", drawn(alpha));
        }
    }
}

/// Mean, variance and the share below 0.1 of Beta(α, α): ½, 1 / (4·(2α + 1)), and the incomplete beta function, integrated
/// in Python with 400,000 steps.
#[test]
fn beta_numbers_have_the_moments_of_their_distribution() {
    for (alpha, below_a_tenth) in
        [(0.2, 0.336_690), (0.5, 0.204_833), (1.0, 0.1), (2.0, 0.028), (8.0, 3.362_5e-5)]
    {
        let mut rng = stream(9, Purpose::Mix, 4, 0);
        let n = 100_000;
        let drawn: Vec<f64> = (0..n).map(|_| beta(&mut rng, alpha)).collect();
        assert!(drawn.iter().all(|x| (0.0..=1.0).contains(x)));
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        let low = drawn.iter().filter(|x| **x < 0.1).count() as f64 / f64::from(n);
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!((mean - 0.5).abs() < 0.005, "{alpha}: mean {mean}");
        assert!((variance / expected - 1.0).abs() < 0.02, "{alpha}: {variance}, {expected}");
        assert!((low - below_a_tenth).abs() < 0.005, "{alpha}: {low} below 0.1");
    }
    // Numbers of extreme parameters are numbers.
    for alpha in [1e-6, 0.01, 100.0, 1e6] {
        let mut rng = stream(9, Purpose::Mix, 5, 0);
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&beta(&mut rng, alpha))), "{alpha}");
    }
}

/// The quantiles come from Python's `statistics.NormalDist().inv_cdf((k + .5) / 2**24)`.
#[test]
fn normal_numbers_are_quantiles() {
    for (k, quantile) in [
        (0, -5.419_983_4_f32),
        (1, -5.220_113_3_f32),
        (12_345, -3.180_207_f32),
        (1_258_290, -1.439_531_8_f32),
        (1_258_291, -1.439_531_3_f32),
        (1_258_292, -1.439_531_f32),
        (4_000_000, -0.711_398_66_f32),
        (8_388_607, -7.470_334_4e-8_f32),
        (8_388_608, 7.470_334_4e-8_f32),
        (13_000_000, 0.754_949_7_f32),
        (15_518_924, 1.439_531_3_f32),
        (15_518_926, 1.439_532_2_f32),
        (16_777_000, 4.208_654_4_f32),
        (16_777_215, 5.419_983_4_f32),
    ] {
        let ours = normal_f32(&mut Constant(k << 8));
        assert!((ours - quantile).abs() <= 3e-7 * quantile.abs(), "{k}: {ours}, not {quantile}");
    }
    let mut rng = stream(3, Purpose::Augment, 0, 0);
    let n = 100_000;
    let (mut sum, mut squares, mut within) = (0.0, 0.0, 0);
    for _ in 0..n {
        let x = f64::from(normal_f32(&mut rng));
        sum += x;
        squares += x * x;
        within += i32::from(x.abs() < 1.0);
    }
    let n = f64::from(n);
    // Standard deviations over many seeds: 0.0032 of the mean, 0.0045 of the variance, 0.0015 of the share.
    assert!((sum / n).abs() < 0.016 && (squares / n - 1.0).abs() < 0.023, "{sum} {squares}");
    assert!((f64::from(within) / n - 0.682_69).abs() < 0.0075, "{within}");
}

#[test]
fn turns_have_the_sine_and_cosine_of_their_angle() {
    for step in -64..=64 {
        let turns = step as f32 / 32.0;
        let (sin, cos) = (f64::from(turns) * std::f64::consts::TAU).sin_cos();
        let (s, c) = sin_cos_turns(turns);
        assert!((f64::from(s) - sin).abs() < 6e-8 && (f64::from(c) - cos).abs() < 6e-8, "{turns}");
    }
    assert_eq!(
        [0.0, 0.25, 0.5, -0.25].map(sin_cos_turns),
        [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)]
    );
}

#[test]
fn permutations_are_fixed_and_forget_what_was_there() {
    let mut order = vec![99; 10];
    permutation(42, 0, &mut order);
    assert_eq!(order, [7, 5, 8, 6, 1, 3, 2, 9, 4, 0]);
    permutation(42, 1, &mut order);
    assert_eq!(order, [0, 4, 3, 7, 2, 9, 6, 8, 5, 1]);
    permutation(43, 0, &mut order);
    assert_eq!(order, [6, 5, 0, 4, 9, 3, 2, 8, 7, 1]);
    let mut order = vec![0; 60_000];
    permutation(42, 0, &mut order);
    assert_eq!(
        (&order[..4], &order[59_996..]),
        (&[50_066, 42_074, 26_394, 3889][..], &[19_690, 170, 29_901, 901][..])
    );
    order.sort_unstable();
    assert!(order.iter().copied().eq(0..60_000), "each sample once");
    permutation(1, 1, &mut []);
}

#[test]
fn bounded_numbers_reach_every_value_alike() {
    let mut rng = stream(1, Purpose::Augment, 0, 0);
    let mut counts = [0_u32; 6];
    for _ in 0..60_000 {
        counts[below(&mut rng, 6) as usize] += 1;
    }
    // Standard deviation of a count: √(60000 · 1/6 · 5/6) = 91.
    assert!(counts.iter().all(|count| count.abs_diff(10_000) < 5 * 91), "{counts:?}");
    assert_eq!((below(&mut rng, 1), below(&mut rng, 0)), (0, 0));
}

#[test]
fn derivations_show_their_numbers() {
    let of = |input, kernel, stride, padding| {
        Window::new(input, kernel, stride, padding).unwrap().derivation()
    };
    assert_eq!(of(28, 3, 1, Padding::Valid), "(28 − 3 + 2·0)/1 + 1 = 26");
    assert_eq!(of(26, 2, 2, Padding::Valid), "(26 − 2 + 2·0)/2 + 1 = 13");
    assert_eq!(of(11, 2, 2, Padding::Valid), "floor((11 − 2 + 2·0)/2) + 1 = 5");
    assert_eq!(of(28, 3, 1, Padding::Same), "(28 − 3 + 2·1)/1 + 1 = 28");
    assert_eq!(of(28, 3, 2, Padding::Same), "(28 − 3 + 0 + 1)/2 + 1 = 14");
    assert_eq!(of(28, 3, 1, Padding::Explicit(1)), "(28 − 3 + 2·1)/1 + 1 = 28");
    assert_eq!(of(5, 2, 3, Padding::Same), "(5 − 2 + 2·0)/3 + 1 = 2");
    let window = Window::new(11, 2, 2, Padding::Valid).unwrap();
    assert_eq!(window.leftover(), 1);
}

#[test]
fn dilation_shows_in_derivations_and_errors() {
    let of = |input, kernel, stride, dilation, padding| {
        Window::dilated(input, kernel, stride, dilation, padding)
            .map(|window| window.derivation())
            .map_err(|error| (error.to_string(), error.hint().is_empty()))
    };
    let told = |text: &str| Ok(text.to_owned());
    let refused = |text: &str| Err((text.to_owned(), false));
    assert_eq!(of(28, 3, 1, 2, Padding::Valid), told("(28 − (2·(3 − 1) + 1) + 2·0)/1 + 1 = 24"));
    assert_eq!(of(28, 3, 1, 2, Padding::Same), told("(28 − (2·(3 − 1) + 1) + 2·2)/1 + 1 = 28"));
    assert_eq!(of(7, 2, 1, 3, Padding::Same), told("(7 − (3·(2 − 1) + 1) + 1 + 2)/1 + 1 = 7"));
    assert_eq!(of(28, 3, 2, 1, Padding::Valid), told("floor((28 − 3 + 2·0)/2) + 1 = 13"));
    assert_eq!(
        of(6, 3, 1, 4, Padding::Valid),
        refused(
            "kernel 3, at dilation 4 as wide as 9, is larger than the input 6: floor((6 − (4·(3 − 1) + 1) + 2·0)/1) + 1 = −2"
        )
    );
    assert_eq!(
        of(28, 3, 2, 3, Padding::Same),
        refused("stride 2 together with dilation 3: at most one of them may be above 1")
    );
    assert_eq!(
        of(28, 3, 1, 0, Padding::Same),
        refused("dilation 0: all taps would lie on one position; a dilation is at least 1")
    );
    assert_eq!(
        of(28, 3, 1, Window::LIMIT, Padding::Same),
        refused("dilated kernel 8589934591 is too large: the limit is 4294967295")
    );
}

#[test]
fn errors_show_the_arithmetic() {
    let of =
        |input, kernel, stride, padding| Window::new(input, kernel, stride, padding).unwrap_err();
    let cases = [
        (
            of(1, 3, 1, Padding::Valid),
            "kernel 3 is larger than the input 1: floor((1 − 3 + 2·0)/1) + 1 = −1",
        ),
        (
            of(1, 2, 2, Padding::Valid),
            "kernel 2 is larger than the input 1: floor((1 − 2 + 2·0)/2) + 1 = 0",
        ),
        (
            of(2, 9, 1, Padding::Explicit(2)),
            "kernel 9 is larger than the padded input 2 + 2·2: floor((2 − 9 + 2·2)/1) + 1 = −2",
        ),
        (
            of(28, 3, 0, Padding::Valid),
            "stride 0: the window would never move; a stride is at least 1",
        ),
        (of(28, 0, 1, Padding::Same), "kernel size 0: a window covers at least 1 position"),
        (
            of(0, 3, 1, Padding::Same),
            "the input has size 0: there is nothing to slide a window over",
        ),
        (
            of(28, 3, 1, Padding::Explicit(1 << 55)),
            "padding 36028797018963968 is too large: the limit is 4294967295",
        ),
        (
            of(28, 3, 1, Padding::Explicit(usize::MAX)),
            "padding 18446744073709551615 is too large: the limit is 4294967295",
        ),
        (
            of(Window::LIMIT, 3, 1, Padding::Explicit(1)),
            "padded input 4294967297 is too large: the limit is 4294967295",
        ),
        (
            of(usize::MAX, 3, 1, Padding::Valid),
            "input 18446744073709551615 is too large: the limit is 4294967295",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error.to_string(), expected);
        assert!(!error.hint().is_empty());
    }
    let largest = Window::new(Window::LIMIT, 1, 1, Padding::Valid);
    assert_eq!(largest.map(|window| window.output), Ok(Window::LIMIT));
    let one = Window::new(1, Window::LIMIT, Window::LIMIT, Padding::Same);
    assert_eq!(
        one.map(|window| (window.before + window.after, window.output)),
        Ok((Window::LIMIT - 1, 1))
    );
}

#[test]
fn windows_wholly_in_the_padding_are_seen() {
    let of = |input, kernel, stride, pad| {
        Window::new(input, kernel, stride, Padding::Explicit(pad))
            .unwrap()
            .has_padding_only_window()
    };
    assert!(!of(4, 2, 1, 1) && of(4, 2, 1, 2) && of(4, 2, 2, 2));
    assert!(!of(1, 3, 1, 2) && of(1, 3, 1, 3) && of(1, 3, 4, 3));
}

#[test]
fn padding_is_read_from_a_word_or_a_number() {
    let word = |text: &'static str| -> Result<Padding, Error> {
        let deserializer: StrDeserializer<'_, Error> = text.into_deserializer();
        Padding::deserialize(deserializer)
    };
    assert_eq!((word("valid"), word("SAME")), (Ok(Padding::Valid), Ok(Padding::Same)));
    let unsigned: U64Deserializer<Error> = 2_u64.into_deserializer();
    assert_eq!(Padding::deserialize(unsigned), Ok(Padding::Explicit(2)));
    let signed: I64Deserializer<Error> = (-1_i64).into_deserializer();
    let error = Padding::deserialize(signed).unwrap_err().to_string();
    for text in [error, word("full").unwrap_err().to_string()] {
        assert!(text.contains("\"valid\", \"same\" or a whole number"), "{text}");
    }
    assert_eq!(
        [Padding::Valid, Padding::Same, Padding::Explicit(3)].map(|p| p.to_string()),
        ["valid", "same", "3"]
    );
    assert_eq!(Shape::from(&[26, 26, 32][..]).to_string(), "(None, 26, 26, 32)");
}
