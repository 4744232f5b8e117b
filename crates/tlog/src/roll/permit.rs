//! The table of the decisions, and of the people that may sign each.

use alloc::vec::Vec;

use super::{
    NotSigned, Roll,
    signer::{Holds, Signer},
};
use crate::{
    canon::Digest,
    entry::{Decider, End, Event, PenaltyAction},
    id::{PersonId, TenantId},
    people::{Capacity, Party},
};

/// The people that decided something, by signatures that were checked. Only [`Roll::read`]
/// and [`Roll::check`] make it.
///
/// ```compile_fail
/// use tlog::{people::{Party, Capacity}, roll::{By, Who}};
///
/// let by = By { party: Party::Operator, who: Who::Root, keys: vec![] };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    party: Party,
    who: Who,
    keys: Vec<Digest>,
}

/// The side of a party that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The party's root: as many of its keys as it needs.
    Root,
    /// A person.
    Person {
        /// The person.
        person: PersonId,
        /// The capacity in which the person signed; `None` for a person that revokes its own key.
        capacity: Option<Capacity>,
    },
}

impl By {
    /// Returns the party that decided.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
    }

    /// Returns the root or the person of the party that decided.
    #[must_use]
    pub fn who(&self) -> Who {
        self.who
    }

    /// Returns the fingerprints of the keys that signed.
    #[must_use]
    pub fn keys(&self) -> &[Digest] {
        &self.keys
    }
}

/// The roll's judgement of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// People decided it, and signed.
    Signed(By),
    /// People decided it according to the service, and no signature proves it. This is from before
    /// the party had a root.
    Unsigned {
        /// The people that would have to sign.
        needs: &'static str,
    },
    /// No person signs such an entry: the service writes it by itself.
    Service,
}

/// The side whose people decide an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The operator.
    Operator,
    /// The customer that the event is about. Not each event names it.
    Customer,
    /// This party, or another one for it: the event is about keys and promises.
    Party(Party),
}

impl Side {
    /// Returns the side whose people decide an event, or `None` if the service writes it by itself.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        match Needs::of(event) {
            Needs::NoPerson => None,
            Needs::Operator { .. } => Some(Self::Operator),
            Needs::Officer { .. } => Some(Self::Customer),
            Needs::Roll { party } => Some(Self::Party(party)),
        }
    }
}

/// The people that must sign an event.
enum Needs {
    /// No person: the service writes it by itself.
    NoPerson,
    /// A person of the operator, with one of two capacities.
    Operator { one_of: [Capacity; 2], person: PersonId },
    /// An officer: of this tenant, or of any; this person, or any.
    Officer { tenant: Option<TenantId>, person: Option<PersonId> },
    /// A root, or a person that it names, about a party.
    Roll { party: Party },
}

impl Needs {
    /// The table of docs/spec/statements.md.
    fn of(event: &Event) -> Self {
        use Capacity::{Decider as Decides, Enroller, Manager, Reviewer};
        let one = |capacity, person: &PersonId| Self::Operator {
            one_of: [capacity, capacity],
            person: *person,
        };
        let officer = |person: &PersonId| Self::Officer { tenant: None, person: Some(*person) };
        match event {
            Event::LookRequested { reviewer, .. } => one(Reviewer, reviewer),
            Event::Approved { manager, .. } => one(Manager, manager),
            Event::Refused { decider: Decider::Manager, person, .. } => one(Manager, person),
            Event::Refused { decider: Decider::Customer, person, .. }
            | Event::Consented { person, .. }
            | Event::ProcessorAllowed { person, .. } => officer(person),
            Event::FlagDecided { person, .. } => one(Reviewer, person),
            Event::Penalised { person: None, .. } => Self::NoPerson,
            Event::Penalised { action: PenaltyAction::Appealed, person: Some(person), .. } => {
                officer(person)
            }
            Event::Penalised { person: Some(person), .. } => {
                Self::Operator { one_of: [Reviewer, Manager], person: *person }
            }
            Event::ExemptionApplied { applicant, .. } => officer(applicant),
            Event::ExemptionDecided { person, .. } => one(Decides, person),
            Event::ExemptionEnded { end, .. } => match end {
                End::WithdrawnByCustomer { person, .. } => officer(person),
                End::WithdrawnByOperator { person, .. } => one(Decides, person),
                End::Expired | End::Renewed { .. } => Self::NoPerson,
            },
            Event::WorkstationEnrolled { person, .. }
            | Event::WorkstationRevoked { person, .. } => one(Enroller, person),
            Event::OwnerRead { .. } | Event::OwnerDeleted { .. } => {
                Self::Officer { tenant: None, person: None }
            }
            Event::SubjectRestricted { tenant, .. } | Event::SubjectRequest { tenant, .. } => {
                Self::Officer { tenant: Some(*tenant), person: None }
            }
            Event::RootMade { party, .. }
            | Event::RootReplaced { party, .. }
            | Event::RootRecovery { party, .. }
            | Event::RootRecoveryStopped { party }
            | Event::PersonKeyEnrolled { party, .. }
            | Event::PersonKeyRevoked { party, .. } => Self::Roll { party: *party },
            Event::Promised { tenant, .. } => {
                Self::Roll { party: Party::Tenant { tenant: *tenant } }
            }
            Event::Started { .. }
            | Event::Request { .. }
            | Event::KeyCreated { .. }
            | Event::KeyDestroyed { .. }
            | Event::Changed { .. }
            | Event::ContentLogging { .. }
            | Event::Looked { .. }
            | Event::Repaired { .. }
            | Event::Flagged { .. }
            | Event::Proved { .. }
            | Event::KeyLost { .. }
            | Event::Succeeded { .. }
            | Event::ObjectDestroyed { .. }
            | Event::KeyWithheld { .. }
            | Event::TrainingStarted { .. }
            | Event::Trained { .. }
            | Event::PersonalData { .. }
            | Event::SubjectErased { .. } => Self::NoPerson,
        }
    }

    /// The people that must sign, in plain words.
    fn words(&self) -> &'static str {
        match self {
            Self::NoPerson => "no person",
            Self::Operator { one_of: [first, second], .. } => match (first, second) {
                (Capacity::Reviewer, Capacity::Manager) => {
                    "the operator's reviewer or manager that it names"
                }
                (Capacity::Reviewer, _) => "the operator's reviewer that it names",
                (Capacity::Manager, _) => "the operator's manager that it names",
                (Capacity::Decider, _) => "the operator's decider that it names",
                (Capacity::Enroller | Capacity::Officer, _) => {
                    "the operator's enroller that it names"
                }
            },
            Self::Officer { tenant: Some(_), .. } => "an officer of the tenant that it names",
            Self::Officer { person: Some(_), .. } => "the customer's officer that it names",
            Self::Officer { .. } => "an officer of a customer",
            Self::Roll { .. } => "the root of its party, or whom that root named,",
        }
    }
}

impl Roll {
    /// Decides whether these signers may decide this event.
    ///
    /// # Errors
    /// [`NotSigned`] if they may not.
    pub(super) fn permitted(&self, event: &Event, signers: &[Signer]) -> Result<By, NotSigned> {
        let needs = Needs::of(event);
        match &needs {
            Needs::NoPerson => Err(NotSigned::Needless),
            Needs::Operator { one_of, person } => {
                let by = self.person(signers, needs.words(), |party, capacities| {
                    let capacity = one_of.iter().find(|capacity| capacities.has(**capacity));
                    capacity.copied().filter(|_| party == Party::Operator)
                })?;
                named(by, Some(*person), needs.words()).and_then(|by| not_own(by, event))
            }
            Needs::Officer { tenant, person } => {
                let by = self.person(signers, needs.words(), |party, capacities| {
                    let of = tenant.is_none_or(|tenant| party == Party::Tenant { tenant });
                    let officer =
                        of && party != Party::Operator && capacities.has(Capacity::Officer);
                    officer.then_some(Capacity::Officer)
                })?;
                named(by, *person, needs.words())
            }
            Needs::Roll { party } => self.about_roll(event, *party, signers),
        }
    }

    /// Judges an event without a signature.
    pub(super) fn unsigned(&self, event: &Event) -> Result<Verdict, NotSigned> {
        let needs = Needs::of(event);
        let has_root = match &needs {
            Needs::NoPerson => return Ok(Verdict::Service),
            Needs::Operator { .. } => self.root(Party::Operator).is_some(),
            Needs::Officer { tenant: Some(tenant), .. } => {
                self.root(Party::Tenant { tenant: *tenant }).is_some()
            }
            // The event does not name the tenant; the person does, if it has a key.
            Needs::Officer { person: Some(person), .. } => self.party_of(*person).is_some(),
            Needs::Officer { .. } => false,
            Needs::Roll { .. } => true,
        };
        if has_root {
            return Err(NotSigned::Missing { needs: needs.words() });
        }
        Ok(Verdict::Unsigned { needs: needs.words() })
    }

    /// Takes the only signer: a person with a capacity.
    fn person(
        &self,
        signers: &[Signer],
        needs: &'static str,
        capacity: impl Fn(Party, crate::people::Capacities) -> Option<Capacity>,
    ) -> Result<By, NotSigned> {
        let signer = match signers {
            [signer] => signer,
            [] => return Err(NotSigned::Other { needs }),
            _ => return Err(NotSigned::TooMany { needs }),
        };
        let Holds::Person(party, person, capacities) = signer.holds else {
            return Err(NotSigned::Other { needs });
        };
        let capacity = capacity(party, capacities).ok_or(NotSigned::Capacity { needs })?;
        let who = Who::Person { person, capacity: Some(capacity) };
        Ok(By { party, who, keys: [signer.key].into() })
    }

    /// Decides about an event that changes the roll.
    fn about_roll(&self, event: &Event, party: Party, signers: &[Signer]) -> Result<By, NotSigned> {
        let root = |party| self.root_signed(party, signers);
        let enroller = |party| {
            self.person(signers, "an enroller", |of, capacities| {
                (of == party && capacities.has(Capacity::Enroller)).then_some(Capacity::Enroller)
            })
        };
        match event {
            Event::RootMade { root: made, .. } => {
                // The roll knows none of its keys, or refuses the root later.
                let own = signers.iter().filter(|signer| made.key(&signer.key).is_some()).count();
                if own != signers.len() || own < made.threshold() {
                    return Err(NotSigned::Threshold);
                }
                Ok(By { party, who: Who::Root, keys: keys(signers) })
            }
            Event::RootRecovery { .. } => {
                enroller(Party::Operator).or_else(|_| root(Party::Operator))
            }
            Event::RootRecoveryStopped { .. } => match signers {
                [Signer { key, holds: Holds::Root(of) }] if *of == party => {
                    Ok(By { party, who: Who::Root, keys: [*key].into() })
                }
                _ => Err(NotSigned::Other { needs: "one key of the party's root" }),
            },
            Event::PersonKeyEnrolled { person, key, capacities, .. } => {
                let new = key.fingerprint();
                let (own, others): (Vec<_>, Vec<_>) =
                    signers.iter().copied().partition(|signer| signer.key == new);
                if own.is_empty() {
                    return Err(NotSigned::Possession);
                }
                let by_root = self.root_signed(party, &others);
                // Only the root names the people that name others.
                if by_root.is_ok() || capacities.has(Capacity::Enroller) {
                    return by_root;
                }
                self.enrolled_by(party, *person, &others)
            }
            Event::PersonKeyRevoked { person, key, .. } => match signers {
                [Signer { key: by, holds: Holds::Person(of, holder, _) }]
                    if by == key && *of == party && holder == person =>
                {
                    let who = Who::Person { person: *person, capacity: None };
                    Ok(By { party, who, keys: [*by].into() })
                }
                _ => enroller(party).or_else(|_| root(party)),
            },
            Event::Promised { tenant, .. } => {
                let party = Party::Tenant { tenant: *tenant };
                let officer = self.person(signers, "an officer", |of, capacities| {
                    (of == party && capacities.has(Capacity::Officer)).then_some(Capacity::Officer)
                });
                officer.or_else(|_| root(party))
            }
            // `RootReplaced`.
            _ => root(party),
        }
    }

    /// Takes an enroller of the party: another person.
    fn enrolled_by(
        &self,
        party: Party,
        person: PersonId,
        signers: &[Signer],
    ) -> Result<By, NotSigned> {
        let needs = "the root of the party, or an enroller that it named,";
        let by = self.person(signers, needs, |of, capacities| {
            (of == party && capacities.has(Capacity::Enroller)).then_some(Capacity::Enroller)
        })?;
        match by.who {
            Who::Person { person: enroller, .. } if enroller == person => Err(NotSigned::Own),
            Who::Person { .. } | Who::Root => Ok(by),
        }
    }

    /// Takes signatures by enough keys of a party's root, and by no other key.
    fn root_signed(&self, party: Party, signers: &[Signer]) -> Result<By, NotSigned> {
        let needs = "the root of its party, or whom that root named,";
        let Some(rooted) = self.root(party) else {
            return Err(NotSigned::Other { needs });
        };
        if signers.iter().any(|signer| signer.holds != Holds::Root(party)) {
            return Err(NotSigned::Other { needs });
        }
        if signers.len() < rooted.root.threshold() {
            return Err(NotSigned::Threshold);
        }
        Ok(By { party, who: Who::Root, keys: keys(signers) })
    }
}

fn keys(signers: &[Signer]) -> Vec<Digest> {
    signers.iter().map(|signer| signer.key).collect()
}

/// Requires that the signer is the person that the event names.
fn named(by: By, person: Option<PersonId>, needs: &'static str) -> Result<By, NotSigned> {
    match by.who {
        Who::Person { person: signer, .. } if person.is_none_or(|person| person == signer) => {
            Ok(by)
        }
        Who::Person { .. } | Who::Root => Err(NotSigned::Other { needs }),
    }
}

/// Requires that no person approves its own request.
fn not_own(by: By, event: &Event) -> Result<By, NotSigned> {
    match event {
        Event::Approved { reviewer, manager, .. } if reviewer == manager => Err(NotSigned::Own),
        _ => Ok(by),
    }
}
