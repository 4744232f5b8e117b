//! Where the model runs: the regions of each deployment, and each engine that may get its requests.

use policy::{engine::PrefixCache, residency::Sku};

use super::quoted;
use crate::explain::{
    fact::Because,
    facts::{Deployment, Engine, Facts, Obstacle},
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> =
        facts.deployments.iter().flat_map(|deployment| of(facts, deployment)).collect();
    if facts.deployments.is_empty() {
        let text = "The resource has no deployments: there is nothing to run.";
        let check = [Check::caller("GET /openai/v1/models lists none")];
        sentences.push(Sentence::new(Step::Runs, "runs.none", Because::default(), text, check));
    }
    sentences.push(dials(facts));
    sentences
}

fn of(facts: &Facts, deployment: &Deployment) -> Vec<Sentence> {
    let mut sentences = vec![regions(facts, deployment)];
    let mut because = Because::default();
    if because.read(&deployment.model).sha256.is_some() {
        sentences.extend([embedded(facts, deployment), cache(facts, deployment)]);
    } else {
        let engines = deployment.engines.iter();
        sentences.extend(engines.map(|engine| reached(facts, deployment, engine)));
        if deployment.engines.is_empty() {
            let text = format!(
                "No engine serves the model of deployment `{}`: its requests get 503.",
                deployment.name
            );
            let check = [Check::operator("bailiwick engine list")];
            let id = format!("runs.no_engine.{}", deployment.name);
            sentences.push(Sentence::new(Step::Runs, id, because, text, check));
        }
    }
    sentences.extend(spillover(deployment));
    sentences
}

fn regions(facts: &Facts, deployment: &Deployment) -> Sentence {
    let mut because = Because::default();
    let regions = facts.regions(deployment, &mut because);
    let sku = *because.read(&deployment.sku);
    let place = match (regions.len(), sku) {
        (1, _) => format!("only in the region {}", quoted(&regions)),
        (_, Sku::DataZoneStandard) => {
            format!("only in the regions of the resource's zone: {}", quoted(&regions))
        }
        (..) => format!("in the regions {}, and in no other", quoted(&regions)),
    };
    let text = format!(
        "Requests of deployment `{}` run {place}. If no engine there can answer, the request is refused; \
         it never goes elsewhere.",
        deployment.name
    );
    let check = [
        Check::caller("`region_processed` and `ran.allowed_regions` in each receipt"),
        Check::auditor("a receipt with another region does not verify"),
    ];
    let id = format!("runs.regions.{}", deployment.name);
    Sentence::new(Step::Runs, id, because, text, check)
}

fn embedded(facts: &Facts, deployment: &Deployment) -> Sentence {
    let mut because = Because::default();
    let model = because.read(&deployment.model);
    let region = because.read(&facts.service.region);
    if !facts.regions(deployment, &mut because).contains(region) {
        let text = format!(
            "Deployment `{}` runs nowhere: this service is in region `{region}`, which is not allowed for \
             it.",
            deployment.name
        );
        let check = [Check::caller("a request gets 503")];
        let id = format!("runs.embedded.{}", deployment.name);
        return Sentence::new(Step::Runs, id, because, text, check);
    }
    let kind = match model.tuned {
        true => "fine-tuned model, which is this resource's alone,",
        false => "model",
    };
    let text = format!(
        "Deployment `{}` runs the {kind} `{}` in a process on the service's own machine, in region \
         `{region}`. That process has no network and no files. The operator of this service runs it, \
         and no other company takes part.",
        deployment.name, model.name
    );
    let check = [
        Check::caller("`ran.kind` is `embedded`, and `model_sha256` is the file, in each receipt"),
        Check::operator("GET /admin/v1/workers: what each process tried, and was refused"),
    ];
    let id = format!("runs.embedded.{}", deployment.name);
    Sentence::new(Step::Runs, id, because, text, check)
}

fn cache(facts: &Facts, deployment: &Deployment) -> Sentence {
    let mut because = Because::default();
    let reuse = *because.read(&facts.own.prefix_cache);
    let seconds = match reuse {
        true => *because.read(&facts.service.prefix_cache_s),
        false => 0,
    };
    let text = match seconds {
        0 => format!(
            "The process of deployment `{}` keeps nothing of a prompt after its request.",
            deployment.name
        ),
        seconds => format!(
            "The process of deployment `{}` keeps the beginnings of prompts in memory until they have \
             been unused for {seconds} seconds, for later requests of the same tenant only.",
            deployment.name
        ),
    };
    let check = [
        Check::caller("`usage.prompt_tokens_details.cached_tokens` of each answer"),
        Check::operator(format!("bailiwick resource update {} --prefix-cache off", facts.resource)),
    ];
    let id = format!("runs.cache.{}", deployment.name);
    Sentence::new(Step::Runs, id, because, text, check)
}

fn reached(facts: &Facts, deployment: &Deployment, engine: &Engine) -> Sentence {
    let mut because = Because::default();
    let obstacle = facts.obstacle(deployment, engine, &mut because);
    let region = because.read(&engine.region);
    let processor = because.read(&engine.processor);
    let operator = match processor {
        Some(of) => format!(
            "the company `{}` (seat: {}, contract {}) operates",
            of.name, of.country, of.contract
        ),
        None => "the operator of this service runs".to_owned(),
    };
    let about = format!("Engine `{}`, which {operator} in region `{region}`,", engine.name);
    let name = &deployment.name;
    let text = match obstacle {
        Some(Obstacle::Region) => {
            format!("{about} gets no request of deployment `{name}`: its region is not allowed.")
        }
        Some(Obstacle::Processor) => format!(
            "{about} gets no request of deployment `{name}`: the customer's data protection officer has \
             not allowed this company."
        ),
        Some(Obstacle::Cache) => format!(
            "{about} gets no request of deployment `{name}`: its requests share a prefix cache, and the \
             resource wants none."
        ),
        Some(Obstacle::Off) => {
            format!("{about} gets no new requests of deployment `{name}` at present.")
        }
        None => {
            let cache = match because.read(&engine.prefix_cache) {
                PrefixCache::None => "It has no prefix cache, as the operator states.",
                PrefixCache::Salted => {
                    "Its prefix cache is apart for each tenant, by a secret salt."
                }
                PrefixCache::Off => "Each request switches its prefix cache off.",
                PrefixCache::Shared(_) => "Its prefix cache serves this tenant alone.",
            };
            let keeps = match processor {
                Some(_) => {
                    " What the company keeps is in its contract; this service cannot enforce it."
                }
                None => "",
            };
            format!("{about} may get requests of deployment `{name}`. {cache}{keeps}")
        }
    };
    let mut check = vec![
        Check::caller("`engine`, `ran.processor` and `attempts` in each receipt"),
        Check::operator("bailiwick engine list"),
    ];
    if processor.is_some() {
        check.push(Check::officer(format!("bailiwick desk processors {}", facts.resource)));
        check.push(Check::auditor("entries `ProcessorAllowed` of the log"));
    }
    let id = format!("runs.engine.{name}.{}", engine.name);
    Sentence::new(Step::Runs, id, because, text, check)
}

fn spillover(deployment: &Deployment) -> Option<Sentence> {
    let mut because = Because::default();
    let to = because.read(&deployment.spillover).as_ref()?;
    let text = format!(
        "If deployment `{}` has no capacity, `{to}` of the same resource takes the request, under its own \
         rules and in no further region.",
        deployment.name
    );
    let check = [Check::caller("`deployment` in each receipt: the one that answered")];
    let id = format!("runs.spillover.{}", deployment.name);
    Some(Sentence::new(Step::Runs, id, because, text, check))
}

fn dials(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match *because.read(&facts.service.egress) {
        0 => "The service dials no other machine at all.".to_owned(),
        1 => "The service can dial one destination that the operator listed, and no other machine."
            .to_owned(),
        number => format!(
            "The service can dial the {number} destinations that the operator listed, and no other \
             machine."
        ),
    };
    let check = [
        Check::operator("GET /metrics: connections by destination"),
        Check::auditor("entries `Started` and `Changed` of the log: each change of the list"),
    ];
    Sentence::new(Step::Runs, "runs.dials", because, text, check)
}
