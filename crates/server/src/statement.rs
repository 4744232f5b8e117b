//! Statements in plain words, for the person who signs one: at the desk and on the command line.

use audit::rfc3339;
use tlog::{
    entry::{Decider, End, Event},
    hex,
    people::{Capacities, Root},
};

/// Returns the decision of an event in plain words, one fact a line. Reasons are commitments: the words
/// that the person gave are not in the statement.
#[must_use]
pub(crate) fn in_words(event: &Event) -> Vec<String> {
    let until = |ms: u64| format!("until {}", rfc3339(ms / 1000));
    match event {
        Event::LookRequested { grant, request, workstation, lockbox, expires_ms, .. } => vec![
            format!("request access to the record {request}, as {grant}"),
            format!("from the workstation {workstation}"),
            consent(*lockbox),
            until(*expires_ms),
        ],
        Event::Approved { grant, request, reviewer, lockbox, expires_ms, .. } => vec![
            format!("approve the access request {grant} of {reviewer} to the record {request}"),
            consent(*lockbox),
            until(*expires_ms),
        ],
        Event::Consented { grant, expires_ms, .. } => {
            vec![format!("consent to the access request {grant}"), until(*expires_ms)]
        }
        Event::Refused { grant, decider, .. } => {
            let side = match decider {
                Decider::Manager => "as the operator's manager",
                Decider::Customer => "as the customer",
            };
            vec![format!("refuse the access request {grant}, {side}")]
        }
        Event::FlagDecided { request, outcome, .. } => {
            vec![format!("decide on the flag of the record {request}: {outcome:?}")]
        }
        Event::OwnerRead { request, .. } => vec![format!("read your record {request}")],
        Event::OwnerDeleted { request, .. } => {
            vec![format!("delete your record {request}, for good")]
        }
        Event::ExemptionApplied { resource, approval, .. } => {
            let resource = hex::encode(resource);
            vec![format!("apply for an exemption of the resource {resource}, as {approval}")]
        }
        Event::ExemptionDecided { approval, approved, .. } => {
            let word = if *approved { "approve" } else { "reject" };
            vec![format!("{word} the application {approval}")]
        }
        Event::ExemptionEnded { approval, end, .. } => {
            let side = match end {
                End::WithdrawnByOperator { .. } => "for the operator",
                _ => "for the customer",
            };
            vec![format!("end the exemption {approval}, {side}")]
        }
        Event::Penalised { resource, action, .. } => {
            let resource = hex::encode(resource);
            vec![format!("decide about a penalty of the resource {resource}: {action:?}")]
        }
        other => about_roll(other),
    }
}

fn about_roll(event: &Event) -> Vec<String> {
    match event {
        Event::RootMade { party, root } => {
            [vec![format!("make the first root of {party}")], keys(root)].concat()
        }
        Event::RootReplaced { party, root } => {
            [vec![format!("replace the root of {party}")], keys(root)].concat()
        }
        Event::RootRecovery { party, root, effective_ms } => {
            let from = format!(
                "it counts from {} on, if {party} does not stop it",
                rfc3339(effective_ms / 1000)
            );
            [vec![format!("announce a new root for {party}"), from], keys(root)].concat()
        }
        Event::RootRecoveryStopped { party } => {
            vec![format!("stop the announced recovery of the root of {party}")]
        }
        Event::PersonKeyEnrolled { party, person, key, capacities, until_ms } => vec![
            format!("enrol the key {} of {person} of {party}", key.fingerprint()),
            format!("as {}", names(*capacities)),
            format!("until {}", rfc3339(until_ms / 1000)),
        ],
        Event::PersonKeyRevoked { party, person, key } => {
            vec![format!("revoke the key {key} of {person} of {party}, for good")]
        }
        other => vec![format!("{other:?}")],
    }
}

/// Returns the capacities as text.
pub(crate) fn names(capacities: Capacities) -> String {
    capacities.iter().map(|capacity| capacity.name()).collect::<Vec<_>>().join(", ")
}

fn keys(root: &Root) -> Vec<String> {
    let all = root.keys();
    let mut lines = vec![
        format!("its fingerprint is {}", root.fingerprint()),
        format!("{} of {} keys must sign for it:", root.threshold(), all.len()),
    ];
    lines.extend(all.iter().map(|key| format!("key {}", key.fingerprint())));
    lines
}

fn consent(lockbox: bool) -> String {
    let word =
        if lockbox { "the customer must consent" } else { "without consent of the customer" };
    word.to_owned()
}
