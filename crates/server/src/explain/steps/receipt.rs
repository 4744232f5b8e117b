//! The proof that a caller gets.

use crate::explain::{
    fact::Because,
    facts::Facts,
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    vec![says(), witnesses(facts)]
}

fn says() -> Sentence {
    let text = "Each request gets a signed receipt, also one that was refused. It names the region and the \
                engine that answered, the places and companies that were allowed, the model's digest, the \
                content filter and its findings, what was kept and until when, the configuration and the \
                policies in force, and the hashes of request and answer. It says of each claim who vouches \
                for it.";
    let check = [
        Check::caller("the header x-bailiwick-receipt, and GET /openai/v1/receipts/REQUEST"),
        Check::auditor("bailiwick verify receipt FILE, offline, with the service's public key"),
    ];
    Sentence::new(Step::Receipt, "receipt.says", Because::default(), text, check)
}

fn witnesses(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match *because.read(&facts.service.witnesses) {
        0 => "The log that the receipts are in has no witnesses: whoever copies it twice can see whether \
              its history changed."
            .to_owned(),
        1 => "A witness outside of the service signs that the log's history did not change.".to_owned(),
        number => format!(
            "{number} witnesses outside of the service sign that the log's history did not change."
        ),
    };
    let check = [Check::auditor("bailiwick mirror URL FOLDER, again and again")];
    Sentence::new(Step::Receipt, "receipt.witnesses", because, text, check)
}
