//! Refusals because of personal data. They have kinds and numbers, and never a value.

use hyper::StatusCode;
use policy::personal::{Counts, Decided, Stopped};

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
        Stopped::Detector(decided) => azure(
            StatusCode::SERVICE_UNAVAILABLE,
            "personal_data_unavailable",
            &format!(
                "The detection of personal data does not work at the moment, and {} lets nothing \
                 through without it. The operator's log says why.",
                decided.by.in_words()
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
