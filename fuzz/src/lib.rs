//! Properties that must hold for arbitrary bytes. Each fuzz target calls one of these functions.

mod requests;
#[cfg(feature = "service")]
mod service;

pub use requests::*;
#[cfg(feature = "service")]
pub use service::*;
