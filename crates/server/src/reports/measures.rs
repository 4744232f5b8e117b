//! The technical measures in force, each with a way to check it.

mod keys;
mod network;
pub(super) mod personal;
mod processes;

use serde_json::json;
use tlog::entry::{ProofOutcome, Subject};

use super::{Facts, Line, Section, Source, history::At, retention};

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    let mut stored: Vec<Line> =
        facts.resources().map(|resource| retention::records(facts, resource)).collect();
    stored.extend(keys::lines(facts));
    vec![
        Section::new("encryption", "Encryption and keys", [network::tls(facts), stored].concat()),
        Section::new("access", "Access", access(facts)),
        Section::new("personal", "Personal data and data subjects", personal::lines(facts)),
        Section::new("network", "Networks", network::lines(facts)),
        Section::new("processes", "Processes", processes::lines(facts)),
        Section::new("evidence", "Evidence", evidence(facts)),
    ]
}

/// Returns the lines about who may do what.
fn access(facts: &Facts) -> Vec<Line> {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        let value = if resource.keys.disabled {
            "tokens of an identity provider only; keys are switched off".to_owned()
        } else {
            "two keys, stored as digests, or tokens of an identity provider".to_owned()
        };
        lines.push(
            Line::new("Callers", value)
                .of(&resource.name)
                .sources(facts.setting(resource, "disable_local_auth", Subject::Resource))
                .check(format!("bailiwick resource show {}", resource.name))
                .data(json!({"keys": !resource.keys.disabled})),
        );
        let value = if resource.lockbox {
            "on: no reviewer sees a record without the customer's consent"
        } else {
            "off: a manager of the operator approves that a reviewer sees a flagged record"
        };
        lines.push(
            Line::new("Lockbox", value)
                .of(&resource.name)
                .sources(facts.setting(resource, "lockbox", Subject::Lockbox))
                .check(format!("bailiwick desk looks {}", resource.name))
                .data(json!({"on": resource.lockbox})),
        );
        for deployment in facts.directory.deployments_of(resource.id) {
            let filter = facts.directory.content_filter_name(deployment);
            lines.push(
                Line::new(format!("Content filter of {}", deployment.name), filter)
                    .of(&resource.name)
                    .source(Source::directory(format!("deployment {}/{}: filter", resource.name, deployment.name)))
                    .source(Source::receipt("content_filter"))
                    .check("each answer has the filter's findings, and its receipt the filter's digest")
                    .data(json!({"deployment": deployment.name, "filter": filter})),
            );
        }
    }
    let issuers = facts.config.identity.issuers.len();
    lines.push(
        Line::new(
            "Identity providers",
            format!("{issuers} trusted; tokens are checked against their keys"),
        )
        .source(Source::configuration("identity.issuers"))
        .data(json!({"count": issuers})),
    );
    lines.push(
        Line::new(
            "Tenants are separate",
            "each decision asks the policies about tenant, resource and caller; keys are per tenant",
        )
        .source(Source::program("docs/operate/authorization.md"))
        .check("bailiwick prove"),
    );
    lines.push(policies(facts));
    lines
}

/// Returns the line about the proof of the policies.
fn policies(facts: &Facts) -> Line {
    let added = facts.config.policies.files.len();
    let state = match facts.history.proved {
        Some((_, ProofOutcome::Holds)) => "a solver proved that they keep the promises",
        Some((_, ProofOutcome::Refuted)) => "a solver found that they break a promise",
        Some((_, ProofOutcome::Undecided)) => {
            "a solver could not decide whether they keep the promises"
        }
        None => "no proof is in the log",
    };
    Line::new("Policies", format!("built-in ones and {added} files of the operator; {state}"))
        .source(Source::configuration("policies.files"))
        .sources(facts.history.proved.map(|(at, _)| at.source()))
        .source(Source::receipt("policies"))
        .check("bailiwick prove")
        .data(json!({"files": added, "proved": matches!(facts.history.proved, Some((_, ProofOutcome::Holds)))}))
}

/// Returns the lines about log and witnesses.
fn evidence(facts: &Facts) -> Vec<Line> {
    let head = facts.head.as_ref().map_or_else(
        || "no checkpoint yet".to_owned(),
        |head| {
            format!(
                "{} entries signed; nothing can be removed or changed without a trace",
                head.size
            )
        },
    );
    let log = Line::new("Log", head)
        .source(Source::service("log/checkpoint"))
        .check("`bailiwick mirror URL DIR`, then `bailiwick verify log DIR --service-key KEY`");
    let witnesses = &facts.config.witnesses;
    let own = facts.head.as_ref().map(|head| head.origin.as_str());
    let signed = facts.signers.iter().filter(|name| Some(name.as_str()) != own).count();
    let value = if witnesses.is_empty() {
        "none: nobody but the operator vouches that all readers see the same log".to_owned()
    } else {
        let urls: Vec<&str> = witnesses.iter().map(|witness| witness.url.as_str()).collect();
        format!("{}; {signed} signed the head above", urls.join(", "))
    };
    let witnesses = Line::new("Witnesses", value)
        .source(Source::configuration("witnesses"))
        .check("`bailiwick verify log DIR --service-key KEY --witness KEY`")
        .data(json!({"configured": witnesses.len(), "signed": signed}));
    let receipts = Line::new(
        "Receipts",
        "each request has one, signed, with region, model, filter and retention",
    )
    .source(Source::program("docs/spec/receipt.md"))
    .check("bailiwick verify receipt");
    let started = facts.history.started.map(|(at, digest)| {
        Line::new("Configuration in force", format!("{digest}, since {}", at.when()))
            .source(At::source(at))
            .source(Source::receipt("configuration"))
            .check("the receipt of each request names this digest")
    });
    [log, witnesses, receipts].into_iter().chain(started).collect()
}
