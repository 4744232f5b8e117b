//! The content filter's decisions: what detectors found in a text, what a resource's filter does
//! about it, and the values that may go on.
//!
//! This is the pure first layer: text in, verdict out. It detects blocklisted terms and profanity,
//! in plain and in obfuscated writing. The service does not call this module yet, and no promise
//! rests on it. Classifiers and guard models, which need a model, are further layers: their
//! scores are to become a [`verdict::Verdict`] here.
//!
//! The steps, each of which consumes the value before it:
//!
//! 1. [`normalise`] undoes obfuscation; [`blocklist`] and [`lexicon`] search the text;
//! 2. a [`verdict::Verdict`] says what was found, who found it, and what was not looked for;
//! 3. [`filter::Filter::judge`] decides what to annotate and what to block;
//! 4. [`guarded::Guarded::pass`] makes the value that alone goes on.

pub mod blocklist;
pub mod filter;
pub mod guarded;
pub mod heads;
pub mod lexicon;
pub mod look;
pub mod model;
pub mod normalise;
mod terms;
pub mod verdict;
