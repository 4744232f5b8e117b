//! The record of processing activities.

use serde_json::json;
use store::Resource;
use tlog::entry::Subject;

use super::{
    Facts, Line, Section, Source, history::At, measures, parties, retention, sub_processors,
    transfers,
};

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    let mut sections = vec![
        parties::section(facts),
        activities(facts),
        purposes(facts),
        data(facts),
        recipients(facts),
        transfers::map(facts),
        retention::section(facts),
    ];
    sections.extend(measures::sections(facts));
    sections
}

/// Returns the section with the kinds of processing: the deployments, with their models.
pub(super) fn activities(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        for deployment in facts.directory.deployments_of(resource.id) {
            let model = facts.directory.model(deployment.model);
            let model = model.map_or("a deleted model", |model| &model.name);
            let filter = facts.directory.content_filter_name(deployment);
            let value = format!(
                "{} by the model {model}, under the content filter {filter}",
                deployment.task.name()
            );
            let at = facts.history.changed(Subject::Deployment, deployment.id.as_bytes());
            let row =
                format!("deployment {}/{}: model, task, filter", resource.name, deployment.name);
            lines.push(
                Line::new(format!("Deployment {}", deployment.name), value)
                    .of(&resource.name)
                    .source(Source::directory(row))
                    .sources(at.map(At::source))
                    .source(Source::receipt("deployment, model, content_filter"))
                    .data(json!({"deployment": deployment.name, "model": model, "task": deployment.task.name(),
                                 "filter": filter})),
            );
        }
    }
    Section::new("activities", "Categories of processing", lines)
}

/// Returns the section with the purposes.
fn purposes(facts: &Facts) -> Section {
    let mut lines = vec![
        Line::to_fill_in(
            "Purpose of the customer",
            "what the answers are used for, and the legal basis",
        ),
        Line::new("To answer requests", "on the customer's instruction: each request is one")
            .source(Source::program("docs/api.md")),
    ];
    for resource in facts.resources() {
        let stored = resource.retention.content_logging.keeps(facts.now_ms);
        let value = if stored {
            "content is filtered at once, and kept sealed for a review of suspected abuse"
        } else {
            "content is filtered at once; nothing of it is kept (zero retention)"
        };
        lines.push(Line::new("To prevent abuse", value).of(&resource.name).sources(facts.setting(
            resource,
            "ContentLogging",
            Subject::Resource,
        )));
    }
    lines.push(
        Line::new("To bill, and to keep limits", "numbers of requests and tokens, without content")
            .source(Source::program("docs/operate/usage.md")),
    );
    lines.push(
        Line::new(
            "To prove what happened",
            "a receipt for each request, and a public log of commitments",
        )
        .source(Source::program("docs/spec/log.md")),
    );
    lines.push(
        Line::new(
            "Not to train models",
            format!(
                "training reads only files that the customer uploads for its own job; {} trainings so far",
                facts.history.trainings
            ),
        )
        .source(Source::program("docs/promises.md"))
        .check("`bailiwick verify log` lists each training with its files")
        .data(json!({"trainings": facts.history.trainings})),
    );
    Section::new("purposes", "Purposes", lines)
}

/// Returns the section with the categories of data and of the people they are about.
pub(super) fn data(facts: &Facts) -> Section {
    let mut lines = vec![
        Line::to_fill_in("People in the content", "whom prompts, files and answers are about"),
        Line::new(
            "End users",
            "named by `user` or `safety_identifier` in a request, as the customer chooses; counted as keyed \
             hashes",
        )
        .source(Source::program("docs/operate/guard.md")),
        Line::new(
            "People who sign in",
            "the object id of the customer's directory, and a random id for the log; no name, no address",
        )
        .source(Source::program("docs/operate/identity.md")),
        Line::new("Content", "prompts, answers, files, embeddings: whatever the customer sends")
            .source(Source::program("docs/api.md")),
        Line::new("Data of traffic", "time, size, status, tokens, the name of the credential")
            .source(Source::program("docs/spec/receipt.md")),
    ];
    lines.extend(facts.resources().map(|resource| labels(facts, resource)));
    lines.extend(facts.resources().map(|resource| subjects(facts, resource)));
    Section::new("data", "Categories of data and of people", lines)
}

/// Returns the line about the labels that engines outside get.
fn labels(facts: &Facts, resource: &Resource) -> Line {
    let forward = resource.forward.to_string();
    let value = if forward == "none" {
        "no label of a request (`user`, `safety_identifier`, `metadata`) is sent to another engine"
            .to_owned()
    } else {
        format!("these labels of a request are sent to other engines: {forward}")
    };
    Line::new("Labels", value)
        .of(&resource.name)
        .sources(facts.setting(resource, "forward", Subject::Resource))
        .data(json!({"forward": resource.forward}))
}

/// Returns the line about the names by which people are found.
fn subjects(facts: &Facts, resource: &Resource) -> Line {
    let header = resource.subject_header.as_ref();
    let or_header =
        header.map_or_else(String::new, |header| format!(", or in the header `{}`", header.name()));
    let value = format!(
        "named by the customer in `safety_identifier` or `user`{or_header}; stored as keyed hashes, by which \
         the customer's officer finds what is kept of a person"
    );
    Line::new("Names of people", value)
        .of(&resource.name)
        .sources(facts.setting(resource, "subject_header", Subject::Resource))
        .source(Source::program("docs/spec/subject-index.md"))
        .check("bailiwick desk subject find")
        .data(json!({"header": header.map(|header| header.name())}))
}

/// Returns the section with the recipients of the data.
pub(super) fn recipients(facts: &Facts) -> Section {
    let mut lines = sub_processors::allowed(facts).lines;
    for resource in facts.resources() {
        let lockbox = if resource.lockbox {
            "the customer's consent, too"
        } else {
            "no consent of the customer (the lockbox is off)"
        };
        let stored = resource.retention.content_logging.keeps(facts.now_ms);
        let value = if stored {
            format!(
                "one flagged record at a time, after a manager's approval, at an enrolled workstation; {lockbox}"
            )
        } else {
            "nothing: no content is stored under zero retention".to_owned()
        };
        lines.push(
            Line::new("The operator's reviewers", value)
                .of(&resource.name)
                .sources(facts.setting(resource, "lockbox", Subject::Lockbox))
                .check(format!("bailiwick desk looks {}", resource.name))
                .data(json!({"lockbox": resource.lockbox})),
        );
    }
    lines.push(
        Line::new(
            "The customer's own officer",
            "each record, by its request's id; every read is in the log",
        )
        .source(Source::program("docs/operate/records.md"))
        .check("bailiwick desk acts RESOURCE"),
    );
    Section::new("recipients", "Recipients", lines)
}
