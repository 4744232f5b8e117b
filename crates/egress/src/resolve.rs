//! Resolves a listed name to addresses, with the system's resolver or a given one.

use std::{fmt, io, net::IpAddr, pin::Pin};

/// The future addresses of a name.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Resolves names. It is called for listed names only, once per connection.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Returns the addresses of a name.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// The system's resolver: `/etc/hosts` and the machine's name servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            // The function requires a port; it has no effect.
            #[expect(clippy::disallowed_methods, reason = "the place that looks names up")]
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
