//! Properties that must hold for arbitrary bytes. Each fuzz target calls one of these functions.

#[cfg(feature = "service")]
mod filtered;
mod requests;
#[cfg(feature = "service")]
mod service;

#[cfg(feature = "service")]
pub use filtered::*;
pub use requests::*;
#[cfg(feature = "service")]
pub use service::*;
