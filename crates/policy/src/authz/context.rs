//! What a decision looks at besides who acts on what: the moment, the workstation, the grant.

use super::{
    entities::{Attributes, Store},
    facts::{ApplicationFacts, GrantFacts, described::Described as _},
    role::{Holder, Role},
};
use crate::id::PersonId;

/// The facts besides principal and thing, for one kind of action.
pub trait Facts: described::Described + Clone + std::fmt::Debug {}

mod described {
    /// How a context describes itself to Cedar; for the contexts of this crate only.
    pub trait Described {
        /// The context's attributes; what they name is added to the store.
        fn describe(
            &self,
            caller: Option<super::Holder>,
            store: &mut super::Store<'_>,
        ) -> super::Attributes;
    }
}

use self::described::Described;

/// When it is decided. Everything that most actions need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970, by a clock that never runs backwards.
    pub now_ms: u64,
}

/// A device that a person sits at, as its client certificate shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkstationFacts {
    /// Whether it is enrolled for review.
    pub enrolled: bool,
    /// The fingerprint of its certificate; empty where none was presented.
    pub fingerprint: String,
    /// Where it stands.
    pub region: String,
}

/// A role is given or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigning {
    /// When.
    pub now_ms: u64,
    /// Which role.
    pub role: Role,
    /// Whose it will be, or was.
    pub to: Holder,
}

/// A workstation is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolling {
    /// When.
    pub now_ms: u64,
    /// Who will use it.
    pub owner: PersonId,
}

/// A lockbox is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locking {
    /// When.
    pub now_ms: u64,
    /// Whether it will be on.
    pub enabled: bool,
}

/// A look at a record is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    /// When.
    pub now_ms: u64,
    /// From where.
    pub workstation: WorkstationFacts,
}

/// A record is about to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// When.
    pub now_ms: u64,
    /// From where.
    pub workstation: WorkstationFacts,
    /// Under which grant.
    pub grant: GrantFacts,
}

/// A flag is decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciding {
    /// When.
    pub now_ms: u64,
    /// The look that the decision rests on.
    pub grant: GrantFacts,
}

/// It is set whether content is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retaining {
    /// When.
    pub now_ms: u64,
    /// Whether it will be kept.
    pub enabled: bool,
    /// The application that this carries out, if any.
    pub application: Option<ApplicationFacts>,
}

impl Facts for Moment {}
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
