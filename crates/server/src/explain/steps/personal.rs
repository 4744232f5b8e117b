//! Personal data in a request: whether it is looked for, before the request goes to an engine.

use crate::explain::{
    fact::Because,
    facts::Facts,
    sentence::{Check, Sentence, Step},
};

/// The one place of the sentences about personal data. No setting changes it yet: nothing looks for
/// personal data, so the text is as the caller sent it.
pub(super) fn sentences(_facts: &Facts) -> Vec<Sentence> {
    let text =
        "Nothing looks for personal data in a prompt: the model gets the text as it was sent.";
    let check: [Check; 0] = [];
    vec![Sentence::new(Step::PersonalData, "personal_data.sent", Because::default(), text, check)]
}
