//! The component definition: the contributions of the program to controls of NIST SP 800-53.

use serde::Serialize;

use super::{
    control_id,
    model::{COMPONENT_DESCRIPTION, Ids, Metadata, Property, component_title, promise_names},
    statement_id,
};
use crate::{Control, Framework, Live};

/// A component definition of OSCAL, to be serialized.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentDefinition {
    component_definition: Definition,
}

#[derive(Debug, Serialize)]
struct Definition {
    uuid: String,
    metadata: Metadata,
    components: [Component; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Component {
    uuid: String,
    r#type: &'static str,
    title: String,
    description: &'static str,
    props: [Property; 1],
    control_implementations: [ControlImplementation; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ControlImplementation {
    uuid: String,
    source: &'static str,
    description: &'static str,
    implemented_requirements: Vec<Requirement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Requirement {
    uuid: String,
    control_id: String,
    description: String,
    props: Vec<Property>,
    statements: [Statement; 1],
    remarks: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Statement {
    statement_id: String,
    uuid: String,
    description: String,
    remarks: String,
}

impl ComponentDefinition {
    /// Makes the definition. It does not depend on the answers of the checks. `live.now_ms` is the
    /// time of its last change.
    #[must_use]
    pub fn new(live: &Live<'_>) -> Self {
        let ids = Ids::of(live);
        let controls = Framework::Nist80053.controls().iter();
        let implementation = ControlImplementation {
            uuid: ids.other("control-implementation", &[CATALOG]),
            source: CATALOG,
            description: "Contributions of the promises. No control is satisfied by the service alone.",
            implemented_requirements: controls.map(|one| Requirement::of(one, &ids)).collect(),
        };
        let component = Component {
            uuid: ids.component(),
            r#type: "service",
            title: component_title(live),
            description: COMPONENT_DESCRIPTION,
            props: [Property::oscal("version", live.version)],
            control_implementations: [implementation],
        };
        let names = [live.version, &live.now_ms.to_string()];
        let title = format!("{}: contributions to NIST SP 800-53", component_title(live));
        Self {
            component_definition: Definition {
                uuid: ids.other("component-definition", &names),
                metadata: Metadata::new(title, live, REMARKS),
                components: [component],
            },
        }
    }
}

impl Requirement {
    fn of(control: &Control, ids: &Ids<'_>) -> Self {
        let promises = control.promises.iter().map(|one| Property::ours("promise", one.id()));
        let remains = format!("Remains with the operator or the customer: {}", control.remains);
        Self {
            uuid: ids.other("requirement", &[control.id]),
            control_id: control_id(control.id),
            description: format!(
                "{} ({}). Promises that contribute: {}.",
                control.title,
                control.id,
                promise_names(control.promises)
            ),
            props: promises
                .chain([
                    Property::ours("vouched-by", control.vouched_by.name()),
                    Property::ours("share", "contributes"),
                ])
                .collect(),
            statements: [Statement {
                statement_id: statement_id(control.id),
                uuid: ids.statement(control.id),
                description: format!("Contributes: {}", control.contributes),
                remarks: remains.clone(),
            }],
            remarks: remains,
        }
    }
}

/// The catalog whose controls are named.
const CATALOG: &str = "https://raw.githubusercontent.com/usnistgov/oscal-content/main/nist.gov/SP800-53/rev5/json/NIST_SP-800-53_rev5_catalog.json";

const REMARKS: &str = "Each statement is a contribution of a promise of the service, and its remarks \
    name the part that remains. The property vouched-by is `proved` where entries of the log can be \
    verified without the operator, `reader` where a caller can check it, `operator` where the running \
    service reports it.";
