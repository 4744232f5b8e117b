//! The kinds of exemptions, and the subject of their workflow: one resource and one kind.

use serde::{Deserialize, Serialize};
use tlog::entry::Waiver;

use crate::id::ResourceId;

/// The rule that an exemption is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Content is stored. The exemption is zero retention.
    #[default]
    ContentLogging,
    /// A content filter is at least as strong as the operator requires. The exemption is Azure's
    /// modified content filtering.
    ContentFilter,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::ContentLogging, Self::ContentFilter];

    /// Returns the kind in the log, where content logging is the one without a number.
    pub(super) fn waives(self) -> Option<Waiver> {
        match self {
            Self::ContentLogging => None,
            Self::ContentFilter => Some(Waiver::ContentFilter),
        }
    }
}

/// A resource and a kind of exemption. Each has applications and approvals of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    resource: ResourceId,
    kind: Kind,
    /// The resource's id, and the kind.
    bytes: [u8; 17],
}

impl Subject {
    /// Returns the subject.
    #[must_use]
    pub fn new(resource: ResourceId, kind: Kind) -> Self {
        let mut bytes = [FILTER; 17];
        for (to, from) in bytes.iter_mut().zip(resource.as_bytes()) {
            *to = *from;
        }
        Self { resource, kind, bytes }
    }

    /// Returns the resource.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the bytes under which the state is stored. Those of zero retention are the
    /// resource's alone, as they were before there was another kind.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self.kind {
            Kind::ContentLogging => self.resource.as_bytes(),
            Kind::ContentFilter => &self.bytes,
        }
    }

    /// Reads what [`Subject::as_bytes`] returned.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, resource) = match bytes {
            [resource @ .., FILTER] if bytes.len() == 17 => (Kind::ContentFilter, resource),
            resource => (Kind::ContentLogging, resource),
        };
        Some(Self::new(ResourceId::from_random(resource.try_into().ok()?), kind))
    }
}

const FILTER: u8 = 1;
