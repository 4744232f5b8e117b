//! The people that can open kept content, and how abuse is noticed.

use crate::explain::{
    fact::Because,
    facts::{Facts, Logging},
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    let mut sentences = vec![review(facts), lockbox(facts), officer(facts)];
    sentences.extend(subjects(facts));
    sentences.push(owners());
    sentences
}

fn review(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match because.read(&facts.own.content_logging) {
        Logging::Zero { .. } => {
            "Nobody can open the prompts and answers of new requests: none are stored. Those that were \
             stored before zero retention stay under the rules of that time until their deadline."
        }
        Logging::Stored => match because.read(&facts.service.review) {
            false => {
                "Nobody of the operator can open stored prompts and answers: there is no review desk, and \
                 the custodian opens nothing without one."
            }
            true => {
                "A reviewer can open one flagged record at a time, by its request id, once: after the \
                 manager of the reviewer's team approved it, from an enrolled workstation in the \
                 record's region. The access is in the log before the content is shown. No other person \
                 of the operator opens any."
            }
        },
    };
    let check = [
        Check::officer(format!("bailiwick desk looks {}", facts.resource)),
        Check::auditor("bailiwick verify log: each `Looked` was requested and approved"),
    ];
    Sentence::new(Step::Opened, "opened.review", because, text, check)
}

fn lockbox(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match because.read(&facts.own.lockbox) {
        true => {
            "Lockbox is on: the customer must consent to each access as well. No operator can switch it \
             off."
        }
        false => "Lockbox is off: the customer sees each access, and is not asked before.",
    };
    let check = [
        Check::operator(format!("bailiwick resource show {}", facts.resource)),
        Check::auditor("entries `Consented` of the log"),
    ];
    Sentence::new(Step::Opened, "opened.lockbox", because, text, check)
}

fn officer(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match because.read(&facts.service.desk) {
        true => {
            "The customer's own data protection officer can list, read and delete the stored prompts and \
             answers at the desk; each of these acts is in the log."
        }
        false => {
            "The customer's own data protection officer cannot reach the stored prompts and answers: the \
             service has no desk."
        }
    };
    let check = [
        Check::officer(format!("bailiwick desk records {}", facts.resource)),
        Check::auditor("entries `OwnerRead` and `OwnerDeleted` of the log"),
    ];
    Sentence::new(Step::Opened, "opened.officer", because, text, check)
}

/// The person in the data (P13): how everything that is held on one person is found, exported and
/// erased.
fn subjects(facts: &Facts) -> Option<Sentence> {
    let mut because = Because::default();
    let desk = *because.read(&facts.service.desk);
    let header = match because.read(&facts.own.subject_header) {
        Some(header) => format!(", or in the header `{header}`"),
        None => String::new(),
    };
    let text = format!(
        "The officer finds, exports and erases what is kept of one person by the name that the app gives in \
         `safety_identifier` or `user`{header}. Names are stored as keyed hashes. An erasure ends with a \
         signed certificate. What the app does not name is found by request id and time only."
    );
    let check = [
        Check::officer("bailiwick desk subject find --user ID"),
        Check::auditor("entries `SubjectRequest` and `SubjectErased` of the log"),
    ];
    desk.then(|| Sentence::new(Step::Opened, "opened.subjects", because, text, check))
}

fn owners() -> Sentence {
    let text = "An object that a caller asked to keep is opened by its owner alone, unless the owner \
                shares it with the resource. The officer can delete it, and the operator can only list \
                it.";
    let check = [Check::caller("another key of the resource gets 404 for it")];
    Sentence::new(Step::Opened, "opened.objects", Because::default(), text, check)
}

pub(super) fn abuse(facts: &Facts) -> Vec<Sentence> {
    let mut because = Because::default();
    let after = match because.read(&facts.own.content_logging) {
        Logging::Stored => {
            "After a pattern of findings, the record of the request that completed it is flagged for \
             review; after a second one in a day, the owner gets a notice; after a third, the rate limits \
             are halved for a day."
        }
        Logging::Zero { .. } => {
            "After a pattern of findings, the owner gets a notice; there is no record to flag. After more \
             in a day, the rate limits are halved for a day."
        }
    };
    let text = format!(
        "Findings of the content filter are counted, without content. {after} A program never blocks the \
         resource and never opens a record: people decide about that, with a reason, and the owner can \
         appeal."
    );
    let check = [
        Check::officer(format!("bailiwick desk abuse {}", facts.resource)),
        Check::auditor("entries `Flagged` and `Penalised` of the log"),
    ];
    vec![Sentence::new(Step::Abuse, "abuse.monitoring", because, text, check)]
}
