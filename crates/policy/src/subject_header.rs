//! The request header in which a resource's callers name the data subject, where the request's body
//! names none. The customer chooses it; by default there is none.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Most characters of the header's name.
pub const NAME_CHARS_MAX: usize = 64;

/// A header's name, in lower case. `None` of a resource means that no header is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectHeader(String);

/// Error of a header's name that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// It is empty, too long, or not a name of a header (RFC 9110, 5.1).
    #[error(
        "`subjectHeader` is the name of a request header: 1 to {NAME_CHARS_MAX} letters, digits and \
         hyphens; `none` for no header"
    )]
    NoName,
    /// The header has a meaning of its own, or holds a secret.
    #[error(
        "`subjectHeader` names a header that has a meaning of its own; choose one that only your \
         application sets, such as x-end-user"
    )]
    Reserved,
}

/// Headers that never name a data subject: they hold secrets, or they say how a request is sent.
const RESERVED: [&str; 17] = [
    "accept",
    "api-key",
    "authorization",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "none",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Beginnings of the names of such headers.
const RESERVED_PREFIXES: [&str; 6] =
    ["accept-", "content-", "sec-", "x-bailiwick-", "x-forwarded-", "x-ms-"];

impl SubjectHeader {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubjectHeader {
    type Err = BadHeader;

    fn from_str(text: &str) -> Result<Self, BadHeader> {
        let name = text.to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(fits) {
            return Err(BadHeader::NoName);
        }
        let is_reserved = RESERVED.contains(&name.as_str())
            || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if is_reserved { Err(BadHeader::Reserved) } else { Ok(Self(name)) }
    }
}

impl TryFrom<String> for SubjectHeader {
    type Error = BadHeader;

    fn try_from(text: String) -> Result<Self, BadHeader> {
        text.parse()
    }
}

impl From<SubjectHeader> for String {
    fn from(header: SubjectHeader) -> Self {
        header.0
    }
}

impl fmt::Display for SubjectHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_the_application_can_name_the_subject() {
        for (given, name) in [("X-End-User", "x-end-user"), ("customer-id", "customer-id")] {
            assert_eq!(given.parse::<SubjectHeader>().unwrap().name(), name);
        }
    }

    #[test]
    fn a_header_with_a_secret_or_a_meaning_of_its_own_cannot() {
        for given in
            ["Authorization", "api-key", "Cookie", "content-type", "x-ms-client-request-id"]
        {
            assert_eq!(given.parse::<SubjectHeader>(), Err(BadHeader::Reserved), "{given}");
        }
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for given in ["", "a b", "a:b", "ü", "a\r\nb", &long] {
            assert_eq!(given.parse::<SubjectHeader>(), Err(BadHeader::NoName), "{given:?}");
        }
    }
}
