//! Opaque identifiers: sixteen random bytes with a prefix that says what they name.
//!
//! They reveal nothing about a tenant, and go into receipts and the log where names must not.

use alloc::{borrow::ToOwned as _, string::String};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an id of the form `{prefix}_` and 32 lower-case hex digits")]
pub struct BadId {
    given: String,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes an id of random bytes.
            #[must_use]
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes behind the text.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                crate::canon::hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(hex16)
                    .map(Self)
                    .ok_or_else(|| BadId { given: text.to_owned(), prefix: $prefix })
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                decoder: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                crate::canon::array(decoder).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A tenant: a customer, who owns resources.
    TenantId, "ten"
);
id!(
    /// A resource: Azure's word for an account with a region, two keys and its own deployments.
    ResourceId, "res"
);
id!(
    /// A deployment: a name for a model under a resource.
    DeploymentId, "dep"
);
id!(
    /// A model: a GGUF file, pinned by its digest.
    ModelId, "mod"
);
id!(
    /// One request; what `x-request-id` carries, and what reviewers and receipts use.
    RequestId, "req"
);

impl RequestId {
    /// Makes an id that sorts by time: 48 bits of milliseconds since 1970, as in a UUID of version 7
    /// (RFC 9562), and 80 random bits. Rows of requests that end together are then written
    /// together, instead of one page of the index for each.
    #[must_use]
    pub fn at(now_ms: u64, random: [u8; 10]) -> Self {
        let [_, _, time @ ..] = now_ms.to_be_bytes();
        let mut bytes = [0; 16];
        let parts = time.iter().chain(&random);
        bytes.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = *byte);
        Self(bytes)
    }

    /// The time that [`RequestId::at`] put in; of an id that was made otherwise, some number.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.0.iter().take(6).fold(0, |time_ms, byte| (time_ms << 8) | u64::from(*byte))
    }
}

id!(
    /// A key pair that records are sealed to: one tenant's, for one deadline.
    KeyId, "key"
);
id!(
    /// A key directory: what a database is bound to.
    KeyDirectoryId, "kdr"
);
id!(
    /// A just-in-time permission of one person to see one record.
    GrantId, "gra"
);
id!(
    /// An approval: of a grant, or of zero retention.
    ApprovalId, "apr"
);
id!(
    /// A person, as the log names one: drawn at random, and known to the tenant and the operator.
    PersonId, "per"
);

id!(
    /// A program with an identity of its own: a service principal, a managed identity.
    WorkloadId, "wkl"
);
id!(
    /// A team of reviewers, with its managers.
    TeamId, "tea"
);
id!(
    /// A file that a tenant uploaded.
    FileId, "fil"
);

fn hex16(text: &str) -> Option<[u8; 16]> {
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(lower_hex) {
        return None;
    }
    let mut bytes = [0; 16];
    for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *slot = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString as _};

    use super::*;

    #[test]
    fn requests_sort_by_time() {
        let early = RequestId::at(0x0123_4567_89ab, [0xff; 10]);
        assert_eq!(early.to_string(), format!("req_0123456789ab{}", "ff".repeat(10)));
        assert!(early < RequestId::at(0x0123_4567_89ac, [0; 10]));
        assert_eq!(early.time_ms(), 0x0123_4567_89ab);
        let beyond = RequestId::at(u64::MAX, [0; 10]);
        assert_eq!(beyond.time_ms(), (1 << 48) - 1, "no more of the time is kept");
    }

    #[test]
    fn text_round_trips_and_only_one_text_names_an_id() {
        let id = TenantId::from_random([0xab; 16]);
        assert_eq!(id.to_string(), format!("ten_{}", "ab".repeat(16)));
        assert_eq!(id.to_string().parse(), Ok(id));
        let upper = format!("ten_{}", "AB".repeat(16));
        let plus = format!("ten_{}", "+1".repeat(16));
        for bad in ["", "ten_", "res_00000000000000000000000000000000", &upper, &plus] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
    }
}
