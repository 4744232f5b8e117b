//! A program at a token endpoint: its identity, and the reasons why it gets no token.

use std::fmt;

use zeroize::Zeroizing;

/// A program's identity at a token endpoint. The endpoint is a listed destination of its own: the
/// same list, the same trust.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The URL of the token endpoint.
    pub url: String,
    /// The program's id, `client_id`.
    pub client_id: String,
    /// The program's secret, `client_secret`. It goes to the endpoint only.
    pub secret: Zeroizing<String>,
    /// What the token is for, `scope`.
    pub scope: String,
}

/// The reason why there is no access token. It contains nothing that the endpoint sent, except a
/// status and the meaning of an error that RFC 6749 defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// The endpoint's URL is at no listed destination.
    #[error("the token endpoint is at no listed destination; add it under `[[egress]]`")]
    NotListed,
    /// There is no connection to the endpoint.
    #[error("the token endpoint cannot be reached, or its certificate is not trusted")]
    Unreachable,
    /// No whole answer arrived in time.
    #[error("the token endpoint did not answer in time")]
    Late,
    /// The answer is a redirect.
    #[error("the token endpoint redirects elsewhere, which is not followed")]
    Redirect,
    /// `invalid_client`: the id or the secret is wrong, or the secret has expired.
    #[error(
        "the token endpoint refused the client id or its secret; check both, and whether the secret has expired"
    )]
    Client,
    /// `unauthorized_client`: the endpoint does not know the program, or does not let it ask so.
    #[error("the token endpoint does not know this client id, or allows it no client credentials")]
    Unauthorized,
    /// `invalid_scope`: nothing has this name, or the program may not have it.
    #[error("the token endpoint refused the scope")]
    Scope,
    /// Another refusal.
    #[error("the token endpoint refused the request with the status {0}")]
    Refused(u16),
    /// The answer is not a bearer token with its lifetime.
    #[error("the token endpoint's answer is no bearer token with `expires_in`")]
    Malformed,
    /// The connection broke, or the answer is too large or no HTTP.
    #[error("the exchange with the token endpoint broke")]
    Broken,
}

impl ClientCredentials {
    /// Returns whether each part but the URL can be sent.
    pub(crate) fn is_text(&self) -> bool {
        let Self { url: _, client_id, secret, scope } = self;
        // RFC 6749, appendix A.
        let is_text = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        };
        is_text(client_id) && is_text(secret) && is_text(scope)
    }

    /// Returns the body of the request for a token.
    pub(crate) fn form(&self) -> Zeroizing<Vec<u8>> {
        let Self { url: _, client_id, secret, scope } = self;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret),
            ("scope", scope),
        ];
        // The capacity is never exceeded: growth would leave a copy of the secret behind.
        let bytes = fields.iter().map(|(name, value)| name.len() + 2 + 3 * value.len()).sum();
        let mut form = Zeroizing::new(Vec::with_capacity(bytes));
        for (name, value) in fields {
            if !form.is_empty() {
                form.push(b'&');
            }
            form.extend_from_slice(name.as_bytes());
            form.push(b'=');
            value.bytes().for_each(|byte| push_encoded(&mut form, byte));
        }
        form
    }
}

/// Appends a byte as `application/x-www-form-urlencoded`.
fn push_encoded(form: &mut Vec<u8>, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
        form.push(byte);
        return;
    }
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + (nibble - 10) };
    form.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
}

/// Shows neither the secret nor the id.
impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCredentials(..)")
    }
}
