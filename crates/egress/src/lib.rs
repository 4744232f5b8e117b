//! The only way out of the machine: an allow-list, and a dialer that requires its permit.
//!
//! [`Egress`] is made from the destinations that the operator listed. Each is an exact scheme, host
//! and port. Only a URL at a listed destination gives an [`EgressPermit`], and only a permit opens
//! a connection. An unlisted name is not even resolved. A listed name is resolved once per
//! connection, and the connection goes to one of the resolved addresses. Redirects are not
//! followed; a download reports the redirect's target, which needs its own permit. There are no
//! proxies and no retries, and time and bytes are limited. Every dial and every request is counted
//! before it is made, so [`Egress::visits`] reports every connection and every request.
//!
//! [`Egress::get`] and [`Egress::post`] return a whole answer, [`Egress::download`] a large one in
//! pieces. [`Egress::send`] is for engines: it streams the answer, keeps connections for a short
//! time, and can add the destination's credential, which only this crate holds: a secret, or an
//! access token that it requests itself with [`ClientCredentials`].
//!
//! The crate does not interpret the data that it carries (of answers it reads those of token
//! endpoints), stores nothing on disk, and has no
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
mod client;
mod connection;
mod credential;
mod destination;
mod dial;
mod download;
mod error;
mod exchange;
mod held;
mod idle;
mod list;
mod reply;
mod resolve;
mod send;
mod tls;
mod token;

pub use self::{
    client::{ClientCredentials, NoToken},
    credential::CredentialHeader,
    destination::{BadDestination, Destination},
    download::{Download, DownloadLimits},
    error::EgressError,
    exchange::{Answer, ExchangeLimits},
    list::{Egress, EgressPermit, NotListed, Visits},
    reply::Reply,
    resolve::{Resolve, Resolving, System},
    send::{SendHeader, SendLimits, SendRequest},
};

#[cfg(test)]
mod tests;
