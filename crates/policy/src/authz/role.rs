//! Named roles, and who holds which where.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
};

use super::facts::Scope;
use crate::id::{PersonId, TeamId, WorkloadId};

/// The app role that lets a token's holder call models: whoever can get a token of the right tenant
/// is not thereby a user of this service.
pub const USER_APP_ROLE: &str = "OpenAI.User";

/// A named role: Azure's by Azure's names, and Bailiwick's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Calls models.
    OpenAiUser,
    /// Calls models, fine-tunes, deploys.
    OpenAiContributor,
    /// Manages resources and their keys; calls no model.
    Contributor,
    /// Reads usage and quota.
    UsagesReader,
    /// Sees one flagged record at a time, under a grant.
    Reviewer,
    /// Approves what reviewers of the own team ask for.
    ReviewManager,
    /// Rights of data subjects, consent, zero retention.
    DataProtectionOfficer,
    /// Reads evidence, never content.
    Auditor,
    /// Runs the service, sees no content.
    Operator,
}

impl Role {
    /// All of them, Azure's first.
    pub const ALL: [Self; 9] = [
        Self::OpenAiUser,
        Self::OpenAiContributor,
        Self::Contributor,
        Self::UsagesReader,
        Self::Reviewer,
        Self::ReviewManager,
        Self::DataProtectionOfficer,
        Self::Auditor,
        Self::Operator,
    ];

    /// The role's name, in policies, tokens and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiUser => "Cognitive Services OpenAI User",
            Self::OpenAiContributor => "Cognitive Services OpenAI Contributor",
            Self::Contributor => "Cognitive Services Contributor",
            Self::UsagesReader => "Cognitive Services Usages Reader",
            Self::Reviewer => "Reviewer",
            Self::ReviewManager => "Review Manager",
            Self::DataProtectionOfficer => "Data Protection Officer",
            Self::Auditor => "Auditor",
            Self::Operator => "Operator",
        }
    }

    /// The role that an app role in a token's `roles` gives, at the token's own tenant. Only this one:
    /// who reviews, decides or runs the service is assigned here, and logged.
    #[must_use]
    pub fn claimed(app_role: &str) -> Option<Self> {
        (app_role == USER_APP_ROLE).then_some(Self::OpenAiUser)
    }

    /// The role's bit in a [`Roles`].
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role `{given}`; the roles are {}", names())]
pub struct NoSuchRole {
    given: String,
}

fn names() -> String {
    Role::ALL.map(|role| format!("`{role}`")).join(", ")
}

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(name: &str) -> Result<Self, NoSuchRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| NoSuchRole { given: name.to_owned() })
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u16);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// Adds one.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// Takes one away.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !role.bit())
    }

    /// All roles of either set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the role is one of them.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles, Azure's first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Who can hold a role. A key cannot: what it may do is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A person.
    Person(PersonId),
    /// A program with an identity of its own.
    Workload(WorkloadId),
}

/// Who holds which role where, and who is of which team: the tables, as decisions need them.
///
/// A role holds at its scope and at everything below. A look-up asks for the few scopes above one
/// thing, so it takes no longer with a million assignments than with ten.
#[derive(Debug, Clone, Default)]
pub struct RoleAssignments {
    held: HashMap<Holder, BTreeMap<Scope, Roles>>,
    teams: HashMap<PersonId, TeamId>,
}

impl RoleAssignments {
    /// Gives a role, at a scope and at everything below.
    pub fn assign(&mut self, holder: Holder, role: Role, scope: Scope) {
        let roles = self.held.entry(holder).or_default().entry(scope).or_default();
        *roles = roles.with(role);
    }

    /// Takes a role that was given at this very scope. One that was given further up still holds.
    pub fn take(&mut self, holder: Holder, role: Role, scope: Scope) {
        let Some(scopes) = self.held.get_mut(&holder) else { return };
        if let Some(roles) = scopes.get_mut(&scope) {
            *roles = roles.without(role);
        }
        scopes.retain(|_, roles| !roles.is_empty());
        if scopes.is_empty() {
            self.held.remove(&holder);
        }
    }

    /// Puts a person into a team, or into none.
    pub fn set_team(&mut self, person: PersonId, team: Option<TeamId>) {
        match team {
            Some(team) => self.teams.insert(person, team),
            None => self.teams.remove(&person),
        };
    }

    /// The roles that somebody holds at any of these scopes.
    #[must_use]
    pub fn held_at(&self, holder: Holder, scopes: impl IntoIterator<Item = Scope>) -> Roles {
        let Some(held) = self.held.get(&holder) else { return Roles::NONE };
        let at = |scope| held.get(&scope).copied().unwrap_or_default();
        scopes.into_iter().map(at).fold(Roles::NONE, Roles::and)
    }

    /// Everything that somebody holds, to list it.
    pub fn of(&self, holder: Holder) -> impl Iterator<Item = (Scope, Roles)> {
        self.held.get(&holder).into_iter().flatten().map(|(scope, roles)| (*scope, *roles))
    }

    /// The team that a person is of.
    #[must_use]
    pub fn team(&self, person: PersonId) -> Option<TeamId> {
        self.teams.get(&person).copied()
    }
}

#[cfg(test)]
mod tests;
