//! This service's own row: computed from the facts of the configuration in force, for one resource.
//! Nothing here is quoted from the service's documents.

use policy::residency::Zones;

use super::catalogue::Verdict;
use crate::explain::{
    fact::{Because, Setting},
    facts::{Facts, Logging, Obstacle},
};

/// This service's answer to a need, by its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) verdict: Verdict,
    /// The answer in plain words.
    pub(super) says: String,
    pub(super) because: Vec<Setting>,
}

/// Returns this service's answer to a need; `None` for a need that it has no rule for.
pub(super) fn about(facts: &Facts, need: &str) -> Option<Own> {
    let mut because = Because::default();
    let (verdict, says) = match need {
        "no-training" => training(facts, &mut because),
        "thirty-days" => days(facts, &mut because),
        "zero-retention" => zero(facts, &mut because),
        "zero-retention-self-service" => self_service(),
        "no-human-review" => review(facts, &mut because),
        "visible-reviews" => visible(facts, &mut because),
        "eu-only" => eu(facts, &mut because),
        "region-evidence" => {
            always("each receipt names the region, signed, beside the regions that were allowed")
        }
        "proof-of-deletion" => always(
            "each receipt names what was stored and until when; the log has the destruction of each key",
        ),
        "no-model-vendor" => vendor(facts, &mut because),
        "own-machines" => machines(facts, &mut because),
        "customer-keys" => keys(facts, &mut because),
        "exclusive-fine-tunes" => {
            always("a fine-tuned model runs for the resource alone that trained it")
        }
        "cache-off" => cache(facts, &mut because),
        "authenticated" => always(
            "each path takes a key or a token, but for the log's files, the API's description and the \
             page at `/`",
        ),
        "erasure-by-person" => person(facts, &mut because),
        "processing-terms" => terms(),
        _ => return None,
    };
    Some(Own { verdict, says, because: because.into_settings() })
}

fn always(says: &str) -> (Verdict, String) {
    (Verdict::Yes, says.to_owned())
}

/// Returns the other companies that may get content.
fn companies(facts: &Facts, because: &mut Because) -> Vec<String> {
    because.read(&facts.own.processors);
    let mut companies: Vec<String> = Vec::new();
    for deployment in &facts.deployments {
        for engine in &deployment.engines {
            let Some(processor) = because.read(&engine.processor) else { continue };
            let obstacle = facts.obstacle(deployment, engine, because);
            if matches!(obstacle, None | Some(Obstacle::Off))
                && !companies.contains(&processor.name)
            {
                companies.push(processor.name.clone());
            }
        }
    }
    companies
}

/// Lowers a verdict if other companies may get content: their contracts say how they treat it.
fn unless_others(
    facts: &Facts,
    because: &mut Because,
    (verdict, says): (Verdict, String),
) -> (Verdict, String) {
    let companies = companies(facts, because);
    if companies.is_empty() || verdict == Verdict::No {
        return (verdict, says);
    }
    let says =
        format!("{says}; but {} may get content, under its own contract", companies.join(", "));
    (Verdict::Partly, says)
}

fn training(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let own = always("training reads only files that the resource's own callers name in a job");
    unless_others(facts, because, own)
}

fn days(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let says = match because.read(&facts.own.content_logging) {
        Logging::Zero { .. } => "nothing is stored for abuse monitoring".to_owned(),
        Logging::Stored => format!(
            "the key of stored content is destroyed after {} days at most",
            because.read(&facts.own.retention_days)
        ),
    };
    unless_others(facts, because, (Verdict::Yes, says))
}

fn zero(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let own = match because.read(&facts.own.content_logging) {
        Logging::Stored => (
            Verdict::No,
            "the resource stores content; its customer may apply to end that".to_owned(),
        ),
        Logging::Zero { keeps, .. } if keeps.is_empty() => {
            (Verdict::Yes, "the resource is under zero retention".to_owned())
        }
        Logging::Zero { keeps, .. } => (
            Verdict::Partly,
            format!("the resource is under zero retention, but keeps {keeps} if a caller asks"),
        ),
    };
    unless_others(facts, because, own)
}

fn self_service() -> (Verdict, String) {
    (Verdict::No, "two people of the operator approve zero retention".to_owned())
}

fn review(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let own = match because.read(&facts.own.content_logging) {
        Logging::Zero { .. } => always("nothing is stored that a person could read"),
        Logging::Stored => match because.read(&facts.service.review) {
            false => always("there is no review desk, and nothing opens records without one"),
            true => match because.read(&facts.own.lockbox) {
                true => (
                    Verdict::Partly,
                    "a reviewer may open a flagged record, only if the customer consents"
                        .to_owned(),
                ),
                false => (
                    Verdict::No,
                    "a reviewer may open a flagged record, after a manager's approval".to_owned(),
                ),
            },
        },
    };
    unless_others(facts, because, own)
}

fn visible(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    match because.read(&facts.service.desk) {
        true => always("the customer's officer lists each access at the desk, and the log has it"),
        false => (
            Verdict::Partly,
            "the log has each access, but there is no desk where the customer's officer sees it"
                .to_owned(),
        ),
    }
}

/// The name of the zone that stands for the European Union. Its list is the operator's statement.
const EU: &str = "eu";

fn eu(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let zones: &Zones = because.read(&facts.service.zones);
    let Some((_, eu)) = zones.iter().find(|(name, _)| name.as_str() == EU) else {
        let says = "the operator lists no zone `eu`, so no region is known to be in it";
        return (Verdict::Unknown, says.to_owned());
    };
    let here = because.read(&facts.service.region);
    if !eu.contains(here) {
        return (
            Verdict::No,
            format!("content is stored in `{here}`, which is not in the zone `eu`"),
        );
    }
    for deployment in &facts.deployments {
        let regions = facts.regions(deployment, because);
        if let Some(outside) = regions.iter().find(|region| !eu.contains(*region)) {
            let says =
                format!("deployment `{}` may run in `{outside}`, outside `eu`", deployment.name);
            return (Verdict::No, says);
        }
    }
    always("the regions of storage and of all deployments are in the operator's zone `eu`")
}

fn vendor(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let companies = companies(facts, because);
    if companies.is_empty() {
        return always("no other company gets content");
    }
    let says = format!(
        "{} may get content; whether a maker of the model is among them, the service does not know",
        companies.join(", ")
    );
    (Verdict::Partly, says)
}

fn machines(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    let companies = companies(facts, because);
    if companies.is_empty() {
        return always("all models run on the operator's machines");
    }
    (Verdict::Partly, format!("some models run at {}", companies.join(", ")))
}

fn keys(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    match because.read(&facts.own.customer_key) {
        true => always("the customer holds the key above all keys of the tenant"),
        false => (
            Verdict::No,
            "the operator's custodian holds the keys; `customer_keys` would change that".to_owned(),
        ),
    }
}

fn cache(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    match because.read(&facts.own.prefix_cache) {
        true => always(
            "prompt prefixes are reused within the tenant only; `--prefix-cache off` ends that",
        ),
        false => always("no prompt prefix is reused"),
    }
}

fn person(facts: &Facts, because: &mut Because) -> (Verdict, String) {
    if !because.read(&facts.service.desk) {
        return (Verdict::No, "there is no desk where an officer could do that".to_owned());
    }
    let header = match because.read(&facts.own.subject_header) {
        Some(header) => format!(", or in the header `{header}`"),
        None => String::new(),
    };
    let says = format!(
        "the customer's officer finds, exports and erases what is kept of a person by the name that the app \
         gives in `safety_identifier` or `user`{header}; an erasure ends with a signed certificate, which \
         also lists what stays, such as a model trained on it"
    );
    unless_others(facts, because, (Verdict::Yes, says))
}

fn terms() -> (Verdict, String) {
    (
        Verdict::Partly,
        "`bailiwick report dpa` fills in the terms from what is in force; they apply once operator and \
         customer have signed them"
            .to_owned(),
    )
}
