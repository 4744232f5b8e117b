//! `bailiwick verify`: checks receipts, checkpoints and a whole log, offline, with nothing of the
//! service but its public key.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::{Note, Verifier},
    receipt::{Receipt, VOUCHERS},
    verify::{Files, NoAudit, Question},
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

    fn notice(&self, what: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "notice   {what}")
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
        VerifyCommand::Receipt { receipt, request, response } => {
            let files = (request.as_deref(), response.as_deref());
            receipt_file(&mut findings, &service, receipt, files)?;
        }
        VerifyCommand::Log { folder, older, witness } => {
            log(&mut findings, &service, folder, older.as_deref())?;
            for witness in witness {
                cosigned(&mut findings, folder, witness)?;
            }
        }
    }
    findings.end()
}

fn receipt_file(
    findings: &mut Findings,
    service: &Verifier,
    receipt: &Path,
    (request, response): (Option<&Path>, Option<&Path>),
) -> Result<(), Failure> {
    let broken = |error: String| {
        Failure::new(
            format!("`{}`: {error}", receipt.display()),
            "save the body of GET …/receipts/{id} as it comes",
        )
    };
    let receipt = Receipt::decode(&read(receipt)?).map_err(|error| broken(error.to_string()))?;
    let verified = match receipt.verify(service) {
        Ok(verified) => verified,
        Err(error) => {
            findings.bad(&error.to_string())?;
            return Ok(());
        }
    };
    let (terms, facts) = (&verified.claims.terms, &verified.claims.facts);
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

fn log(
    findings: &mut Findings,
    service: &Verifier,
    folder: &Path,
    older: Option<&Path>,
) -> Result<(), Failure> {
    let older = older.map(|file| older_checkpoint(service, file)).transpose()?;
    let question = Question { now_ms: None, older_size: older.as_ref().map(|older| older.size) };
    let audit = match tlog::verify::audit(&Folder(folder), service, &question) {
        Ok(audit) => audit,
        Err(NoAudit::Checkpoint(error)) => {
            findings.bad(&error.to_string())?;
            return Ok(());
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
        let place = finding.index.map_or_else(String::new, |index| format!("entry {index}: "));
        findings.bad(&format!("{place}{}", finding.what))?;
    }
    if report.findings.is_empty() {
        findings.good("every entry is one that the checkpoint signs, in order, without a gap")?;
        findings.good(&format!("{} tiles have the hashes that the entries have", audit.tiles))?;
        findings.good(&format!(
            "{} keys were made, and {} destroyed, none after its deadline",
            report.keys_created, report.keys_destroyed
        ))?;
        findings.good(&format!("{} looks at records, each approved", report.looks))?;
    }
    for notice in &report.notices {
        let place = notice.index.map_or_else(String::new, |index| format!("entry {index}: "));
        findings.notice(&format!("{place}{}", notice.what))?;
    }
    if let Some(older) = &older {
        let same = audit.older_root == Some(older.root);
        let size = older.size;
        findings.check(same, &format!("it continues the older checkpoint of {size} entries"))?;
    }
    writeln!(anstream::stdout(), "\n{} requests, {} starts", report.requests, report.starts)?;
    for what in &audit.unchecked {
        findings.unchecked(what)?;
    }
    Ok(())
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
    Checkpoint::verify(&text(file)?, service).map_err(|error| {
        Failure::new(format!("`{}`: {error}", file.display()), "give a saved checkpoint")
    })
}

fn cosigned(findings: &mut Findings, folder: &Path, witness: &str) -> Result<(), Failure> {
    let witness = Verifier::parse(witness)
        .map_err(|error| Failure::new(format!("`--witness`: {error}"), "give its verifier key"))?;
    let note = text(&folder.join("checkpoint"))?;
    let signed = Note::parse(&note).is_ok_and(|note| note.verify(&witness).is_ok());
    Ok(findings.check(signed, &format!("{} has witnessed the checkpoint", witness.name()))?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::new(format!("`{}`: {error}", path.display()), "check the path"))
}

fn text(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}
