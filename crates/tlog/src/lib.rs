//! What an auditor must be able to read and run alone: the log's entries to the byte, its Merkle
//! tree, its signed checkpoints, receipts, and how all of these are verified.
//!
//! The formats are C2SP's (tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature), COSE's
//! (RFC 9052) and CBOR's (RFC 8949). No input or output, no clock, no randomness, no async:
//! `no_std`, so that they cannot even be named.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod canon;
pub mod checkpoint;
pub mod entry;
pub mod id;
pub mod limits;
pub mod note;
pub mod receipt;
pub mod succession;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;
