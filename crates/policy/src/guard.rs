//! The content filter's decisions: the findings of detectors in a text, the act of a resource's
//! filter about it, and the values that may go on.
//!
//! This is the pure first layer: text in, verdict out. It detects blocklisted terms, profanity, harm,
//! attacks and known texts, in plain and in obfuscated writing. The service does not call this
//! module yet, and no promise rests on it. An encoder and guard models, which need a worker, are
//! further layers: their vectors and scores become a [`verdict::Verdict`] here.
//!
//! The steps, each of which consumes the value before it:
//!
//! 1. [`documents`] parts a turn, and [`window`] cuts an answer that is still being written;
//!    [`look`] asks all detectors about a text of any length; [`blocklist`] has a resource's lists;
//! 2. a [`verdict::Verdict`] has the findings, the detector of each, and the kinds that were not
//!    looked for;
//! 3. [`filter::Filter::judge`] decides which findings to annotate and which to block;
//! 4. [`guarded::Guarded::pass`] makes the value that alone goes on.

pub mod blocklist;
pub mod documents;
pub mod filter;
pub mod guarded;
pub mod heads;
pub mod known;
pub mod lexicon;
pub mod look;
pub mod model;
pub mod normalise;
pub mod suffix;
pub(crate) mod terms;
pub mod verdict;
pub mod window;
