//! Workstations that records may be seen from: enrolled by the fingerprint of their certificate, in
//! a region, until the certificate expires or somebody revokes it.
//!
//! Whether the connection presented that certificate is checked where it is terminated (mTLS).

use serde::{Deserialize, Serialize};
use tlog::{canon::Digest, entry};

use super::{Logged, Statement};
use crate::{
    id::PersonId,
    permit::{EnrollWorkstation, Permit},
};

/// One workstation, by the SHA-256 of its certificate (DER).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It was never enrolled.
    #[default]
    Unknown,
    /// It may be used.
    Enrolled(Enrolment),
    /// It may not be used any more, and does not come back: a mended machine gets a new
    /// certificate, because nobody knows who has the old one.
    Revoked(Enrolment),
}

/// How a workstation was enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// SHA-256 of its certificate.
    pub workstation: Digest,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub region: String,
    /// Who enrolled it.
    pub person: PersonId,
    /// When.
    pub since_ms: u64,
    /// When its certificate expires.
    pub expires_ms: u64,
}

/// What happens to a workstation. [`Allowed`] alone leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Somebody enrols it.
    Enrol {
        /// SHA-256 of its certificate.
        workstation: Digest,
        /// What people call it.
        name: String,
        /// Where it stands.
        region: String,
        /// Who enrols it.
        person: PersonId,
        /// When its certificate expires.
        expires_ms: u64,
        /// Random: the log commits to name and region.
        salt: [u8; 16],
    },
    /// Somebody revokes it.
    Revoke {
        /// Who.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
}

/// A step that may be taken. It is made of the permit for it, which says who is to answer for it.
///
/// ```compile_fail,E0451
/// use policy::workflow::workstation::Allowed;
/// let forged = Allowed { workstation: todo!(), event: todo!() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is spent, whether the step is taken or not"]
pub struct Allowed {
    workstation: Digest,
    event: Event,
}

/// A workstation that is to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// SHA-256 of its certificate.
    pub workstation: Digest,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub region: String,
    /// When its certificate expires.
    pub expires_ms: u64,
}

impl Allowed {
    /// A workstation is enrolled. The salt is random: the log commits to name and region.
    pub fn enrol(permit: Permit<EnrollWorkstation>, candidate: Candidate, salt: [u8; 16]) -> Self {
        let (_, context) = permit.spend_with_context();
        let Candidate { workstation, name, region, expires_ms } = candidate;
        let person = context.owner;
        let event = Event::Enrol { workstation, name, region, person, expires_ms, salt };
        Self { workstation, event }
    }

    /// A workstation is revoked, for good.
    pub fn revoke(
        permit: Permit<EnrollWorkstation>,
        workstation: Digest,
        reason: Statement,
    ) -> Self {
        let (_, context) = permit.spend_with_context();
        Self { workstation, event: Event::Revoke { person: context.owner, reason } }
    }

    /// SHA-256 of the certificate that it is about.
    #[must_use]
    pub fn workstation(&self) -> Digest {
        self.workstation
    }
}

/// What a step changes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// It may be used.
    Enrol {
        /// How it was enrolled.
        enrolment: Enrolment,
        /// Its name and region, as the log commits to them.
        details: Statement,
    },
    /// It may not be used any more.
    Revoke {
        /// SHA-256 of its certificate.
        workstation: Digest,
        /// Who revoked it.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
}

impl Logged for Effect {
    fn log(&self) -> entry::Event {
        match self {
            Self::Enrol { enrolment, details } => entry::Event::WorkstationEnrolled {
                workstation: enrolment.workstation,
                person: enrolment.person,
                expires_ms: enrolment.expires_ms,
                details: details.commitment(),
            },
            Self::Revoke { workstation, person, reason } => entry::Event::WorkstationRevoked {
                workstation: *workstation,
                person: *person,
                reason: reason.commitment(),
            },
        }
    }

    fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Enrol { details: statement, .. } | Self::Revoke { reason: statement, .. } => {
                vec![statement]
            }
        }
    }
}

/// Why a workstation is not enrolled, revoked or let in; [`Refused::help`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is enrolled.
    #[error("this workstation is enrolled already")]
    AlreadyEnrolled,
    /// It was never enrolled.
    #[error("this workstation was never enrolled")]
    NeverEnrolled,
    /// It was revoked.
    #[error("this workstation was revoked")]
    Revoked,
    /// Its certificate has expired.
    #[error("this workstation's certificate has expired")]
    Expired,
    /// The certificate that was presented is another one's.
    #[error("the certificate that was presented is not this workstation's")]
    OtherCertificate,
}

impl Refused {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyEnrolled => "nothing is to be done: it may be used",
            Self::NeverEnrolled => "ask who administers review to enrol its certificate",
            Self::Revoked => "give the workstation a new certificate, and enrol that",
            Self::Expired => "renew the workstation's certificate, and enrol the new one",
            Self::OtherCertificate => "present the certificate that was enrolled",
        }
    }
}

/// That a workstation is enrolled: made by [`admit`] only, for one connection.
///
/// ```compile_fail,E0451
/// use policy::workflow::workstation::Enrolled;
/// let forged = Enrolled { workstation: todo!(), region: String::new(), expires_ms: u64::MAX };
/// ```
///
/// It is not loaded from anywhere:
///
/// ```compile_fail
/// let stored: policy::workflow::workstation::Enrolled = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a workstation that was checked for nothing was not needed"]
pub struct Enrolled {
    workstation: Digest,
    region: String,
    expires_ms: u64,
}

impl Enrolled {
    /// SHA-256 of its certificate.
    #[must_use]
    pub fn workstation(&self) -> Digest {
        self.workstation
    }

    /// Where it stands.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// When its enrolment ends.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.expires_ms
    }
}

/// Lets a workstation in whose certificate a connection presented.
///
/// # Errors
/// When it may not be used now.
pub fn admit(state: &State, presented: Digest, now_ms: u64) -> Result<Enrolled, Refused> {
    let enrolment = match state {
        State::Unknown => return Err(Refused::NeverEnrolled),
        State::Revoked(_) => return Err(Refused::Revoked),
        State::Enrolled(enrolment) => enrolment,
    };
    if enrolment.workstation != presented {
        return Err(Refused::OtherCertificate);
    }
    if now_ms >= enrolment.expires_ms {
        return Err(Refused::Expired);
    }
    Ok(Enrolled {
        workstation: presented,
        region: enrolment.region.clone(),
        expires_ms: enrolment.expires_ms,
    })
}

/// The next state, and what changes.
///
/// # Errors
/// When it may not happen now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    advance(state, allowed.event, now_ms)
}

pub(super) fn advance(
    state: &State,
    event: Event,
    now_ms: u64,
) -> Result<(State, Vec<Effect>), Refused> {
    match (state, event) {
        (State::Unknown, Event::Enrol { workstation, name, region, person, expires_ms, salt }) => {
            if now_ms >= expires_ms {
                return Err(Refused::Expired);
            }
            let details = Statement::made(format!("name={name} region={region}"), salt);
            let enrolment =
                Enrolment { workstation, name, region, person, since_ms: now_ms, expires_ms };
            let effect = Effect::Enrol { enrolment: enrolment.clone(), details };
            Ok((State::Enrolled(enrolment), vec![effect]))
        }
        (State::Enrolled(enrolment), Event::Enrol { .. }) => {
            let expired = now_ms >= enrolment.expires_ms;
            Err(if expired { Refused::Expired } else { Refused::AlreadyEnrolled })
        }
        (State::Enrolled(enrolment), Event::Revoke { person, reason }) => {
            let workstation = enrolment.workstation;
            let effect = Effect::Revoke { workstation, person, reason };
            Ok((State::Revoked(enrolment.clone()), vec![effect]))
        }
        (State::Unknown, Event::Revoke { .. }) => Err(Refused::NeverEnrolled),
        (State::Revoked(_), _) => Err(Refused::Revoked),
    }
}

#[cfg(test)]
mod tests;
