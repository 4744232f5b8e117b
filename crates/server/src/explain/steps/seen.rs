//! The people and companies that can see content while the request runs, and the facts about the caller
//! that other engines get.

use policy::{engine::LabelForm, forward::Label};

use super::{and, quoted};
use crate::explain::{
    fact::Because,
    facts::{Facts, Obstacle},
    sentence::{Check, Sentence, Step},
};

pub(super) fn sentences(facts: &Facts) -> Vec<Sentence> {
    vec![operator(), companies(facts), vendors(facts), tenants(), labels(facts), logs()]
}

fn operator() -> Sentence {
    let text = "While a request runs, its content is in the memory of the service's processes and crosses \
                the connection to the caller. Nobody of the operator's people sees it there, except one \
                with root on the machine: no software can keep that person out.";
    let check = [Check::auditor("docs/threats.md: what is not stopped")];
    Sentence::new(Step::Seen, "seen.operator", Because::default(), text, check)
}

fn companies(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let mut reached: Vec<String> = Vec::new();
    for deployment in &facts.deployments {
        for engine in &deployment.engines {
            let Some(processor) = because.read(&engine.processor) else { continue };
            let obstacle = facts.obstacle(deployment, engine, &mut because);
            // An engine out of service may come back at any moment.
            if matches!(obstacle, None | Some(Obstacle::Off)) && !reached.contains(&processor.name)
            {
                reached.push(processor.name.clone());
            }
        }
    }
    let text = match reached.is_empty() {
        true => "No other company sees the content of a request.".to_owned(),
        false => format!(
            "Of other companies, {} may see the content of requests that run at their engines; no other \
             company sees any.",
            quoted(&reached)
        ),
    };
    let check = [
        Check::officer(format!("bailiwick desk processors {}", facts.resource)),
        Check::caller("`ran.processor` and `ran.allowed_processors` in each receipt"),
        Check::auditor("entries `ProcessorAllowed` of the log"),
    ];
    Sentence::new(Step::Seen, "seen.companies", because, text, check)
}

fn vendors(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let allowed = because.read(&facts.own.processors);
    let text = match allowed.is_empty() {
        true => "The makers of the models see nothing: nothing is sent to them.".to_owned(),
        false => format!(
            "The makers of the models see nothing, unless one of them is among the companies that the \
             customer allowed: {}.",
            quoted(allowed)
        ),
    };
    let check = [
        Check::operator("bailiwick engine list, and `egress` of the configuration"),
        Check::caller("`ran.destination` in each receipt"),
    ];
    Sentence::new(Step::Seen, "seen.vendors", because, text, check)
}

fn tenants() -> Sentence {
    let text = "Other customers see nothing of it: each look-up, key and cache is of one tenant, and a \
                solver has proved that the policies keep tenants apart.";
    let check = [
        Check::caller("another resource's key gets 404 for each of your ids"),
        Check::operator("bailiwick prove"),
    ];
    Sentence::new(Step::Seen, "seen.tenants", Because::default(), text, check)
}

fn labels(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let forward = *because.read(&facts.own.forward);
    let labels: Vec<Label> = forward.labels().collect();
    let mut text = match labels.as_slice() {
        [] => "Other engines learn nothing about the caller: no header, no key, no address, and none of \
               `user`, `safety_identifier` and `metadata`."
            .to_owned(),
        labels => {
            let names: Vec<_> = labels.iter().map(|label| format!("`{}`", label.name())).collect();
            format!(
                "Of what a request says about its sender, other engines get {}, because the resource \
                 forwards it. They get no header, no key and no address.",
                and(&names)
            )
        }
    };
    if !labels.is_empty() {
        for engine in facts.deployments.iter().flat_map(|deployment| &deployment.engines) {
            let (_, processor) = (because.read(&engine.api), because.read(&engine.processor));
            let form = |label: &Label| {
                let (_, form) = engine.labels.iter().find(|(one, _)| one == label)?;
                Some(match form {
                    LabelForm::AsSent => format!("`{}` as it was sent", label.name()),
                    LabelForm::Pseudonym => format!("a pseudonym in place of `{}`", label.name()),
                    LabelForm::Never => return None,
                })
            };
            let gets: Vec<String> = labels.iter().filter_map(form).collect();
            let whose = processor.as_ref().map_or("the operator's", |_| "a company's");
            let one = format!(" Engine `{}`, {whose}, gets {}.", engine.name, and(&gets));
            if !text.contains(&one) {
                text.push_str(&one);
            }
        }
    }
    let check = [Check::operator(format!("bailiwick resource show {}", facts.resource))];
    Sentence::new(Step::Seen, "seen.labels", because, text, check)
}

fn logs() -> Sentence {
    let text = "Log lines, metrics and error texts have no content, at no level of detail.";
    let check = [Check::operator("search the log for a text that you sent")];
    Sentence::new(Step::Seen, "seen.logs", Because::default(), text, check)
}
