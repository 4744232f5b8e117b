//! Refusals because of personal data. They have kinds and numbers, and never a value.

use hyper::StatusCode;
use policy::personal::{Counts, Decided, NoDetector, Stopped, Unread, ner::MOST_NER_WORDS};

use super::{Answer, Retry, azure, invalid};

/// Returns the answer for a request that may not go on.
pub(super) fn stopped(stopped: &Stopped) -> Answer {
    match stopped {
        Stopped::Blocked { counts, decided } => invalid(
            "personal_data_blocked",
            None,
            &format!(
                "The request has personal data: {}. {} refuses such requests ('block'). Remove the \
                 data, or ask the operator of this service to set 'pseudonymise'.",
                in_words(counts),
                who(decided)
            ),
        ),
        Stopped::Opaque { param, decided } => invalid(
            "personal_data_unreadable",
            Some((*param).to_owned()),
            &format!(
                "'{param}' has an image, a sound or tokens, in which personal data cannot be found. \
                 {} refuses such requests ('{}'). Send text, or ask the operator of this service to \
                 let them pass.",
                who(decided),
                decided.mode
            ),
        ),
        Stopped::Crowded(_) => invalid(
            "personal_data_placeholders",
            None,
            "The request has too many texts that look like the placeholders of this service, such as \
             '<EMAIL_1_a1>'. Remove some of them.",
        ),
        // Another try would have as many words.
        Stopped::Detector { decided, why: NoDetector::Unread(Unread::TooLong) } => invalid(
            "personal_data_too_long",
            None,
            &format!(
                "The request has more than {MOST_NER_WORDS} words, which is the most that the model \
                 that finds names reads. {} lets nothing through that it has not read. Send less text \
                 in one request.",
                who(decided)
            ),
        ),
        Stopped::Detector { decided, why } => azure(
            StatusCode::SERVICE_UNAVAILABLE,
            "personal_data_unavailable",
            &format!(
                "{}, and {} lets nothing through without it. {}",
                match why {
                    NoDetector::Broken =>
                        "The detection of personal data does not work at the moment",
                    NoDetector::Unread(_) => "The model that finds names did not read the request",
                },
                decided.by.in_words(),
                match why {
                    NoDetector::Unread(Unread::Late) =>
                        "Try again, or send less text in one request.",
                    _ => "Try again later. The operator's log says why.",
                }
            ),
        )
        .retry(Retry::AfterMs(1000)),
    }
}

/// Returns the answer for a request with log probabilities whose values were replaced.
pub(super) fn logprobs() -> Answer {
    invalid(
        "unsupported_parameter",
        Some("logprobs".to_owned()),
        "Unsupported parameter: 'logprobs' cannot be used here: the request has personal data, which \
         is replaced by placeholders, and the tokens of the answer would not be those of its text. \
         Leave it out.",
    )
}

fn who(decided: &Decided) -> String {
    let words = decided.by.in_words();
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn in_words(counts: &Counts) -> String {
    let each: Vec<_> = counts.iter().map(|(kind, values)| format!("{kind}: {values}")).collect();
    each.join(", ")
}
