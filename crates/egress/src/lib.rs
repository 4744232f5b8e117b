//! The only way out of the machine: an allow-list, and a dialer that needs its permit.
//!
//! [`Egress`] is made from the destinations that the operator listed, each a scheme, a host and a
//! port, all exact. Only a URL on one of them gives an [`EgressPermit`], and only a permit opens a
//! connection. A name that is not listed is not even looked up; a name that is listed is looked up
//! once for a connection, and the connection goes to that answer. No redirect is followed, no proxy
//! is asked, nothing is retried, and time and bytes are bounded. Every dial is counted before it is
//! made, so what [`Egress::visits`] reports is all there was.
//!
//! It knows nothing of what it carries, keeps nothing on disk, and has no defaults to dial.
//!
//! ```
//! use egress::{Destination, Egress};
//! let egress = Egress::new([Destination::parse("https://login.example.com")?])?;
//! assert!(egress.permit("https://login.example.com/keys").is_ok());
//! assert!(egress.permit("https://login.example.com:8443/keys").is_err());
//! assert!(egress.permit("http://login.example.com/keys").is_err());
//! assert!(egress.permit("https://elsewhere.example.com/keys").is_err());
//! # Ok::<(), egress::BadDestination>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod destination;
mod dial;
mod exchange;
mod list;
mod resolve;

pub use self::{
    destination::{BadDestination, Destination},
    exchange::{Answer, EgressError, Limits},
    list::{Egress, EgressPermit, NotListed, Visits},
    resolve::{Resolve, Resolving, System},
};

#[cfg(test)]
mod tests;
