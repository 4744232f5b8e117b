//! Opaque identifiers: sixteen random bytes with a prefix that names the kind of thing.
//!
//! They reveal nothing about a tenant. Receipts and the log use them, because names must not appear
//! there.

use alloc::{borrow::ToOwned as _, string::String};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not an identifier of the expected kind.
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
            /// Makes an id from random bytes.
            #[must_use]
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes of the id.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                crate::hex::write(&self.0, f)
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
                    .and_then(crate::hex::decode)
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
    /// A tenant: a customer that owns resources.
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
    /// An engine: a program on this machine or another that runs models.
    EngineId, "eng"
);
id!(
    /// A content filter of a resource: Azure's `raiPolicies` object.
    ContentFilterId, "cfl"
);
id!(
    /// A resource's own list of terms: Azure's `raiBlocklists` object.
    BlocklistId, "blk"
);
id!(
    /// A request of a data subject, which the customer's data protection officer answers.
    SubjectRequestId, "dsr"
);
id!(
    /// A request; `x-request-id` carries it, and reviewers and receipts use it.
    RequestId, "req"
);

impl RequestId {
    /// Makes an id that sorts by time: 48 bits of milliseconds since 1970, as in a UUID of version
    /// 7 (RFC 9562), and 80 random bits. Rows of requests that end at the same time then lie
    /// together, instead of on one index page each.
    #[must_use]
    pub fn at(now_ms: u64, random: [u8; 10]) -> Self {
        let [_, _, time @ ..] = now_ms.to_be_bytes();
        let mut bytes = [0; 16];
        let parts = time.iter().chain(&random);
        bytes.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = *byte);
        Self(bytes)
    }

    /// Returns the time in an id from [`RequestId::at`]. For any other id the number is
    /// meaningless.
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
    /// A key directory; a database is bound to one.
    KeyDirectoryId, "kdr"
);
id!(
    /// A just-in-time permission for one person to see one record.
    GrantId, "gra"
);
id!(
    /// An approval: of a grant, or of zero retention.
    ApprovalId, "apr"
);
id!(
    /// A person in the log: a random id that only the tenant and the operator can resolve.
    PersonId, "per"
);

id!(
    /// A program with its own identity: a service principal, a managed identity.
    WorkloadId, "wkl"
);
id!(
    /// A team of reviewers, with its managers.
    TeamId, "tea"
);
id!(
    /// An object that a customer asks the service to keep: a response, a file, a batch and the like.
    ObjectId, "obj"
);

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
