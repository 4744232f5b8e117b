//! The context of a decision: the moment, the workstation, the grant.

use std::collections::BTreeSet;

use super::{
    entities::{Attributes, Store},
    facts::{ApplicationFacts, EngineFacts, GrantFacts},
    role::{Holder, Role},
    thing::described::Described as _,
};
use crate::id::PersonId;

/// The context facts of one kind of action.
pub trait Facts: described::Described + Clone + std::fmt::Debug {}

pub(super) mod described {
    /// Describes a context to Cedar; sealed: only the types of this crate implement it.
    pub trait Described {
        /// Returns the context's attributes, and adds the entities that they name to the store.
        fn describe(
            &self,
            caller: Option<super::Holder>,
            store: &mut super::Store<'_>,
        ) -> super::Attributes;

        /// Returns the context without its time, if a decision may be remembered with it: for as long
        /// as no policy reads the time.
        fn lasting(&self) -> Option<super::Reaching> {
            None
        }
    }
}

use self::described::Described;

/// The time of the decision. Most actions need no other context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970, by a clock that never runs backwards.
    pub now_ms: u64,
}

/// The device that a person uses, as shown by its client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkstationFacts {
    /// Whether it is enrolled for review.
    pub enrolled: bool,
    /// The fingerprint of its certificate; empty if the client presented none.
    pub fingerprint: String,
    /// The region where the device is.
    pub region: String,
}

/// The context of sending content to an engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reaching {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The engine.
    pub engine: EngineFacts,
    /// The regions that the deployment's SKU allows.
    pub regions: BTreeSet<String>,
    /// The names of the processors that the resource's customer allowed.
    pub processors: BTreeSet<String>,
}

/// The context of allowing a processor, or of withdrawing that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processing {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The name of the processor.
    pub processor: String,
    /// The new state: true if the processor is allowed.
    pub allowed: bool,
}

/// The context of assigning or removing a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigning {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The role to assign or remove.
    pub role: Role,
    /// The holder of the role.
    pub to: Holder,
}

/// The context of enrolling a workstation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolling {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The future user of the workstation.
    pub owner: PersonId,
}

/// The context of switching a lockbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locking {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The new state of the lockbox: true for on.
    pub enabled: bool,
}

/// The context of an access request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The workstation that the request comes from.
    pub workstation: WorkstationFacts,
}

/// The context of opening a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The workstation that opens the record.
    pub workstation: WorkstationFacts,
    /// The grant for this record.
    pub grant: GrantFacts,
}

/// The context of deciding on a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciding {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The grant that the decision rests on.
    pub grant: GrantFacts,
}

/// The context of switching the storage of content on or off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retaining {
    /// The time of the decision, in milliseconds since 1970.
    pub now_ms: u64,
    /// The new state: true if content is stored.
    pub enabled: bool,
    /// The application that this change carries out, if any.
    pub application: Option<ApplicationFacts>,
}

impl Facts for Moment {}
impl Facts for Reaching {}
impl Facts for Processing {}
impl Facts for Assigning {}
impl Facts for Enrolling {}
impl Facts for Locking {}
impl Facts for Looking {}
impl Facts for Opening {}
impl Facts for Deciding {}
impl Facts for Retaining {}

fn at(now_ms: u64) -> Attributes {
    Attributes::default().moment("now_ms", now_ms)
}

impl WorkstationFacts {
    fn attributes(&self) -> Attributes {
        Attributes::default()
            .bool("enrolled", self.enrolled)
            .text("fingerprint", &self.fingerprint)
            .text("region", &self.region)
    }
}

impl Described for Moment {
    fn describe(&self, _: Option<Holder>, _: &mut Store<'_>) -> Attributes {
        at(self.now_ms)
    }
}

impl Described for Reaching {
    fn describe(&self, _: Option<Holder>, _: &mut Store<'_>) -> Attributes {
        let attributes = at(self.now_ms)
            .text("region", &self.engine.region)
            .texts("regions", &self.regions)
            .texts("processors", &self.processors);
        match &self.engine.processor {
            Some(processor) => attributes.text("processor", processor),
            None => attributes,
        }
    }

    fn lasting(&self) -> Option<Reaching> {
        Some(Reaching { now_ms: 0, ..self.clone() })
    }
}

impl Described for Processing {
    fn describe(&self, _: Option<Holder>, _: &mut Store<'_>) -> Attributes {
        at(self.now_ms).bool("allowed", self.allowed)
    }
}

impl Described for Assigning {
    fn describe(&self, caller: Option<Holder>, store: &mut Store<'_>) -> Attributes {
        at(self.now_ms)
            .entity("role", store.role(self.role))
            .bool("to_self", caller == Some(self.to))
    }
}

impl Described for Enrolling {
    fn describe(&self, caller: Option<Holder>, _: &mut Store<'_>) -> Attributes {
        at(self.now_ms).bool("to_self", caller == Some(Holder::Person(self.owner)))
    }
}

impl Described for Locking {
    fn describe(&self, _: Option<Holder>, _: &mut Store<'_>) -> Attributes {
        at(self.now_ms).bool("enabled", self.enabled)
    }
}

impl Described for Looking {
    fn describe(&self, _: Option<Holder>, _: &mut Store<'_>) -> Attributes {
        at(self.now_ms).record("workstation", self.workstation.attributes())
    }
}

impl Described for Opening {
    fn describe(&self, _: Option<Holder>, store: &mut Store<'_>) -> Attributes {
        at(self.now_ms)
            .record("workstation", self.workstation.attributes())
            .entity("grant", self.grant.describe(store))
    }
}

impl Described for Deciding {
    fn describe(&self, _: Option<Holder>, store: &mut Store<'_>) -> Attributes {
        at(self.now_ms).entity("grant", self.grant.describe(store))
    }
}

impl Described for Retaining {
    fn describe(&self, _: Option<Holder>, store: &mut Store<'_>) -> Attributes {
        let attributes = at(self.now_ms).bool("enabled", self.enabled);
        match &self.application {
            Some(application) => attributes.entity("application", application.describe(store)),
            None => attributes,
        }
    }
}
