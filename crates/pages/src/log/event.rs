//! An entry in words: its kind, a sentence, and the ids of the things that it is about.

use serde::{Deserialize, Serialize};
use tlog::{
    entry::{
        Action, Decider, Event, Handling, Outcome, PenaltyAction, ProofOutcome, Subject,
        SubjectStep,
    },
    id::ResourceId,
    object::Why,
    people::Party,
};

use crate::{
    time::minute,
    words::{Lang, Message as _, event as words},
};

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A start of the service.
    Start,
    /// A request.
    Request,
    /// A key that records are sealed to.
    Key,
    /// A look at a record, with its request and approval.
    Review,
    /// Zero retention and weaker filters.
    Exemption,
    /// An owner read or deleted a record.
    Owner,
    /// A right of a person.
    Subject,
    /// The end of a kept object.
    Object,
    /// A training.
    Training,
    /// A company that a customer allowed.
    Processor,
    /// The handling of personal data.
    Personal,
    /// A change of a setting.
    Change,
    /// A proof of the policies.
    Proof,
    /// A flag.
    Flag,
    /// A penalty or an appeal.
    Penalty,
    /// A workstation for reviews.
    Workstation,
    /// Signing keys of people, and promises.
    Signing,
    /// A key that a customer holds.
    CustomerKey,
    /// A repair, or the succession of a log.
    Repair,
}

impl Kind {
    /// All kinds, in the order of the filter, with their names in addresses.
    pub const ALL: [(Self, &'static str); 19] = [
        (Self::Start, "start"),
        (Self::Request, "request"),
        (Self::Key, "key"),
        (Self::Review, "review"),
        (Self::Exemption, "exemption"),
        (Self::Owner, "owner"),
        (Self::Subject, "subject"),
        (Self::Object, "object"),
        (Self::Training, "training"),
        (Self::Processor, "processor"),
        (Self::Personal, "personal"),
        (Self::Change, "change"),
        (Self::Proof, "proof"),
        (Self::Flag, "flag"),
        (Self::Penalty, "penalty"),
        (Self::Workstation, "workstation"),
        (Self::Signing, "signing"),
        (Self::CustomerKey, "customer_key"),
        (Self::Repair, "repair"),
    ];

    /// Returns the kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// Returns its name in addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    pub(super) fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Start => words::Kind::Start,
            Self::Request => words::Kind::Request,
            Self::Key => words::Kind::Key,
            Self::Review => words::Kind::Review,
            Self::Exemption => words::Kind::Exemption,
            Self::Owner => words::Kind::Owner,
            Self::Subject => words::Kind::Subject,
            Self::Object => words::Kind::Object,
            Self::Training => words::Kind::Training,
            Self::Processor => words::Kind::Processor,
            Self::Personal => words::Kind::Personal,
            Self::Change => words::Kind::Change,
            Self::Proof => words::Kind::Proof,
            Self::Flag => words::Kind::Flag,
            Self::Penalty => words::Kind::Penalty,
            Self::Workstation => words::Kind::Workstation,
            Self::Signing => words::Kind::Signing,
            Self::CustomerKey => words::Kind::CustomerKey,
            Self::Repair => words::Kind::Repair,
        }
        .text(lang)
    }
}

/// Returns the kind of an entry.
#[must_use]
pub fn kind(event: &Event) -> Kind {
    match event {
        Event::Started { .. } => Kind::Start,
        Event::Request { .. } => Kind::Request,
        Event::KeyCreated { .. } | Event::KeyDestroyed { .. } | Event::KeyLost { .. } => Kind::Key,
        Event::Changed { .. } => Kind::Change,
        Event::ContentLogging { .. }
        | Event::ExemptionApplied { .. }
        | Event::ExemptionDecided { .. }
        | Event::ExemptionEnded { .. } => Kind::Exemption,
        Event::LookRequested { .. }
        | Event::Approved { .. }
        | Event::Consented { .. }
        | Event::Refused { .. }
        | Event::Looked { .. } => Kind::Review,
        Event::Repaired { .. } | Event::Succeeded { .. } => Kind::Repair,
        Event::Flagged { .. } | Event::FlagDecided { .. } => Kind::Flag,
        Event::Penalised { .. } => Kind::Penalty,
        Event::WorkstationEnrolled { .. } | Event::WorkstationRevoked { .. } => Kind::Workstation,
        Event::Proved { .. } => Kind::Proof,
        Event::OwnerRead { .. } | Event::OwnerDeleted { .. } => Kind::Owner,
        Event::ProcessorAllowed { .. } => Kind::Processor,
        Event::ObjectDestroyed { .. } => Kind::Object,
        Event::KeyWithheld { .. } => Kind::CustomerKey,
        Event::TrainingStarted { .. } | Event::Trained { .. } => Kind::Training,
        Event::PersonalData { .. } => Kind::Personal,
        Event::SubjectErased { .. }
        | Event::SubjectRestricted { .. }
        | Event::SubjectRequest { .. } => Kind::Subject,
        Event::RootMade { .. }
        | Event::RootReplaced { .. }
        | Event::RootRecovery { .. }
        | Event::RootRecoveryStopped { .. }
        | Event::PersonKeyEnrolled { .. }
        | Event::PersonKeyRevoked { .. }
        | Event::Promised { .. } => Kind::Signing,
    }
}

/// An entry as a message with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    message: words::Said,
    values: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// The same in each language.
    Text(String),
    /// A word of the catalogue.
    Word(words::Said),
}

impl Said {
    fn new(message: words::Said) -> Self {
        Self { message, values: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, Value::Text(value.to_string())));
        self
    }

    fn word(mut self, name: &'static str, word: words::Said) -> Self {
        self.values.push((name, Value::Word(word)));
        self
    }

    fn time(self, name: &'static str, ms: u64) -> Self {
        self.with(name, minute(ms))
    }

    fn party(self, party: &Party) -> Self {
        match party {
            Party::Operator => self.word("party", words::Said::TheOperator),
            Party::Tenant { tenant } => self.with("party", tenant),
        }
    }

    /// An entry that cannot be decoded.
    pub(super) fn unreadable() -> Self {
        Self::new(words::Said::Unreadable)
    }

    /// Returns the sentence.
    #[must_use]
    pub fn words(&self, lang: Lang) -> String {
        let value = |value: &'_ Value| match value {
            Value::Text(text) => text.clone(),
            Value::Word(word) => word.text(lang).to_owned(),
        };
        let values: Vec<_> = self.values.iter().map(|(name, one)| (*name, value(one))).collect();
        let values: Vec<_> = values.iter().map(|(name, one)| (*name, one.as_str())).collect();
        self.message.with(lang, &values)
    }
}

/// Returns the first digits of a digest: enough to compare by eye, and short enough to read.
fn short(digest: impl ToString) -> String {
    let digits = digest.to_string();
    format!("{}…", digits.get(..16).unwrap_or(&digits))
}

/// Returns an entry as a sentence. It has no id of a person.
#[must_use]
pub fn said(event: &Event) -> Said {
    use words::Said as S;
    let resource = |id: &[u8; 16]| ResourceId::from_random(*id);
    match event {
        Event::Started { binary, configuration, models, .. } => Said::new(S::Started)
            .with("models", models.len())
            .with("binary", short(binary))
            .with("configuration", short(configuration)),
        Event::Request { commitment } => {
            Said::new(S::Request).with("commitment", short(commitment))
        }
        Event::KeyCreated { key, tenant, deadline_ms } => Said::new(S::KeyCreated)
            .with("key", key)
            .with("tenant", tenant)
            .time("deadline", *deadline_ms),
        Event::KeyDestroyed { key } => Said::new(S::KeyDestroyed).with("key", key),
        Event::KeyLost { key } => Said::new(S::KeyLost).with("key", key),
        Event::Changed { subject, id, action, .. } => {
            let said = match changed_id(*subject, id) {
                Some(id) => Said::new(S::Changed).with("id", id),
                None => Said::new(S::ChangedWhole),
            };
            said.word("subject", subject_word(*subject)).word("action", action_word(*action))
        }
        Event::ContentLogging { resource: id, enabled, approval, .. } => {
            Said::new(if *enabled { S::LoggingOn } else { S::LoggingOff })
                .with("resource", resource(id))
                .with("approval", approval)
        }
        Event::LookRequested { grant, request, lockbox, .. } => {
            Said::new(if *lockbox { S::LookRequestedLockbox } else { S::LookRequested })
                .with("request", request)
                .with("grant", grant)
        }
        Event::Approved { grant, request, expires_ms, .. } => Said::new(S::Approved)
            .with("grant", grant)
            .with("request", request)
            .time("time", *expires_ms),
        Event::Consented { grant, .. } => Said::new(S::Consented).with("grant", grant),
        Event::Refused { grant, decider, .. } => Said::new(match decider {
            Decider::Manager => S::RefusedByManager,
            Decider::Customer => S::RefusedByCustomer,
        })
        .with("grant", grant),
        Event::Looked { grant, request, .. } => {
            Said::new(S::Looked).with("request", request).with("grant", grant)
        }
        Event::Repaired { count, .. } => Said::new(S::Repaired).with("count", count),
        Event::Flagged { request, .. } => Said::new(S::Flagged).with("request", request),
        Event::FlagDecided { request, outcome, .. } => Said::new(match outcome {
            Outcome::Dismissed => S::FlagDismissed,
            Outcome::Confirmed => S::FlagConfirmed,
            Outcome::Escalated => S::FlagEscalated,
        })
        .with("request", request),
        Event::Penalised { resource: id, action, expires_ms, .. } => {
            let said = Said::new(penalty(*action)).with("resource", resource(id));
            match expires_ms {
                Some(ms) => said.time("time", *ms),
                None => said.word("time", S::NoEnd),
            }
        }
        Event::ExemptionApplied { approval, resource: id, until_ms, .. } => {
            Said::new(S::ExemptionApplied)
                .with("resource", resource(id))
                .with("approval", approval)
                .time("time", *until_ms)
        }
        Event::ExemptionDecided { approval, approved, .. } => {
            Said::new(if *approved { S::ExemptionApproved } else { S::ExemptionRefused })
                .with("approval", approval)
        }
        Event::ExemptionEnded { approval, .. } => {
            Said::new(S::ExemptionEnded).with("approval", approval)
        }
        Event::WorkstationEnrolled { expires_ms, .. } => {
            Said::new(S::WorkstationEnrolled).time("time", *expires_ms)
        }
        Event::WorkstationRevoked { .. } => Said::new(S::WorkstationRevoked),
        Event::Proved { policies, outcome, .. } => Said::new(match outcome {
            ProofOutcome::Holds => S::ProofHolds,
            ProofOutcome::Refuted => S::ProofRefuted,
            ProofOutcome::Undecided => S::ProofUndecided,
        })
        .with("policies", short(policies)),
        Event::OwnerRead { request, .. } => Said::new(S::OwnerRead).with("request", request),
        Event::OwnerDeleted { request, key, .. } => {
            Said::new(S::OwnerDeleted).with("request", request).with("key", key)
        }
        Event::Succeeded { succession, .. } => Said::new(S::Succeeded).with("old", &succession.old),
        Event::ProcessorAllowed { resource: id, processor, allowed, .. } => {
            Said::new(if *allowed { S::ProcessorAllowed } else { S::ProcessorForbidden })
                .with("resource", resource(id))
                .with("processor", processor)
        }
        Event::ObjectDestroyed { object, class, why, .. } => Said::new(match why {
            Why::Deleted => S::ObjectDeleted,
            Why::Expired => S::ObjectExpired,
            Why::ResourceDeleted => S::ObjectOfResource,
            Why::KeyLost => S::ObjectKeyLost,
        })
        .with("object", class.id(*object)),
        Event::KeyWithheld { tenant, withheld } => {
            Said::new(if *withheld { S::KeyWithheld } else { S::KeyGiven }).with("tenant", tenant)
        }
        Event::TrainingStarted { job, tenant, .. } => Said::new(S::TrainingStarted)
            .with("job", tlog::object::Class::Job.id(*job))
            .with("tenant", tenant),
        Event::Trained { job, adapter, .. } => Said::new(S::Trained)
            .with("job", tlog::object::Class::Job.id(*job))
            .with("adapter", short(adapter)),
        Event::PersonalData { resource, processor, handling, .. } => {
            let word = handling_word(*handling);
            match (resource, processor) {
                (Some(resource), _) => Said::new(S::PersonalOfResource).with("resource", resource),
                (None, processor) => Said::new(S::PersonalOfProcessor)
                    .with("processor", processor.as_deref().unwrap_or("–")),
            }
            .word("handling", word)
        }
        Event::SubjectErased { request, tenant, .. } => {
            Said::new(S::SubjectErased).with("tenant", tenant).with("request", request)
        }
        Event::SubjectRestricted { request, tenant, restricted, .. } => {
            Said::new(if *restricted { S::SubjectRestricted } else { S::SubjectUnrestricted })
                .with("tenant", tenant)
                .with("request", request)
        }
        Event::SubjectRequest { request, tenant, step, .. } => Said::new(S::SubjectRequest)
            .with("tenant", tenant)
            .with("request", request)
            .word("step", step_word(*step)),
        Event::RootMade { party, .. } => Said::new(S::RootMade).party(party),
        Event::RootReplaced { party, .. } => Said::new(S::RootReplaced).party(party),
        Event::RootRecovery { party, effective_ms, .. } => {
            Said::new(S::RootRecovery).party(party).time("time", *effective_ms)
        }
        Event::RootRecoveryStopped { party } => Said::new(S::RootRecoveryStopped).party(party),
        Event::PersonKeyEnrolled { party, until_ms, .. } => {
            Said::new(S::PersonKeyEnrolled).party(party).time("time", *until_ms)
        }
        Event::PersonKeyRevoked { party, .. } => Said::new(S::PersonKeyRevoked).party(party),
        Event::Promised { tenant, .. } => Said::new(S::Promised).with("tenant", tenant),
    }
}

/// Returns the ids of the things that an entry is about, as the search takes them; none of a person.
#[must_use]
pub fn ids(event: &Event) -> Vec<String> {
    let said = said(event);
    let texts = said.values.into_iter().filter_map(|(_, value)| match value {
        Value::Text(text) => Some(text),
        Value::Word(_) => None,
    });
    texts.filter(|text| is_id(text)).collect()
}

/// Whether a text has the form of an id: `req_` and 32 hexadecimal digits, or a kept object's.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.rsplit_once(['_', '-']).is_some_and(|(kind, digits)| {
        (1..=16).contains(&kind.len())
            && kind.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte))
            && digits.len() == 32
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Returns the id of a changed thing; `None` if there is only one such thing. That of a role
/// assignment is a person's, and not shown.
fn changed_id(subject: Subject, id: &[u8; 16]) -> Option<String> {
    use tlog::id;
    Some(match subject {
        Subject::Tenant => id::TenantId::from_random(*id).to_string(),
        Subject::Resource
        | Subject::Key1
        | Subject::Key2
        | Subject::NetworkRules
        | Subject::Lockbox => ResourceId::from_random(*id).to_string(),
        Subject::Deployment => id::DeploymentId::from_random(*id).to_string(),
        Subject::Model => id::ModelId::from_random(*id).to_string(),
        Subject::Engine => id::EngineId::from_random(*id).to_string(),
        Subject::ContentFilter => id::ContentFilterId::from_random(*id).to_string(),
        Subject::Blocklist => id::BlocklistId::from_random(*id).to_string(),
        Subject::AdminKey | Subject::RoleAssignment | Subject::PolicySet | Subject::EgressList => {
            return None;
        }
    })
}

fn subject_word(subject: Subject) -> words::Said {
    match subject {
        Subject::Tenant => words::Said::Tenant,
        Subject::Resource => words::Said::Resource,
        Subject::Deployment => words::Said::Deployment,
        Subject::Model => words::Said::Model,
        Subject::Key1 => words::Said::Key1,
        Subject::Key2 => words::Said::Key2,
        Subject::AdminKey => words::Said::AdminKey,
        Subject::RoleAssignment => words::Said::RoleAssignment,
        Subject::NetworkRules => words::Said::NetworkRules,
        Subject::PolicySet => words::Said::PolicySet,
        Subject::EgressList => words::Said::EgressList,
        Subject::Lockbox => words::Said::Lockbox,
        Subject::Engine => words::Said::Engine,
        Subject::ContentFilter => words::Said::ContentFilter,
        Subject::Blocklist => words::Said::Blocklist,
    }
}

fn action_word(action: Action) -> words::Said {
    match action {
        Action::Created => words::Said::Created,
        Action::Updated => words::Said::Updated,
        Action::Deleted => words::Said::Deleted,
    }
}

fn handling_word(handling: Handling) -> words::Said {
    match handling {
        Handling::Off => words::Said::HandlingOff,
        Handling::Report => words::Said::HandlingReport,
        Handling::Pseudonymise => words::Said::HandlingPseudonymise,
        Handling::Block => words::Said::HandlingBlock,
    }
}

fn step_word(step: SubjectStep) -> words::Said {
    match step {
        SubjectStep::Received => words::Said::StepReceived,
        SubjectStep::Begun => words::Said::StepBegun,
        SubjectStep::Extended => words::Said::StepExtended,
        SubjectStep::Answered => words::Said::StepAnswered,
        SubjectStep::Refused => words::Said::StepRefused,
        SubjectStep::Searched => words::Said::StepSearched,
        SubjectStep::Exported => words::Said::StepExported,
        SubjectStep::Erasing => words::Said::StepErasing,
    }
}

fn penalty(action: PenaltyAction) -> words::Said {
    match action {
        PenaltyAction::Notified => words::Said::Notified,
        PenaltyAction::Throttled => words::Said::Throttled,
        PenaltyAction::Blocked => words::Said::Blocked,
        PenaltyAction::Appealed => words::Said::Appealed,
        PenaltyAction::Upheld => words::Said::Upheld,
        PenaltyAction::Lifted => words::Said::Lifted,
    }
}
