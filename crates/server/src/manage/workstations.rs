//! The workstations that may open records, by their certificates.

use std::path::Path;

use audit::rfc3339;
use policy::{
    authz::{
        context::Enrolling,
        facts::{Scope, Service},
    },
    id::{PersonId, TenantId},
    permit::{EnrollWorkstation, Permit, ReadEvidence},
    workflow::{Statement, workstation},
};
use serde::Serialize;
use store::{
    signed::Decision,
    workflow::{NotStepped, Workstation},
};
use tlog::{canon::Digest, signature::Signed};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{Acting, ManageError, actor::Named};
use crate::{clock, looked::Looked};

/// A workstation that is or was enrolled.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkstationView {
    /// Name of the workstation.
    pub name: String,
    /// Region in which it stands.
    pub region: String,
    /// `enrolled` or `revoked`.
    pub state: &'static str,
    /// Time at which its certificate expires.
    pub expires: String,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// The enrolling person, by the random id in the log.
    pub enrolled_by: PersonId,
}

/// The signatures of a decision, and the random value in it. The person signs the decision with this
/// value, so both tries have the same one.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    /// The salt of the commitment in the decision.
    pub salt: [u8; 16],
    /// The signatures; none if no one signed yet.
    pub signed: Vec<Signed>,
}

impl Acting {
    /// Enrols a workstation, until its certificate expires.
    ///
    /// # Errors
    /// The certificate cannot be read, or was enrolled before; or the person has no role.
    pub(crate) fn enroll_workstation(
        &self,
        certificate: &Path,
        (name, region): (&str, &str),
        (tenant, object): (&str, &str),
        Signing { salt, signed }: Signing,
    ) -> Result<(), ManageError> {
        let permit = self.enrolling(tenant, object)?;
        let (workstation, expires_ms) = read(certificate)?;
        let (name, region) = (name.to_owned(), region.to_owned());
        let candidate = workstation::Candidate { workstation, name, region, expires_ms };
        self.decide_signed(workstation::Allowed::enrol(permit, candidate, salt), signed)
    }

    /// Revokes a workstation permanently.
    ///
    /// # Errors
    /// The workstation is not enrolled, the reason is missing, or the person has no role.
    pub(crate) fn revoke_workstation(
        &self,
        certificate: &Path,
        reason: &str,
        (tenant, object): (&str, &str),
        Signing { salt, signed }: Signing,
    ) -> Result<(), ManageError> {
        let permit = self.enrolling(tenant, object)?;
        let (fingerprint, _) = read(certificate)?;
        let reason = Statement::new(reason, salt).map_err(|_| ManageError::NoReason)?;
        self.decide_signed(workstation::Allowed::revoke(permit, fingerprint, reason), signed)
    }

    /// Takes a step. If the operator has a root, an enroller must have signed it.
    fn decide_signed(
        &self,
        allowed: workstation::Allowed,
        signed: Vec<Signed>,
    ) -> Result<(), ManageError> {
        // The event is the operator's, and of no tenant.
        let decision = Decision { tenant: TenantId::from_random([0; 16]), signed };
        self.store.decide::<Workstation>(&self.rolls()?, allowed, decision)?;
        Ok(())
    }

    /// Lists all workstations that were ever enrolled.
    ///
    /// # Errors
    /// The caller may not see evidence, or the store cannot be read.
    pub(crate) fn workstations(&self) -> Result<Vec<WorkstationView>, ManageError> {
        let permit = self.permit::<ReadEvidence>(&Looked::there(Scope::Service), Named::Service)?;
        let states = match permit.spend() {
            Scope::Service => self.store.states::<Workstation>()?,
            // Workstations belong to the service, not to a tenant.
            Scope::Tenant(_) | Scope::Resource(_) | Scope::Deployment(_) => Vec::new(),
        };
        Ok(states.iter().filter_map(WorkstationView::of).collect())
    }

    /// Asks the policies whether the caller may enrol or revoke review workstations; the permit
    /// names the person responsible.
    fn enrolling(
        &self,
        tenant: &str,
        object: &str,
    ) -> Result<Permit<EnrollWorkstation>, ManageError> {
        let directory = self.store.directory()?;
        let somebody = self.person(&directory, tenant, object)?;
        let id = directory.principal_id(somebody.tenant, somebody.object);
        let owner = id.map(PersonId::from_random).ok_or(ManageError::NoRole)?;
        let context = Enrolling { now_ms: clock::now_ms(), owner };
        self.permit_in(&Looked::there(Service), &context, Named::Service)
    }
}

impl WorkstationView {
    fn of(state: &workstation::State) -> Option<Self> {
        let (enrolment, state) = match state {
            workstation::State::Unknown => return None,
            workstation::State::Enrolled(enrolment) => (enrolment, "enrolled"),
            workstation::State::Revoked(enrolment) => (enrolment, "revoked"),
        };
        Some(Self {
            name: enrolment.name.clone(),
            region: enrolment.region.clone(),
            state,
            expires: rfc3339(enrolment.expires_ms / 1000),
            fingerprint: enrolment.workstation.to_string(),
            enrolled_by: enrolment.person,
        })
    }
}

impl From<NotStepped<workstation::Refused>> for ManageError {
    fn from(error: NotStepped<workstation::Refused>) -> Self {
        match error {
            NotStepped::Refused(refused) => Self::Workstation(refused),
            NotStepped::Store(error) => Self::Store(error),
        }
    }
}

/// Reads a certificate's fingerprint and expiry in milliseconds.
fn read(path: &Path) -> Result<(Digest, u64), ManageError> {
    let failed = |source| ManageError::File { doing: "read", path: path.to_owned(), source };
    let der = CertificateDer::from_pem_file(path)
        .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der)
        .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    let expires_s = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    Ok((Digest::of(&[&der]), expires_s.saturating_mul(1000)))
}
