//! The Conversations API on the wire.
//!
//! A conversation is a row of items. Each item is an object of its own in the state store.

use policy::content::ContentBytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    error::Invalid,
    fields,
    json::{self, objects_only},
    keeping::Metadata,
    limits,
    responses::item::{self, Item, ItemBody, ItemKind},
    stored::{Given, Pairs},
};

/// A request for a new conversation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateConversationRequest)]
pub struct ConversationBody {
    /// The first items.
    #[schema(max_items = 20)]
    pub items: Option<Vec<ItemBody>>,
    /// Labels: up to 16 pairs.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub metadata: Metadata,
}

/// A request for more items.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateConversationItemsRequest)]
pub struct ItemsBody {
    /// The items.
    #[schema(max_items = 20)]
    pub items: Vec<ItemBody>,
}

objects_only!(ConversationBody, ItemsBody);

/// A checked request for a new conversation.
#[derive(Debug)]
pub struct NewConversation {
    /// The first items.
    pub items: Vec<Item>,
    /// The labels.
    pub metadata: Metadata,
}

/// Reads a request for a new conversation.
///
/// # Errors
/// If it is invalid; the error names the field.
pub fn create(bytes: &[u8]) -> Result<NewConversation, Invalid> {
    let ConversationBody { items, metadata } = json::parse(bytes)?;
    metadata.check()?;
    Ok(NewConversation { items: checked(items.unwrap_or_default())?, metadata })
}

/// Reads a request for more items.
///
/// # Errors
/// If it is invalid; the error names the field.
pub fn items(bytes: &[u8]) -> Result<Vec<Item>, Invalid> {
    let ItemsBody { items } = json::parse(bytes)?;
    if items.is_empty() {
        return Err(Invalid::empty_array("items"));
    }
    checked(items)
}

fn checked(bodies: Vec<ItemBody>) -> Result<Vec<Item>, Invalid> {
    fields::at_most("items", bodies.len(), limits::ITEMS_AT_ONCE_MAX)?;
    // The ids of a request are its caller's words: each item gets another one.
    let nameless = |body: ItemBody| match body.kind {
        Some(ItemKind::ItemReference) => body,
        _ => ItemBody { id: None, ..body },
    };
    let items = item::read(bodies.into_iter().map(nameless).collect(), "items")?;
    for (index, item) in items.iter().enumerate() {
        if matches!(item, Item::ItemReference(_)) {
            let param = format!("items[{index}].type");
            let message = format!(
                "'{param}' may not be 'item_reference' here: a conversation holds whole items. Send \
                 the item itself."
            );
            return Err(Invalid::unsupported(&param, message));
        }
    }
    Ok(items)
}

/// The content of a conversation's head.
#[derive(Debug, Serialize)]
struct Head<'a> {
    metadata: Given<'a>,
}

/// Writes the head of a conversation.
#[must_use]
pub fn head(metadata: &Metadata) -> ContentBytes {
    crate::stored::bytes(&Head { metadata: Given(metadata) })
}

/// A conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
#[expect(missing_debug_implementations, reason = "holds the customer's labels")]
pub struct Conversation<'a> {
    /// Id of the conversation.
    pub id: String,
    /// Always `conversation`.
    pub object: &'static str,
    /// Time of its creation: seconds since 1970.
    pub created_at: u64,
    /// The labels.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub metadata: &'a RawValue,
}

impl<'a> Conversation<'a> {
    /// Reads the head of a conversation that this service wrote.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(id: String, created_at: u64, head: &'a ContentBytes) -> Result<Self, Invalid> {
        let Pairs { metadata } = json::parse(head.reveal())?;
        Ok(Self { id, object: "conversation", created_at, metadata })
    }
}

/// Items in order.
#[derive(Serialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct ItemList {
    /// Always `list`.
    pub object: &'static str,
    /// The items.
    pub data: Vec<Item>,
    /// Id of the first item.
    pub first_id: Option<String>,
    /// Id of the last item.
    pub last_id: Option<String>,
    /// Whether there are more.
    pub has_more: bool,
}

impl ItemList {
    /// Makes a list.
    #[must_use]
    pub fn new(data: Vec<Item>, has_more: bool) -> Self {
        let id = |item: Option<&Item>| item.and_then(Item::id).map(str::to_owned);
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// Returns whether this service gives out such item ids: letters, `_`, and 32 to 40 hex digits. Such an
/// id is never content.
#[must_use]
pub fn is_item_id(id: &str) -> bool {
    id.split_once('_').is_some_and(|(kind, digits)| {
        (1..=8).contains(&kind.len())
            && kind.bytes().all(|byte| byte.is_ascii_lowercase())
            && (32..=40).contains(&digits.len())
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests;
