//! The inventory: the objects kept for a resource, without content. Bailiwick's own; OpenAI has
//! none.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::objects_only;

/// A page of the inventory.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Inventory)]
pub struct Inventory {
    /// Always `list`.
    pub object: &'static str,
    /// The objects.
    pub data: Vec<Kept>,
    /// The id of the first object of the page.
    pub first_id: Option<String>,
    /// The id of the last object of the page: `after` of the next one.
    pub last_id: Option<String>,
    /// Whether there are more objects.
    pub has_more: bool,
    /// Other data that the service keeps for the resource.
    pub also_kept: Vec<AlsoKept>,
}

/// One object.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InventoryObject)]
pub struct Kept {
    /// The object's id, as in the API that made it.
    pub id: String,
    /// Always `inventory.object`.
    pub object: &'static str,
    /// The class: `response`, `conversation`, `item`, `completion`, `file`, `upload`, `part`, `batch`,
    /// `job`, `adapter` or `checkpoint`.
    pub class: &'static str,
    /// The owner: `Key1`, `Key2`, or the random id of a person or program, as in the log.
    pub owner: String,
    /// Whether all principals of the resource may use it.
    pub shared: bool,
    /// Since when it is kept: seconds since 1970.
    pub created_at: u64,
    /// Until when it is kept: seconds since 1970; `null` until it is deleted.
    pub expires_at: Option<u64>,
    /// Its length in bytes.
    pub bytes: u64,
    /// The whole that it is a part of.
    pub parent: Option<String>,
    /// Why it is kept: the request that asked for it.
    pub why: &'static str,
    /// The request that made it, which has a receipt.
    pub request: String,
    /// Whether the caller may delete it.
    pub deletable: bool,
}

/// Something that the service keeps for a resource by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InventoryAlsoKept)]
pub struct AlsoKept {
    /// What it is: `records`, `receipts`, `usage`, `abuse_counts` or `log`.
    pub what: &'static str,
    /// Whether it has content, sealed.
    pub content: bool,
    /// How many there are, if they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// For how many days each is kept; `null` without an end.
    pub days: Option<u32>,
    /// When the last of those that are kept now ends: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Why it is kept, and who can delete it.
    pub why: &'static str,
}

/// The answer to a deletion.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InventoryDeleted)]
pub struct Deleted {
    /// The object's id.
    pub id: String,
    /// Always `inventory.object`.
    pub object: &'static str,
    /// Always true: the object's key is destroyed.
    pub deleted: bool,
}

/// A change of an object, by its owner. Missing fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = UpdateInventoryObject)]
pub struct Update {
    /// Whether all principals of the resource may use it, and its parts.
    #[serde(default)]
    pub shared: Option<bool>,
    /// A new end: seconds since 1970.
    #[serde(default)]
    pub expires_at: Option<u64>,
}

/// The latest end of an object, in seconds since 1970: the end of the year 9999.
pub const EXPIRES_AT_MAX: u64 = 253_402_300_799;

objects_only!(Update);
