//! Resources: their settings, content logging, processors, personal data, and the customers' promises.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use policy::{
    id::{ApprovalId, ResourceId},
    object::Classes,
    personal::Setting,
    retention::ContentLogging,
};

use super::{
    Finding, Findings, What, named_key,
    things::{self, NONE, ONE},
    told::{Told, ToldLogging, ToldResource},
};
use crate::{
    directory::{Customer, Resource, personal::Of},
    error::StoreError,
    sqlite::Read,
};

/// Compares the resources and what belongs to them.
pub(super) fn compare(
    told: &Told,
    database: &Read<'_>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    customers(told, database, findings)?;
    let mut there = BTreeSet::new();
    let processors = database.allowed_processors()?;
    let personal: HashMap<Of, String> = database
        .personal_settings()?
        .into_iter()
        .map(|(of, setting)| (of, setting.in_words()))
        .collect();
    for row in database.resources()? {
        there.insert(*row.id.as_bytes());
        let Some(said) = told.resources.get(row.id.as_bytes()) else {
            findings.add(Finding::new(What::Resource, row.name, NONE, ONE));
            continue;
        };
        settings(told, said, &row, findings);
        logging(told, said, &row, findings);
        promises(told, &row, findings);
        let has = processors.get(&row.id).cloned().unwrap_or_default();
        for name in said.processors.symmetric_difference(&has) {
            let words = |allowed| if allowed { "allowed" } else { "not allowed" };
            let which = format!("{name} for {}", row.name);
            let said = words(said.processors.contains(name));
            findings.add(Finding::new(What::Processor, which, said, words(has.contains(name))));
        }
        let default = || Setting::of_resource().in_words();
        let has = personal.get(&Of::Resource(row.id)).cloned().unwrap_or_else(default);
        private(&row.name, said.personal.clone().unwrap_or_else(default), has, findings);
    }
    for (id, said) in told.resources.iter().filter(|(id, _)| !there.contains(*id)) {
        let id = ResourceId::from_random(*id).to_string();
        let name = said.fields.get("name").cloned().unwrap_or(id);
        findings.add(Finding::new(What::Resource, name, "that it exists", "no row"));
    }
    let names = personal.keys().filter_map(|of| match of {
        Of::Processor(name) => Some(name),
        Of::Resource(_) => None,
    });
    let names: BTreeSet<&String> = names.chain(told.processors.keys()).collect();
    for name in names {
        let default = || Setting::of_processor().in_words();
        let has = personal.get(&Of::Processor(name.clone())).cloned().unwrap_or_else(default);
        let said = told.processors.get(name).cloned().unwrap_or_else(default);
        private(&format!("processor {name}"), said, has, findings);
    }
    Ok(())
}

/// The words of a setting hold the operator's own terms: they are compared, and not shown.
fn private(which: &str, said: String, has: String, findings: &mut Findings) {
    if said != has {
        let table = "another setting";
        findings.add(Finding::new(What::PersonalData, which, "the setting that was made", table));
    }
}

/// Compares the fields. A field that the log never named has the value that a new resource has; a
/// field without such a value is not compared.
fn settings(told: &Told, said: &ToldResource, row: &Resource, findings: &mut Findings) {
    // Where the customer promised its lockbox, the promise is the state. The log of an earlier version
    // has no change of the resource beside it.
    let promises = told.roll.promises(row.tenant);
    let promised = promises.and_then(|promises| promises.lockbox(row.id)).map(|on| on.to_string());
    let rules: Vec<String> = row.network.ip_rules.iter().map(ToString::to_string).collect();
    let header = row.subject_header.as_ref().map_or_else(|| "none".into(), ToString::to_string);
    let has: [(&str, String, Option<&str>); 13] = [
        ("name", row.name.clone(), None),
        ("tenant", row.tenant.to_string(), None),
        ("region", row.region.clone(), None),
        ("retention_days", row.retention.days.get().to_string(), None),
        ("lockbox", row.lockbox.to_string(), Some("false")),
        ("prefix_cache", row.prefix_cache.to_string(), None),
        ("disable_local_auth", row.keys.disabled.to_string(), Some("false")),
        ("stored_completions", row.stored_completions.to_string(), Some("true")),
        ("forward", row.forward.to_string(), Some("none")),
        ("subject_header", header, Some("none")),
        ("public_network_access", row.network.public.name().to_owned(), Some("Enabled")),
        ("network_default_action", row.network.default_action.name().to_owned(), Some("Allow")),
        ("ip_rules", rules.join(","), Some("")),
    ];
    for (field, has, default) in has {
        let promised = promised.as_deref().filter(|_| field == "lockbox");
        let said = promised.or(said.fields.get(field).map(String::as_str)).or(default);
        if let Some(said) = said {
            findings.same(What::Resource, &format!("{}, {field}", row.name), said, has);
        }
    }
    let keys: BTreeMap<&str, String> =
        [("key1", named_key(&row.keys.key1)), ("key2", named_key(&row.keys.key2))].into();
    for (name, has) in keys {
        if let Some(said) = said.fields.get(name) {
            things::key(&format!("{name} of {}", row.name), said, &has, findings);
        }
    }
}

/// Compares content logging with the last entry that switched it, and with the approval behind that.
fn logging(told: &Told, said: &ToldResource, row: &Resource, findings: &mut Findings) {
    let has: &ContentLogging = &row.retention.content_logging;
    let said = said.logging.map(|said| {
        let ToldLogging { enabled, approval, since_ms } = said;
        let behind = told.exemptions.get(&approval).filter(|_| !enabled);
        let until_ms = behind.map(|behind| behind.until_ms);
        let keeps = behind.map_or(Classes::NONE, |behind| behind.keeps);
        words(enabled, Some(approval), Some(since_ms), until_ms, keeps)
    });
    let since_ms = said.is_some().then_some(has.since_ms);
    let said = said.unwrap_or_else(|| words(true, None, None, None, Classes::NONE));
    let has = words(has.enabled, has.approval, since_ms, has.until_ms, has.keeps);
    findings.same(What::ContentLogging, &row.name, said, has);
}

fn words(
    enabled: bool,
    approval: Option<ApprovalId>,
    since_ms: Option<u64>,
    until_ms: Option<u64>,
    keeps: Classes,
) -> String {
    let mut words = if enabled { "on".to_owned() } else { "off".to_owned() };
    let approval = approval.map(|approval| format!(", by {approval}"));
    let since = since_ms.map(|since_ms| format!(", since {since_ms}"));
    let until = until_ms.map(|until_ms| format!(", until {until_ms}"));
    let names: Vec<&str> = keeps.iter().map(|class| class.name()).collect();
    let keeps = Some(names).filter(|names| !names.is_empty());
    let keeps = keeps.map(|names| format!(", keeping {}", names.join(" ")));
    words.extend([approval, since, until, keeps].into_iter().flatten());
    words
}

/// Compares the roots of tenants, and the identity providers that they named.
fn customers(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let mut there = database.customers()?;
    let now_ms = told.time_ms();
    for tenant in database.tenants()? {
        let has = there.remove(&tenant.id).unwrap_or_default();
        let said = Customer::of(&told.roll, tenant.id);
        let roots = |customer: &Customer| {
            let current = customer.root(now_ms).map(|root| root.to_string());
            let later = customer.roots.range(now_ms.saturating_add(1)..);
            let later = later.map(|(since_ms, root)| format!("{root} from {since_ms} on"));
            let all: Vec<String> = current.into_iter().chain(later).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        let which = format!("root of {}", tenant.name);
        findings.same(What::Root, &which, roots(&said), roots(&has));
        for issuer in said.issuers.symmetric_difference(&has.issuers) {
            let words = |named| if named { "named" } else { "not named" };
            let which = format!("{issuer} of {}", tenant.name);
            let said = words(said.issuers.contains(issuer));
            let has = words(has.issuers.contains(issuer));
            findings.add(Finding::new(What::Issuer, which, said, has));
        }
    }
    Ok(())
}

/// Compares the retention with the customer's promise. The fields agree with the log's changes, so
/// this finds a change that contradicts the promise.
fn promises(told: &Told, row: &Resource, findings: &mut Findings) {
    let Some(promises) = told.roll.promises(row.tenant) else { return };
    let days = u64::from(row.retention.days.get());
    if let Some(most) = promises.retention_days(row.id).filter(|most| u64::from(*most) < days) {
        let which = format!("{}, retention_days", row.name);
        let log = format!("{most} at most");
        findings.add(Finding::new(What::Promise, which, log, days.to_string()));
    }
}
