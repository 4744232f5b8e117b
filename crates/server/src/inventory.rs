//! The inventory's words, which the API, the desk and the command line share: the things that are
//! kept for a resource, since when, why and until when. Never content.

use policy::{
    id::ObjectId,
    object::{Class, Owner},
    retention::Metadata,
};
use store::{Resource, inventory::Records, objects::Object};
use wire::{
    error::Invalid,
    inventory::{AlsoKept, Deleted, Inventory, Kept},
};

use crate::clock;

/// Makes a page of the inventory.
pub(crate) fn page(data: Vec<Kept>, has_more: bool, also_kept: Vec<AlsoKept>) -> Inventory {
    Inventory {
        object: "list",
        first_id: data.first().map(|kept| kept.id.clone()),
        last_id: data.last().map(|kept| kept.id.clone()),
        data,
        has_more,
        also_kept,
    }
}

/// Describes an object, without content.
pub(crate) fn kept(object: &Object, deletable: bool) -> Kept {
    let facts = &object.facts;
    Kept {
        id: facts.class.id(facts.object),
        object: OBJECT,
        class: facts.class.name(),
        owner: owner(facts.owner),
        shared: facts.shared,
        created_at: object.created_ms / 1000,
        expires_at: object.expires_ms.map(|ms| ms / 1000),
        bytes: object.bytes,
        parent: object.parent.and_then(|parent| Some(whole(facts.class)?.id(parent))),
        why: why(facts.class),
        request: object.request.to_string(),
        deletable,
    }
}

/// Returns the name of an owner: a key's, or a random id, which identifies a person only to those
/// that have the tenant's directory and this service's database.
fn owner(owner: Owner) -> String {
    match owner {
        Owner::Key(key) => key.name().to_owned(),
        Owner::Person(person) => person.to_string(),
        Owner::Workload(program) => program.to_string(),
    }
}

/// Returns the class of the object that a part belongs to.
fn whole(part: Class) -> Option<Class> {
    match part {
        Class::Item => Some(Class::Conversation),
        Class::Part => Some(Class::Upload),
        Class::Adapter | Class::Checkpoint => Some(Class::Job),
        Class::Response
        | Class::Conversation
        | Class::Completion
        | Class::File
        | Class::Upload
        | Class::Batch
        | Class::Job => None,
    }
}

/// Returns the request that asks for objects of a class.
pub(crate) fn why(class: Class) -> &'static str {
    match class {
        Class::Response => "a response with `store`, or a response in the background",
        Class::Conversation => "a conversation was made",
        Class::Item => "an item was added to a conversation",
        Class::Completion => "a chat completion with `store`",
        Class::File => "a file was uploaded, or is the result of a batch or a fine-tuning job",
        Class::Upload => "an upload in parts was begun",
        Class::Part => "a part of an upload",
        Class::Batch => "a batch was made",
        Class::Job => "a fine-tuning job was made",
        Class::Adapter => "a fine-tuning job made a model",
        Class::Checkpoint => "a fine-tuning job made a checkpoint",
    }
}

/// Returns the answer to a deletion.
pub(crate) fn deleted(object: &Object) -> Deleted {
    Deleted { id: object.facts.class.id(object.facts.object), object: OBJECT, deleted: true }
}

/// Lists the data that the service keeps for a resource by itself.
pub(crate) fn also_kept(
    resource: &Resource,
    records: Records,
    metadata: Metadata,
) -> Vec<AlsoKept> {
    let rule = &resource.retention;
    let days = u32::from(rule.days.get());
    let days = if rule.content_logging.keeps(clock::now_ms()) { days } else { 0 };
    let without =
        |what, days, why| AlsoKept { what, content: false, count: None, days, until: None, why };
    vec![
        AlsoKept {
            what: "records",
            content: true,
            count: Some(records.count),
            days: Some(days),
            until: records.until_ms.map(|ms| ms / 1000),
            why: "sealed prompts and answers, for review after abuse; your data protection officer \
                  lists, reads and deletes them at the desk",
        },
        without(
            "receipts",
            Some(metadata.receipts_days),
            "the signed statement about each request, which you can fetch and check",
        ),
        without(
            "usage",
            Some(metadata.usage_days),
            "numbers of requests and tokens by hour, for bills",
        ),
        without(
            "abuse_counts",
            u32::try_from(store::abuse::COUNT_DAYS).ok(),
            "numbers of findings of the content filter by day; end users only as hashes",
        ),
        without(
            "log",
            None,
            "commitments to all of this, which reveal nothing; they cannot be deleted",
        ),
    ]
}

/// Reads an id of any class. An item's id may begin with any word, so it is tried last.
pub(crate) fn any(id: &str) -> Option<(Class, ObjectId)> {
    let of = |class: Class| Some((class, class.parse(id)?));
    let others = Class::ALL.into_iter().filter(|class| *class != Class::Item);
    others.chain([Class::Item]).find_map(of)
}

/// Reads the name of a class.
///
/// # Errors
/// If there is no such class; the error names them.
pub(crate) fn class(name: &str) -> Result<Class, Invalid> {
    let known = Class::ALL.into_iter().find(|class| class.name() == name);
    let names = || Class::ALL.map(Class::name).join(", ");
    let wrong =
        || Invalid::value("class", format!("Invalid 'class': expected one of {}.", names()));
    known.ok_or_else(wrong)
}

const OBJECT: &str = "inventory.object";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_with_its_class() {
        let object = ObjectId::from_random([7; 16]);
        for class in Class::ALL {
            assert_eq!(any(&class.id(object)), Some((class, object)));
        }
        for bad in ["", "file-", "../../etc/passwd", "req_00000000000000000000000000000000x"] {
            assert_eq!(any(bad), None, "{bad}");
        }
    }
}
