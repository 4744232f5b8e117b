//! An ECDSA signature in DER: the only form that authenticators return.

/// Returns r and s, 32 bytes each, of a signature in strict DER. `None` if a byte could be written in
/// another way.
pub(super) fn pair(bytes: &[u8]) -> Option<[u8; 64]> {
    let inner = match bytes {
        // At most 70 bytes inside, so the length has one byte.
        [0x30, length, inner @ ..] if usize::from(*length) == inner.len() && *length < 0x80 => {
            inner
        }
        _ => return None,
    };
    let (r, rest) = integer(inner)?;
    let (s, rest) = integer(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let mut pair = [0; 64];
    pair.iter_mut().zip(r.iter().chain(&s)).for_each(|(slot, byte)| *slot = *byte);
    Some(pair)
}

/// Reads a positive integer of at most 32 bytes, and returns the bytes after it.
fn integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let [0x02, length, rest @ ..] = bytes else { return None };
    let (number, rest) = rest.split_at_checked(usize::from(*length))?;
    let number = match number {
        // A zero is in front only if the number would be negative without it.
        [0, number @ ..] if number.first().is_some_and(|first| *first >= 0x80) => number,
        [first, ..] if (1..0x80).contains(first) => number,
        _ => return None,
    };
    let padding = 32_usize.checked_sub(number.len())?;
    let mut fixed = [0; 32];
    fixed.iter_mut().skip(padding).zip(number).for_each(|(slot, byte)| *slot = *byte);
    Some((fixed, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_one_form() {
        let good = [0x30, 6, 2, 1, 1, 2, 1, 2];
        let mut expected = [0; 64];
        (expected[31], expected[63]) = (1, 2);
        assert_eq!(pair(&good), Some(expected));
        assert!(pair(&[0x30, 7, 2, 2, 0, 0x80, 2, 1, 2]).is_some(), "a needed zero");
        for bad in [
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 2][..],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2],
            &[0x30, 6, 2, 1, 0x81, 2, 1, 2],
            &[0x30, 6, 2, 1, 0, 2, 1, 2],
            &[0x30, 5, 2, 0, 2, 1, 2],
            &[0x30, 6, 2, 1, 1, 2, 1, 2, 0],
            &[0x30, 7, 2, 1, 1, 2, 1, 2, 0],
            &[0x31, 6, 2, 1, 1, 2, 1, 2],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 6, 2, 9, 1, 2, 1, 2],
            &[],
        ] {
            assert_eq!(pair(bad), None, "{bad:?}");
        }
    }
}
