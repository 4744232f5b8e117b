//! The scope of a breach: the reads of a period, with reader and reason, and the acts that each
//! credential and company could have done.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    authz::{facts::Scope, role::Holder},
    id::RequestId,
};
use serde_json::json;
use tlog::entry::Subject;

use super::{
    Facts, Line, Section, Source,
    history::{Access, At, Step},
    retention, sub_processors,
};

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    vec![
        summary(facts),
        accesses(facts),
        unknown(facts),
        credentials(facts),
        usage(facts),
        people(facts),
        Section { id: "companies".to_owned(), ..sub_processors::allowed(facts) },
        Section::new("stored", "What could be read now", stored(facts)),
    ]
}

/// Returns the accesses in the period to requests of the covered resources, and those to requests that
/// no receipt names any more.
fn split(facts: &Facts) -> (Vec<(&Access, RequestId, &str)>, Vec<&Access>) {
    let (mut ours, mut unknown) = (Vec::new(), Vec::new());
    for access in facts.history.accesses.iter().filter(|access| facts.window.has(access.at)) {
        let called = access.request.map(|request| (request, facts.called.get(&request)));
        match called {
            Some((request, Some(resource))) => {
                if let Some(resource) = facts.resources().find(|one| one.id == *resource) {
                    ours.push((access, request, resource.name.as_str()));
                }
            }
            Some((_, None)) | None => unknown.push(access),
        }
    }
    (ours, unknown)
}

fn summary(facts: &Facts) -> Section {
    let (ours, unknown) = split(facts);
    let read: BTreeSet<RequestId> = ours
        .iter()
        .filter(|(access, ..)| access.step.reads())
        .map(|(_, request, _)| *request)
        .collect();
    let count = |step: Step| ours.iter().filter(|(access, ..)| access.step == step).count();
    let (looked, own, deleted) =
        (count(Step::Looked), count(Step::OwnerRead), count(Step::OwnerDeleted));
    let value = format!(
        "{} requests: {looked} looks by reviewers, {own} reads by the customer's own people; {deleted} records \
         were deleted",
        read.len()
    );
    let lines = vec![
        Line::new("Read in the period", value)
            .source(Source::service("the log's entries about records"))
            .check("`bailiwick verify log DIR --service-key KEY --request ID` lists the accesses to one record")
            .data(json!({"requests": read.len(), "looks": looked, "ownReads": own, "ownDeletions": deleted,
                         "notAssigned": unknown.len()})),
        Line::new(
            "What the log would show",
            "the custodian opens a record only after the log has an entry about it; what was read without an \
             entry would need the custodian's keys themselves",
        )
        .source(Source::program("docs/threats.md")),
    ];
    Section::new("summary", "Summary", lines)
}

/// Returns the section with each access, in the log's order.
fn accesses(facts: &Facts) -> Section {
    let (ours, _) = split(facts);
    let lines = ours.into_iter().map(|(access, request, resource)| {
        let who = who(facts, access);
        let why = why(facts, access);
        let reason = why.as_ref().map_or_else(String::new, |why| format!("; reason: {why}"));
        Line::new(access.at.when(), format!("{request}: {}; {who}{reason}", access.step.words()))
            .of(resource)
            .source(access.at.source())
            .check(format!("bailiwick verify log DIR --service-key KEY --request {request}"))
            .data(json!({
                "at": access.at.when(), "request": request.to_string(), "step": access.step.words(),
                "read": access.step.reads(), "who": who, "why": why,
                "workstation": access.workstation.map(|digest| digest.to_string()),
            }))
    });
    Section::new("accesses", "Requests whose records were read or asked for", lines.collect())
}

/// Names the person behind an access, as far as the reader may know.
fn who(facts: &Facts, access: &Access) -> String {
    if let Some(act) = facts.acts.get(&access.at.entry) {
        return format!("by {} (object id {})", act.person, act.object);
    }
    match (access.person, access.step) {
        (Some(person), _) => format!("by {person}"),
        (None, Step::OwnerRead | Step::OwnerDeleted) => {
            "by a person of the customer, whom the customer's officer sees".to_owned()
        }
        (None, _) => "by abuse monitoring or a reviewer".to_owned(),
    }
}

/// Returns the reason of a look, for the customer's officer.
fn why(facts: &Facts, access: &Access) -> Option<String> {
    let grant = access.grant.filter(|_| access.step == Step::Looked)?;
    facts.reasons.get(&grant).cloned()
}

/// Returns the section with the accesses that belong to requests that no receipt names any more.
fn unknown(facts: &Facts) -> Section {
    let (_, unknown) = split(facts);
    let entries: Vec<u64> = unknown.iter().map(|access| access.at.entry).collect();
    let lines = if entries.is_empty() {
        Vec::new()
    } else {
        let days = facts.config.retention.receipts_days;
        let value = format!(
            "{} entries are about requests whose receipts are deleted ({days} days): the service cannot tell \
             whose they were. The holder of a receipt can",
            entries.len()
        );
        vec![
            Line::new("Entries without a receipt", value)
                .source(Source::configuration("retention.receipts_days"))
                .sources(unknown.iter().take(100).map(|access| access.at.source()))
                .data(json!({"entries": entries})),
        ]
    };
    Section::new("notAssigned", "Entries that cannot be assigned", lines)
}

/// Returns the section with the credentials, and the possible acts of each.
fn credentials(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        let keys = [
            ("Key1", resource.key1_created_at, Subject::Key1),
            ("Key2", resource.key2_created_at, Subject::Key2),
        ];
        for (name, since, subject) in keys {
            let could = if resource.keys.disabled {
                "nothing: keys are switched off"
            } else {
                "call the models, and read, change and delete the objects that this key made or that were \
                 shared. It can read no record, and nothing of another resource"
            };
            let at = facts.history.changed(subject, resource.id.as_bytes());
            let since = audit::rfc3339(since);
            lines.push(
                Line::new(name, format!("since {since}: {could}"))
                    .of(&resource.name)
                    .source(Source::directory(format!("resource {}: keys", resource.name)))
                    .sources(at.map(At::source))
                    .check(format!("bailiwick key list {}", resource.name))
                    .data(json!({"key": name, "since": since, "enabled": !resource.keys.disabled})),
            );
        }
    }
    let changed: Vec<At> = facts.history.credentials.iter().map(|(.., at)| *at).collect();
    let changed: Vec<At> = changed.into_iter().filter(|at| facts.window.has(*at)).collect();
    lines.push(
        Line::new(
            "Changes of keys and roles in the period",
            format!("{} entries, of the whole service", changed.len()),
        )
        .source(Source::service("the log"))
        .sources(changed.into_iter().take(100).map(At::source)),
    );
    lines.push(
        Line::new(
            "The administrator's key",
            "change settings, of the whole service. It opens no record, allows no processor and switches no \
             lockbox off",
        )
        .source(Source::program("docs/operate/administration.md")),
    );
    Section::new("credentials", "What keys could have done", lines)
}

/// Returns the section with the requests of each credential in the period.
fn usage(facts: &Facts) -> Section {
    let mut sums: BTreeMap<(String, &str), (u64, u64, u64)> = BTreeMap::new();
    for row in &facts.usage {
        let Some(resource) = facts.resources().find(|one| one.id == row.resource) else { continue };
        let sum = sums.entry((resource.name.clone(), row.caller.as_str())).or_default();
        sum.0 = sum.0.saturating_add(row.requests);
        sum.1 = sum.1.saturating_add(row.refused);
        sum.2 = sum.2.saturating_add(row.failed);
    }
    let lines = sums.into_iter().map(|((resource, caller), (requests, refused, failed))| {
        let value = format!("{requests} requests served, {refused} refused, {failed} failed");
        Line::new(format!("Caller {caller}"), value)
            .of(&resource)
            .source(Source::service("usage by hour"))
            .check("`bailiwick usage --by day`; each request has a receipt with its time")
            .data(json!({"caller": caller, "requests": requests, "refused": refused, "failed": failed}))
    });
    Section::new("usage", "Requests in the period, by credential", lines.collect())
        .with_text("A read of a kept object (a response, a file) is such a request.")
}

/// Returns the section with the people and programs that hold roles.
fn people(facts: &Facts) -> Section {
    let lines = facts.assignments.iter().map(|one| {
        let (holder, id) = match one.holder {
            Holder::Person(id) => ("Person", id.to_string()),
            Holder::Workload(id) => ("Program", id.to_string()),
        };
        let (scope, resource) = match one.scope {
            Scope::Service => ("the whole service", None),
            Scope::Tenant(_) => ("the whole tenant", None),
            Scope::Resource(of) => ("the resource", facts.directory.resource(of.resource)),
            Scope::Deployment(of) => ("one deployment", facts.directory.resource(of.resource)),
        };
        let role = one.role.name();
        let line = Line::new(format!("{holder} {id}"), format!("{role}, at {scope}"))
            .source(Source::directory("roles"))
            .sources(
                facts
                    .history
                    .changed(
                        Subject::RoleAssignment,
                        &match one.holder {
                            Holder::Person(id) => *id.as_bytes(),
                            Holder::Workload(id) => *id.as_bytes(),
                        },
                    )
                    .map(At::source),
            )
            .check("docs/operate/authorization.md lists what each role may do")
            .data(json!({"principal": id, "role": role}));
        match resource {
            Some(resource) => line.of(&resource.name),
            None => line,
        }
    });
    Section::new("people", "What people and programs could have done", lines.collect()).with_text(
        "Of all these, only a reviewer with an approved grant and the customer's own data protection officer \
         can make the custodian open a record, and each opening is an entry above.",
    )
}

fn stored(facts: &Facts) -> Vec<Line> {
    let lines = retention::section(facts).lines.into_iter();
    lines.filter(|line| line.resource.is_some()).collect()
}
