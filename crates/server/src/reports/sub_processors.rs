//! The companies that get content of the customer's requests, or would if the customer allowed them.

use audit::rfc3339;
use policy::engine::{Engine, Processor};
use serde_json::json;
use store::{ProcessorPermission, ProcessorUse, Resource};
use tlog::entry::Subject;

use super::{Facts, Line, Section, Source, history::At};

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    vec![allowed(facts), offered(facts), former(facts), operators(facts)]
}

/// Returns the section with the processors that each resource allows now.
pub(super) fn allowed(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        let id = resource.id;
        let permissions = facts.processors.iter().flat_map(move |one| {
            let its = one.permissions.iter().filter(move |permission| permission.resource == id);
            its.map(move |permission| (one, permission))
        });
        let before = lines.len();
        lines.extend(
            permissions.map(|(one, permission)| permitted(facts, resource, one, permission)),
        );
        if lines.len() == before {
            let none = Line::new("Processors", "none: content is processed by the operator alone");
            let row = Source::directory(format!("resource {}: processors", resource.name));
            let check = format!("bailiwick desk processors {}", resource.name);
            lines.push(none.of(&resource.name).source(row).check(check));
        }
    }
    Section::new("allowed", "Sub-processors that the customer allows", lines)
}

fn permitted(
    facts: &Facts,
    resource: &Resource,
    one: &ProcessorUse,
    permission: &ProcessorPermission,
) -> Line {
    let Processor { name, country, contract } = &one.processor;
    let mut regions: Vec<&str> =
        engines_of(facts, resource, name).map(|engine| engine.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    let requests = one.requests.iter().find(|requests| requests.resource == resource.id);
    let requests = requests.map_or(0, |requests| requests.requests);
    let place =
        if regions.is_empty() { "no engine any more".to_owned() } else { regions.join(", ") };
    let since = rfc3339(permission.since_ms / 1000);
    let value = format!(
        "{place}; seat in {country}; contract {contract}; allowed since {since} by {}; {requests} requests \
         so far",
        permission.person
    );
    let entry = facts.history.processor(resource.id.as_bytes(), name).map(|(at, _)| at);
    Line::new(name, value)
        .of(&resource.name)
        .source(Source::directory(format!("resource {}: processors", resource.name)))
        .sources(entry.map(At::source))
        .source(Source::receipt("ran"))
        .check("`bailiwick verify log` lists when each processor was allowed and withdrawn")
        .data(json!({
            "processor": name, "country": country, "contract": contract, "regions": regions,
            "since": since, "person": permission.person.to_string(), "requests": requests,
            "entry": entry.map(|at| at.entry),
        }))
}

/// Returns the engines that a company operates and that a resource's requests could get to.
fn engines_of<'a>(
    facts: &'a Facts,
    resource: &'a Resource,
    processor: &'a str,
) -> impl Iterator<Item = &'a Engine> {
    let engines = facts.directory.engines().into_iter();
    engines.filter(move |engine| {
        engine.processor.as_ref().is_some_and(|one| one.name == processor)
            && engine.prefix_cache.admits(resource.tenant)
    })
}

/// Returns the section with the processors that have an engine here and are not allowed.
fn offered(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        for one in &facts.processors {
            let name = &one.processor.name;
            let engines: Vec<&Engine> = engines_of(facts, resource, name).collect();
            let allowed = facts.directory.processors_of(resource.id).contains(name);
            let Some(first) = engines.first().filter(|_| !allowed) else { continue };
            let at = facts.history.changed(Subject::Engine, first.id.as_bytes());
            let value = "has an engine here; gets no content of this resource until the customer's officer \
                         allows it";
            let line = Line::new(name, value).of(&resource.name);
            lines.push(
                line.source(Source::directory(format!("engine {}: processor", first.name)))
                    .sources(at.map(At::source))
                    .check(format!("bailiwick desk processors {}", resource.name))
                    .data(json!({"processor": name})),
            );
        }
    }
    Section::new("offered", "Companies that are not allowed", lines)
}

/// Returns the section with the processors that got requests, and are not allowed now.
fn former(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        for one in &facts.processors {
            let allowed = facts.directory.processors_of(resource.id).contains(&one.processor.name);
            let got = one.requests.iter().find(|requests| requests.resource == resource.id);
            let Some(got) = got.filter(|_| !allowed) else { continue };
            let at = facts.history.processor(resource.id.as_bytes(), &one.processor.name);
            let value = format!("got {} requests while it was allowed", got.requests);
            lines.push(
                Line::new(&one.processor.name, value)
                    .of(&resource.name)
                    .source(Source::service("requests sent to processors"))
                    .sources(at.map(|(at, _)| at.source()))
                    .data(json!({"processor": one.processor.name, "requests": got.requests})),
            );
        }
    }
    Section::new("former", "Former sub-processors", lines)
}

/// Returns the section with the engines of the operator itself.
fn operators(facts: &Facts) -> Section {
    let own = Line::new(
        "The service's own engine",
        format!("{}: the operator", facts.config.regions.here),
    )
    .source(Source::configuration("regions.here"));
    let mut lines = vec![own];
    for engine in facts.directory.engines() {
        let of_tenant = engine.prefix_cache.admits(facts.tenant);
        if engine.processor.is_none() && of_tenant {
            let at = facts.history.changed(Subject::Engine, engine.id.as_bytes());
            lines.push(
                Line::new(
                    format!("Engine {}", engine.name),
                    format!("{}: the operator", engine.region),
                )
                .source(Source::directory(format!("engine {}: processor, region", engine.name)))
                .sources(at.map(At::source)),
            );
        }
    }
    Section::new("operator", "Engines of the operator", lines)
}
