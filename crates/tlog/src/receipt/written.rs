//! The claims about the objects that a request asked the service to keep, or had destroyed.

use alloc::vec::Vec;

use minicbor::{Decode, Decoder, Encode};

use crate::{id::ObjectId, object::Class};

/// The maximum number of objects in a receipt.
pub const WRITTEN_MAX: usize = 256;

/// An object that a request wrote or destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Written {
    /// The object's random id.
    #[n(0)]
    pub object: ObjectId,
    /// Its class.
    #[n(1)]
    pub class: Class,
    /// True if the request destroyed it, with its parts.
    #[n(2)]
    pub destroyed: bool,
    /// The time from which it is unrecoverable, in milliseconds since 1970; `None` until its owner
    /// deletes it.
    #[n(3)]
    pub until_ms: Option<u64>,
}

/// Decodes the list, which is neither empty nor too long.
pub(super) fn objects<C>(
    decoder: &mut Decoder<'_>,
    context: &mut C,
) -> Result<Option<Vec<Written>>, minicbor::decode::Error> {
    let written: Vec<Written> = decoder.decode_with(context)?;
    if written.is_empty() || written.len() > WRITTEN_MAX {
        return Err(minicbor::decode::Error::message("an empty or too long list of objects"));
    }
    Ok(Some(written))
}
