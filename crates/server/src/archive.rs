//! An archive that is written while it is made: a ZIP file of which nothing lies on this machine's
//! disk. Its last file, `SHA256SUMS`, has the digest of every other one, as `sha256sum --check` reads
//! them.

mod outgoing;

use std::io::{self, Write};

use audit::rfc3339;
use sha2::{Digest as _, Sha256};
use zip::{
    CompressionMethod, DateTime, ZipWriter,
    result::ZipError,
    write::{SimpleFileOptions, StreamWriter},
};

pub(crate) use self::outgoing::{Outgoing, channel};

/// Name of the file with the digests.
const SUMS: &str = "SHA256SUMS";

/// A file of this size or more needs the long form of ZIP.
const LONG_FROM: u64 = 1 << 31;

/// An archive that is being written.
pub(crate) struct Archive<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    made: DateTime,
    sums: Vec<(String, String)>,
}

impl<W: Write> Archive<W> {
    /// Begins an archive. `now_ms` becomes the time of its files.
    pub(crate) fn begin(out: W, now_ms: u64) -> Self {
        Self { zip: ZipWriter::new_stream(out), made: time(now_ms), sums: Vec::new() }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// If the reader of the archive is gone.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut once = Some(bytes);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.add_pieces(name, size, || Ok(once.take().map(<[u8]>::to_vec)))
    }

    /// Adds a file of about `size` bytes, piece by piece until there is none.
    ///
    /// # Errors
    /// If a piece cannot be read, or the reader of the archive is gone.
    pub(crate) fn add_pieces<P: AsRef<[u8]>>(
        &mut self,
        name: &str,
        size: u64,
        mut next: impl FnMut() -> io::Result<Option<P>>,
    ) -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(self.made)
            .unix_permissions(0o600)
            .large_file(size >= LONG_FROM);
        self.zip.start_file(name, options).map_err(broken)?;
        let mut hash = Sha256::new();
        while let Some(piece) = next()? {
            hash.update(&piece);
            self.zip.write_all(piece.as_ref())?;
        }
        let sum: [u8; 32] = hash.finalize().into();
        self.sums.push((name.to_owned(), tlog::hex::encode(&sum)));
        Ok(())
    }

    /// Writes the digests and the end of the archive, and returns the writer.
    ///
    /// # Errors
    /// If the reader of the archive is gone.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let lines = self.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
        let lines: String = lines.collect();
        self.add(SUMS, lines.as_bytes())?;
        Ok(self.zip.finish().map_err(broken)?.into_inner())
    }
}

fn broken(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Returns a time in the form of ZIP, in UTC; a time that it cannot express is its oldest.
fn time(now_ms: u64) -> DateTime {
    let text = rfc3339(now_ms / 1000);
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u16>);
    let mut next = || parts.next().and_then(Result::ok);
    let (Some(year), Some(month), Some(day)) = (next(), next(), next()) else {
        return DateTime::default();
    };
    let (hour, minute, second) = (next(), next(), next());
    let byte = |part: Option<u16>| part.and_then(|part| u8::try_from(part).ok()).unwrap_or(0);
    let [month, day] = [month, day].map(|part| byte(Some(part)));
    DateTime::from_date_and_time(year, month, day, byte(hour), byte(minute), byte(second))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
