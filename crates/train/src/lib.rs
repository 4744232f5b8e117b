//! Trains LoRA adapters for models of the llama architecture: pure mathematics.
//!
//! No I/O, no clock, no randomness but from a seed, no `unsafe`. Each operation has its gradient
//! beside it. The same inputs give the same adapter to the bit, on any processor and with any number
//! of threads: every sum has an order, and `exp`, `sin` and powers do not come from the C library.
//! `docs/spec/training.md` defines the computation.
//!
//! The weights of the model come from the caller ([`base::Base`]), matrix by matrix, because they
//! are quantized and large.

#![forbid(unsafe_code)]

pub mod adapter;
pub mod attention;
pub mod base;
pub mod checkpoint;
pub mod gguf;
pub mod kernel;
pub mod linear;
pub mod loss;
pub mod maths;
pub mod matmul;
pub mod model;
pub mod norm;
pub mod optimizer;
pub mod random;
pub mod rope;
pub mod swiglu;
pub mod team;
#[cfg(test)]
mod testing;
pub mod training;
