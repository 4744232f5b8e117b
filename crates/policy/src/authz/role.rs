//! Named roles and their assignments.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
};

use super::scope::Scope;
use crate::id::{PersonId, TeamId, WorkloadId};

/// The app role that lets the holder of a token call models. A token of the right tenant is not
/// enough to use this service.
pub const USER_APP_ROLE: &str = "OpenAI.User";

/// A named role: Azure's roles under Azure's names, and Bailiwick's own.
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
    /// Approves access requests of reviewers in the same team.
    ReviewManager,
    /// Handles rights of data subjects, consent and zero retention.
    DataProtectionOfficer,
    /// Reads evidence, never content.
    Auditor,
    /// Runs the service; sees no content.
    Operator,
}

impl Role {
    /// All roles, Azure's first.
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

    /// Returns the role's name in policies, tokens and on the command line.
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

    /// Returns the role that an app role in a token's `roles` gives at the token's own tenant. Only
    /// [`USER_APP_ROLE`] gives one: reviewers, deciders and operators are assigned here, and
    /// logged.
    #[must_use]
    pub fn claimed(app_role: &str) -> Option<Self> {
        (app_role == USER_APP_ROLE).then_some(Self::OpenAiUser)
    }

    /// Returns the role's bit in a [`Roles`].
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of a role.
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

    /// Reads a stored set. Bits of no role are left out.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        let held = |role: &Role| bits & role.bit() != 0;
        Role::ALL.into_iter().filter(held).fold(Self::NONE, Self::with)
    }

    /// Returns the set as a number, to store it.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Adds a role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// Removes a role.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !role.bit())
    }

    /// Returns all roles of either set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if the set contains the role.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the roles, Azure's first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A principal that can hold a role. A key cannot: its permissions are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A person.
    Person(PersonId),
    /// A program with its own identity.
    Workload(WorkloadId),
}

/// The tables of role assignments and team members, in the form that decisions need.
///
/// A role holds at its scope and at everything below. A lookup asks only for the few scopes above
/// one thing, so its cost does not grow with the number of assignments.
#[derive(Debug, Clone, Default)]
pub struct RoleAssignments {
    held: HashMap<Holder, BTreeMap<Scope, Roles>>,
    teams: HashMap<PersonId, TeamId>,
}

impl RoleAssignments {
    /// Assigns a role at a scope. The role holds at everything below.
    pub fn assign(&mut self, holder: Holder, role: Role, scope: Scope) {
        let roles = self.held.entry(holder).or_default().entry(scope).or_default();
        *roles = roles.with(role);
    }

    /// Removes a role that was assigned at exactly this scope. An assignment further up stays.
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

    /// Puts a person into a team, or removes the person from their team.
    pub fn set_team(&mut self, person: PersonId, team: Option<TeamId>) {
        match team {
            Some(team) => self.teams.insert(person, team),
            None => self.teams.remove(&person),
        };
    }

    /// Returns the roles that a holder has at any of these scopes.
    #[must_use]
    pub fn held_at(&self, holder: Holder, scopes: impl IntoIterator<Item = Scope>) -> Roles {
        let Some(held) = self.held.get(&holder) else { return Roles::NONE };
        let at = |scope| held.get(&scope).copied().unwrap_or_default();
        scopes.into_iter().map(at).fold(Roles::NONE, Roles::and)
    }

    /// Lists all assignments of a holder.
    pub fn of(&self, holder: Holder) -> impl Iterator<Item = (Scope, Roles)> {
        self.held.get(&holder).into_iter().flatten().map(|(scope, roles)| (*scope, *roles))
    }

    /// Returns a person's team.
    #[must_use]
    pub fn team(&self, person: PersonId) -> Option<TeamId> {
        self.teams.get(&person).copied()
    }
}

#[cfg(test)]
mod tests;
