//! Properties that must hold for arbitrary bytes. Each fuzz target calls one of these functions.

#[cfg(feature = "service")]
mod filtered;
#[cfg(feature = "service")]
mod personal;
mod requests;
#[cfg(feature = "service")]
mod service;

#[cfg(feature = "service")]
pub use filtered::*;
#[cfg(feature = "service")]
pub use personal::*;
pub use requests::*;
#[cfg(feature = "service")]
pub use service::*;
