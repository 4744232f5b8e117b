//! `bailiwick verify`: checks receipts, checkpoints and a whole log, offline, with nothing of the
//! service but its public key.

mod accesses;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::{Note, Verifier},
    receipt::{PolicySet, Receipt, VOUCHERS, Verified},
    verify::{Audit, Continues, Files, Finding, InForce, NoAudit, Question, Report, Succeeded},
};

use super::{
    args::{Verify, VerifyCommand},
    output::Failure,
};

/// What was checked, line by line.
struct Findings {
    bad: u32,
}

impl Findings {
    fn good(&self, what: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "ok       {what}")
    }

    fn bad(&mut self, what: &str) -> io::Result<()> {
        self.bad += 1;
        writeln!(anstream::stdout(), "WRONG    {what}")
    }

    fn note(&self, what: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "note     {what}")
    }

    fn unchecked(&self, what: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "not checked  {what}")
    }

    fn check(&mut self, good: bool, what: &str) -> io::Result<()> {
        if good { self.good(what) } else { self.bad(what) }
    }

    fn end(self) -> Result<(), Failure> {
        match self.bad {
            0 => Ok(()),
            count => Err(Failure::new(
                format!("{count} checks failed"),
                "keep these files as evidence, and ask the operator about them",
            )),
        }
    }
}

pub(crate) fn verify(args: &Verify) -> Result<(), Failure> {
    let key = fs::read_to_string(&args.service_key).unwrap_or_else(|_| args.service_key.clone());
    let service = Verifier::parse(&key).map_err(|error| {
        Failure::new(
            format!("`--service-key`: {error}"),
            "give the service's public key, or the file it is in: `service.pub` in its data directory",
        )
    })?;
    let mut findings = Findings { bad: 0 };
    match &args.command {
        VerifyCommand::Receipt { receipt, request, response, log, witness } => {
            let receipt = parsed(receipt)?;
            let service = named(&service, &receipt.proof.checkpoint);
            match receipt.verify(&service) {
                Ok(verified) => {
                    let bodies = (request.as_deref(), response.as_deref());
                    signed(&mut findings, &service, &verified, bodies)?;
                    cosigned(&mut findings, &receipt.proof.checkpoint, witness)?;
                    borne_out(&mut findings, &service, &verified, log.as_deref())?;
                    told(&verified)?;
                }
                Err(error) => findings.bad(&error.to_string())?,
            }
        }
        VerifyCommand::Log { folder, request, older, witness } => {
            let older =
                older.as_deref().map(|file| older_checkpoint(&service, file)).transpose()?;
            if let Some(audit) = replay(&mut findings, &service, folder, older.as_ref())? {
                counts(&findings, &audit)?;
                accesses::tell(&findings, (&audit.report, findings.bad == 0), request)?;
            }
            cosigned(&mut findings, &text(&folder.join("checkpoint"))?, witness)?;
        }
    }
    findings.end()
}

/// The service's key under the name that a receipt's log has: before and after a restore it is another
/// name of the same key. Whether the names belong together, the log says.
fn named(service: &Verifier, note: &str) -> Verifier {
    let renamed = Checkpoint::verify_renamed(note, service).map(|found| found.origin);
    let renamed = renamed.ok().and_then(|origin| service.renamed(&origin).ok());
    renamed.unwrap_or_else(|| service.clone())
}

fn parsed(file: &Path) -> Result<Receipt, Failure> {
    Receipt::decode(&read(file)?).map_err(|error| {
        Failure::new(
            format!("`{}`: {error}", file.display()),
            "save the body of GET …/receipts/{id} as it comes",
        )
    })
}

/// What a receipt shows by itself, and with the bodies that it is about.
fn signed(
    findings: &mut Findings,
    service: &Verifier,
    verified: &Verified,
    (request, response): (Option<&Path>, Option<&Path>),
) -> Result<(), Failure> {
    let facts = &verified.claims.facts;
    findings.good(&format!("signed by {}", service.name()))?;
    findings.good(&format!(
        "entry {} of the log commits to it, and is in the tree of {} entries that a checkpoint signs",
        verified.index, verified.checkpoint.size
    ))?;
    let bodies =
        [("request", request, facts.request_sha256), ("response", response, facts.response_sha256)];
    for (name, file, claimed) in bodies {
        match file {
            Some(file) => {
                let same = Digest::of(&[&read(file)?]) == claimed;
                findings.check(same, &format!("`{}` is the {name}'s body", file.display()))?;
            }
            None => findings.unchecked(&format!("the {name}: give its body with --{name} FILE"))?,
        }
    }
    Ok(())
}

/// Compares a receipt with the log that it is said to be in.
fn borne_out(
    findings: &mut Findings,
    service: &Verifier,
    verified: &Verified,
    log: Option<&Path>,
) -> Result<(), Failure> {
    let Some(folder) = log else {
        let what = "what the log says of its key and deadline: give the log with --log FOLDER";
        return Ok(findings.unchecked(what)?);
    };
    // The bodies that were compared before say nothing about the log.
    let before = findings.bad;
    let Some(audit) = replay(findings, service, folder, Some(&verified.checkpoint))? else {
        return Ok(());
    };
    let wrong = audit.report.receipt(verified);
    for finding in &wrong {
        findings.bad(&placed(finding))?;
    }
    if wrong.is_empty() {
        findings.good(match verified.claims.facts.stored {
            Some(_) => {
                "the log tells of the same key, tenant and deadline, made before it was used"
            }
            None => "it says that nothing is stored, and the log has nothing to add",
        })?;
        if let Some(policies) = verified.claims.terms.policies {
            findings.good(match policies.proved {
                true => {
                    "its policies were in force by the log, which has a proof of them that holds"
                }
                false => "its policies were in force by the log, unproved as it says",
            })?;
        }
    }
    let sound = findings.bad == before;
    accesses::tell(findings, (&audit.report, sound), &[verified.claims.facts.request])?;
    Ok(())
}

/// What a receipt says, for people.
fn told(verified: &Verified) -> Result<(), Failure> {
    let (terms, facts) = (&verified.claims.terms, &verified.claims.facts);
    let mut out = anstream::stdout();
    writeln!(out)?;
    writeln!(out, "request     {}", facts.request)?;
    writeln!(out, "outcome     {} (status {})", facts.outcome.name(), facts.status)?;
    writeln!(out, "resource    {} of {}", terms.resource, terms.tenant)?;
    writeln!(
        out,
        "region      processed in {}, stored in {}",
        terms.region_processed, terms.region_stored
    )?;
    writeln!(out, "tokens      {} in, {} out", facts.prompt_tokens, facts.completion_tokens)?;
    writeln!(out, "policies    {}", in_words(terms.policies))?;
    match &facts.stored {
        Some(stored) => writeln!(
            out,
            "retention   sealed to {}, which is destroyed by {}",
            stored.key,
            crate::manage::time(stored.deadline_ms / 1000)
        )?,
        None => writeln!(out, "retention   none: nothing of its content was stored")?,
    }
    writeln!(out, "\nwho stands behind what:")?;
    for (claim, voucher) in VOUCHERS {
        writeln!(out, "  {claim}: {}", voucher.name())?;
    }
    Ok(())
}

/// The policies that decided, and whether they were proved.
fn in_words(policies: Option<PolicySet>) -> String {
    match policies {
        Some(PolicySet { digest, proved: true }) => {
            format!("{digest}, proved to keep the promises")
        }
        Some(PolicySet { digest, proved: false }) => {
            format!(
                "{digest}, NOT proved to keep the promises: the operator serves them all the same"
            )
        }
        None => "not told: the service was of an earlier version".to_owned(),
    }
}

/// Replays a log. None: its checkpoint is not one of this service, which is said.
fn replay(
    findings: &mut Findings,
    service: &Verifier,
    folder: &Path,
    older: Option<&Checkpoint>,
) -> Result<Option<Audit>, Failure> {
    let question = Question { now_ms: None, older_size: older.map(|older| older.size) };
    let audit = match tlog::verify::audit(&Folder(folder), service, &question) {
        Ok(audit) => audit,
        Err(NoAudit::Checkpoint(error)) => {
            findings.bad(&error.to_string())?;
            return Ok(None);
        }
        Err(error) => {
            return Err(Failure::new(
                format!("`{}`: {error}", folder.display()),
                "give the log's folder: a copy of what is served under `/log/`",
            ));
        }
    };
    let (size, report) = (audit.checkpoint.size, &audit.report);
    findings.good(&format!("the checkpoint of {size} entries is signed"))?;
    for finding in &report.findings {
        findings.bad(&placed(finding))?;
    }
    if report.findings.is_empty() {
        findings.good("every entry is one that the checkpoint signs, in order, without a gap")?;
        findings.good(&format!("{} tiles have the hashes that the entries have", audit.tiles))?;
        findings.good(&format!(
            "{} keys were made, and {} destroyed, none after its deadline",
            report.keys_created, report.keys_destroyed
        ))?;
        if report.keys_lost > 0 {
            findings.note(&format!(
                "{} keys were lost, not destroyed: what was sealed to them is given up, and that no \
                 copy of them is left is the operator's word",
                report.keys_lost
            ))?;
        }
        findings.good(&format!("{} looks at records, each approved", report.looks))?;
        findings.good(&format!(
            "{} reads and {} deletions of records by their owners, none after a deletion: the owners \
             can tell whether they made them",
            report.owner_reads, report.owner_deletions
        ))?;
    }
    for notice in &report.notices {
        findings.note(&placed(notice))?;
    }
    successions(findings, report)?;
    if let Some(older) = older {
        let what = format!("it continues the older checkpoint of {} entries", older.size);
        match audit.continues(older) {
            Continues::Yes => findings.good(&what)?,
            Continues::Named { index } => findings.good(&format!(
                "the older checkpoint of {} entries is of the log before this one, after the cut: entry \
                 {index} names it as its head",
                older.size
            ))?,
            Continues::No(why) => findings.bad(&format!("{what}: {why}"))?,
        }
    }
    Ok(Some(audit))
}

/// Where the log goes on in the place of another, in plain words.
fn successions(findings: &Findings, report: &Report) -> Result<(), Failure> {
    for Succeeded { index, time_ms, succession, .. } in &report.successions {
        let at = crate::manage::time(time_ms / 1000);
        let (old, cut, newest) = (&succession.old, succession.cut.size, succession.newest());
        findings.note(&format!(
            "entry {index}, {at}: restored from a backup. The log `{old}` has ended; it is cut after {cut} \
             entries and goes on here as `{}`. The reason is committed to: {}",
            succession.new, succession.reason
        ))?;
        let heads = succession.heads.iter();
        let heads: Vec<_> =
            heads.map(|head| format!("{} ({})", head.mark.size, head.source.name())).collect();
        findings.note(&format!("entry {index}: the newest heads known: {}", heads.join(", ")))?;
        findings.note(&match succession.lost {
            Some(lost) => format!(
                "entry {index}: {} receipts and {} other entries are lost, listed in a file with the \
                 SHA-256 {}",
                lost.requests, lost.others, lost.list
            ),
            None if newest > cut => format!(
                "entry {index}: the entries {cut} to {} are lost, and the operator does not know them; \
                 later ones may be lost, too",
                newest.saturating_sub(1)
            ),
            None => format!("entry {index}: entries from {cut} on may be lost; none is known"),
        })?;
    }
    Ok(())
}

fn counts(findings: &Findings, audit: &Audit) -> Result<(), Failure> {
    let report = &audit.report;
    writeln!(
        anstream::stdout(),
        "\n{} requests, {} starts, {} changes of what may be dialed",
        report.requests,
        report.starts,
        report.egress_lists
    )?;
    for InForce { index, time_ms, policies } in &report.policies {
        let (since, policies) = (crate::manage::time(time_ms / 1000), in_words(*policies));
        writeln!(anstream::stdout(), "policies since {since} (entry {index}): {policies}")?;
    }
    for what in &audit.unchecked {
        findings.unchecked(what)?;
    }
    Ok(())
}

/// A finding, with its place.
fn placed(finding: &Finding) -> String {
    let place = finding.index.map_or_else(String::new, |index| format!("entry {index}: "));
    format!("{place}{}", finding.what)
}

/// A log's files in a folder.
struct Folder<'a>(&'a Path);

impl Files for Folder<'_> {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn older_checkpoint(service: &Verifier, file: &Path) -> Result<Checkpoint, Failure> {
    // Of this log, or of one before it: they have one key.
    Checkpoint::verify_renamed(&text(file)?, service).map_err(|error| {
        Failure::new(format!("`{}`: {error}", file.display()), "give a saved checkpoint")
    })
}

/// Whether each witness has cosigned a checkpoint, and when, by its own clock.
fn cosigned(findings: &mut Findings, note: &str, witnesses: &[String]) -> Result<(), Failure> {
    for key in witnesses {
        let witness = Verifier::parse(key).ok().filter(Verifier::is_witness).ok_or_else(|| {
            Failure::new(
                format!("`--witness {key}`: this is no witness's key"),
                "give its verifier key, which is in its file `witness.pub`",
            )
        })?;
        let name = witness.name();
        match Note::parse(note).and_then(|note| note.verify(&witness).map(|s| s.cosigned_s)) {
            Ok(Some(at)) => {
                let at = crate::manage::time(at);
                findings.good(&format!("{name} has witnessed the checkpoint, at {at}"))?;
            }
            // A witness's signature has a time, so there is no other case.
            Ok(None) => findings.bad(&format!("{name} has not witnessed the checkpoint"))?,
            Err(error) => {
                findings.bad(&format!("{name} has not witnessed the checkpoint: {error}"))?;
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::new(format!("`{}`: {error}", path.display()), "check the path"))
}

fn text(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}
