//! Personal data in a request: its treatment before the request goes to an engine.

use policy::personal::{Kind, Mode, Opaque};

use super::and;
use crate::explain::{
    fact::Because,
    facts::{Facts, Personal},
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    let mut sentences = vec![inside(facts)];
    for engine in facts.deployments.iter().flat_map(|deployment| &deployment.engines) {
        let mut because = Because::default();
        let (Some(processor), Some(of_processor)) =
            (because.read(&engine.processor), &engine.personal)
        else {
            continue;
        };
        let name = &processor.name;
        let id = format!("personal_data.processor.{name}");
        if sentences.iter().any(|known: &Sentence| known.id == id) {
            continue;
        }
        let own = *because.read(&facts.own.personal);
        let setting = own.strictest(*because.read(of_processor));
        let names = names(facts, &setting, &mut because);
        let text = text(&setting, &format!("a request that may go to `{name}`"), names);
        sentences.push(Sentence::new(Step::PersonalData, id, because, text, check(facts)));
    }
    sentences
}

/// The sentence about the embedded engine and the operator's own engines.
fn inside(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let own = *because.read(&facts.own.personal);
    let place = "a request that stays on the operator's own machines";
    let text = match own.everywhere {
        true => {
            let names = names(facts, &own, &mut because);
            text(&own, place, names)
        }
        false => format!(
            "In {place}, nothing looks for personal data: the model gets the text as it was sent."
        ),
    };
    Sentence::new(Step::PersonalData, "personal_data.inside", because, text, check(facts))
}

/// Returns the sentence about the finding of names and addresses, if they are looked for.
fn names(facts: &Facts, setting: &Personal, because: &mut Because) -> &'static str {
    let asks = [Kind::Name, Kind::Address].into_iter().any(|kind| setting.kinds.contains(kind));
    if setting.mode == Mode::Off || !asks {
        return "";
    }
    match because.read(&facts.service.ner) {
        true => {
            " Names and addresses are found by a model on the service's own machine, and by the words \
             around them; a request that the model has not read is refused."
        }
        false => {
            " Names and addresses are found only where the words around them say so: no model looks."
        }
    }
}

fn text(setting: &Personal, request: &str, names: &str) -> String {
    let happens = match setting.mode {
        Mode::Off => {
            return format!(
                "In {request}, nothing looks for personal data: the model gets the text as it was sent."
            );
        }
        Mode::Report => "is counted for the receipt, and goes on",
        Mode::Pseudonymise => {
            "goes no further: placeholders take its place, and the answer gets the values back"
        }
        Mode::Block => "is not sent: the request is refused",
    };
    let kinds: Vec<String> =
        setting.kinds.iter().map(|kind: Kind| kind.name().replace('_', " ")).collect();
    let unreadable = match (setting.mode, setting.opaque) {
        (Mode::Off | Mode::Report, _) => "",
        (_, Opaque::Refuse) => {
            " A picture, a sound or a list of tokens is refused: nothing can look into it."
        }
        (_, Opaque::Pass) => " A picture, a sound or a list of tokens goes on unseen.",
    };
    format!(
        "In {request}, personal data that is found ({}) {happens}.{names}{unreadable}",
        and(&kinds)
    )
}

fn check(facts: &Facts) -> [Check; 2] {
    [
        Check::caller("`personal_data` in each receipt: the mode, and what was found by kind"),
        Check::operator(format!("bailiwick personal-data show --resource {}", facts.resource)),
    ]
}
