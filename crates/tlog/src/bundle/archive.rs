//! The container: an archive of POSIX ustar (IEEE Std 1003.1), of which only one form is valid. Each byte
//! follows from the paths and the contents, so nothing can be hidden in it.

use alloc::{format, string::String, vec, vec::Vec};

use super::{MANIFEST, NOTE};
use crate::canon::Digest;

/// The length of a block.
const BLOCK: usize = 512;

/// The longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 100;

/// The longest file, in bytes: its length has eleven octal digits.
const FILE_BYTES_MAX: u64 = (1 << 33) - 1;

/// The most files.
const FILES_MAX: usize = 1 << 20;

/// The files of a bundle. The note comes first, the list second; the others follow in the order of
/// their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive<'a> {
    files: Vec<(&'a str, &'a [u8])>,
}

/// The reason why bytes are not an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadArchive {
    /// A block is not what it must be.
    #[error("byte {at} belongs to no file of a bundle: the archive was changed, or ends early")]
    Block {
        /// The offset of the block.
        at: usize,
    },
    /// A path cannot be in a bundle.
    #[error("`{path}` cannot be the path of a file in a bundle")]
    Path {
        /// The path.
        path: String,
    },
    /// A path is not in its place.
    #[error("`{path}` is not in its place, or is there twice")]
    Order {
        /// The path.
        path: String,
    },
    /// A file is too long, or there are too many.
    #[error("`{path}` is too long, or there are too many files")]
    TooLong {
        /// The path.
        path: String,
    },
}

impl<'a> Archive<'a> {
    /// Makes an archive of the note, the list and the other files, which must be in the order of their
    /// paths.
    ///
    /// # Errors
    /// [`BadArchive`] for the first path that has no place.
    pub fn of(files: Vec<(&'a str, &'a [u8])>) -> Result<Self, BadArchive> {
        for (place, (path, bytes)) in files.iter().enumerate() {
            fits(
                (place, path),
                place.checked_sub(1).and_then(|at| files.get(at)).map(|one| one.0),
            )?;
            if bytes.len() as u64 > FILE_BYTES_MAX || place >= FILES_MAX {
                return Err(BadArchive::TooLong { path: (*path).into() });
            }
        }
        Ok(Self { files })
    }

    /// Reads an archive.
    ///
    /// # Errors
    /// [`BadArchive`] names the first byte or path that is wrong.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BadArchive> {
        let (mut files, mut at) = (Vec::new(), 0_usize);
        loop {
            let wrong = || BadArchive::Block { at };
            let header = block(bytes, at).ok_or_else(wrong)?;
            if header == [0; BLOCK] {
                // Two blocks of zeros end it.
                let rest = bytes.get(at..).ok_or_else(wrong)?;
                let ends = rest.len() == 2 * BLOCK && rest.iter().all(|byte| *byte == 0);
                return if ends { Self::of(files) } else { Err(wrong()) };
            }
            let (name, _) = header.split_at_checked(PATH_BYTES_MAX).ok_or_else(wrong)?;
            let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            let name = name.get(..length).and_then(|name| core::str::from_utf8(name).ok());
            let path = name.ok_or_else(wrong)?;
            let size = octal(header.get(SIZE..SIZE + 11).ok_or_else(wrong)?).ok_or_else(wrong)?;
            // Also the fields that no reader needs have one value.
            if header != self::header(path, size) {
                return Err(wrong());
            }
            let size = usize::try_from(size).map_err(|_| wrong())?;
            let start = at.saturating_add(BLOCK);
            let end = start.checked_add(size).ok_or_else(wrong)?;
            let content = bytes.get(start..end).ok_or_else(wrong)?;
            let next = end.checked_next_multiple_of(BLOCK).ok_or_else(wrong)?;
            let padding = bytes.get(end..next).ok_or(BadArchive::Block { at: end })?;
            if padding.iter().any(|byte| *byte != 0) {
                return Err(BadArchive::Block { at: end });
            }
            if files.len() >= FILES_MAX {
                return Err(BadArchive::TooLong { path: path.into() });
            }
            files.push((path, content));
            at = next;
        }
    }

    /// Returns the archive's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, content) in &self.files {
            bytes.extend_from_slice(&header(path, content.len() as u64));
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.resize(bytes.len().saturating_add(2 * BLOCK), 0);
        bytes
    }

    /// Returns a file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&'a [u8]> {
        self.files.iter().find(|(one, _)| *one == path).map(|(_, bytes)| *bytes)
    }

    /// Returns the files that the list names: all but the note and the list.
    pub fn listed(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.files.iter().copied().filter(|(path, _)| *path != NOTE && *path != MANIFEST)
    }

    /// Returns the list of these files: what `sha256sum` prints of them.
    #[must_use]
    pub fn list(files: &[(&str, &[u8])]) -> String {
        files.iter().map(|(path, bytes)| format!("{}  {path}\n", Digest::of(&[bytes]))).collect()
    }
}

/// Checks a path and its place after another one.
fn fits((place, path): (usize, &str), before: Option<&str>) -> Result<(), BadArchive> {
    let safe = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
    };
    if path.len() > PATH_BYTES_MAX || !path.split('/').all(safe) {
        return Err(BadArchive::Path { path: path.into() });
    }
    let own = path == NOTE || path == MANIFEST;
    let fits = match place {
        0 => path == NOTE,
        1 => path == MANIFEST,
        2 => !own,
        _ => !own && before.is_some_and(|before| before < path),
    };
    if fits { Ok(()) } else { Err(BadArchive::Order { path: path.into() }) }
}

fn block(bytes: &[u8], at: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(BLOCK)?)
}

/// The offset of a file's length in its header.
const SIZE: usize = 124;

/// Returns the only header that a file can have: mode 0644, no owner, no time.
fn header(path: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0; BLOCK];
    put(&mut header, 0, path.as_bytes());
    put(&mut header, 100, b"0000644");
    put(&mut header, 108, b"0000000");
    put(&mut header, 116, b"0000000");
    put(&mut header, SIZE, format!("{size:011o}").as_bytes());
    put(&mut header, 136, b"00000000000");
    // The sum counts its own field as blanks.
    put(&mut header, 148, b"        ");
    put(&mut header, 156, b"0");
    put(&mut header, 257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
    header
}

fn put(header: &mut [u8], at: usize, bytes: &[u8]) {
    for (slot, byte) in header.iter_mut().skip(at).zip(bytes) {
        *slot = *byte;
    }
}

fn octal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 8).ok()
}
