//! The log's statements: the last entry about each setting, and the entries about people's reads.

use std::collections::{HashMap, HashSet};

use policy::id::{GrantId, KeyId, PersonId, RequestId, ResourceId, TenantId};
use store::{Store, StoreError};
use tlog::{
    canon::Digest,
    entry::{Entry, Event, ProofOutcome, Subject},
};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    /// The entry's number.
    pub entry: u64,
    /// The time of the entry, in milliseconds since 1970.
    pub time_ms: u64,
}

/// Act of a person on a record, or request for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A record was set aside for review.
    Flagged,
    /// A reviewer asked to see it.
    Requested,
    /// A manager approved that.
    Approved,
    /// The customer consented.
    Consented,
    /// It was refused, by the manager or the customer.
    Refused,
    /// The reviewer saw the record.
    Looked,
    /// A person of the customer read it.
    OwnerRead,
    /// A person of the customer deleted it.
    OwnerDeleted,
}

/// One step with one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub at: At,
    pub step: Step,
    /// The record's request; `None` if the entry does not name it and no earlier one does.
    pub request: Option<RequestId>,
    pub grant: Option<GrantId>,
    /// Random id of the person; the log hides the customer's own people.
    pub person: Option<PersonId>,
    /// The workstation's certificate.
    pub workstation: Option<Digest>,
}

/// Keys of the tenant's records, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub made: u64,
    pub destroyed: u64,
    pub lost: u64,
}

/// The facts of the log.
#[derive(Debug, Default)]
pub(crate) struct History {
    changed: HashMap<(&'static str, [u8; 16]), At>,
    content_logging: HashMap<[u8; 16], At>,
    processors: HashMap<([u8; 16], String), (At, PersonId)>,
    personal_of_resources: HashMap<ResourceId, At>,
    personal_of_processors: HashMap<String, At>,
    /// The last start, with the configuration that it names.
    pub started: Option<(At, Digest)>,
    /// The last proof of the policies.
    pub proved: Option<(At, ProofOutcome)>,
    /// The last change of the list of destinations.
    pub egress: Option<At>,
    /// The accesses to records, of all tenants, in the log's order.
    pub accesses: Vec<Access>,
    /// The keys of the tenant's records.
    pub keys: Keys,
    /// The times at which the customer withdrew its key (true) or gave it back.
    pub withheld: Vec<(At, bool)>,
    /// The keys that were lost without proof of destruction.
    pub lost: Vec<At>,
    /// Changes of roles and of credentials: the subject, the id and the place.
    pub credentials: Vec<(Subject, [u8; 16], At)>,
    /// The jobs of the tenant that trained.
    pub trainings: u64,
    /// The objects of the tenant that were destroyed.
    pub objects_destroyed: u64,
}

impl History {
    /// Reads the whole log, for one tenant.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(crate) fn read(store: &Store, tenant: TenantId) -> Result<Self, StoreError> {
        let mut reading = Reading::new(tenant);
        store.each_entry(|entry, it| reading.take(entry, it))?;
        Ok(reading.history)
    }

    /// Returns the last entry about a thing.
    pub(crate) fn changed(&self, subject: Subject, id: &[u8; 16]) -> Option<At> {
        self.changed.get(&(subject.name(), *id)).copied()
    }

    /// Returns the last entry about whether a resource's content is stored.
    pub(crate) fn content_logging(&self, resource: &[u8; 16]) -> Option<At> {
        self.content_logging.get(resource).copied()
    }

    /// Returns the last entry about a processor for a resource, with the officer.
    pub(crate) fn processor(&self, resource: &[u8; 16], name: &str) -> Option<(At, PersonId)> {
        self.processors.get(&(*resource, name.to_owned())).copied()
    }

    /// Returns the last entry about what a resource does with personal data.
    pub(crate) fn personal_of_resource(&self, resource: ResourceId) -> Option<At> {
        self.personal_of_resources.get(&resource).copied()
    }

    /// Returns the last entry about what happens with personal data in requests to a processor.
    pub(crate) fn personal_of_processor(&self, name: &str) -> Option<At> {
        self.personal_of_processors.get(name).copied()
    }
}

struct Reading {
    of: TenantId,
    history: History,
    requests: HashMap<GrantId, RequestId>,
    keys: HashSet<KeyId>,
}

impl Reading {
    fn new(of: TenantId) -> Self {
        let (requests, keys) = (HashMap::new(), HashSet::new());
        Self { of, history: History::default(), requests, keys }
    }

    fn take(&mut self, entry: u64, Entry { time_ms, event, .. }: Entry) {
        let (at, history) = (At { entry, time_ms }, &mut self.history);
        match event {
            Event::Started { configuration, .. } => history.started = Some((at, configuration)),
            Event::Proved { outcome, .. } => history.proved = Some((at, outcome)),
            Event::Changed { subject, id, .. } => {
                if subject == Subject::EgressList {
                    history.egress = Some(at);
                }
                if let Subject::RoleAssignment | Subject::Key1 | Subject::Key2 | Subject::AdminKey =
                    subject
                {
                    history.credentials.push((subject, id, at));
                }
                history.changed.insert((subject.name(), id), at);
            }
            Event::ContentLogging { resource, .. } => {
                history.content_logging.insert(resource, at);
            }
            Event::ProcessorAllowed { resource, processor, person, .. } => {
                history.processors.insert((resource, processor), (at, person));
            }
            Event::PersonalData { resource, processor, .. } => {
                history.personal_of_resources.extend(resource.map(|id| (id, at)));
                history.personal_of_processors.extend(processor.map(|name| (name, at)));
            }
            Event::KeyCreated { key, tenant, .. } if tenant == self.of => {
                self.keys.insert(key);
                history.keys.made = history.keys.made.saturating_add(1);
            }
            Event::KeyDestroyed { key } if self.keys.contains(&key) => {
                history.keys.destroyed = history.keys.destroyed.saturating_add(1);
            }
            Event::KeyLost { key } if self.keys.contains(&key) => {
                history.keys.lost = history.keys.lost.saturating_add(1);
                history.lost.push(at);
            }
            Event::KeyWithheld { tenant, withheld } if tenant == self.of => {
                history.withheld.push((at, withheld));
            }
            Event::TrainingStarted { tenant, .. } if tenant == self.of => {
                history.trainings = history.trainings.saturating_add(1);
            }
            Event::ObjectDestroyed { tenant, .. } if tenant == self.of => {
                history.objects_destroyed = history.objects_destroyed.saturating_add(1);
            }
            event => self.access(at, &event),
        }
    }

    fn access(&mut self, at: At, event: &Event) {
        let none = Access {
            at,
            step: Step::Flagged,
            request: None,
            grant: None,
            person: None,
            workstation: None,
        };
        let of_grant = |requests: &HashMap<GrantId, RequestId>, grant: &GrantId| Access {
            request: requests.get(grant).copied(),
            grant: Some(*grant),
            ..none
        };
        let access = match event {
            Event::Flagged { request, .. } => Access { request: Some(*request), ..none },
            Event::LookRequested { grant, request, reviewer, workstation, .. } => {
                self.requests.insert(*grant, *request);
                Access {
                    step: Step::Requested,
                    request: Some(*request),
                    grant: Some(*grant),
                    person: Some(*reviewer),
                    workstation: Some(*workstation),
                    ..none
                }
            }
            Event::Approved { grant, request, manager, workstation, .. } => Access {
                step: Step::Approved,
                request: Some(*request),
                grant: Some(*grant),
                person: Some(*manager),
                workstation: Some(*workstation),
                ..none
            },
            Event::Consented { grant, person, .. } => Access {
                step: Step::Consented,
                person: Some(*person),
                ..of_grant(&self.requests, grant)
            },
            Event::Refused { grant, person, .. } => Access {
                step: Step::Refused,
                person: Some(*person),
                ..of_grant(&self.requests, grant)
            },
            Event::Looked { grant, request, reviewer, workstation } => Access {
                step: Step::Looked,
                request: Some(*request),
                grant: Some(*grant),
                person: Some(*reviewer),
                workstation: Some(*workstation),
                ..none
            },
            Event::OwnerRead { request, .. } => {
                Access { step: Step::OwnerRead, request: Some(*request), ..none }
            }
            Event::OwnerDeleted { request, .. } => {
                Access { step: Step::OwnerDeleted, request: Some(*request), ..none }
            }
            _ => return,
        };
        self.history.accesses.push(access);
    }
}

impl Step {
    /// Returns the step in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Flagged => "set aside for review; nobody saw it by this",
            Self::Requested => "a reviewer asked to see the record",
            Self::Approved => "a manager approved that",
            Self::Consented => "the customer consented",
            Self::Refused => "the request to see it was refused",
            Self::Looked => "a reviewer saw the record",
            Self::OwnerRead => "a person of the customer read the record",
            Self::OwnerDeleted => "a person of the customer deleted the record",
        }
    }

    /// Whether a person read content by this step.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Looked | Self::OwnerRead)
    }
}
