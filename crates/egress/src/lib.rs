//! The only way out of the machine: an allow-list, and a dialer that requires its permit.
//!
//! [`Egress`] is made from the destinations that the operator listed. Each is an exact scheme, host
//! and port. Only a URL at a listed destination gives an [`EgressPermit`], and only a permit opens
//! a connection. An unlisted name is not even resolved. A listed name is resolved once per
//! connection, and the connection goes to one of the resolved addresses. Redirects are not
//! followed; a download reports the redirect's target, which needs its own permit. There are no
//! proxies and no retries, and time and bytes are limited. Every dial is counted before it is made,
//! so [`Egress::visits`] reports every connection.
//!
//! The crate does not interpret the data that it carries, stores nothing on disk, and has no
//! default destinations.
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
mod download;
mod error;
mod exchange;
mod list;
mod resolve;
mod tls;

pub use self::{
    destination::{BadDestination, Destination},
    download::{Download, DownloadLimits},
    error::EgressError,
    exchange::{Answer, ExchangeLimits},
    list::{Egress, EgressPermit, NotListed, Visits},
    resolve::{Resolve, Resolving, System},
};

#[cfg(test)]
mod tests;
