//! Compares a receipt with the replayed log. The comparison shows facts that neither shows alone.
//!
//! A receipt names the key of its record and the deadline of that key. The log has the key's
//! creation, tenant and deadline. This module finds a service that states one deadline to a
//! customer and another to the log.

use alloc::{format, string::String, vec::Vec};

use super::{Finding, Report, duration};
use crate::{
    limits::{DAY_MS, RETENTION_DAYS_MAX, deadline_ms},
    receipt::{Stored, Verified},
};

impl Report {
    /// Returns the contradictions between a receipt and the log; empty if there are none.
    ///
    /// The receipt must be one that [`crate::receipt::Receipt::verify`] accepted. This function
    /// does not check that its checkpoint is an earlier one of this log
    /// ([`super::Question::older_size`]). The findings include [`Verified::breaches`].
    #[must_use]
    pub fn receipt(&self, receipt: &Verified) -> Vec<Finding> {
        let mut findings = receipt.breaches();
        findings.extend(self.policies(receipt));
        findings.extend(self.residency(receipt));
        findings.extend(self.retention(receipt));
        findings.extend(self.promised(receipt));
        findings.extend(self.personal(receipt));
        findings.extend(self.objects_of(receipt));
        let mut found = |what: String| findings.push(Finding { index: Some(receipt.index), what });
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        if receipt.index >= self.entries {
            found(format!("the receipt is of a later entry: the log ends at {}", self.entries));
        }
        if terms.retention_days > RETENTION_DAYS_MAX {
            found(format!(
                "the receipt keeps content for {} days, more than {RETENTION_DAYS_MAX}",
                terms.retention_days
            ));
        }
        let Some(stored) = &facts.stored else { return findings };
        if terms.retention_days == 0 {
            found("the receipt says both zero retention and stored content".into());
        }
        // The deadline was fixed while the request was answered, so both the start and the end are
        // valid times.
        let latest = deadline_ms(facts.finished_ms, terms.retention_days);
        let earliest = deadline_ms(facts.started_ms.min(facts.finished_ms), terms.retention_days);
        if stored.deadline_ms > latest {
            let late = duration(stored.deadline_ms.saturating_sub(latest));
            found(format!("the receipt's deadline is {late} later than agreed"));
        } else if stored.deadline_ms < earliest {
            let early = duration(earliest.saturating_sub(stored.deadline_ms));
            found(format!("the receipt's deadline is {early} earlier than agreed"));
        } else if !stored.deadline_ms.is_multiple_of(DAY_MS) {
            found("the receipt's deadline is not a midnight".into());
        }
        findings.extend(self.key(receipt, stored));
        findings
    }

    /// Checks the policies that a receipt names.
    fn policies(&self, receipt: &Verified) -> Option<Finding> {
        let logged = self.policies.iter().rfind(|in_force| in_force.index < receipt.index);
        let logged = logged.and_then(|in_force| in_force.policies);
        let what = match (receipt.claims.terms.policies, logged) {
            (None, None) => return None,
            (Some(told), Some(logged)) if told.digest == logged.digest => {
                if logged.proved || !told.proved {
                    return None;
                }
                "the receipt says that its policies were proved, but the log has no proof of them"
            }
            _ => "the receipt names other policies than the log had active",
        };
        Some(Finding { index: Some(receipt.index), what: what.into() })
    }

    /// Checks the key that a receipt names.
    fn key(&self, receipt: &Verified, stored: &Stored) -> Vec<Finding> {
        let found = |what| Finding { index: Some(receipt.index), what };
        let key = stored.key;
        let Some(made) = self.keys.get(&key) else {
            return alloc::vec![found(format!("the log does not know the receipt's {key}"))];
        };
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        let checks = [
            (made.tenant != terms.tenant, "was made for another tenant"),
            (made.deadline_ms != stored.deadline_ms, "has another deadline in the log"),
            (made.index >= receipt.index, "was made after its use in the receipt"),
            (
                made.destroyed_ms.is_some_and(|destroyed| destroyed < facts.finished_ms),
                "was destroyed before its use in the receipt",
            ),
        ];
        let wrong = checks.into_iter().filter(|(wrong, _)| *wrong);
        wrong.map(|(_, what)| found(format!("the receipt's {key} {what}"))).collect()
    }
}

#[cfg(test)]
pub(super) mod tests;
