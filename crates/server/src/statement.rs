//! Statements in plain words, for the person who signs one: at the desk and on the command line.

use audit::rfc3339;
use tlog::{
    entry::{Decider, End, Event, SubjectStep},
    hex,
    people::{Capacities, Promise, Root},
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
        Event::Promised { tenant, promise, resource } => {
            let resource =
                resource.map_or_else(|| "all its resources".to_owned(), |one| one.to_string());
            let words = match promise {
                Promise::Lockbox { on: true } => "each look at a record takes your consent",
                Promise::Lockbox { on: false } => "looks at records take no consent of yours",
                Promise::ContentKept => "content may be stored again",
                Promise::Retention { days } => {
                    return vec![
                        format!("promise of {tenant}, for {resource}"),
                        format!("content is stored for at most {days} days"),
                    ];
                }
                Promise::Issuer { counts: true, .. } => "the tokens of this provider count",
                Promise::Issuer { counts: false, .. } => "the tokens of this provider do not count",
            };
            vec![format!("promise of {tenant}, for {resource}"), words.to_owned()]
        }
        Event::ProcessorAllowed { resource, processor, allowed, .. } => {
            let word = if *allowed { "allow" } else { "withdraw" };
            let resource = hex::encode(resource);
            vec![format!("{word} the processor {processor} for the resource {resource}")]
        }
        Event::SubjectRequest { request, step, .. } => {
            vec![format!("{}: the data subject's request {request}", subject_step(*step))]
        }
        Event::SubjectRestricted { request, restricted, .. } => {
            let words = if *restricted {
                "store nothing more of a data subject"
            } else {
                "store data of a data subject again"
            };
            vec![format!("{words}, for the request {request}")]
        }
        Event::WorkstationEnrolled { workstation, expires_ms, .. } => vec![
            format!("enrol the workstation {workstation}"),
            format!("until {}", rfc3339(expires_ms / 1000)),
        ],
        Event::WorkstationRevoked { workstation, .. } => {
            vec![format!("revoke the workstation {workstation}, for good")]
        }
        other => vec![format!("{other:?}")],
    }
}

fn subject_step(step: SubjectStep) -> &'static str {
    match step {
        SubjectStep::Received => "note that it was received",
        SubjectStep::Begun => "note that the work on it began",
        SubjectStep::Extended => "extend its deadline",
        SubjectStep::Answered => "note that it was answered",
        SubjectStep::Refused => "refuse it",
        SubjectStep::Searched => "search for everything that is kept",
        SubjectStep::Exported => "export everything that is kept",
        SubjectStep::Erasing => "erase everything that is kept, for good",
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
