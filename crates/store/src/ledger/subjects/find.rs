//! The search for everything that is kept of a data subject.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    id::{ObjectId, RequestId, TenantId},
    object::Class,
    workflow::{review, subject::Subject},
};
use tlog::entry::Event;

use super::{
    super::{Ledger, OwnAct, OwnRecord, held},
    found::{Found, FoundCounter, FoundObject, FoundRecord, SubjectError},
};
use crate::{
    abuse,
    custody::{SubjectHash, SubjectToFind},
    error::StoreError,
    ledger::show::NotShown,
    log::Append,
    signed::{Deciding, Decision, SignedAct},
    sqlite::Database,
    tiles::LogError,
    workflow::{Review, Workflow as _},
};

/// Records that are read at once.
const TOGETHER_MAX: usize = 500;

/// A search: the tenant, the data subject, the salt of the commitment in the log, and the statement
/// that names the officer.
pub(super) struct Search<'a> {
    pub(super) tenant: TenantId,
    pub(super) subject: &'a Subject,
    pub(super) salt: [u8; 16],
    pub(super) by: &'a policy::workflow::owner::Owner,
}

impl From<NotShown> for SubjectError {
    fn from(error: NotShown) -> Self {
        match error {
            NotShown::Log(error) => Self::Log(error),
            NotShown::Custody(error) => Self::Custody(error),
        }
    }
}

impl Ledger {
    /// Logs a search, and asks the custodian for the hashes of the data subject. Returns them with the
    /// number of the search's log entry. `events` are the entries: the search first.
    pub(super) fn search(
        &self,
        search: &Search<'_>,
        events: &[Event],
        act: &SignedAct,
    ) -> Result<(Vec<SubjectHash>, u64), SubjectError> {
        let shared = &self.inner.shared;
        let index = self.log_act(search, events, act)?;
        self.publish(index)?;
        // While this lock is held, the custodian sees no other checkpoint.
        let mut seen = held(&shared.seen);
        let searched = shared.proven(&mut seen, index)?;
        let subject = || SubjectToFind::new(search.tenant, search.subject, search.salt);
        let hashes =
            shared.custody.with(|client| client.find_subject(subject(), searched.clone()))?;
        Ok((hashes, index))
    }

    /// Logs the entries of an act that are not in the log yet, each in a transaction of its own: the
    /// person that signs one has seen the one before. Returns the number of the first.
    fn log_act(
        &self,
        search: &Search<'_>,
        events: &[Event],
        act: &SignedAct,
    ) -> Result<u64, SubjectError> {
        let mut logged = act.logged;
        let mut decision = act.decision(search.tenant);
        for event in events.iter().skip(usize::from(logged.is_some())) {
            let next = Decision { signed: Vec::new(), ..decision };
            match self.log_decision(search, event, decision) {
                Ok(index) => logged = logged.or(Some(index)),
                Err(StoreError::NotLogged(error)) => {
                    return Err(StoreError::NotLogged(Box::new(error.after(logged))).into());
                }
                Err(error) => return Err(error.into()),
            }
            decision = next;
        }
        logged.ok_or(SubjectError::NotFound)
    }

    fn log_decision(
        &self,
        search: &Search<'_>,
        event: &Event,
        decision: Decision,
    ) -> Result<u64, StoreError> {
        let shared = &self.inner.shared;
        let mut rolled = shared.rolls.lock();
        let mut owner = held(&self.inner.owner);
        rolled.catch_up(&owner)?;
        let tx = owner.write()?;
        rolled.catch_up(&tx)?;
        let deciding = Deciding::new(&rolled, decision);
        let mut append = Append::begin(&tx, shared.reading())?.deciding(&deciding);
        let index = append.push_with_statements(event.clone(), &[search.by.statement()])?;
        append.finish()?;
        tx.commit()?;
        Ok(index)
    }

    /// Collects what is kept under these hashes.
    pub(super) fn collect(
        &self,
        (tenant, subject): (TenantId, &Subject),
        (hashes, entry): (&[SubjectHash], u64),
    ) -> Result<Found, SubjectError> {
        let is_restricted = self.subjects().is_restricted(tenant, subject)?;
        let now_ms = self.inner.shared.reading().wall_ms;
        let reader = self.reader();
        let mut found = Found { entry, is_restricted, ..Found::default() };
        found.records = records(&reader, tenant, hashes)?;
        found.objects = objects(&reader, tenant, hashes, now_ms)?;
        for job in jobs(&found.objects) {
            found.adapters.extend(reader.adapters_of(tenant, job)?);
        }
        found.counters = abuse::counters_of(&reader, tenant, subject.name())?
            .into_iter()
            .map(|(resource, end_user, state)| FoundCounter {
                resource,
                end_user,
                last_ms: state.last_ms(),
                points: state.points(),
                crossings: state.crossings(),
            })
            .collect();
        let requests = found.records.iter().map(|found| found.record.request);
        found.flagged = flagged(&reader, requests)?;
        Ok(found)
    }
}

/// Returns the jobs that used files of the data subject.
pub(super) fn jobs(objects: &[FoundObject]) -> impl Iterator<Item = ObjectId> {
    let jobs = objects.iter().filter(|found| found.object.facts.class == Class::Job);
    jobs.map(|found| found.object.facts.object)
}

fn records(
    database: &Database,
    tenant: TenantId,
    hashes: &[SubjectHash],
) -> Result<Vec<FoundRecord>, SubjectError> {
    let mut records = BTreeMap::new();
    for hash in hashes {
        let mut after = -1;
        loop {
            let rows = database.records_about(tenant, *hash, after, TOGETHER_MAX)?;
            let Some(last) = rows.last() else { break };
            after = last.index;
            for row in rows {
                let acts = database.acts_with(row.index)?.into_iter().map(OwnAct::read);
                let found = FoundRecord {
                    resource: row.of.resource,
                    record: OwnRecord::read(row.record)?,
                    acts: acts.collect::<Result<_, StoreError>>()?,
                };
                records.insert(row.index, found);
            }
        }
    }
    Ok(records.into_values().collect())
}

pub(super) fn objects(
    database: &Database,
    tenant: TenantId,
    hashes: &[SubjectHash],
    now_ms: u64,
) -> Result<Vec<FoundObject>, SubjectError> {
    let mut seen: BTreeSet<ObjectId> = BTreeSet::new();
    let mut found = Vec::new();
    for hash in hashes {
        for (object, lines) in database.objects_about(tenant, *hash, now_ms)? {
            if seen.insert(object.facts.object) {
                found.push(FoundObject { object, lines });
            }
        }
    }
    Ok(found)
}

/// Returns the requests whose records were ever flagged.
pub(super) fn flagged(
    database: &Database,
    requests: impl Iterator<Item = RequestId>,
) -> Result<Vec<RequestId>, SubjectError> {
    let mut flagged = Vec::new();
    for request in requests {
        if database.workflow(Review::KIND, Review::id(&request))?.is_some() {
            flagged.push(request);
        }
    }
    Ok(flagged)
}

/// The state of a review, for the officer's list of what happened.
pub(super) fn review(
    database: &Database,
    request: RequestId,
) -> Result<Option<review::State>, SubjectError> {
    let text = database.workflow(Review::KIND, Review::id(&request))?;
    let damaged = |_| LogError::from(StoreError::Damaged { what: "workflow.state" });
    Ok(text.map(|text| serde_json::from_str(&text)).transpose().map_err(damaged)?)
}
