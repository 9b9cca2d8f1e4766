//! "Did you mean": the known word nearest to a mistyped one.

use super::elsewhere;

/// The candidate that was probably meant, if one is near enough. A name from elsewhere (`bce`, `dirac`) means what it is called
/// here.
///
/// Near is: equal but for case and underscores; its beginning (`kernel` → `kernel_size`) or its initials
/// (`lr` → `learning_rate`); or at most a third of its letters wrong, a swap counting as one; or one is short for the other, with at
/// least half of its letters in their order (`AvgPool2D` → `AveragePooling2D`).
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    if plain.is_empty() || plain.len() > 64 {
        return None;
    }
    let here = elsewhere::here(&plain);
    let distance = |candidate: &str| {
        let other = self::plain(candidate);
        if plain == other || here == Some(candidate) {
            return Some(0);
        }
        let typo = strsim::damerau_levenshtein(&plain, &other);
        if typo <= (plain.chars().count().max(3) / 3).min(4) {
            return Some(typo);
        }
        let begins = plain.len() >= 3
            && (other.starts_with(&plain) || plain.starts_with(&other) && other.len() >= 3);
        let initials = plain.len() >= 2 && initials(candidate) == plain;
        let short = abbreviates(&plain, &other) || abbreviates(&other, &plain);
        (begins || initials || short).then_some(5)
    };
    let scored = candidates.into_iter().filter_map(|c| Some((distance(c)?, c)));
    scored
        .min_by_key(|&(score, candidate)| (score, candidate.chars().next() != word.chars().next()))
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn initials(word: &str) -> String {
    word.split('_').filter_map(|part| part.chars().next()).collect()
}

/// Whether the letters of `short`, at least half of those of `long`, stand in `long` in their order, from the first on.
fn abbreviates(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    let inside = short.chars().all(|letter| rest.any(|other| other == letter));
    inside && short.chars().next() == long.chars().next() && 2 * short.len() >= long.len()
}

/// Names for a list in a message: one spelling of each, at most 40.
pub(crate) fn listing(names: &[&str]) -> String {
    let mut seen = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for name in names {
        let key = plain(name);
        if !seen.contains(&key) {
            seen.push(key);
            shown.push(name);
        }
    }
    let more = if shown.len() > 40 { ", …" } else { "" };
    shown.truncate(40);
    shown.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 7] =
        ["filters", "kernel_size", "strides", "padding", "activation", "use_bias", "learning_rate"];

    #[test]
    fn the_course_s_typos_find_their_words() {
        let near = |word| nearest(word, KEYS);
        assert_eq!(near("activatoin"), Some("activation"));
        assert_eq!(near("Padding"), Some("padding"));
        assert_eq!(near("kernel"), Some("kernel_size"));
        assert_eq!(near("stride"), Some("strides"));
        assert_eq!(near("lr"), Some("learning_rate"));
        assert_eq!(near("units"), None);
        assert_eq!(near(""), None);
        let kinds = ["Activation", "Conv2D", "conv2d", "Dense", "MaxPooling2D", "max_pooling2d"];
        assert_eq!(nearest("MaxPoling2D", kinds), Some("MaxPooling2D"));
        assert_eq!(nearest("Conv2d", kinds), Some("Conv2D"));
        assert_eq!(nearest("conv2D", kinds), Some("conv2d"));
        assert_eq!(nearest("MaxPool2D", kinds), Some("MaxPooling2D"));
        assert_eq!(nearest("LSTM", kinds), None);
        let pools = ["AveragePooling2D", "GlobalAveragePooling2D", "MaxPooling2D", "Flatten"];
        assert_eq!(nearest("AvgPool2D", pools), Some("AveragePooling2D"));
        assert_eq!(nearest("GlobalAvgPool2D", pools), Some("GlobalAveragePooling2D"));
        assert_eq!(nearest("Fltn", pools), Some("Flatten"));
    }

    #[test]
    fn a_listing_names_each_thing_once() {
        assert_eq!(
            listing(&["Conv2D", "conv2d", "MaxPooling2D", "max_pooling2d"]),
            "Conv2D, MaxPooling2D"
        );
    }
}
