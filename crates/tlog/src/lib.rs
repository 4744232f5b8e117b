//! The parts that an auditor must be able to read and run alone: the exact bytes of the log's
//! entries, its Merkle tree, its signed checkpoints, its receipts, and the verification of all of
//! them.
//!
//! The formats are C2SP's (tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature), those of COSE
//! (RFC 9052) and those of CBOR (RFC 8949). The crate has no input or output, clock, randomness or
//! async code. It is `no_std`, so it cannot even name them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod bundle;
pub mod canon;
pub mod checkpoint;
pub mod entry;
pub mod erasure;
pub mod hex;
pub mod id;
pub mod key;
pub mod limits;
pub mod note;
pub mod object;
pub mod people;
pub mod receipt;
pub mod roll;
pub mod secret;
pub mod signature;
pub mod statement;
pub mod succession;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;
