//! The classes of objects that a customer asks the service to keep.

use alloc::string::String;
use core::fmt;

use minicbor::{Decode, Encode};

use crate::{hex, id::ObjectId};

/// The class of an object that a customer asks the service to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Class {
    /// A stored response of the Responses API.
    #[n(0)]
    Response,
    /// A conversation.
    #[n(1)]
    Conversation,
    /// An item of a conversation.
    #[n(2)]
    Item,
    /// A stored chat completion.
    #[n(3)]
    Completion,
    /// A file: uploaded, or written by a batch or a fine-tuning job.
    #[n(4)]
    File,
    /// An upload in parts that is not complete yet.
    #[n(5)]
    Upload,
    /// A part of an upload.
    #[n(6)]
    Part,
    /// A batch.
    #[n(7)]
    Batch,
    /// A fine-tuning job, with its events.
    #[n(8)]
    Job,
    /// A fine-tuned model: an adapter.
    #[n(9)]
    Adapter,
    /// A checkpoint of a fine-tuning job: an adapter, and the state to go on from.
    #[n(10)]
    Checkpoint,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 11] = [
        Self::Response,
        Self::Conversation,
        Self::Item,
        Self::Completion,
        Self::File,
        Self::Upload,
        Self::Part,
        Self::Batch,
        Self::Job,
        Self::Adapter,
        Self::Checkpoint,
    ];

    /// Returns the class's name in policies, receipts and the inventory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Conversation => "conversation",
            Self::Item => "item",
            Self::Completion => "completion",
            Self::File => "file",
            Self::Upload => "upload",
            Self::Part => "part",
            Self::Batch => "batch",
            Self::Job => "job",
            Self::Adapter => "adapter",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// Returns the class's name for several objects, as in approvals and messages.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Response => "responses",
            Self::Conversation => "conversations",
            Self::Item => "items",
            Self::Completion => "completions",
            Self::File => "files",
            Self::Upload => "uploads",
            Self::Part => "parts",
            Self::Batch => "batches",
            Self::Job => "jobs",
            Self::Adapter => "adapters",
            Self::Checkpoint => "checkpoints",
        }
    }

    /// Returns what the API's ids of this class begin with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Response => "resp_",
            Self::Conversation => "conv_",
            Self::Item => "msg_",
            Self::Completion => "chatcmpl-",
            Self::File => "file-",
            Self::Upload => "upload_",
            Self::Part => "part_",
            Self::Batch => "batch_",
            Self::Job => "ftjob-",
            Self::Adapter => "ft-",
            Self::Checkpoint => "ftchkpt-",
        }
    }

    /// Returns an object's id in the API's form.
    #[must_use]
    pub fn id(self, object: ObjectId) -> String {
        let mut text = String::from(self.prefix());
        text.push_str(&hex::encode(object.as_bytes()));
        text
    }

    /// Reads an id in the API's form. An item's id may begin with any kind of item.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<ObjectId> {
        let digits = match self {
            Self::Item => text.split_once('_')?.1,
            _ => text.strip_prefix(self.prefix())?,
        };
        hex::decode(digits).map(ObjectId::from_random)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an object was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Why {
    /// Its owner deleted it, or the object that it was a part of.
    #[n(0)]
    Deleted,
    /// Its time was over.
    #[n(1)]
    Expired,
    /// Its resource was deleted.
    #[n(2)]
    ResourceDeleted,
    /// Its key is lost: it is missing from its place, and the object is given up.
    #[n(3)]
    KeyLost,
}

impl Why {
    /// Returns the reason in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::ResourceDeleted => "its resource was deleted",
            Self::KeyLost => "its key was lost",
        }
    }
}

/// A set of classes, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Classes(u16);

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);

    /// The names that an application for zero retention may give, with their classes. Batches and
    /// fine-tuning need files.
    pub const NAMED: [(&str, &[Class]); 6] = [
        ("responses", &[Class::Response]),
        ("conversations", &[Class::Conversation, Class::Item]),
        ("completions", &[Class::Completion]),
        ("files", &[Class::File, Class::Upload, Class::Part]),
        ("batches", &[Class::Batch, Class::File, Class::Upload, Class::Part]),
        (
            "fine-tuning",
            &[
                Class::Job,
                Class::Adapter,
                Class::Checkpoint,
                Class::File,
                Class::Upload,
                Class::Part,
            ],
        ),
    ];

    /// Returns the classes of one of [`Self::NAMED`].
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, classes) = Self::NAMED.into_iter().find(|(known, _)| *known == name)?;
        Some(classes.iter().copied().fold(Self::NONE, Self::with))
    }

    /// Adds a class.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u16)
    }

    /// Returns all classes of either set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if the set contains the class.
    #[must_use]
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u16 != 0
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads a stored set; `None` if it has a class that does not exist.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Self> {
        let all = Class::ALL.into_iter().fold(Self::NONE, Self::with);
        (bits & !all.0 == 0).then_some(Self(bits))
    }

    /// Returns the set as a number, with one bit for each class.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Iterates over the classes.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The names of the classes, for several objects, with commas.
impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, class) in self.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            f.write_str(class.plural())?;
        }
        Ok(())
    }
}

impl<C> Encode<C> for Classes {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.u16(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Classes {
    fn decode(
        decoder: &mut minicbor::Decoder<'b>,
        _: &mut C,
    ) -> Result<Self, minicbor::decode::Error> {
        let at = decoder.position();
        let wrong = || minicbor::decode::Error::message("no such class").at(at);
        Self::from_bits(decoder.u16()?).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_in_no_other_way() {
        let object = ObjectId::from_random([0xab; 16]);
        for class in Class::ALL.into_iter().filter(|class| *class != Class::Item) {
            let id = class.id(object);
            assert_eq!(class.parse(&id), Some(object), "{id}");
            let upper = id.to_uppercase();
            for bad in [
                id.split_at(1).1,
                id.split_at(id.len() - 1).0,
                upper.as_str(),
                "",
                "../../etc/passwd",
            ] {
                assert_eq!(class.parse(bad), None, "{bad}");
            }
        }
        assert_eq!(Class::File.parse(&Class::Batch.id(object)), None);
        let call = Class::Item.id(object).replace("msg_", "fc_");
        assert_eq!(Class::Item.parse(&call), Some(object));
    }

    #[test]
    fn a_set_has_names_and_a_number() {
        let batches = Classes::named("batches").unwrap();
        assert_eq!(batches.to_string(), "files, uploads, parts, batches");
        assert!(batches.contains(Class::File) && !batches.contains(Class::Response));
        assert_eq!(Classes::named("records"), None);
        assert_eq!(Classes::from_bits(batches.bits()), Some(batches));
        assert_eq!(Classes::from_bits(1 << 11), None);
        let bytes = minicbor::to_vec(batches).unwrap();
        assert_eq!(minicbor::decode::<Classes>(&bytes).unwrap(), batches);
        assert!(minicbor::decode::<Classes>(&[0x19, 0x08, 0x00]).is_err());
    }
}
