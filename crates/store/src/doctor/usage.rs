//! Usage: the sums of requests and tokens by hour, which the receipts say, too.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    id::{DeploymentId, ResourceId, TenantId},
    retention::DAY_MS,
};
use tlog::receipt::Claims;

use super::{Finding, Findings, Kept, What};
use crate::{
    error::StoreError,
    ledger::{HOUR_MS, outcome_counts},
    sqlite::Read,
};

/// The most sums that are named; the rest is counted.
const NAMED_MAX: usize = 100;

/// An hour since 1970, with the tenant, the resource and the deployment that were called.
type Called = (u64, TenantId, ResourceId, Option<DeploymentId>);

/// Requests that were served, refused, and that failed; tokens of prompts, and generated ones.
type Sums = [u64; 5];

/// The usage that receipts say.
#[derive(Debug, Default)]
pub(super) struct Counted(BTreeMap<Called, Sums>);

impl Counted {
    /// Adds the usage of one request.
    pub(super) fn add(&mut self, claims: &Claims) {
        let (terms, facts) = (&claims.terms, &claims.facts);
        let called = (facts.finished_ms / HOUR_MS, terms.tenant, terms.resource, terms.deployment);
        let [served, refused, failed] = outcome_counts(facts.outcome);
        let more = [served, refused, failed, facts.prompt_tokens, facts.completion_tokens];
        add(&mut self.0, called, more);
    }
}

fn add(all: &mut BTreeMap<Called, Sums>, called: Called, more: Sums) {
    for (sum, more) in all.entry(called).or_default().iter_mut().zip(more) {
        *sum = sum.saturating_add(more);
    }
}

/// Compares the sums for the days of which both receipts and usage are stored. The receipts do not say
/// by which key a call came, and how many of its tokens the cache held.
pub(super) fn compare(
    counted: &Counted,
    database: &Read<'_>,
    kept: Kept,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let days = kept.metadata.receipts_days.min(kept.metadata.usage_days);
    let first_day = (kept.now_ms / DAY_MS).saturating_sub(u64::from(days));
    let first_hour = first_day.saturating_mul(DAY_MS / HOUR_MS);
    let mut has = BTreeMap::new();
    for row in database.usage(None, first_hour..i64::MAX.cast_unsigned())? {
        let called = (row.hour, row.tenant, row.resource, row.deployment);
        let more =
            [row.requests, row.refused, row.failed, row.prompt_tokens, row.completion_tokens];
        add(&mut has, called, more);
    }
    let said = counted.0.iter().filter(|((hour, ..), _)| *hour >= first_hour);
    let all: BTreeSet<&Called> = said.map(|(called, _)| called).chain(has.keys()).collect();
    let differ = |called: &&Called| counted.0.get(*called) != has.get(*called);
    let mut differing = all.into_iter().filter(differ);
    for called in differing.by_ref().take(NAMED_MAX) {
        let (said, has) = (in_words(counted.0.get(called)), in_words(has.get(called)));
        findings.add(Finding::new(What::Usage, which(called), said, has));
    }
    let more = differing.count();
    if more > 0 {
        let which = format!("of {more} more hours or deployments");
        findings.add(Finding::new(What::Usage, which, "the sums of the receipts", "other sums"));
    }
    Ok(())
}

fn which((hour, tenant, resource, deployment): &Called) -> String {
    let deployment =
        deployment.map_or_else(|| "no deployment".to_owned(), |deployment| deployment.to_string());
    let starts_s = hour.saturating_mul(HOUR_MS / 1000);
    format!("of {deployment} in {resource} of {tenant}, in the hour from second {starts_s} on")
}

fn in_words(sums: Option<&Sums>) -> String {
    let Some([served, refused, failed, prompt, generated]) = sums else {
        return "no request".to_owned();
    };
    format!(
        "{served} served, {refused} refused, {failed} failed, {prompt} prompt tokens, \
         {generated} generated"
    )
}
