//! Numbers in words, for display.

use alloc::{format, string::String};

/// Formats a time span in its two largest units: `29 d 18 h`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
    let mut rest = ms;
    let mut text = String::new();
    let mut shown = 0;
    for (size, unit) in units {
        let (count, left) = (rest / size, rest % size);
        rest = left;
        if count > 0 {
            let space = if shown == 0 { "" } else { " " };
            text.push_str(&format!("{space}{count} {unit}"));
        }
        // The unit after the largest one is the last, even if its count is zero.
        shown += u8::from(count > 0 || shown > 0);
        if shown == 2 {
            break;
        }
    }
    if text.is_empty() { "0 ms".into() } else { text }
}

/// Formats a number with its noun: `1 key`, `2 keys`.
#[must_use]
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        for (ms, text) in [
            (0, "0 ms"),
            (7, "7 ms"),
            (61_000, "1 min 1 s"),
            (3_600_001, "1 h"),
            (2_570_576_612, "29 d 18 h"),
            (86_400_000 * 30, "30 d"),
        ] {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(
            (plural(1, "key", "keys"), plural(0, "key", "keys")),
            ("1 key".into(), "0 keys".into())
        );
    }
}
