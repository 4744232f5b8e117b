//! The facts for a data protection impact assessment. The assessment is the customer's: what the service
//! cannot know is marked.

use serde_json::{Value, json};
use store::Resource;
use tlog::entry::Subject;

use super::{
    Facts, Line, Section, Source,
    history::{At, Step},
    measures::{self, personal},
    processing, retention, transfers,
};

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    let mut sections = vec![
        processing::activities(facts),
        scale(facts),
        processing::data(facts),
        processing::recipients(facts),
        transfers::map(facts),
        retention::section(facts),
        risks(facts),
        to_fill_in(),
    ];
    sections.extend(measures::sections(facts));
    sections
}

/// Returns the section with numbers.
fn scale(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        let rows = facts.usage.iter().filter(|row| row.resource == resource.id);
        let (mut requests, mut prompt, mut completion) = (0u64, 0u64, 0u64);
        for row in rows {
            requests = requests.saturating_add(row.requests);
            prompt = prompt.saturating_add(row.prompt_tokens);
            completion = completion.saturating_add(row.completion_tokens);
        }
        let value = format!(
            "{requests} requests with {prompt} tokens of prompts and {completion} of answers"
        );
        lines.push(
            Line::new("In the period", value)
                .of(&resource.name)
                .source(Source::service("usage by hour"))
                .check(format!("bailiwick usage --resource {} --by month", resource.name))
                .data(json!({"requests": requests, "promptTokens": prompt, "completionTokens": completion})),
        );
    }
    Section::new("scale", "Scale", lines)
}

/// Returns the section with risks, each with the measures against it.
fn risks(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        let name = &resource.name;
        let processors = facts.directory.processors_of(resource.id);
        let companies: Vec<&str> = processors.iter().map(String::as_str).collect();
        let value = if companies.is_empty() {
            "no company but the operator gets content: the customer allows none".to_owned()
        } else {
            format!(
                "the customer allows {}; each request's receipt names the one that got it",
                companies.join(", ")
            )
        };
        let entries =
            companies.iter().filter_map(|one| facts.history.processor(resource.id.as_bytes(), one));
        lines.push(
            Line::new("Content reaches another company", value)
                .of(name)
                .source(Source::directory(format!("resource {name}: processors")))
                .sources(entries.map(|(at, _)| at.source()))
                .data(json!({"processors": companies})),
        );
        lines.push(personal_data(facts, resource));
        let regions: Vec<String> = transfers::reached(facts, resource).into_iter().collect();
        lines.push(
            Line::new(
                "Content leaves the region",
                format!("it is processed in {}", listed(&regions)),
            )
            .of(name)
            .source(Source::configuration("regions.zones"))
            .source(Source::receipt("region_processed"))
            .data(json!({"regions": regions})),
        );
        let looks = facts.history.accesses.iter().filter(|access| {
            let of = access.request.and_then(|request| facts.called.get(&request));
            access.step == Step::Looked && of == Some(&resource.id)
        });
        let looks: Vec<At> = looks.map(|access| access.at).collect();
        let value = format!(
            "{} looks so far, each with an approved grant and an entry in the log; the lockbox is {}",
            looks.len(),
            if resource.lockbox { "on" } else { "off" }
        );
        lines.push(
            Line::new("The operator's people read content", value)
                .of(name)
                .sources(looks.iter().take(100).copied().map(At::source))
                .sources(facts.setting(resource, "lockbox", Subject::Lockbox))
                .data(json!({"looks": looks.len(), "lockbox": resource.lockbox})),
        );
        let kept = retention::records(facts, resource);
        lines.push(Line { item: "Content is kept longer than needed".to_owned(), ..kept });
    }
    lines.push(subjects(facts));
    let held = facts.config.customer_keys.iter().any(|key| key.tenant == facts.tenant_name());
    lines.push(
        Line::new(
            "A thief copies the disk",
            if held {
                "records and objects are sealed; the customer holds the key"
            } else {
                "records and objects are sealed; the keys are in another directory, which can be on another disk"
            },
        )
        .source(Source::configuration(if held { "customer_keys" } else { "keys" }))
        .data(json!({"customer_holds": held})),
    );
    lines.push(
        Line::new(
            "Content is used for training",
            "training reads only files of the customer's own jobs",
        )
        .source(Source::program("docs/promises.md"))
        .check("`bailiwick verify log` lists each training"),
    );
    Section::new("risks", "Risks, and what is in force against them", lines)
}

/// Returns the line about personal data in requests to other companies: the strictest setting
/// counts.
fn personal_data(facts: &Facts, resource: &Resource) -> Line {
    let own = facts.directory.personal_of_resource(resource.id);
    let mode = |name: &str| own.strictest(&facts.directory.personal_of_processor(name)).mode.name();
    let names = personal::processors(facts);
    let modes: Vec<String> = names.iter().map(|name| format!("{name}: {}", mode(name))).collect();
    let value = if modes.is_empty() {
        "no other company has an engine here".to_owned()
    } else {
        format!("by company, what happens with what is found: {}", modes.join(", "))
    };
    let settings =
        names.iter().map(|name| Source::directory(format!("processor {name}: personal_data")));
    let entries = names.iter().filter_map(|name| facts.history.personal_of_processor(name));
    let own_entry = facts.history.personal_of_resource(resource.id);
    let data: Vec<Value> =
        names.iter().map(|name| json!({"processor": name, "mode": mode(name)})).collect();
    Line::new("Personal data reaches another company in clear", value)
        .of(&resource.name)
        .source(Source::directory(format!("resource {}: personal_data", resource.name)))
        .sources(settings)
        .sources(own_entry.into_iter().chain(entries).map(At::source))
        .source(Source::receipt("personal_data"))
        .check(format!("bailiwick personal-data show --resource {}", resource.name))
        .data(json!({"processors": data}))
}

/// Returns the line about people whose data must be found.
fn subjects(facts: &Facts) -> Line {
    let desk = facts.config.listen.desk.is_some();
    let value = if desk {
        "the officer finds and erases it by the name that the requests give; what no request names is found by \
         request id and time only"
    } else {
        "the service has no desk: the officer cannot search, export or erase"
    };
    Line::new("A person's data is not found, or not erased", value)
        .source(Source::configuration("listen.desk"))
        .source(Source::program("docs/operate/data-subjects.md"))
        .check("bailiwick verify erasure")
        .data(json!({"desk": desk}))
}

fn listed(regions: &[String]) -> String {
    if regions.is_empty() { "no region: no engine fits".to_owned() } else { regions.join(", ") }
}

/// Returns the section with the lines that the customer must add.
fn to_fill_in() -> Section {
    let lines = vec![
        Line::to_fill_in("Necessity and proportionality", "why the purpose needs this processing"),
        Line::to_fill_in(
            "Risks to people",
            "likelihood and severity for the people in the content",
        ),
        Line::to_fill_in(
            "Decisions",
            "whether answers lead to decisions about people, and who reviews them",
        ),
        Line::to_fill_in(
            "Views",
            "of the people concerned, and the advice of the data protection officer",
        ),
    ];
    Section::new("customer", "To be added by the customer", lines)
}
