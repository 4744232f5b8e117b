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
    tile::{self, WIDTH},
    tree::{self, Frontier},
    verify::Replay,
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
    let note = text(&folder.join("checkpoint"))?;
    let checkpoint = match Checkpoint::verify(&note, service) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            findings.bad(&error.to_string())?;
            return Ok(());
        }
    };
    findings.good(&format!("the checkpoint of {} entries is signed", checkpoint.size))?;
    let mut replay = Replay::default();
    let mut then = Older::read(service, older)?;
    let bundles = checkpoint.size.div_ceil(WIDTH);
    for bundle in 0..bundles {
        let width = (checkpoint.size - bundle * WIDTH).min(WIDTH);
        let path = folder.join(tile::bundle_path(bundle, width));
        let bytes = read(&path)?;
        let Some(entries) = tile::entries(&bytes).filter(|e| e.len() as u64 == width) else {
            findings.bad(&format!("`{}` is not a bundle of {width} entries", path.display()))?;
            return Ok(());
        };
        for entry in entries {
            replay.push(entry);
            then.push(entry);
        }
    }
    let report = replay.finish(&checkpoint, None);
    for finding in &report.findings {
        let place = finding.index.map_or_else(String::new, |index| format!("entry {index}: "));
        findings.bad(&format!("{place}{}", finding.what))?;
    }
    if report.findings.is_empty() {
        findings.good("every entry is one that the checkpoint signs, in order, without a gap")?;
        findings.good(&format!(
            "{} keys were made, and {} destroyed, none after its deadline",
            report.keys_created, report.keys_destroyed
        ))?;
        findings.good(&format!("{} looks at records, each approved", report.looks))?;
    }
    if let Some((size, same)) = then.compare() {
        findings.check(same, &format!("it continues the older checkpoint of {size} entries"))?;
    }
    writeln!(anstream::stdout(), "\n{} requests, {} starts", report.requests, report.starts)?;
    findings.unchecked("that the operator shows everybody the same log: compare with a witness")?;
    Ok(())
}

/// An older checkpoint, compared while the log is replayed.
struct Older {
    checkpoint: Option<Checkpoint>,
    frontier: Frontier,
    root: Option<Digest>,
}

impl Older {
    fn read(service: &Verifier, file: Option<&Path>) -> Result<Self, Failure> {
        let checkpoint = match file {
            Some(file) => Some(Checkpoint::verify(&text(file)?, service).map_err(|error| {
                Failure::new(format!("`{}`: {error}", file.display()), "give a saved checkpoint")
            })?),
            None => None,
        };
        Ok(Self { checkpoint, frontier: Frontier::default(), root: None })
    }

    fn push(&mut self, entry: &[u8]) {
        if let Some(checkpoint) = &self.checkpoint
            && self.frontier.size() < checkpoint.size
        {
            self.frontier.push(tree::leaf_hash(entry));
            if self.frontier.size() == checkpoint.size {
                self.root = Some(self.frontier.root());
            }
        }
    }

    fn compare(&self) -> Option<(u64, bool)> {
        let checkpoint = self.checkpoint.as_ref()?;
        let root = if checkpoint.size == 0 { Some(tree::empty_root()) } else { self.root };
        Some((checkpoint.size, root == Some(checkpoint.root)))
    }
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
