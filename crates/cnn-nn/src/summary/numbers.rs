//! Counts and sizes as Keras writes them.

/// A count with thousands commas: `243,786`.
pub fn commas(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes, divided by 1024 until below it, with two decimals: `952.29 KB`.
pub fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if size / 1024.0 < 1.0 {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} PB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_keras() {
        let counts = [0, 7, 640, 1_290, 36_928, 243_786, 1_000_000, u64::MAX];
        let texts = [
            "0",
            "7",
            "640",
            "1,290",
            "36,928",
            "243,786",
            "1,000,000",
            "18,446,744,073,709,551,615",
        ];
        assert_eq!(counts.map(commas), texts);
        let bytes = [0, 1023, 1024, 4 * 243_786, 4 * 731_360, 3_195_161_380];
        assert_eq!(
            bytes.map(size),
            ["0.00 B", "1023.00 B", "1.00 KB", "952.29 KB", "2.79 MB", "2.98 GB"]
        );
    }
}
