//! Whether a JPEG file has its end. The decoder paints what a cut file lacks grey and says nothing.

/// Follows the markers from the start to the end marker (ITU-T T.81, annex B); what comes after it does not matter.
pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    const SOI: u8 = 0xD8;
    const EOI: u8 = 0xD9;
    let mut at = 0;
    while let Some(marker) = next_marker(bytes, &mut at) {
        match marker {
            EOI => return true,
            SOI | 0x01 | 0xD0..=0xD7 => {}
            _ => {
                // A segment: its length counts its own two bytes.
                let Some(&[high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
                    return false;
                };
                at += usize::from(u16::from_be_bytes([high, low])).max(2);
                // Coded data after a scan header is passed over by next_marker: in it FF is followed by 00 or a restart.
            }
        }
    }
    false
}

/// The next marker at or after `at`, which moves behind it. Stuffed and fill bytes are passed over.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let rest = bytes.get(*at..)?;
        *at += rest.iter().position(|&byte| byte == 0xFF)? + 1;
        match bytes.get(*at)? {
            0x00 => *at += 1,
            0xFF => {}
            &marker => {
                *at += 1;
                return Some(marker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn the_end_marker_counts_where_a_marker_can_be() {
        let segment = [0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD9, 1, 2];
        assert!(!is_complete(&segment), "a thumbnail's end inside a segment is not the picture's");
        let scan = [0xFF, 0xDA, 0, 2, 7, 0xFF, 0x00, 0xD9, 0xFF, 0xD3, 8];
        let mut file = [&segment[..], &scan[..]].concat();
        assert!(!is_complete(&file));
        file.extend([0xFF, 0xFF, 0xD9]);
        assert!(is_complete(&file));
        file.extend(b"and more");
        assert!(is_complete(&file));
    }
}
