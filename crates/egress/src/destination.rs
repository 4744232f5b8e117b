//! A listed destination: scheme, host and port, the certificate authorities or the key trusted for
//! it, and the credential that it expects.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use hyper::{Uri, http::uri::Scheme};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
use zeroize::Zeroizing;

use crate::{
    client::ClientCredentials,
    credential::{Access, Credential, CredentialHeader},
};

/// A place that may be dialed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) plaintext: bool,
    /// The trusted certificate authorities; `None` for Mozilla's list.
    pub(crate) trust: Option<Vec<CertificateDer<'static>>>,
    /// SHA-256 of the SubjectPublicKeyInfo of the only accepted certificate's key.
    pub(crate) pin: Option<[u8; 32]>,
    pub(crate) access: Option<Access>,
}

/// A name or an address. A name is in lower case, and no resolver would read it as an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// The reason why a text cannot be listed, or cannot be the URL of a listed destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// The text is not `https://` or `http://`, a host and an optional port.
    #[error(
        "write `https://` or `http://`, a host name or address in lower case, and a port if it is not the default one"
    )]
    Malformed,
    /// The text has a path: the list contains destinations, not URLs.
    #[error("a destination ends after the host and port: remove the path")]
    Path,
    /// Plain HTTP to another machine, without explicit consent to it.
    #[error("plain HTTP is for this machine itself; use https, or say `plaintext = true`")]
    Plaintext,
    /// The file contains no usable certificate authority.
    #[error("the file has no PEM certificate that can be used as an authority")]
    Trust,
    /// A pinned key for plain HTTP, where no key is shown.
    #[error("a pinned key is for `https://` only")]
    Pin,
    /// The credential is not one word.
    #[error(
        "the credential is empty, or has spaces, line breaks or other characters than visible ASCII"
    )]
    Credential,
    /// The URL of a token endpoint cannot be dialed.
    #[error("the token endpoint is no URL that begins with `https://` or `http://`")]
    TokenUrl,
    /// The request for a token cannot be written.
    #[error(
        "the client id, the client secret or the scope is empty, or has other characters than printable ASCII"
    )]
    Token,
    /// The destination is listed twice: one of the two entries would have no effect.
    #[error("the destination is listed twice")]
    Twice,
}

impl Destination {
    /// Parses `https://login.example.com` or `http://127.0.0.1:8081`. Without a port, the scheme's
    /// default port is used.
    ///
    /// # Errors
    /// [`BadDestination::Malformed`] if the text is not of this form. [`BadDestination::Path`] if a
    /// path or fragment follows.
    pub fn parse(text: &str) -> Result<Self, BadDestination> {
        let uri: Uri = text.parse().map_err(|_| BadDestination::Malformed)?;
        let destination = Self::of(&uri)?;
        match uri.path_and_query().map(|rest| rest.as_str()) {
            None | Some("/" | "") if !text.contains('#') => Ok(destination),
            _ => Err(BadDestination::Path),
        }
    }

    /// Returns the destination of a URL.
    pub(crate) fn of(uri: &Uri) -> Result<Self, BadDestination> {
        let scheme = uri.scheme().ok_or(BadDestination::Malformed)?;
        let secure = *scheme == Scheme::HTTPS;
        if !secure && *scheme != Scheme::HTTP {
            return Err(BadDestination::Malformed);
        }
        let authority = uri.authority().ok_or(BadDestination::Malformed)?;
        // `https://listed@elsewhere` looks like `listed`, but leads to `elsewhere`.
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
        let (plaintext, trust, pin, access) = (false, None, None, None);
        Ok(Self { secure, host, port, plaintext, trust, pin, access })
    }

    /// Returns the TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets whether plain HTTP to another machine is allowed: for a network that the operator is
    /// responsible for.
    #[must_use]
    pub fn plaintext(self, wanted: bool) -> Self {
        Self { plaintext: wanted, ..self }
    }

    /// Trusts the certificate authorities in a PEM file, and no others.
    ///
    /// # Errors
    /// [`BadDestination::Trust`] if the file is malformed or has none.
    pub fn trust(self, pem: &[u8]) -> Result<Self, BadDestination> {
        let authorities: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| BadDestination::Trust)?;
        if authorities.is_empty() {
            return Err(BadDestination::Trust);
        }
        Ok(Self { trust: Some(authorities), ..self })
    }

    /// Accepts only certificates with this key: the SHA-256 of the certificate's
    /// SubjectPublicKeyInfo (RFC 7469). With [`Destination::trust`], the certificate must also come
    /// from an authority. Without it, the key alone counts, for example of a self-signed
    /// certificate; the certificate's names, dates and issuer have no meaning then.
    #[must_use]
    pub fn pin(self, sha256: [u8; 32]) -> Self {
        Self { pin: Some(sha256), ..self }
    }

    /// Sets the credential. Only requests that ask for it carry it
    /// ([`SendRequest::authenticated`](crate::SendRequest::authenticated)), to this destination
    /// alone.
    ///
    /// # Errors
    /// [`BadDestination::Credential`] if the secret is empty, or has other characters than visible
    /// ASCII.
    pub fn credential(
        self,
        header: CredentialHeader,
        secret: Zeroizing<String>,
    ) -> Result<Self, BadDestination> {
        let credential = Credential::new(header, &secret).ok_or(BadDestination::Credential)?;
        Ok(Self { access: Some(Access::Secret(credential)), ..self })
    }

    /// Sets where requests that ask for a credential get an access token. It replaces a credential.
    /// The token goes to this destination alone, as `authorization: Bearer`; the client's secret
    /// goes to the token endpoint alone, which must be a listed destination, too.
    ///
    /// # Errors
    /// [`BadDestination::TokenUrl`] if the endpoint's URL cannot be dialed.
    /// [`BadDestination::Token`] if another part is empty, or has other characters than printable
    /// ASCII.
    pub fn token(self, client: ClientCredentials) -> Result<Self, BadDestination> {
        let uri: Uri = client.url.parse().map_err(|_| BadDestination::TokenUrl)?;
        drop(Self::of(&uri).map_err(|_| BadDestination::TokenUrl)?);
        if !client.is_text() {
            return Err(BadDestination::Token);
        }
        Ok(Self { access: Some(Access::Token(client)), ..self })
    }

    /// Returns true if both are the same place; trust and credential may differ.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.secure == other.secure && self.host == other.host && self.port == other.port
    }
}

/// Writes the destination's origin, always with the port: `https://login.example.com:443`.
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
        // Resolvers read `127.1`, `2130706433` and `0x7f.1` as addresses. No top-level domain
        // begins with a digit.
        let last = name.rsplit('.').next()?;
        let is_name = name.len() <= 253
            && name.split('.').all(label)
            && !last.starts_with(|c: char| c.is_ascii_digit());
        is_name.then_some(Self::Name(name))
    }

    /// Returns true if the host, as written, is the machine itself.
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
