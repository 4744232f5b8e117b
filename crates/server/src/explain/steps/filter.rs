//! The content filter: its rules and its detectors.

use super::and;
use crate::explain::{
    fact::Because,
    facts::{Deployment, Facts},
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    let filters = facts.deployments.iter().map(|deployment| filter(facts, deployment));
    filters.chain([detectors(facts)]).collect()
}

fn filter(facts: &Facts, deployment: &Deployment) -> Sentence {
    let mut because = Because::default();
    let filter = because.read(&deployment.filter);
    let blocks = |side: &str, blocked: &[String]| match blocked.is_empty() {
        true => format!("It blocks nothing in {side}."),
        false => format!("In {side}, it blocks {}.", and(blocked)),
    };
    let mut text = format!(
        "The filter `{}` judges the requests of deployment `{}`. {} {}",
        filter.name,
        deployment.name,
        blocks("prompts", &filter.prompts),
        blocks("answers", &filter.answers),
    );
    if let Some(other) = &filter.instead_of {
        because.read(&facts.service.floor);
        because.read(&facts.own.weaker_until);
        text.push_str(&format!(
            " It takes the place of `{other}`, which is weaker than the operator allows without an \
             approval."
        ));
    } else if filter.raised {
        because.read(&facts.service.floor);
        text.push_str(" The operator's floor makes it stricter than the built-in one.");
    }
    if filter.weaker {
        because.read(&facts.service.floor);
        if let Some(until) = because.read(&facts.own.weaker_until) {
            text.push_str(&format!(
                " It is weaker than the operator's floor; an approval allows that until {}.",
                audit::rfc3339(*until)
            ));
        }
    }
    text.push_str(match filter.ahead {
        true => " Text of a stream goes out at once, and the finding follows.",
        false => " Text of a stream is held back until it is checked.",
    });
    text.push_str(match filter.unfiltered {
        true => " While a detector is down, text goes on unfiltered, and the receipt says so.",
        false => " While a detector is down, the request is refused.",
    });
    let check = [
        Check::caller("`content_filter` in each receipt: the filter's digest, and what it found"),
        Check::operator(format!("bailiwick filter list {}", facts.resource)),
        Check::auditor("entries `Changed` of the log: each change of a filter"),
    ];
    let id = format!("content_filter.{}", deployment.name);
    Sentence::new(Step::ContentFilter, id, because, text, check)
}

fn detectors(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let encoder = match because.read(&facts.service.encoder) {
        true => "an encoder model",
        false => "no encoder model",
    };
    let guard = match because.read(&facts.service.guard_model) {
        true => "a guard model of the operator",
        false => "no guard model",
    };
    let text = format!(
        "Detectors over words and characters look at each text, with {encoder} and {guard}. They run on \
         the service's own machine and keep nothing."
    );
    let check = [Check::caller("`content_filter.detectors` in each receipt: which of them looked")];
    Sentence::new(Step::ContentFilter, "content_filter.detectors", because, text, check)
}
