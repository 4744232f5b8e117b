//! Stored chat completions on the wire, and what all kept objects with labels share.
//!
//! The head of a stored chat completion holds the answer, the messages and settings of the request,
//! and the labels. The labels can be changed; so they are kept apart from the request.

mod asked;
mod list;

use std::collections::BTreeMap;

use policy::content::{Content, ContentBytes};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub use self::{
    asked::Asked,
    list::{CompletionList, MessageList, StoredMessage},
};
use crate::{
    error::Invalid,
    json::{self, objects_only},
    keeping::Metadata,
};

/// A request for other labels.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = UpdateMetadataRequest)]
pub struct MetadataBody {
    /// Labels: up to 16 pairs. They replace the present ones; `null` removes them.
    #[schema(value_type = Option<BTreeMap<String, String>>, required = true)]
    #[serde(deserialize_with = "crate::keeping::required")]
    pub metadata: Metadata,
}

objects_only!(MetadataBody);

/// Reads a request for other labels.
///
/// # Errors
/// If it is invalid; the error names the field.
pub fn update(bytes: &[u8]) -> Result<Metadata, Invalid> {
    let MetadataBody { metadata } = json::parse(bytes)?;
    metadata.check()?;
    Ok(metadata)
}

/// Says that an object was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedObject)]
pub struct Deleted<'a> {
    /// Its id.
    pub id: &'a str,
    /// The kind of object, such as `chat.completion.deleted`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

impl<'a> Deleted<'a> {
    /// Makes the answer.
    #[must_use]
    pub fn new(id: &'a str, object: &'static str) -> Self {
        Self { id, object, deleted: true }
    }
}

/// A stored chat completion, as it is kept.
#[derive(Serialize, Deserialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct Stored<'a> {
    /// The answer as it was sent; of a stream, the answer that it amounts to.
    #[serde(borrow)]
    completion: &'a RawValue,
    /// The request's messages and settings.
    #[serde(borrow)]
    asked: &'a RawValue,
    /// The labels.
    #[serde(borrow)]
    metadata: &'a RawValue,
}

impl<'a> Stored<'a> {
    /// Writes the head. `completion` is the answer, `asked` the request.
    ///
    /// # Errors
    /// If one of them is no JSON object; both were checked before.
    pub fn head(
        completion: &[u8],
        asked: &Asked<'_>,
        metadata: &[(Content, Content)],
    ) -> Result<ContentBytes, Invalid> {
        let labels: BTreeMap<&str, &str> =
            metadata.iter().map(|(key, value)| (key.reveal(), value.reveal())).collect();
        let (asked, labels) = (bytes(asked), bytes(&labels));
        Ok(bytes(&Stored {
            completion: json::parse(completion)?,
            asked: json::parse(asked.reveal())?,
            metadata: json::parse(labels.reveal())?,
        }))
    }

    /// Reads a head that this service wrote.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(head: &'a ContentBytes) -> Result<Self, Invalid> {
        json::parse(head.reveal())
    }

    /// Writes the head with other labels.
    ///
    /// # Errors
    /// If the labels cannot be written.
    pub fn with(&self, metadata: &Metadata) -> Result<ContentBytes, Invalid> {
        let labels = bytes(&Given(metadata));
        let metadata = json::parse(labels.reveal())?;
        Ok(bytes(&Stored { completion: self.completion, asked: self.asked, metadata }))
    }

    /// Returns whether the completion has all of these labels.
    ///
    /// # Errors
    /// If the head is damaged.
    pub fn has(&self, wanted: &[(String, String)]) -> Result<bool, Invalid> {
        if wanted.is_empty() {
            return Ok(true);
        }
        let labels: Metadata = json::parse(self.metadata.get().as_bytes())?;
        let has = |key: &str, value: &str| {
            labels.value(key).is_some_and(|given| given.0.reveal() == value)
        };
        Ok(wanted.iter().all(|(key, value)| has(key, value)))
    }

    /// Returns the completion as the API describes it: the answer, with the settings of the request.
    ///
    /// # Errors
    /// If the head is damaged.
    pub fn completion(&self, request: &str) -> Result<Box<RawValue>, Invalid> {
        let asked: Asked<'_> = json::parse(self.asked.get().as_bytes())?;
        asked.described(self.completion, self.metadata, request)
    }

    /// Returns the request's messages. `id` is the completion's.
    ///
    /// # Errors
    /// If the head is damaged.
    pub fn messages(&self, id: &str) -> Result<Vec<StoredMessage<'a>>, Invalid> {
        let asked: Asked<'a> = json::parse(self.asked.get().as_bytes())?;
        Ok(StoredMessage::all(id, asked.messages))
    }
}

/// Labels on their way into a head.
#[derive(Debug)]
pub(crate) struct Given<'a>(pub(crate) &'a Metadata);

impl Serialize for Given<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.reveal().serialize(serializer)
    }
}

/// The labels in a head.
#[derive(Deserialize)]
pub(crate) struct Pairs<'a> {
    #[serde(borrow)]
    pub(crate) metadata: &'a RawValue,
}

/// Writes content as JSON.
#[must_use]
pub fn bytes<T: Serialize>(value: &T) -> ContentBytes {
    ContentBytes::new(json(value))
}

/// Writes an answer as JSON.
#[must_use]
pub fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // All keys are strings, and writing into memory does not fail.
    let written = serde_json::to_vec(value);
    debug_assert!(written.is_ok(), "answers are plain data");
    written.unwrap_or_default()
}

#[cfg(test)]
mod tests;
