//! Tiles and entry bundles, in the static files of C2SP tlog-tiles.

use alloc::{format, string::String, vec::Vec};

use crate::{canon::Digest, entry::ENTRY_BYTES_MAX};

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const WIDTH: u64 = 256;

/// The number of tree levels that one level of tiles spans.
pub const HEIGHT: u8 = 8;

/// Returns the path of a tile of `width` hashes, relative to the log's root: `tile/0/x001/234.p/5`.
#[must_use]
pub fn path(level: u8, index: u64, width: u64) -> String {
    format!("tile/{level}/{}{}", number(index), partial(width))
}

/// Returns the path of an entry bundle of `width` entries, relative to the log's root.
#[must_use]
pub fn bundle_path(index: u64, width: u64) -> String {
    format!("tile/entries/{}{}", number(index), partial(width))
}

fn partial(width: u64) -> String {
    if width == WIDTH { String::new() } else { format!(".p/{width}") }
}

/// Formats three digits per segment; all segments but the last start with an `x`.
fn number(index: u64) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    text
}

/// Hashes that the last tile of a level has in a tree of `size` leaves, and that tile's number.
#[must_use]
pub fn last(level: u8, size: u64) -> (u64, u64) {
    let hashes = size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0);
    (hashes / WIDTH, hashes % WIDTH)
}

/// Reads a tile's hashes.
#[must_use]
pub fn hashes(tile: &[u8]) -> Option<Vec<Digest>> {
    let chunks = tile.chunks_exact(32);
    if !chunks.remainder().is_empty() || tile.len() > 32 * 256 {
        return None;
    }
    chunks.map(|chunk| chunk.try_into().ok().map(Digest)).collect()
}

/// Appends an entry to a bundle: its length in sixteen bits, big-endian, and its bytes.
///
/// An entry whose length does not fit is skipped. No entry is that long, see [`ENTRY_BYTES_MAX`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    if let Ok(length) = u16::try_from(entry.len()) {
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
}

/// Reads a bundle's entries.
#[must_use]
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length > ENTRY_BYTES_MAX {
            return None;
        }
        let (entry, after) = after.split_at_checked(length)?;
        entries.push(entry);
        rest = after;
    }
    rest.is_empty().then_some(entries)
}

/// Returns true if a bundle is a cut-off prefix of a bundle with `width` entries.
#[must_use]
pub fn ends_early(bundle: &[u8], width: u64) -> bool {
    let mut rest = bundle;
    for _ in 0..width {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { return true };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > ENTRY_BYTES_MAX {
            return false;
        }
        let Some((_, after)) = after.split_at_checked(length) else { return true };
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_c2sps() {
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(1, 1_234_067, 256), "tile/1/x001/x234/067");
        assert_eq!(path(0, 1_234_067, 1), "tile/0/x001/x234/067.p/1");
        assert_eq!(bundle_path(1000, 256), "tile/entries/x001/000");
    }

    #[test]
    fn bundles_come_apart_as_they_were_put_together() {
        let mut bundle = Vec::new();
        push_entry(&mut bundle, b"one");
        push_entry(&mut bundle, b"");
        assert_eq!(entries(&bundle), Some(alloc::vec![&b"one"[..], &b""[..]]));
        for cut in [1, 2, 4, 6] {
            assert_eq!(entries(&bundle[..cut]), None, "{cut}");
            assert!(ends_early(&bundle[..cut], 2), "{cut}");
        }
        assert!(ends_early(&bundle, 3) && !ends_early(&bundle, 2));
        assert!(!ends_early(&[0xff, 0xff, 1], 1), "no entry is that long");
    }
}
