//! What is kept of a data subject, as JSON: ids, times and numbers, never content.

use std::collections::BTreeMap;

use policy::{
    id::{ResourceId, SubjectRequestId},
    object::Class,
};
use serde_json::{Map, Value, json};
use store::{
    Directory,
    ledger::Act,
    subjects::{Found, FoundObject, FoundRecord},
};
use tlog::erasure::Certificate;

use super::looks::Looks;
use crate::inventory;

/// Builds the answer of a search.
pub(super) fn found(
    found: &Found,
    looks: &Looks,
    directory: &Directory,
    request: SubjectRequestId,
) -> Value {
    let records = found.records.iter().map(|record| record_facts(record, found, looks, directory));
    let objects = found.objects.iter().map(|object| object_facts(object, directory));
    let mut told = json!({
        "object": "subject.found",
        "request": request,
        "entry": found.entry,
        "records": records.collect::<Vec<_>>(),
        "objects": objects.collect::<Vec<_>>(),
    });
    if let Some(told) = told.as_object_mut() {
        told.extend(rest(found, looks, directory));
    }
    told
}

/// Returns what a search and an export both show besides records and objects.
pub(super) fn rest(found: &Found, looks: &Looks, directory: &Directory) -> Map<String, Value> {
    let adapters = found.adapters.iter().map(|adapter| {
        json!({"name": adapter.name, "model": adapter.model,
               "resource": resource(adapter.resource, directory),
               "job": Class::Job.id(adapter.job)})
    });
    let counters = found.counters.iter().map(|counter| {
        json!({"resource": resource(counter.resource, directory),
               "end_user": counter.end_user.to_string(), "last_ms": counter.last_ms,
               "points": counter.points, "limit_reached": counter.crossings})
    });
    let mut rest = Map::new();
    rest.insert("stores".to_owned(), stores(found, looks).into());
    rest.insert("adapters".to_owned(), adapters.collect());
    rest.insert("abuse_counters".to_owned(), counters.collect());
    rest.insert("looks".to_owned(), all_looks(found, looks).into());
    rest.insert("restricted".to_owned(), found.is_restricted.into());
    rest
}

/// Returns the facts of a record, and what happened to it.
pub(super) fn record_facts(
    found: &FoundRecord,
    all: &Found,
    looks: &Looks,
    directory: &Directory,
) -> Map<String, Value> {
    let record = &found.record;
    let deployment = record.deployment.map(|id| {
        let known = directory.deployments().iter().find(|deployment| deployment.id == id);
        known.map_or_else(|| id.to_string(), |deployment| deployment.name.clone())
    });
    object(json!({
        "id": record.request,
        "object": "record",
        "resource": resource(found.resource, directory),
        "deployment": deployment,
        "started_ms": record.started_ms,
        "finished_ms": record.finished_ms,
        "status": record.status,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "deadline_ms": record.deadline_ms,
        "flagged": all.flagged.contains(&record.request),
        "looks": of_record(found, looks),
    }))
}

/// Returns the facts of an object.
pub(super) fn object_facts(found: &FoundObject, directory: &Directory) -> Map<String, Value> {
    let kept = &found.object;
    let class = kept.facts.class;
    object(json!({
        "id": class.id(kept.facts.object),
        "object": "object",
        "class": class.name(),
        "resource": resource(kept.facts.of.resource, directory),
        "created_ms": kept.created_ms,
        "expires_ms": kept.expires_ms,
        "bytes": kept.bytes,
        "made_by": kept.request,
        "why": inventory::why(class),
        "lines": found.lines,
    }))
}

/// Returns the accesses to one record: by the operator's reviewers, and by the customer's own people.
fn of_record(found: &FoundRecord, looks: &Looks) -> Vec<Value> {
    let request = found.record.request;
    let by_reviewers = looks.of(request).iter().cloned();
    let by_owners = found.acts.iter().map(|act| {
        let what = match act.act {
            Act::Read => "read",
            Act::Deleted => "deleted",
        };
        json!({"what": what, "request": request, "at_ms": act.at_ms, "by": "data protection officer",
               "person": act.person, "object_id": act.object.to_string(), "entry": act.entry,
               "reason": ""})
    });
    by_reviewers.chain(by_owners).collect()
}

fn all_looks(found: &Found, looks: &Looks) -> Vec<Value> {
    found.records.iter().flat_map(|record| of_record(record, looks)).collect()
}

/// Counts what is kept, by the place where it is kept. Every place is there, also an empty one.
fn stores(found: &Found, looks: &Looks) -> Vec<Value> {
    let mut classes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for class in Class::ALL {
        classes.entry(class.plural()).or_default();
    }
    for found in &found.objects {
        let counted = classes.entry(found.object.facts.class.plural()).or_default();
        counted.0 += 1;
        counted.1 += found.lines.as_ref().map_or(0, Vec::len);
    }
    let store = |name: &str, found: usize, note: String| json!({"name": name, "found": found, "note": note});
    let none = String::new;
    let mut stores = vec![store("records", found.records.len(), none())];
    stores.extend(classes.into_iter().map(|(name, (found, lines))| {
        let note = if lines == 0 { none() } else { format!("{lines} lines of them") };
        store(name, found, note)
    }));
    let unlearn = "a model cannot unlearn: delete it, or train it again without the lines";
    let note = if found.adapters.is_empty() { none() } else { unlearn.to_owned() };
    stores.push(store("fine-tuned models", found.adapters.len(), note));
    stores.push(store("counters of abuse monitoring", found.counters.len(), none()));
    stores.push(store("flags", found.flagged.len(), none()));
    stores.push(store("looks", all_looks(found, looks).len(), none()));
    let note =
        "numbers without a name: requests and tokens by hour, which no person can be found in";
    stores.push(store("usage", 0, note.to_owned()));
    stores
}

/// Returns the lines of a certificate.
pub(super) fn erased(certificate: &Certificate) -> Vec<Value> {
    let line = |line: &tlog::erasure::Line| {
        json!({"name": line.place.name(), "found": line.found, "erased": line.erased,
               "kept": line.found.saturating_sub(line.erased),
               "why": line.kept.map(tlog::erasure::Kept::reason)})
    };
    certificate.lines.iter().map(line).collect()
}

/// Returns the name of a resource; of a deleted one, its id.
fn resource(id: ResourceId, directory: &Directory) -> String {
    directory.resource(id).map_or_else(|| id.to_string(), |resource| resource.name.clone())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
