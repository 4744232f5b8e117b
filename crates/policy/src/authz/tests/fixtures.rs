//! Tenants, people and things for the tests.

use std::collections::BTreeSet;

use super::super::{
    context::{Moment, Reaching, WorkstationFacts},
    facts::{
        ApplicationFacts, ApprovalFacts, DeploymentFacts, FileFacts, GrantFacts, ObjectFacts,
        RecordFacts, ResourceFacts, Scope, SignatureFacts,
    },
    policies::Policies,
    role::{Role, RoleAssignments, Roles},
    *,
};
use crate::{
    id::{
        ApprovalId, DeploymentId, EngineId, GrantId, ObjectId, PersonId, RequestId, ResourceId,
        TeamId, TenantId, WorkloadId,
    },
    object::{Class, Owner},
    principal::{self, KeyName, Person, ResourceKeys, Workload},
    residency::EngineFacts,
    workflow::exemption,
};

pub(super) const CUSTOMER: u8 = 1;
pub(super) const OTHER: u8 = 2;
pub(super) const OPERATOR: u8 = 3;

pub(super) const NOW: Moment = Moment { now_ms: 1_000 };

/// The reviewer of [`grant`].
pub(super) const REVIEWER: u8 = 40;
/// The approving manager of [`grant`].
pub(super) const MANAGER: u8 = 41;

pub(super) fn tenant(number: u8) -> TenantId {
    TenantId::from_random([number; 16])
}

pub(super) fn resource(owner: u8, number: u8) -> ResourceFacts {
    let id = ResourceId::from_random([owner * 16 + number; 16]);
    ResourceFacts { tenant: tenant(owner), resource: id }
}

pub(super) fn scope(owner: u8, number: u8) -> Scope {
    Scope::Resource(resource(owner, number))
}

pub(super) fn deployment(owner: u8, number: u8) -> DeploymentFacts {
    let ResourceFacts { tenant, resource } = resource(owner, number);
    DeploymentFacts { tenant, resource, deployment: DeploymentId::from_random([number; 16]) }
}

pub(super) fn key(owner: u8, number: u8) -> Principal {
    let ResourceFacts { tenant, resource } = resource(owner, number);
    let key = principal::Key::from_random(&[7; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    principal::authenticate(&key, &keys).unwrap().into()
}

pub(super) fn person(of: u8, number: u8) -> Principal {
    Person::verified(tenant(of), person_id(number), Roles::NONE).into()
}

pub(super) fn person_id(number: u8) -> PersonId {
    PersonId::from_random([number; 16])
}

pub(super) fn workload(of: u8, number: u8) -> Principal {
    Workload::verified(tenant(of), WorkloadId::from_random([number; 16]), Roles::NONE).into()
}

pub(super) fn team(number: u8) -> TeamId {
    TeamId::from_random([number; 16])
}

/// Bailiwick's own policies, with these roles; reviewer and manager are in one team.
pub(super) fn authority(held: &[(&Principal, Role, Scope)]) -> Authority {
    let mut roles = RoleAssignments::default();
    for (principal, role, scope) in held {
        roles.assign(principal.holder().unwrap(), *role, *scope);
    }
    for person in [REVIEWER, MANAGER] {
        roles.set_team(person_id(person), Some(team(1)));
    }
    Authority::new(Policies::built_in().unwrap(), Some(tenant(OPERATOR)), roles)
}

pub(super) fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// An engine of a processor, in an allowed region; the customer allowed the processor.
pub(super) fn reaching() -> Reaching {
    Reaching {
        now_ms: NOW.now_ms,
        engine: EngineFacts {
            engine: Some(EngineId::from_random([1; 16])),
            region: "swedencentral".into(),
            processor: Some("contoso".into()),
        },
        regions: texts(&["francecentral", "swedencentral"]),
        processors: texts(&["contoso"]),
    }
}

pub(super) fn file(owner: u8) -> FileFacts {
    FileFacts { object: object(owner), purpose: "fine-tune".into() }
}

/// A file of the resource's first key that is shared.
pub(super) fn object(owner: u8) -> ObjectFacts {
    ObjectFacts {
        of: resource(owner, 1),
        object: ObjectId::from_random([1; 16]),
        class: Class::File,
        owner: Owner::Key(KeyName::Key1),
        shared: true,
    }
}

pub(super) fn record(owner: u8) -> RecordFacts {
    RecordFacts {
        of: resource(owner, 1),
        record: RequestId::from_random([1; 16]),
        region: "westeurope".into(),
        lockbox: true,
        flagged: true,
    }
}

pub(super) fn workstation() -> WorkstationFacts {
    let (fingerprint, region) = ("ab".repeat(32), "westeurope".into());
    WorkstationFacts { enrolled: true, fingerprint, region }
}

/// Both parties have a root, and everybody signed.
pub(super) const SIGNED: SignatureFacts = SignatureFacts {
    operator_has_root: true,
    customer_has_root: true,
    request: true,
    approval: true,
    consent: true,
};

/// A valid grant: approved, with consent, neither used nor expired.
pub(super) fn grant(owner: u8) -> GrantFacts {
    GrantFacts {
        grant: GrantId::from_random([1; 16]),
        record: record(owner),
        reviewer: person_id(REVIEWER),
        team: team(1),
        workstation: workstation().fingerprint,
        approval: Some(ApprovalFacts { manager: person_id(MANAGER), team: team(1) }),
        consented: true,
        expires_ms: NOW.now_ms + 1,
        used: false,
        signatures: SIGNED,
    }
}

/// A valid application: two people decided, and neither is the applicant.
pub(super) fn application(owner: u8) -> ApplicationFacts {
    ApplicationFacts {
        of: resource(owner, 1),
        kind: exemption::Kind::ContentLogging,
        application: ApprovalId::from_random([1; 16]),
        applicant: person_id(50),
        first: Some(person_id(51)),
        second: Some(person_id(52)),
        approved: true,
        expires_ms: NOW.now_ms + 1,
    }
}
