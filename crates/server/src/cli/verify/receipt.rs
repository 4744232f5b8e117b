//! Checks a receipt: against the bodies that it is about, and against the log that it is in.

use std::{
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use tlog::{
    canon::Digest,
    note::Verifier,
    receipt::{PolicySet, Receipt, VOUCHERS, Verified},
};

use super::{
    accesses, cosigned,
    log::{self, Files, Log},
    named, read,
    report::Report,
    unreadable, wrong_key,
};
use crate::{cli::output::Failure, manage::time};

/// What a receipt is checked against.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct Against<'a> {
    /// The request's body, with what to call it.
    pub(in crate::cli) request: Option<(&'a str, &'a [u8])>,
    /// The response's body.
    pub(in crate::cli) response: Option<(&'a str, &'a [u8])>,
    /// The log's folder.
    pub(in crate::cli) log: Option<&'a Path>,
    /// Keys of witnesses that must have cosigned.
    pub(in crate::cli) witnesses: &'a [String],
}

/// Checks one receipt's bytes.
///
/// # Errors
/// When the receipt or the log cannot be read, or is another service's.
pub(in crate::cli) fn check(
    report: &mut Report,
    service: &Verifier,
    bytes: &[u8],
    against: Against<'_>,
) -> Result<(), Failure> {
    let receipt = Receipt::decode(bytes).map_err(|error| {
        unreadable(
            &format!("the receipt cannot be read: {error}"),
            "save the body of GET …/receipts/{id} as it comes; an error in JSON is no receipt",
        )
    })?;
    let service = &named(service, &receipt.proof.checkpoint);
    let verified = match receipt.verify(service) {
        Ok(verified) => verified,
        Err(error) => {
            if let Some(failure) = wrong_key(&receipt.proof.checkpoint, service, "receipt") {
                return Err(failure);
            }
            report.failed(error.to_string());
            return Ok(());
        }
    };
    signed(report, service, &verified, against);
    cosigned(report, &receipt.proof.checkpoint, against.witnesses)?;
    borne_out(report, service, &verified, against.log)?;
    report.receipt = Some(Said::of(&verified));
    Ok(())
}

/// What a receipt shows by itself, and with the bodies that it is about.
fn signed(report: &mut Report, service: &Verifier, verified: &Verified, against: Against<'_>) {
    let facts = &verified.claims.facts;
    report.good(format!("{} signed the receipt", service.name()));
    report.good(format!(
        "entry {} of the log commits to it, and is in the tree of {} entries that a checkpoint signs",
        verified.index, verified.checkpoint.size
    ));
    for (name, body, claimed) in [
        ("request", against.request, facts.request_sha256),
        ("response", against.response, facts.response_sha256),
    ] {
        match body {
            Some((file, bytes)) => report.check(
                Digest::of(&[bytes]) == claimed,
                &format!("`{file}` is the {name}'s body"),
                &format!("`{file}` is not the {name}'s body: the receipt is about other bytes"),
            ),
            None => report.unchecked(format!("the {name}: give its body with --{name} FILE")),
        }
    }
}

/// Compares a receipt with the log that it is said to be in.
fn borne_out(
    report: &mut Report,
    service: &Verifier,
    verified: &Verified,
    folder: Option<&Path>,
) -> Result<(), Failure> {
    let Some(folder) = folder else {
        report
            .unchecked("what the log says of its key and deadline: give the log with --log FOLDER");
        return Ok(());
    };
    // The bodies that were compared before say nothing about the log.
    let before = report.failures();
    let older = Some(&verified.checkpoint);
    let files = Files { folder, incoming: None };
    let Some(Log { audit, complete }) = log::replay(report, service, &files, older)? else {
        return Ok(());
    };
    if verified.index >= audit.checkpoint.size {
        report.incomplete(format!(
            "the receipt is of a later entry, {}: this copy of the log ends before it",
            verified.index
        ));
        return Ok(());
    }
    if !complete {
        return Ok(());
    }
    let wrong = audit.report.receipt(verified);
    for finding in &wrong {
        report.finding(finding);
    }
    if wrong.is_empty() {
        report.good(match verified.claims.facts.stored {
            Some(_) => {
                "the log tells of the same key, tenant and deadline, made before it was used"
            }
            None => "it says that nothing is stored, and the log has nothing to add",
        });
        if let Some(policies) = verified.claims.terms.policies {
            report.good(match policies.proved {
                true => {
                    "its policies were in force by the log, which has a proof of them that holds"
                }
                false => "its policies were in force by the log, unproved as it says",
            });
        }
    }
    let sound = report.failures() == before;
    accesses::tell(report, (&audit.report, sound), &[verified.claims.facts.request]);
    Ok(())
}

/// What a receipt says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Said {
    request: String,
    outcome: &'static str,
    status: u16,
    started: String,
    finished: String,
    tenant: String,
    resource: String,
    deployment: Option<String>,
    /// SHA-256 of the model's file.
    model: Option<String>,
    region_processed: String,
    region_stored: String,
    prompt_tokens: u64,
    completion_tokens: u64,
    policies: Option<String>,
    policies_proved: Option<bool>,
    retention_days: u8,
    /// The key that its content is sealed to, and when that is destroyed at the latest.
    key: Option<String>,
    destroyed_by: Option<String>,
    /// Its entry in the log.
    entry: u64,
    claims: Vec<Claim>,
}

#[derive(Debug, Serialize)]
struct Claim {
    claim: &'static str,
    rests_on: &'static str,
}

impl Said {
    fn of(verified: &Verified) -> Self {
        let (terms, facts) = (&verified.claims.terms, &verified.claims.facts);
        let claim = |(claim, voucher): (&'static str, tlog::receipt::Voucher)| Claim {
            claim,
            rests_on: voucher.name(),
        };
        Self {
            request: facts.request.to_string(),
            outcome: facts.outcome.name(),
            status: facts.status,
            started: time(facts.started_ms / 1000),
            finished: time(facts.finished_ms / 1000),
            tenant: terms.tenant.to_string(),
            resource: terms.resource.to_string(),
            deployment: terms.deployment.map(|id| id.to_string()),
            model: terms.model.map(|digest| digest.to_string()),
            region_processed: terms.region_processed.clone(),
            region_stored: terms.region_stored.clone(),
            prompt_tokens: facts.prompt_tokens,
            completion_tokens: facts.completion_tokens,
            policies: terms.policies.map(|set| set.digest.to_string()),
            policies_proved: terms.policies.map(|set| set.proved),
            retention_days: terms.retention_days,
            key: facts.stored.as_ref().map(|stored| stored.key.to_string()),
            destroyed_by: facts.stored.as_ref().map(|stored| time(stored.deadline_ms / 1000)),
            entry: verified.index,
            claims: VOUCHERS.into_iter().map(claim).collect(),
        }
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        writeln!(out, "request     {}", self.request)?;
        writeln!(out, "time        {} to {}", self.started, self.finished)?;
        writeln!(out, "outcome     {} (status {})", self.outcome, self.status)?;
        writeln!(out, "resource    {} of {}", self.resource, self.tenant)?;
        let none = "none: no deployment was found";
        let deployment = self.deployment.as_deref().unwrap_or(none);
        writeln!(out, "deployment  {deployment}")?;
        match &self.model {
            Some(digest) => writeln!(out, "model       the file with SHA-256 {digest}")?,
            None => writeln!(out, "model       none ran")?,
        }
        writeln!(
            out,
            "region      processed in {}, stored in {}",
            self.region_processed, self.region_stored
        )?;
        writeln!(out, "tokens      {} in, {} out", self.prompt_tokens, self.completion_tokens)?;
        let policies = self.policies.as_deref().zip(self.policies_proved);
        writeln!(out, "policies    {}", policies_in_words(policies))?;
        match self.key.as_deref().zip(self.destroyed_by.as_deref()) {
            Some((key, by)) => {
                writeln!(out, "retention   sealed to {key}, which is destroyed by {by}")?;
            }
            None => writeln!(out, "retention   none: nothing of its content was stored")?,
        }
        writeln!(out, "\nwho stands behind what:")?;
        self.claims
            .iter()
            .try_for_each(|Claim { claim, rests_on }| writeln!(out, "  {claim}: {rests_on}"))
    }
}

/// The policies that decided, and whether they were proved.
pub(super) fn in_words(policies: Option<PolicySet>) -> String {
    let digest = policies.map(|set| (set.digest.to_string(), set.proved));
    policies_in_words(digest.as_ref().map(|(digest, proved)| (digest.as_str(), *proved)))
}

fn policies_in_words(policies: Option<(&str, bool)>) -> String {
    match policies {
        Some((digest, true)) => format!("{digest}, proved to keep the promises"),
        Some((digest, false)) => {
            format!(
                "{digest}, NOT proved to keep the promises: the operator serves them all the same"
            )
        }
        None => "not told: the service was of an earlier version".to_owned(),
    }
}

/// A body that a receipt is about, read from a file.
pub(super) struct Body {
    name: String,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        Ok(Self { name: file.display().to_string(), bytes: read(file)? })
    }

    pub(super) fn parts(&self) -> (&str, &[u8]) {
        (&self.name, &self.bytes)
    }
}
