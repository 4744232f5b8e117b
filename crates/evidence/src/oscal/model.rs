//! The parts that both documents of OSCAL have. Names of fields are OSCAL's.

use pages::{
    Lang,
    time::rfc3339,
    trust::{Promise, State},
};
use serde::Serialize;

use super::OSCAL_VERSION;
use crate::{Live, uuid};

/// The namespace of our properties: a name, at a host that never exists (RFC 2606). Some validators refuse
/// URIs without a host.
const NAMESPACE: &str = "https://bailiwick.invalid/ns/oscal";

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    title: String,
    last_modified: String,
    version: String,
    oscal_version: &'static str,
    remarks: &'static str,
}

impl Metadata {
    pub(super) fn new(title: String, live: &Live<'_>, remarks: &'static str) -> Self {
        Self {
            title,
            last_modified: rfc3339(live.now_ms),
            version: live.version.to_owned(),
            oscal_version: OSCAL_VERSION,
            remarks,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Property {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns: Option<&'static str>,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
}

impl Property {
    /// A property of ours.
    pub(super) fn ours(name: &'static str, value: &str) -> Self {
        Self { name, ns: Some(NAMESPACE), value: value.to_owned(), class: None }
    }

    /// A property of OSCAL.
    pub(super) fn oscal(name: &'static str, value: &str) -> Self {
        Self { name, ns: None, value: value.to_owned(), class: None }
    }

    /// The state of a promise, whose id is the class.
    pub(super) fn state(promise: Promise, state: State) -> Self {
        Self { class: Some(promise.id()), ..Self::ours("promise-state", state.name()) }
    }
}

/// The UUIDs that one document has and the other one names.
pub(super) struct Ids<'a> {
    service: &'a str,
}

impl<'a> Ids<'a> {
    pub(super) fn of(live: &Live<'a>) -> Self {
        Self { service: live.service }
    }

    /// The service as a component.
    pub(super) fn component(&self) -> String {
        uuid::of("component", &[self.service])
    }

    /// The statement about the contribution to a control.
    pub(super) fn statement(&self, control: &str) -> String {
        uuid::of("statement", &[self.service, control])
    }

    /// Any other thing of a document.
    pub(super) fn other(&self, kind: &str, names: &[&str]) -> String {
        let names: Vec<_> = [self.service].into_iter().chain(names.iter().copied()).collect();
        uuid::of(kind, &names)
    }
}

/// Returns the title of the component.
pub(super) fn component_title(live: &Live<'_>) -> String {
    format!("Bailiwick: {}", live.service)
}

pub(super) const COMPONENT_DESCRIPTION: &str = "A private service for large language models with promises that \
    customers can check: receipts, a signed log, and checks that run in the service.";

/// Returns the promises in words, such as `P2 isolated, P11 known callers`.
pub(super) fn promise_names(promises: &[Promise]) -> String {
    let names = promises
        .iter()
        .map(|promise| format!("{} {}", promise.id(), promise.name(Lang::En).to_lowercase()));
    names.collect::<Vec<_>>().join(", ")
}
