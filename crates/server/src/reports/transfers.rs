//! Where the content of requests can be processed, and where it cannot: by the SKU of each deployment,
//! the zones, the engines, and the processors that the customer allows.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    authz::{context::Reaching, facts::EngineFacts},
    engine::Processor,
    residency::Misfit,
};
use serde_json::json;
use store::{Deployment, Resource};
use tlog::entry::Subject;

use super::{Facts, Line, Section, Source, history::At};

/// The members of the European Economic Area, by their ISO 3166 codes.
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// One way to process the requests of a deployment.
pub(super) struct Way<'a> {
    /// Name of the engine; `None` for the service's own.
    pub engine: Option<&'a str>,
    pub region: String,
    /// The company that operates it, if it is not the operator.
    pub processor: Option<&'a Processor>,
    /// Why it gets no request; `None` if it may.
    pub misfit: Option<Misfit>,
    /// Last entry of the log about the engine.
    at: Option<At>,
}

impl Way<'_> {
    fn words(&self) -> String {
        let engine = self
            .engine
            .map_or_else(|| "the service's own engine".to_owned(), |name| format!("engine {name}"));
        match self.processor {
            Some(processor) => format!("{engine} of {}", processor.name),
            None => engine,
        }
    }
}

/// Returns all ways of a deployment: through its own model, and through the deployment that takes its
/// requests when it has no capacity.
pub(super) fn ways<'a>(
    facts: &'a Facts,
    resource: &Resource,
    deployment: &Deployment,
) -> Vec<Way<'a>> {
    let other = deployment
        .spillover
        .and_then(|id| facts.directory.deployments_of(resource.id).find(|other| other.id == id));
    let mut ways = direct(facts, resource, deployment);
    ways.extend(other.into_iter().flat_map(|other| direct(facts, resource, other)));
    ways
}

fn direct<'a>(facts: &'a Facts, resource: &Resource, deployment: &Deployment) -> Vec<Way<'a>> {
    let regions = facts.config.regions.zones.regions(deployment.sku, &resource.region);
    let processors = facts.directory.processors_of(resource.id);
    let misfit = |engine: EngineFacts| {
        let (regions, processors) = (regions.clone(), processors.clone());
        Reaching { now_ms: facts.now_ms, engine, regions, processors }.misfit()
    };
    let here = &facts.config.regions.here;
    let model = facts.directory.model(deployment.model);
    let own = model.filter(|model| model.file.is_some()).map(|_| Way {
        engine: None,
        region: here.clone(),
        processor: None,
        misfit: misfit(EngineFacts::embedded(here.clone())),
        at: None,
    });
    let engines = facts.directory.engines_of(deployment.model);
    let engines =
        engines.filter(|engine| engine.serving && engine.prefix_cache.admits(resource.tenant));
    let others = engines.map(|engine| Way {
        engine: Some(&engine.name),
        region: engine.region.clone(),
        processor: engine.processor.as_ref(),
        misfit: misfit(engine.facts()),
        at: facts.history.changed(Subject::Engine, engine.id.as_bytes()),
    });
    own.into_iter().chain(others).collect()
}

/// Returns the regions that a resource's content can reach, with the ways.
pub(super) fn reached(facts: &Facts, resource: &Resource) -> BTreeSet<String> {
    let deployments = facts.directory.deployments_of(resource.id);
    let ways = deployments.flat_map(|deployment| ways(facts, resource, deployment));
    ways.filter(|way| way.misfit.is_none()).map(|way| way.region).collect()
}

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    let mut sections = vec![map(facts)];
    sections.push(not_reached(facts));
    sections.push(countries(facts));
    sections.push(storage(facts));
    sections
}

/// Returns the section with the regions that each deployment's requests can reach.
pub(super) fn map(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        for deployment in facts.directory.deployments_of(resource.id) {
            lines.push(of_deployment(facts, resource, deployment));
        }
        if facts.directory.deployments_of(resource.id).next().is_none() {
            let line = Line::new("Deployments", "none: no request of this resource is processed");
            lines.push(
                line.of(&resource.name)
                    .source(Source::directory(format!("resource {}: deployments", resource.name))),
            );
        }
    }
    Section::new("reached", "Regions that content can reach", lines)
}

fn of_deployment(facts: &Facts, resource: &Resource, deployment: &Deployment) -> Line {
    let ways = ways(facts, resource, deployment);
    let fit: Vec<&Way<'_>> = ways.iter().filter(|way| way.misfit.is_none()).collect();
    let mut by_region: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for way in &fit {
        by_region.entry(&way.region).or_default().insert(way.words());
    }
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let places: Vec<String> =
        by_region.iter().map(|(region, names)| format!("{region} ({})", list(names))).collect();
    let places =
        if places.is_empty() { "nowhere: no engine fits".to_owned() } else { places.join("; ") };
    let spillover = deployment
        .spillover
        .and_then(|id| facts.directory.deployments_of(resource.id).find(|other| other.id == id));
    let spillover = spillover.map_or_else(String::new, |other| {
        format!(" Without capacity, its requests go to {}, which is included.", other.name)
    });
    let value =
        format!("{places}. {}: {}.{spillover}", deployment.sku.name(), deployment.sku.rule());
    let engines: Vec<_> = fit
        .iter()
        .map(|way| {
            json!({"region": way.region, "engine": way.engine, "processor": way.processor.map(|one| &one.name)})
        })
        .collect();
    let row = Source::directory(format!(
        "deployment {}/{}: sku, model, spillover",
        resource.name, deployment.name
    ));
    let at = facts.history.changed(Subject::Deployment, deployment.id.as_bytes());
    Line::new(format!("Deployment {}", deployment.name), value)
        .of(&resource.name)
        .source(row)
        .sources(at.map(At::source))
        .source(Source::configuration("regions.zones"))
        .sources(fit.iter().filter_map(|way| way.at).map(At::source))
        .source(Source::receipt("region_processed, engine, ran"))
        .check("the receipt of each request names region, engine and processor: `bailiwick verify receipt`")
        .data(json!({"deployment": deployment.name, "sku": deployment.sku.name(), "reached": engines}))
}

/// Returns the section with the destinations that cannot be reached, each with the reason.
fn not_reached(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    for resource in facts.resources() {
        let reached = reached(facts, resource);
        let zones = facts.config.regions.zones.iter();
        let mut all: BTreeSet<String> = zones.flat_map(|(_, regions)| regions.clone()).collect();
        all.insert(facts.config.regions.here.clone());
        all.extend(
            facts
                .directory
                .engines()
                .into_iter()
                .filter(|engine| engine.prefix_cache.admits(resource.tenant))
                .map(|engine| engine.region.clone()),
        );
        for region in all.difference(&reached) {
            lines.push(why_not(facts, resource, region));
        }
    }
    let section = Section::new("not_reached", "Regions that content cannot reach", lines);
    section.with_text(
        "Of the regions that the configuration or an engine names. Content reaches no region that neither \
         names.",
    )
}

fn why_not(facts: &Facts, resource: &Resource, region: &str) -> Line {
    let mut reasons = BTreeSet::new();
    let mut processors = BTreeSet::new();
    for deployment in facts.directory.deployments_of(resource.id) {
        let ways = ways(facts, resource, deployment);
        for way in ways.iter().filter(|way| way.region == region) {
            match way.misfit {
                Some(Misfit::Region) => {
                    reasons.insert(format!(
                        "{} is there, but the SKU {} of {} allows {}",
                        way.words(),
                        deployment.sku.name(),
                        deployment.name,
                        deployment.sku.rule()
                    ));
                }
                Some(Misfit::Processor) => {
                    reasons.insert(format!(
                        "{} is there, but the customer does not allow it",
                        way.words()
                    ));
                    processors.extend(way.processor.map(|processor| processor.name.clone()));
                }
                None => {}
            }
        }
    }
    if reasons.is_empty() {
        reasons.insert("no engine there serves a model of this resource".to_owned());
    }
    let value = reasons.into_iter().collect::<Vec<_>>().join("; ");
    Line::new(region, value)
        .of(&resource.name)
        .source(Source::configuration("regions.zones"))
        .source(Source::directory("engines"))
        .data(json!({"region": region, "blocked_processors": processors}))
}

/// Returns the section about countries: whether a region is outside of the European Economic Area.
fn countries(facts: &Facts) -> Section {
    let mut regions: BTreeSet<String> = BTreeSet::from([facts.config.regions.here.clone()]);
    regions.extend(facts.resources().flat_map(|resource| reached(facts, resource)));
    let mut lines: Vec<Line> = regions.iter().map(|region| country(facts, region)).collect();
    for one in facts
        .processors
        .iter()
        .filter(|one| one.permissions.iter().any(|permission| facts.covers(permission.resource)))
    {
        let Processor { name, country, contract } = &one.processor;
        let value = format!("seat in {country}; contract {contract}");
        lines.push(
            Line::new(format!("Processor {name}"), value)
                .source(Source::directory(format!("processor {name}: country, contract")))
                .data(json!({"processor": name, "country": country, "contract": contract})),
        );
    }
    Section::new("countries", "Countries", lines).with_text(
        "A transfer to a country outside of the European Economic Area needs a basis under Chapter V of the \
         GDPR: an adequacy decision, or safeguards in the contract.",
    )
}

fn country(facts: &Facts, region: &str) -> Line {
    let item = format!("Region {region}");
    let key = format!("regions.countries.{region}");
    let Some(code) = facts.config.regions.countries.get(region) else {
        return Line::not_configured(item, &key);
    };
    let inside = EEA.contains(&code.as_str());
    let value = if inside {
        format!("{code}: in the European Economic Area, no transfer")
    } else {
        format!("{code}: a third country, a transfer")
    };
    Line::new(item, value)
        .source(Source::configuration(&key))
        .data(json!({"region": region, "country": code, "eea": inside}))
}

/// Returns the section about the place of all data at rest.
fn storage(facts: &Facts) -> Section {
    let here = &facts.config.regions.here;
    let stored = Line::new("Storage", format!("{here}: everything that is kept"))
        .source(Source::configuration("regions.here"))
        .source(Source::receipt("region_stored"))
        .check("the receipt of each request names the region of storage")
        .data(json!({"region": here}));
    let staff = Line::new(
        "Review",
        format!("{here}: the custodian opens a record only for a workstation that is enrolled in this region"),
    )
    .source(Source::program("docs/operate/review.md"));
    Section::new("storage", "Storage and access", vec![stored, staff])
}
