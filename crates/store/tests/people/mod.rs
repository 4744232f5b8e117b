//! People with verified tokens, and the permits that the built-in policies give them. Tests get
//! permits in the same way as the service.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    authz::{
        Authority, Settled,
        context::{Moment, Retaining},
        facts::{ApplicationFacts, ResourceFacts, Scope},
        policies::Policies,
        role::{Role, RoleAssignments},
    },
    id::{ApprovalId, PersonId, TeamId, TenantId},
    object::Classes,
    permit::{Action, Permit},
    principal::{self, NamedTenant, Principal},
    token::{KeySet, Keys, Lookup, Patience, Presented, Trust},
    workflow::{
        Statement,
        exemption::{Allowed, ApplicationTerms, Kind, Word},
    },
};

/// A person's token and its issuer's key, made for these tests only.
const TOKEN: &str = "eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJFZERTQSIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaHR0cHM6Ly9pc\
    3N1ZXIuZXhhbXBsZSIsICJhdWQiOiAiZGVzayIsICJ0aWQiOiAiMTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1Iiwg\
    Im9pZCI6ICIwZTJmNmExYy0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMTEiLCAiaWF0IjogMTAwMCwgIm5iZiI6IDEwMDAsICJleHA\
    iOiA1MDAwLCAic2NwIjogImRlc2siLCAidmVyIjogIjIuMCIsICJzdWIiOiAicyJ9.YmMBuulnEOmq1Vq3suQqbQPIBmio6W23xg_bP\
    Gu6R8NtrUsAVjZ9TSBZEi7RVhlGnDd6d5wyGzFG8VBQM3GHDA";
const KEY_SET: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "use": "sig",
    "alg": "EdDSA", "x": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"}]}"#;
const DIRECTORY: &str = "11111111-2222-3333-4444-555555555555";

/// The operator's own tenant.
pub(crate) const OPERATOR: TenantId = TenantId::from_random([0xee; 16]);

/// Returns a person of a tenant, with an id that the test chooses.
pub(crate) fn person(tenant: TenantId, id: [u8; 16]) -> Principal {
    let tenants = BTreeMap::from([(DIRECTORY.parse().unwrap(), "contoso".to_owned())]);
    let trust =
        Trust::new("https://issuer.example".into(), vec!["desk".into()], tenants, 0).unwrap();
    let mut keys = Keys::new(trust, Patience::default());
    keys.fetched(KeySet::parse(KEY_SET.as_bytes()).unwrap(), 0);
    let presented = Presented::parse(TOKEN).unwrap();
    let Lookup::Found(key) = keys.lookup("k", 0) else { panic!("the key is there") };
    let token = presented.verify(key, 1000).unwrap();
    let any = BTreeSet::new();
    let named = NamedTenant { name: "contoso", id: tenant, issuers: &any };
    principal::admit(&token, &named, id).unwrap()
}

/// Returns the built-in policies with these role assignments at the service. All people are in this
/// team.
pub(crate) fn authority(held: &[(&Principal, Role)], team: Option<TeamId>) -> Settled {
    let mut roles = RoleAssignments::default();
    for (principal, role) in held {
        roles.assign(principal.holder().unwrap(), *role, Scope::Service);
        if let Principal::Person(person) = principal {
            roles.set_team(person.id(), team);
        }
    }
    Settled::new(Authority::new(Policies::built_in().unwrap(), Some(OPERATOR), roles))
}

/// Returns a permit for a principal with one role.
pub(crate) fn permit<A: Action>(
    principal: &Principal,
    role: Role,
    thing: &A::Thing,
    context: &A::Context,
) -> Permit<A> {
    authority(&[(principal, role)], None).authorize(principal, thing, context).unwrap()
}

/// The steps of one application, each by a person with the required role.
pub(crate) struct Zero {
    pub(crate) of: ResourceFacts,
    pub(crate) kind: Kind,
    pub(crate) approval: ApprovalId,
    pub(crate) now_ms: u64,
    pub(crate) until_ms: u64,
}

impl Zero {
    pub(crate) const APPLICANT: PersonId = PersonId::from_random([1; 16]);

    fn facts(&self, first: Option<PersonId>) -> ApplicationFacts {
        ApplicationFacts {
            of: self.of,
            kind: self.kind,
            application: self.approval,
            // Not the real applicant: the step itself must also detect a decision by the applicant.
            applicant: PersonId::from_random([0x88; 16]),
            first,
            second: None,
            approved: false,
            expires_ms: self.until_ms,
        }
    }

    fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms }
    }

    /// Returns the application of the customer's officer.
    pub(crate) fn apply(&self) -> Allowed {
        let customer = person(self.of.tenant, *Self::APPLICANT.as_bytes());
        let officer = Role::DataProtectionOfficer;
        let asked = ApplicationTerms {
            kind: self.kind,
            approval: self.approval,
            until_ms: self.until_ms,
            from_ms: None,
            review_after_abuse: true,
            keeps: Classes::NONE,
            use_case: statement("use"),
            measures: statement("measures"),
        };
        Allowed::apply(permit(&customer, officer, &self.of, &self.moment()), asked).unwrap()
    }

    /// Returns the approval of the operator's first officer.
    pub(crate) fn first(&self, by: u8) -> Allowed {
        let (who, officer) = (person(OPERATOR, [by; 16]), Role::DataProtectionOfficer);
        let permit = permit(&who, officer, &self.facts(None), &self.moment());
        Allowed::decide(permit, Word::Yes, statement("why")).unwrap()
    }

    /// Returns the approval of the operator's second officer. For zero retention, it disables
    /// content logging.
    pub(crate) fn second(&self, first: u8, by: u8) -> Allowed {
        let (who, officer) = (person(OPERATOR, [by; 16]), Role::DataProtectionOfficer);
        let waiting = self.facts(Some(PersonId::from_random([first; 16])));
        let second = Some(PersonId::from_random([by; 16]));
        let application = Some(ApplicationFacts { second, approved: true, ..waiting.clone() });
        let context = Retaining { now_ms: self.now_ms, enabled: false, application };
        let word = match self.kind {
            Kind::ContentLogging => Word::YesAndSwitch(permit(&who, officer, &self.of, &context)),
            Kind::ContentFilter => Word::Yes,
        };
        let permit = permit(&who, officer, &waiting, &self.moment());
        Allowed::decide(permit, word, statement("why")).unwrap()
    }
}

/// Returns a statement with this text.
pub(crate) fn statement(text: &str) -> Statement {
    Statement::new(text, [7; 16]).unwrap()
}
