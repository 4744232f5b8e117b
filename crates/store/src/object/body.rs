//! The file of a body: written once, chunk by chunk, and never in clear on the disk.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use policy::{authz::facts::ObjectFacts, content::ContentBytes, id::ObjectId};
use sha2::{Digest as _, Sha256};
use tlog::canon::Digest;
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    ObjectError,
    seal::{CHUNK_BYTES, Chunks, Commitment, TAG_BYTES, damaged, unusable},
};
use crate::{keys::sync_folder, random::random};

/// The folder of the bodies, in the data directory.
pub(crate) const FOLDER: &str = "objects";

/// Returns the path of an object's body.
pub(crate) fn path(folder: &Path, object: ObjectId) -> PathBuf {
    folder.join(object.to_string())
}

/// A body that is being written.
pub(crate) struct Writer {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    chunks: Chunks,
    /// The bytes of the chunk that is not full yet. A full chunk is sealed when more bytes come: the
    /// last chunk is marked.
    chunk: Zeroizing<Vec<u8>>,
    number: u32,
    bytes: u64,
    salt: [u8; 16],
    hash: Sha256,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} bytes)", self.bytes)
    }
}

impl Writer {
    pub(crate) fn begin(
        folder: &Path,
        key: &[u8; 32],
        facts: &ObjectFacts,
    ) -> Result<Self, ObjectError> {
        let path = path(folder, facts.object);
        let temporary = path.with_extension("new");
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&temporary);
        let salt: [u8; 16] = random().map_err(unusable)?;
        let mut hash = Sha256::new();
        hash.update(tlog::entry::COMMITMENT);
        hash.update(salt);
        Ok(Self {
            file: file.map_err(unusable)?,
            temporary,
            path,
            chunks: Chunks::new(key, facts),
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)),
            number: 0,
            bytes: 0,
            salt,
            hash,
        })
    }

    pub(crate) fn append(&mut self, mut piece: &[u8]) -> Result<(), ObjectError> {
        self.hash.update(piece);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        while !piece.is_empty() {
            if self.chunk.len() == CHUNK_BYTES {
                self.seal(false)?;
            }
            let free = CHUNK_BYTES.saturating_sub(self.chunk.len());
            let (now, later) = piece.split_at_checked(free).unwrap_or((piece, &[]));
            self.chunk.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> Result<(), ObjectError> {
        let too_long = || ObjectError::Unusable("its body is too long".to_owned());
        let sealed = self.chunks.seal(self.number, last, &self.chunk).ok_or_else(too_long)?;
        self.number = self.number.checked_add(1).ok_or_else(too_long)?;
        self.chunk.as_mut_slice().zeroize();
        self.chunk.clear();
        self.file.write_all(&sealed).map_err(unusable)
    }

    /// Seals the last chunk, and gives the file its name. It is on disk when this returns.
    pub(crate) fn finish(mut self) -> Result<Commitment, ObjectError> {
        self.seal(true)?;
        self.file.sync_all().map_err(unusable)?;
        fs::rename(&self.temporary, &self.path).map_err(unusable)?;
        self.path.parent().map_or(Ok(()), sync_folder).map_err(unusable)?;
        let digest = Digest(self.hash.clone().finalize().into());
        Ok(Commitment { bytes: self.bytes, salt: self.salt, digest })
    }
}

/// Removes an object's body, complete or not. A missing file is no error.
pub(crate) fn remove(folder: &Path, object: ObjectId) -> std::io::Result<()> {
    let path = path(folder, object);
    for path in [path.with_extension("new"), path] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A body that can be read.
pub(crate) struct Reader {
    file: File,
    chunks: Chunks,
    commitment: Commitment,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({} bytes)", self.commitment.bytes)
    }
}

impl Reader {
    /// Opens a body, whose length must be the sealed one.
    pub(crate) fn open(
        folder: &Path,
        key: &[u8; 32],
        facts: &ObjectFacts,
        commitment: Commitment,
    ) -> Result<Self, ObjectError> {
        let file = File::open(path(folder, facts.object)).map_err(unusable)?;
        let sealed = sealed_bytes(commitment.bytes);
        if file.metadata().map_err(unusable)?.len() != sealed {
            return Err(damaged());
        }
        Ok(Self { file, chunks: Chunks::new(key, facts), commitment })
    }

    pub(crate) fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// Reads from `at` to the end of its chunk; empty at the end.
    pub(crate) fn read(&self, at: u64) -> Result<ContentBytes, ObjectError> {
        if at >= self.commitment.bytes {
            return Ok(ContentBytes::default());
        }
        let chunk = CHUNK_BYTES as u64;
        let (number, skip) = (at / chunk, at % chunk);
        let last = number.saturating_add(1).saturating_mul(chunk) >= self.commitment.bytes;
        let begin = number.saturating_mul(chunk);
        let plain = self.commitment.bytes.saturating_sub(begin).min(chunk);
        let length = usize::try_from(plain).map_err(unusable)?.saturating_add(TAG_BYTES);
        let mut sealed = vec![0; length];
        let place = number.saturating_mul((CHUNK_BYTES + TAG_BYTES) as u64);
        self.file.read_exact_at(&mut sealed, place).map_err(unusable)?;
        let number = u32::try_from(number).map_err(unusable)?;
        let mut plain = self.chunks.open(number, last, &sealed).ok_or_else(damaged)?;
        let skip = usize::try_from(skip).map_err(unusable)?;
        if skip > 0 {
            let rest = plain.split_off(skip);
            plain.zeroize();
            plain = rest;
        }
        Ok(ContentBytes::new(plain))
    }
}

/// The length of a sealed body. Even an empty one has a chunk.
fn sealed_bytes(bytes: u64) -> u64 {
    let chunks = bytes.div_ceil(CHUNK_BYTES as u64).max(1);
    bytes.saturating_add(chunks.saturating_mul(TAG_BYTES as u64))
}
