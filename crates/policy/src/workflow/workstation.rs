//! Workstations for review. Each is enrolled by the fingerprint of its certificate, in a region,
//! until the certificate expires or the workstation is revoked.
//!
//! The server that terminates the connection (mTLS) checks that it presented that certificate.

use serde::{Deserialize, Serialize};
use tlog::{canon::Digest, entry};

use super::{Logged, Statement};
use crate::{
    id::PersonId,
    permit::{EnrollWorkstation, Permit},
};

/// The state of one workstation, identified by the SHA-256 of its certificate (DER).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The workstation was never enrolled.
    #[default]
    Unknown,
    /// The workstation may be used.
    Enrolled(Enrolment),
    /// The workstation may not be used any more, for ever. A repaired machine gets a new
    /// certificate, because the old one may be in other hands.
    Revoked(Enrolment),
}

/// The enrolment of a workstation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// SHA-256 of the certificate.
    pub workstation: Digest,
    /// The workstation's name.
    pub name: String,
    /// The region where the workstation is.
    pub region: String,
    /// The person responsible for the enrolment.
    pub person: PersonId,
    /// The time of the enrolment, in milliseconds since 1970.
    pub since_ms: u64,
    /// The time when the certificate expires.
    pub expires_ms: u64,
}

/// A change of a workstation. Only [`Allowed`] leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The workstation is enrolled.
    Enrol {
        /// SHA-256 of the certificate.
        workstation: Digest,
        /// The workstation's name.
        name: String,
        /// The region where the workstation is.
        region: String,
        /// The person responsible for the enrolment.
        person: PersonId,
        /// The time when the certificate expires.
        expires_ms: u64,
        /// A random salt: the log commits to name and region.
        salt: [u8; 16],
    },
    /// The workstation is revoked.
    Revoke {
        /// The person responsible for the revocation.
        person: PersonId,
        /// The reason for the revocation.
        reason: Statement,
    },
}

/// A step that may be taken. It is made from its permit, which names the responsible person.
///
/// ```compile_fail,E0451
/// use policy::workflow::workstation::Allowed;
/// let forged = Allowed { workstation: todo!(), event: todo!() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is already spent; take the step"]
pub struct Allowed {
    workstation: Digest,
    event: Event,
}

/// A workstation to enrol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// SHA-256 of the certificate.
    pub workstation: Digest,
    /// The workstation's name.
    pub name: String,
    /// The region where the workstation is.
    pub region: String,
    /// The time when the certificate expires.
    pub expires_ms: u64,
}

impl Allowed {
    /// Enrols a workstation. The salt is random: the log commits to name and region.
    pub fn enrol(permit: Permit<EnrollWorkstation>, candidate: Candidate, salt: [u8; 16]) -> Self {
        let (_, context) = permit.spend_with_context();
        let Candidate { workstation, name, region, expires_ms } = candidate;
        let person = context.owner;
        let event = Event::Enrol { workstation, name, region, person, expires_ms, salt };
        Self { workstation, event }
    }

    /// Revokes a workstation for ever.
    pub fn revoke(
        permit: Permit<EnrollWorkstation>,
        workstation: Digest,
        reason: Statement,
    ) -> Self {
        let (_, context) = permit.spend_with_context();
        Self { workstation, event: Event::Revoke { person: context.owner, reason } }
    }

    /// Returns the SHA-256 of the certificate.
    #[must_use]
    pub fn workstation(&self) -> Digest {
        self.workstation
    }
}

/// A change that a step makes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// The workstation may be used.
    Enrol {
        /// The enrolment.
        enrolment: Enrolment,
        /// The name and region; the log commits to them.
        details: Statement,
    },
    /// The workstation may not be used any more.
    Revoke {
        /// SHA-256 of the certificate.
        workstation: Digest,
        /// The person responsible for the revocation.
        person: PersonId,
        /// The reason for the revocation.
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

/// The reason why a workstation is not enrolled, revoked or admitted; [`Refused::help`] gives the
/// remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The workstation is enrolled.
    #[error("this workstation is enrolled already")]
    AlreadyEnrolled,
    /// The workstation was never enrolled.
    #[error("this workstation was never enrolled")]
    NeverEnrolled,
    /// The workstation was revoked.
    #[error("this workstation was revoked")]
    Revoked,
    /// The certificate has expired.
    #[error("this workstation's certificate has expired")]
    Expired,
    /// The presented certificate belongs to another workstation.
    #[error("the presented certificate is not this workstation's")]
    OtherCertificate,
}

impl Refused {
    /// Returns the help text for the refusal.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyEnrolled => "no action is needed: it may be used",
            Self::NeverEnrolled => "ask the administrator of reviews to enrol its certificate",
            Self::Revoked => "give the workstation a new certificate, and enrol that",
            Self::Expired => "renew the workstation's certificate, and enrol the new one",
            Self::OtherCertificate => "present the certificate that was enrolled",
        }
    }
}

/// Proof that a workstation is enrolled. Only [`admit`] makes one, for one connection.
///
/// ```compile_fail,E0451
/// use policy::workflow::workstation::Enrolled;
/// let forged = Enrolled { workstation: todo!(), region: String::new(), expires_ms: u64::MAX };
/// ```
///
/// It cannot be deserialized:
///
/// ```compile_fail
/// let stored: policy::workflow::workstation::Enrolled = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the workstation was checked; use the result"]
pub struct Enrolled {
    workstation: Digest,
    region: String,
    expires_ms: u64,
}

impl Enrolled {
    /// Returns the SHA-256 of the certificate.
    #[must_use]
    pub fn workstation(&self) -> Digest {
        self.workstation
    }

    /// Returns the region where the workstation is.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the time when the enrolment ends.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.expires_ms
    }
}

/// Admits a workstation by the certificate that a connection presented.
///
/// # Errors
/// [`Refused`] if the workstation may not be used now.
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

/// Returns the next state, and the effects of the step.
///
/// # Errors
/// [`Refused`] if the step is not possible now.
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
