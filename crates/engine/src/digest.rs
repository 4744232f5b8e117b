//! Reads files in chunks: model files are larger than memory.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use tlog::canon::Digest;

/// Number of bytes of a chunk.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Computes the SHA-256 of everything up to the end. `progress` gets the number of bytes so far.
///
/// # Errors
/// If reading fails.
pub fn sha256(reader: &mut impl Read, mut progress: impl FnMut(u64)) -> io::Result<Digest> {
    let (mut hasher, mut done) = (Sha256::new(), 0_u64);
    each_chunk(reader, |chunk| {
        hasher.update(chunk);
        done = done.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        progress(done);
        Ok(())
    })?;
    Ok(Digest(hasher.finalize().into()))
}

/// Passes everything up to the end to `take`, chunk by chunk.
///
/// # Errors
/// If reading or `take` fails.
pub fn each_chunk(
    reader: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => take(chunk.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives single bytes, and is interrupted before each.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn a_file_in_pieces_has_the_digest_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut seen = Vec::new();
        let digest = sha256(&mut Slow(&bytes, false), |done| seen.push(done)).unwrap();
        assert_eq!(digest, Digest::of(&[&bytes]));
        assert_eq!(seen, (1..=256).collect::<Vec<_>>());
        let large = vec![7; 2 * CHUNK_BYTES + 1];
        assert_eq!(sha256(&mut &large[..], |_| ()).unwrap(), Digest::of(&[&large]));
    }
}
