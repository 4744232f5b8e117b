//! A destination as the operator lists it: scheme, host and port, and whose certificates are
//! trusted there.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use hyper::{Uri, http::uri::Scheme};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// One place that may be dialed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) plaintext: bool,
    /// Whose certificates are trusted; none for Mozilla's list.
    pub(crate) trust: Option<Vec<CertificateDer<'static>>>,
}

/// A name or an address. A name is in lower case, and is nothing that a resolver would read as an
/// address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// Why something cannot be listed, or is no URL that could lead to a listed destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// Not `https://` or `http://`, a host and maybe a port.
    #[error(
        "write `https://` or `http://`, a host name or address in lower case, and a port if it is not the usual one"
    )]
    Malformed,
    /// More than a destination: the list is about places, not about what is asked there.
    #[error("a destination ends after the host and port: remove the path")]
    Path,
    /// Plain HTTP to another machine, without saying that this is wanted.
    #[error("plain HTTP is for this machine itself; use https, or say `plaintext = true`")]
    Plaintext,
    /// The certificate authority is none.
    #[error("this holds no certificate in PEM that can be used as an authority")]
    Trust,
    /// Listed twice: one of the two would be without effect.
    #[error("the destination is listed twice")]
    Twice,
}

impl Destination {
    /// Reads `https://login.example.com` or `http://127.0.0.1:8081`. The port is the scheme's own
    /// unless it is given.
    ///
    /// # Errors
    /// When it is not that, or goes on after the port.
    pub fn parse(text: &str) -> Result<Self, BadDestination> {
        let uri: Uri = text.parse().map_err(|_| BadDestination::Malformed)?;
        let destination = Self::of(&uri)?;
        match uri.path_and_query().map(|rest| rest.as_str()) {
            None | Some("/" | "") if !text.contains('#') => Ok(destination),
            _ => Err(BadDestination::Path),
        }
    }

    /// Where a URL leads.
    pub(crate) fn of(uri: &Uri) -> Result<Self, BadDestination> {
        let scheme = uri.scheme().ok_or(BadDestination::Malformed)?;
        let secure = *scheme == Scheme::HTTPS;
        if !secure && *scheme != Scheme::HTTP {
            return Err(BadDestination::Malformed);
        }
        let authority = uri.authority().ok_or(BadDestination::Malformed)?;
        // `https://listed@elsewhere` reads as the one and leads to the other.
        if authority.as_str().contains('@') {
            return Err(BadDestination::Malformed);
        }
        let host = Host::parse(authority.host()).ok_or(BadDestination::Malformed)?;
        let given = authority.as_str().get(authority.host().len()..).unwrap_or_default();
        let port = match (given, authority.port_u16()) {
            ("", _) if secure => 443,
            ("", _) => 80,
            (_, Some(port @ 1..)) => port,
            _ => return Err(BadDestination::Malformed),
        };
        Ok(Self { secure, host, port, plaintext: false, trust: None })
    }

    /// The TCP port that is dialed.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Says whether plain HTTP to another machine is wanted: for a network that the operator
    /// answers for.
    #[must_use]
    pub fn plaintext(self, wanted: bool) -> Self {
        Self { plaintext: wanted, ..self }
    }

    /// Trusts the certificate authorities in a PEM file, and no others.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn trust(self, pem: &[u8]) -> Result<Self, BadDestination> {
        let authorities: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| BadDestination::Trust)?;
        if authorities.is_empty() {
            return Err(BadDestination::Trust);
        }
        Ok(Self { trust: Some(authorities), ..self })
    }

    /// Whether both lead to the same place, whatever is trusted there.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.secure == other.secure && self.host == other.host && self.port == other.port
    }
}

/// The destination's origin, port always included: `https://login.example.com:443`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return inside.parse::<Ipv6Addr>().ok().map(|v6| Self::Address(v6.into()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let name = text.to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        // Resolvers read `127.1`, `2130706433` and `0x7f.1` as addresses: no top-level domain begins
        // with a digit.
        let last = name.rsplit('.').next()?;
        let is_name = name.len() <= 253
            && name.split('.').all(label)
            && !last.starts_with(|c: char| c.is_ascii_digit());
        is_name.then_some(Self::Name(name))
    }

    /// Whether this is the machine itself, as it is written.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}
