//! The assessment results: the answers of the checks now, and a finding about each contribution.

use pages::{
    Lang,
    time::rfc3339,
    trust::{Promise, State},
};
use serde::Serialize;

use super::{
    control_id,
    model::{COMPONENT_DESCRIPTION, Ids, Metadata, Property, component_title, promise_names},
    statement_id,
};
use crate::{
    Control, Framework, Live,
    live::{Answer, state_words},
};

/// Assessment results of OSCAL, to be serialized.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AssessmentResults {
    assessment_results: Document,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    uuid: String,
    metadata: Metadata,
    import_ap: ImportAp,
    results: [Assessment; 1],
    back_matter: BackMatter,
}

#[derive(Debug, Serialize)]
struct ImportAp {
    href: String,
    remarks: &'static str,
}

#[derive(Debug, Serialize)]
struct BackMatter {
    resources: [Resource; 1],
}

#[derive(Debug, Serialize)]
struct Resource {
    uuid: String,
    title: &'static str,
    description: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Assessment {
    uuid: String,
    title: String,
    description: &'static str,
    start: String,
    end: String,
    props: Vec<Property>,
    local_definitions: LocalDefinitions,
    reviewed_controls: ReviewedControls,
    // OSCAL takes no empty list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observations: Vec<Observation>,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct LocalDefinitions {
    components: [Component; 1],
    assessment_assets: Assets,
}

#[derive(Debug, Serialize)]
struct Component {
    uuid: String,
    r#type: &'static str,
    title: String,
    description: &'static str,
    props: [Property; 1],
    status: Operational,
}

#[derive(Debug, Serialize)]
struct Operational {
    state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Assets {
    assessment_platforms: [Platform; 1],
}

#[derive(Debug, Serialize)]
struct Platform {
    uuid: String,
    title: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ReviewedControls {
    control_selections: [Selection; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Selection {
    description: &'static str,
    include_controls: Vec<Selected>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Selected {
    control_id: String,
    statement_ids: [String; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Observation {
    uuid: String,
    title: String,
    description: String,
    props: Vec<Property>,
    methods: [&'static str; 1],
    origins: [Origin; 1],
    subjects: [Subject; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relevant_evidence: Vec<Evidence>,
    collected: String,
    expires: String,
}

#[derive(Debug, Serialize)]
struct Origin {
    actors: [Actor; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Actor {
    r#type: &'static str,
    actor_uuid: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Subject {
    subject_uuid: String,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct Evidence {
    description: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding {
    uuid: String,
    title: String,
    description: String,
    props: Vec<Property>,
    target: Target,
    implementation_statement_uuid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_observations: Vec<Related>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Target {
    r#type: &'static str,
    target_id: String,
    title: String,
    description: &'static str,
    status: Status,
    implementation_status: Operational,
}

#[derive(Debug, Serialize)]
struct Status {
    state: &'static str,
    reason: &'static str,
    remarks: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Related {
    observation_uuid: String,
}

impl AssessmentResults {
    /// Makes the results of now.
    #[must_use]
    pub fn new(live: &Live<'_>) -> Self {
        let ids = Ids::of(live);
        let now = live.now_ms.to_string();
        let plan = ids.other("no-assessment-plan", &[]);
        let title = format!("{}: states of the promises", component_title(live));
        Self {
            assessment_results: Document {
                uuid: ids.other("assessment-results", &[live.version, &now]),
                metadata: Metadata::new(title, live, REMARKS),
                import_ap: ImportAp { href: format!("#{plan}"), remarks: NO_PLAN },
                results: [Assessment::of(live, &ids)],
                back_matter: BackMatter {
                    resources: [Resource {
                        uuid: plan,
                        title: "No assessment plan",
                        description: NO_PLAN,
                    }],
                },
            },
        }
    }
}

impl Assessment {
    fn of(live: &Live<'_>, ids: &Ids<'_>) -> Self {
        let controls = || Framework::Nist80053.controls().iter();
        let checked = live.found.iter().map(|found| found.checked_ms);
        let start = checked.min().unwrap_or(live.now_ms).min(live.now_ms);
        let now = live.now_ms.to_string();
        let observations = Promise::ALL.into_iter().flat_map(|promise| live.answers(promise));
        Self {
            uuid: ids.other("result", &[&now]),
            title: format!("States at {}", rfc3339(live.now_ms)),
            description: RESULT,
            start: rfc3339(start),
            end: rfc3339(live.now_ms),
            props: Promise::ALL.map(|one| Property::state(one, live.state(one))).into(),
            local_definitions: LocalDefinitions {
                components: [Component {
                    uuid: ids.component(),
                    r#type: "service",
                    title: component_title(live),
                    description: COMPONENT_DESCRIPTION,
                    props: [Property::oscal("version", live.version)],
                    status: Operational { state: "operational" },
                }],
                assessment_assets: Assets {
                    assessment_platforms: [Platform {
                        uuid: platform(ids),
                        title: "Checks that run inside the service",
                    }],
                },
            },
            reviewed_controls: ReviewedControls {
                control_selections: [Selection {
                    description: "Controls to which promises of the service contribute.",
                    include_controls: controls()
                        .map(|control| Selected {
                            control_id: control_id(control.id),
                            statement_ids: [statement_id(control.id)],
                        })
                        .collect(),
                }],
            },
            observations: observations.filter_map(|one| Observation::of(&one, ids)).collect(),
            findings: controls().map(|control| Finding::of(control, live, ids)).collect(),
        }
    }
}

impl Observation {
    /// Returns `None` for a check without an answer: OSCAL wants the time of each observation.
    fn of(answer: &Answer<'_>, ids: &Ids<'_>) -> Option<Self> {
        let found = answer.found?;
        let (promise, check) = (answer.promise, answer.check);
        let facts = found.about(promise);
        Some(Self {
            uuid: observation(answer, ids)?,
            title: format!("{} for {}", check.title(Lang::En), promise.id()),
            description: format!(
                "The check `{}` for promise {}: {} The answer: {}.",
                check.name(),
                promise.id(),
                promise.statement(Lang::En),
                answer.standing.name().replace('_', " "),
            ),
            props: vec![
                Property::ours("promise", promise.id()),
                Property::ours("check", check.name()),
                Property::ours("standing", answer.standing.name()),
                Property::ours("vouched-by", check.rests_on().name()),
            ],
            methods: ["TEST"],
            origins: [Origin {
                actors: [Actor { r#type: "assessment-platform", actor_uuid: platform(ids) }],
            }],
            subjects: [Subject { subject_uuid: ids.component(), r#type: "component" }],
            relevant_evidence: facts
                .iter()
                .map(|fact| Evidence { description: fact.words(Lang::En) })
                .collect(),
            collected: rfc3339(found.checked_ms),
            expires: rfc3339(found.checked_ms.saturating_add(check.fresh_ms())),
        })
    }
}

impl Finding {
    fn of(control: &Control, live: &Live<'_>, ids: &Ids<'_>) -> Self {
        let state = live.state_of(control);
        let (satisfied, reason) = status(state);
        let each = control.promises.iter().map(|promise| {
            format!("Promise {} is {}.", promise.id(), state_words(live.state(*promise)))
        });
        let answers = control.promises.iter().flat_map(|promise| live.answers(*promise));
        let related = answers.filter_map(|one| observation(&one, ids));
        let now = live.now_ms.to_string();
        Self {
            uuid: ids.other("finding", &[control.id, &now]),
            title: format!("{}: contribution of {}", control.id, promise_names(control.promises)),
            description: format!(
                "{} {} Remains with the operator or the customer: {}",
                each.collect::<Vec<_>>().join(" "),
                control.contributes,
                control.remains
            ),
            props: control
                .promises
                .iter()
                .map(|promise| Property::state(*promise, live.state(*promise)))
                .chain([Property::ours("vouched-by", control.vouched_by.name())])
                .collect(),
            target: Target {
                r#type: "statement-id",
                target_id: statement_id(control.id),
                title: format!("{}, the contribution of the service", control.title),
                description: "The status is about the contribution, not about the whole control.",
                status: Status {
                    state: satisfied,
                    reason,
                    remarks: format!("The contribution is {}.", state_words(state)),
                },
                implementation_status: Operational { state: "partial" },
            },
            implementation_statement_uuid: ids.statement(control.id),
            related_observations: related
                .map(|observation_uuid| Related { observation_uuid })
                .collect(),
        }
    }
}

/// OSCAL's state and reason. Only a promise that is kept now satisfies.
fn status(state: State) -> (&'static str, &'static str) {
    match state {
        State::Kept => ("satisfied", "pass"),
        State::NotKept | State::Broken => ("not-satisfied", "fail"),
        State::Stale | State::Unchecked => ("not-satisfied", "other"),
    }
}

fn platform(ids: &Ids<'_>) -> String {
    ids.other("assessment-platform", &[])
}

/// Returns the UUID of an answer; `None` if there is none.
fn observation(answer: &Answer<'_>, ids: &Ids<'_>) -> Option<String> {
    let checked = answer.found?.checked_ms.to_string();
    let names = [answer.promise.id(), answer.check.name(), &checked, answer.standing.name()];
    Some(ids.other("observation", &names))
}

const REMARKS: &str = "The service assesses itself; no independent assessor made these results. A status of \
    satisfied says that the service's contribution to the control is kept at this time, not that the \
    control is satisfied. A missing or old answer never counts as satisfied.";

const RESULT: &str = "The last answers of the checks that run inside the service, as observations, and a \
    finding about each contribution to a control.";

const NO_PLAN: &str = "There is no assessment plan: the checks run inside the service all the time. An \
    assessor who has a plan puts its address here.";
