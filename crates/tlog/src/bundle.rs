//! One signed bundle of evidence for a period: an archive of files, the list of their digests, and a signed
//! note over the list. docs/spec/evidence-bundle.md specifies it to the byte.
//!
//! [`Seal`] is the note, [`archive`] the container, and [`Cover`] the tiles that prove the entries.
//! What the other files say is not this crate's.

pub mod archive;
mod cover;
mod kind;
mod seal;

pub use self::{
    cover::{BadTiles, Cover, Covered, LogTiles},
    kind::kind,
    seal::{BadSeal, Seal, Verified},
};

/// The path of the signed note in a bundle.
pub const NOTE: &str = "evidence.note";

/// The path of the list of digests.
pub const MANIFEST: &str = "manifest";

/// The folder of the log's files: below it, paths are those of the log.
pub const LOG: &str = "log/";

#[cfg(test)]
mod tests;
