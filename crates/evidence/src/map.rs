//! The map from controls to promises with the states of now, as JSON.

use pages::{time::rfc3339, trust::Promise};
use serde::Serialize;

use crate::{Control, Framework, Live, live::Answer};

/// The map, to be serialized.
#[derive(Debug, Serialize)]
pub struct ControlMap {
    /// Always `control_map`.
    object: &'static str,
    service: String,
    version: String,
    /// The time of the states.
    at: String,
    remark: &'static str,
    frameworks: Vec<FrameworkView>,
}

#[derive(Debug, Serialize)]
struct FrameworkView {
    id: &'static str,
    name: &'static str,
    controls: Vec<ControlView>,
}

#[derive(Debug, Serialize)]
struct ControlView {
    control: &'static str,
    title: &'static str,
    /// The worst state of the promises.
    state: &'static str,
    promises: Vec<PromiseView>,
    contributes: &'static str,
    remains: &'static str,
    vouched_by: &'static str,
}

#[derive(Debug, Serialize)]
struct PromiseView {
    id: &'static str,
    name: &'static str,
    state: &'static str,
    evidence: Vec<EvidenceView>,
    how_to_check: &'static str,
    not_seen: &'static str,
}

#[derive(Debug, Serialize)]
struct EvidenceView {
    check: &'static str,
    standing: &'static str,
    vouched_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<String>,
}

impl ControlMap {
    /// Makes the map with the states of now.
    #[must_use]
    pub fn new(live: &Live<'_>) -> Self {
        let frameworks = Framework::ALL.into_iter().map(|framework| FrameworkView {
            id: framework.id(),
            name: framework.name(),
            controls: framework.controls().iter().map(|c| ControlView::of(c, live)).collect(),
        });
        Self {
            object: "control_map",
            service: live.service.to_owned(),
            version: live.version.to_owned(),
            at: rfc3339(live.now_ms),
            remark: REMARK,
            frameworks: frameworks.collect(),
        }
    }
}

impl ControlView {
    fn of(control: &Control, live: &Live<'_>) -> Self {
        Self {
            control: control.id,
            title: control.title,
            state: live.state_of(control).name(),
            promises: control.promises.iter().map(|one| PromiseView::of(*one, live)).collect(),
            contributes: control.contributes,
            remains: control.remains,
            vouched_by: control.vouched_by.name(),
        }
    }
}

impl PromiseView {
    fn of(promise: Promise, live: &Live<'_>) -> Self {
        Self {
            id: promise.id(),
            name: promise.name(pages::Lang::En),
            state: live.state(promise).name(),
            evidence: live.answers(promise).map(|answer| EvidenceView::of(&answer)).collect(),
            how_to_check: promise.how(pages::Lang::En),
            not_seen: promise.beyond(pages::Lang::En),
        }
    }
}

impl EvidenceView {
    fn of(answer: &Answer<'_>) -> Self {
        Self {
            check: answer.check.name(),
            standing: answer.standing.name(),
            vouched_by: answer.check.rests_on().name(),
            checked_at: answer.found.map(|found| rfc3339(found.checked_ms)),
        }
    }
}

const REMARK: &str = "A promise contributes to a control and does not satisfy it alone. The state is \
    that of the contribution. `vouched_by` is `proved` where entries of the log can be verified without \
    the operator, `reader` where a caller can check it, `operator` where the running service reports it.";
