//! UUIDs of version 5, which come from names: RFC 9562, section 5.5.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

/// The namespace of URLs and URIs: RFC 9562, section 6.6.
const URI: [u8; 16] = [
    0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
];

/// Returns the UUID of a thing of a service. `kind` has no line feed, so that two lists of names never
/// give the same text.
pub(crate) fn of(kind: &str, names: &[&str]) -> String {
    version_5(&URI, &format!("urn:bailiwick:{kind}:{}", names.join("\n")))
}

fn version_5(namespace: &[u8; 16], name: &str) -> String {
    let digest = Sha1::new().chain_update(namespace).chain_update(name).finalize();
    let mut text = String::new();
    for (place, byte) in digest.iter().take(16).enumerate() {
        let byte = match place {
            6 => byte & 0x0f | 0x50,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_of_a_name_is_that_of_the_rfc() {
        // RFC 9562, appendix A.4, in the namespace of domain names.
        let dns = [
            0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4,
            0x30, 0xc8,
        ];
        assert_eq!(version_5(&dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
