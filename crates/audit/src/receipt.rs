//! Checks a receipt, and compares it with the bodies of its request and response and with its log.

use std::io::{self, Write};

use serde::Serialize;
use tlog::{
    canon::Digest,
    note::Verifier,
    object::Class,
    receipt::{PolicySet, Receipt, VOUCHERS, Verified},
};

use crate::{
    Failure, LogFiles, accesses,
    keys::{cosigned, named, wrong_key},
    log::{self, Log},
    report::Report,
    terminal::harmless,
    time::rfc3339,
};

mod filter;
mod objects;
mod personal;
mod place;

use self::{filter::ContentFilter, objects::Object, personal::PersonalData, place::Place};

/// The files to compare a receipt with.
#[derive(Debug)]
pub struct Against<'a, F> {
    /// The body of the request, with its name in messages.
    pub request: Option<(&'a str, &'a [u8])>,
    /// The body of the response, with its name in messages.
    pub response: Option<(&'a str, &'a [u8])>,
    /// The log that must contain it.
    pub log: Option<&'a F>,
    /// Keys of witnesses that must have cosigned.
    pub witnesses: &'a [String],
}

/// Checks a receipt.
///
/// # Errors
/// If the receipt or the log cannot be read, or is from another service.
pub fn check<F: LogFiles>(
    report: &mut Report,
    service: &Verifier,
    bytes: &[u8],
    against: &Against<'_, F>,
) -> Result<(), Failure> {
    let receipt = Receipt::decode(bytes).map_err(|error| {
        Failure::unreadable(
            format!("the receipt cannot be read: {error}"),
            "save the body of GET …/receipts/{id} unchanged; an error in JSON is not a receipt",
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
    place::check(report, &verified, against.log.is_some());
    filter::check(report, &verified);
    cosigned(report, &receipt.proof.checkpoint, against.witnesses)?;
    borne_out(report, service, &verified, against.log)?;
    report.receipt = Some(Summary::of(&verified));
    Ok(())
}

/// Reports the signature of the receipt, and compares the bodies with it.
fn signed<F>(
    report: &mut Report,
    service: &Verifier,
    verified: &Verified,
    against: &Against<'_, F>,
) {
    let facts = &verified.claims.facts;
    report.good(format!("{} signed the receipt", service.name()));
    report.good(format!(
        "entry {} of the log commits to it, and is in the tree of {} entries that a checkpoint signs",
        verified.index, verified.checkpoint.size
    ));
    bodies(
        report,
        [
            ("request", against.request, facts.request_sha256),
            ("response", against.response, facts.response_sha256),
        ],
    );
}

/// A body with its name in messages.
type Named<'a> = (&'a str, &'a [u8]);

/// Compares the bodies that the caller saved with the claimed digests.
pub(crate) fn bodies(report: &mut Report, bodies: [(&'static str, Option<Named<'_>>, Digest); 2]) {
    for (name, body, claimed) in bodies {
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

/// Compares a receipt with its log.
fn borne_out(
    report: &mut Report,
    service: &Verifier,
    verified: &Verified,
    files: Option<&impl LogFiles>,
) -> Result<(), Failure> {
    let Some(files) = files else {
        report.unchecked(
            "whether the log agrees about its key and deadline: give the log with --log FOLDER",
        );
        return Ok(());
    };
    // A wrong body does not mean that the log is bad, so count only later failures.
    let before = report.failures();
    let older = Some(&verified.checkpoint);
    let Some(Log { audit, complete }) = log::replay(report, service, files, older)? else {
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
    let mut wrong = audit.report.receipt(verified);
    // `place::check` has reported these.
    let breaches = verified.breaches();
    wrong.retain(|finding| !breaches.contains(finding));
    for finding in &wrong {
        report.finding(finding);
    }
    if wrong.is_empty() {
        report.good(match verified.claims.facts.stored {
            Some(_) => {
                "the log has the same key, tenant and deadline, and the key is older than its use"
            }
            None => {
                "the receipt says that no content is stored, and the log does not contradict it"
            }
        });
        if let Some(policies) = verified.claims.terms.policies {
            report.good(match policies.proved {
                true => {
                    "according to the log its policies were active, and a successful proof of them exists"
                }
                false => "according to the log its policies were active, and unproved, as the receipt says",
            });
        }
        place::permitted(report, verified);
    }
    objects::ends(report, &audit.report, verified);
    let sound = report.failures() == before;
    accesses::list(report, (&audit.report, sound), &[verified.claims.facts.request]);
    Ok(())
}

/// The contents of a receipt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
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
    /// SHA-256 of a fine-tuned model's adapter.
    adapter: Option<String>,
    /// The job that made it.
    job: Option<String>,
    /// The name of the engine.
    engine: String,
    /// The place of processing, and the allowed places.
    ran: Option<Place>,
    /// The attempts on engines before.
    attempts: Vec<place::Attempt>,
    region_processed: String,
    region_stored: String,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Fields of the request that had no effect.
    no_effect: Vec<String>,
    /// The content filter that applied, and its findings.
    content_filter: Option<ContentFilter>,
    /// Treatment of personal data.
    personal_data: Option<PersonalData>,
    /// The fingerprint of the customer's root.
    customer_root: Option<String>,
    /// Whether the customer must consent to each access request; `None` if it has no root.
    lockbox: Option<bool>,
    policies: Option<String>,
    policies_proved: Option<bool>,
    retention_days: u8,
    /// The key that its content is sealed to.
    key: Option<String>,
    /// Time by which that key is destroyed at the latest.
    destroyed_by: Option<String>,
    /// Objects that the request wrote or destroyed.
    objects: Vec<Object>,
    /// Index of its entry in the log.
    entry: u64,
    claims: Vec<Claim>,
}

#[derive(Debug, Serialize)]
struct Claim {
    claim: &'static str,
    rests_on: &'static str,
}

impl Summary {
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
            started: rfc3339(facts.started_ms / 1000),
            finished: rfc3339(facts.finished_ms / 1000),
            tenant: terms.tenant.to_string(),
            resource: terms.resource.to_string(),
            deployment: terms.deployment.map(|id| id.to_string()),
            model: terms.model.map(|digest| digest.to_string()),
            adapter: terms.adapter.map(|adapter| adapter.digest.to_string()),
            job: terms.adapter.map(|adapter| Class::Job.id(adapter.job)),
            engine: terms.engine.clone(),
            ran: terms.ran.as_ref().map(Place::of),
            attempts: facts.attempts.iter().flatten().map(place::Attempt::of).collect(),
            region_processed: terms.region_processed.clone(),
            region_stored: terms.region_stored.clone(),
            prompt_tokens: facts.prompt_tokens,
            completion_tokens: facts.completion_tokens,
            no_effect: facts.no_effect.clone().unwrap_or_default(),
            content_filter: ContentFilter::of(&verified.claims),
            personal_data: PersonalData::of(&verified.claims),
            customer_root: terms.customer.map(|customer| customer.root.to_string()),
            lockbox: terms.customer.map(|customer| customer.lockbox),
            policies: terms.policies.map(|set| set.digest.to_string()),
            policies_proved: terms.policies.map(|set| set.proved),
            retention_days: terms.retention_days,
            key: facts.stored.as_ref().map(|stored| stored.key.to_string()),
            destroyed_by: facts.stored.as_ref().map(|stored| rfc3339(stored.deadline_ms / 1000)),
            objects: facts.objects.iter().flatten().map(Object::of).collect(),
            entry: verified.index,
            claims: VOUCHERS.into_iter().map(claim).collect(),
        }
    }

    pub(crate) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        writeln!(out, "request     {}", self.request)?;
        writeln!(out, "time        {} to {}", self.started, self.finished)?;
        writeln!(out, "outcome     {} (status {})", self.outcome, self.status)?;
        writeln!(out, "resource    {} of {}", self.resource, self.tenant)?;
        let none = "none: no deployment was found";
        let deployment = self.deployment.as_deref().unwrap_or(none);
        writeln!(out, "deployment  {deployment}")?;
        let served = self.ran.as_ref().and_then(|place| place.model.as_deref());
        match (&self.model, served) {
            (Some(digest), _) => writeln!(out, "model       the file with SHA-256 {digest}")?,
            (None, Some(name)) => {
                writeln!(out, "model       the engine calls it `{}`", harmless(name))?;
            }
            (None, None) => writeln!(out, "model       none ran")?,
        }
        if let (Some(adapter), Some(job)) = (&self.adapter, &self.job) {
            writeln!(out, "adapter     SHA-256 {adapter}, made by {job}")?;
        }
        if let Some(place) = &self.ran {
            place.text(&self.engine, out)?;
        }
        for attempt in &self.attempts {
            writeln!(out, "tried       {}", harmless(&attempt.in_words()))?;
        }
        writeln!(
            out,
            "region      processed in {}, stored in {} (by the operator's word)",
            harmless(&self.region_processed),
            harmless(&self.region_stored)
        )?;
        writeln!(out, "tokens      {} in, {} out", self.prompt_tokens, self.completion_tokens)?;
        if !self.no_effect.is_empty() {
            let fields: Vec<_> =
                self.no_effect.iter().map(|path| path.escape_debug().to_string()).collect();
            writeln!(out, "no effect   {}", fields.join(", "))?;
        }
        match &self.content_filter {
            Some(filter) => filter.text(out)?,
            None => writeln!(out, "filter      none: no content filter applied")?,
        }
        if let Some(personal) = &self.personal_data {
            personal.text(out)?;
        }
        match (&self.customer_root, self.lockbox) {
            (Some(root), Some(lockbox)) => {
                let words = if lockbox { "with" } else { "without" };
                writeln!(out, "customer    its root is {root}; {words} lockbox")?;
            }
            _ => writeln!(out, "customer    no root: its decisions rest on the operator's word")?,
        }
        let policies = self.policies.as_deref().zip(self.policies_proved);
        writeln!(out, "policies    {}", policies_in_words(policies))?;
        match self.key.as_deref().zip(self.destroyed_by.as_deref()) {
            Some((key, by)) => {
                writeln!(out, "retention   sealed to {key}, which is destroyed by {by}")?;
            }
            None => writeln!(out, "retention   none: no content was stored")?,
        }
        for object in &self.objects {
            writeln!(out, "object      {}", object.in_words())?;
        }
        writeln!(out, "\neach claim, and what it rests on:")?;
        self.claims
            .iter()
            .try_for_each(|Claim { claim, rests_on }| writeln!(out, "  {claim}: {rests_on}"))
    }
}

/// Describes the policies that decided, and whether they were proved.
pub(crate) fn in_words(policies: Option<PolicySet>) -> String {
    let digest = policies.map(|set| (set.digest.to_string(), set.proved));
    policies_in_words(digest.as_ref().map(|(digest, proved)| (digest.as_str(), *proved)))
}

fn policies_in_words(policies: Option<(&str, bool)>) -> String {
    match policies {
        Some((digest, true)) => format!("{digest}, proved to keep the promises"),
        Some((digest, false)) => {
            format!("{digest}, NOT proved to keep the promises: the operator uses them anyway")
        }
        None => "not stated: the service was of an earlier version".to_owned(),
    }
}
