//! Tenants, deployments, models, engines and the keys of records.

use std::collections::{BTreeMap, BTreeSet};

use tlog::{canon::Digest, hex};

use super::{
    Finding, Findings, What, named_key,
    told::{Fields, Id, Told},
};
use crate::{error::StoreError, sqlite::Read};

/// Compares these tables.
pub(super) fn compare(
    told: &Told,
    database: &Read<'_>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let tenants = database.tenants()?.into_iter();
    let tenants = tenants.map(|tenant| {
        let fields = vec![("name", tenant.name.clone(), None)];
        (*tenant.id.as_bytes(), tenant.name, fields)
    });
    rows(What::Tenant, &told.tenants, tenants.collect(), findings);
    let deployments = database.deployments()?.into_iter().map(|deployment| {
        let filter = deployment.filter.map_or_else(|| "built-in".into(), |id| id.to_string());
        let fields = vec![
            ("name", deployment.name.clone(), None),
            ("resource", deployment.resource.to_string(), None),
            ("model", deployment.model.to_string(), None),
            ("task", deployment.task.name().to_owned(), None),
            ("sku", deployment.sku.name().to_owned(), None),
            ("content_filter", filter, Some("built-in")),
        ];
        (*deployment.id.as_bytes(), deployment.name, fields)
    });
    rows(What::Deployment, &told.deployments, deployments.collect(), findings);
    let models = database.models()?.into_iter().map(|model| {
        let mut fields = vec![("name", model.name.clone(), None)];
        fields.push(("sha256", model.file.map_or_else(String::new, |file| file.sha256), None));
        if let Some(tuned) = model.tuned {
            fields.push(("adapter", tuned.adapter.to_string(), None));
            fields.push(("job", tuned.job.to_string(), None));
        }
        (*model.id.as_bytes(), model.name, fields)
    });
    rows(What::Model, &told.models, models.collect(), findings);
    engines(told, database, findings)?;
    keys(told, database, findings)?;
    let admin = database.admin_key()?.map(|digest| named_key(&digest));
    if let (Some(said), Some(has)) = (&told.admin_key, admin) {
        key("of the administrator", said, &has, findings);
    }
    Ok(())
}

/// Compares the digests of a key, by the names that openings have of them.
pub(super) fn key(which: &str, log: &str, table: &str, findings: &mut Findings) {
    if log != table {
        let table = "another digest than the log commits to";
        findings.add(Finding::new(What::Key, which, "the digest of the key that was made", table));
    }
}

/// A field of a row: its name, its value, and the value that a new row has.
type Field<'a> = (&'a str, String, Option<&'a str>);

/// Compares the rows of a table with the things that the log has made and not deleted. A field that
/// the log never named has the value of a new row. Without such a value it is not compared: entries of
/// earlier versions name fewer fields.
fn rows(
    what: What,
    told: &BTreeMap<Id, Fields>,
    rows: Vec<(Id, String, Vec<Field<'_>>)>,
    findings: &mut Findings,
) {
    let mut there = BTreeSet::new();
    for (id, name, fields) in rows {
        there.insert(id);
        let Some(told) = told.get(&id) else {
            findings.add(Finding::new(what, name, NONE, ONE));
            continue;
        };
        for (field, has, default) in fields {
            if let Some(said) = told.get(field).map(String::as_str).or(default) {
                findings.same(what, &format!("{name}, {field}"), said, has);
            }
        }
    }
    for (id, fields) in told.iter().filter(|(id, _)| !there.contains(*id)) {
        let name = fields.get("name").cloned().unwrap_or_else(|| hex::encode(id));
        findings.add(Finding::new(what, name, "that it exists", "no row"));
    }
}

/// The state in the log of a row that never was.
pub(super) const NONE: &str = "that there is none";
/// The state in the table of a row that never was.
pub(super) const ONE: &str = "a row";

fn engines(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let mut there = BTreeSet::new();
    for engine in database.engines()? {
        there.insert(*engine.id.as_bytes());
        let Some(said) = told.engines.get(engine.id.as_bytes()) else {
            findings.add(Finding::new(What::Engine, &engine.name, NONE, ONE));
            continue;
        };
        // Without its text there is nothing to compare, and the missing text is a finding.
        let Ok(said) = serde_json::from_str::<serde_json::Value>(said) else { continue };
        let has =
            serde_json::to_value(&engine).map_err(|_| StoreError::Damaged { what: "engine" })?;
        for field in ENGINE_FIELDS {
            let text = |value: &serde_json::Value| {
                value
                    .get(field)
                    .filter(|value| !value.is_null())
                    .map_or("none".to_owned(), ToString::to_string)
            };
            findings.same(
                What::Engine,
                &format!("{}, {field}", engine.name),
                text(&said),
                text(&has),
            );
        }
    }
    for id in told.engines.keys().filter(|id| !there.contains(*id)) {
        findings.add(Finding::new(What::Engine, hex::encode(id), "that it exists", "no row"));
    }
    Ok(())
}

/// What decides where a request is processed, and by whom.
const ENGINE_FIELDS: [&str; 5] = ["name", "address", "region", "processor", "prefix_cache"];

fn keys(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let mut there = BTreeSet::new();
    for row in database.record_keys()? {
        there.insert(row.key);
        let which = row.key.to_string();
        let Some(said) = told.keys.get(&row.key) else {
            findings.add(Finding::new(What::RecordKey, which, NONE, ONE));
            continue;
        };
        let words = |tenant: &dyn std::fmt::Display, deadline_ms: u64, gone: bool| {
            let state = if gone { "destroyed" } else { "alive" };
            format!("{tenant}, {state}, deadline {deadline_ms}")
        };
        let has = words(&row.tenant, row.deadline_ms, row.destroyed);
        findings.same(
            What::RecordKey,
            &which,
            words(&said.tenant, said.deadline_ms, said.gone),
            has,
        );
    }
    for (key, _) in told.keys.iter().filter(|(key, told)| !told.gone && !there.contains(*key)) {
        let finding = Finding::new(What::RecordKey, key.to_string(), "that it is alive", "no row");
        findings.add(finding);
    }
    Ok(())
}

/// Returns the first digits of a digest, to name it.
pub(super) fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(16).collect()
}
