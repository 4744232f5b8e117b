//! Checks the certificate of an erasure: that the service signed it, that the log has it, that it is
//! about a data subject, and that the log has every deletion that it names.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde::Serialize;
use tlog::{
    erasure::{Line, Place, Signed, Verified},
    note::Verifier,
    verify::{AccessKind, plural},
};

use crate::{
    Failure, LogFiles,
    keys::{named, wrong_key},
    log::{self, Log},
    report::Report,
    time::rfc3339,
};

/// Evidence that a certificate is compared with.
#[derive(Debug)]
pub struct Against<'a, F> {
    /// The name of the data subject, and the salt that the officer gave.
    pub subject: Option<(&'a str, [u8; 16])>,
    /// The log that must contain it.
    pub log: Option<&'a F>,
}

/// Checks a certificate.
///
/// # Errors
/// If the certificate or the log cannot be read, or is from another service.
pub fn check<F: LogFiles>(
    report: &mut Report,
    service: &Verifier,
    bytes: &[u8],
    against: &Against<'_, F>,
) -> Result<(), Failure> {
    let signed = Signed::decode(bytes).map_err(|error| {
        Failure::unreadable(
            format!("the certificate cannot be read: {error}"),
            "give the file that `bailiwick desk subject erase` wrote, unchanged",
        )
    })?;
    let service = &named(service, &signed.proof.checkpoint);
    let verified = match signed.verify(service) {
        Ok(verified) => verified,
        Err(error) => {
            if let Some(failure) = wrong_key(&signed.proof.checkpoint, service, "certificate") {
                return Err(failure);
            }
            report.failed(error.to_string());
            return Ok(());
        }
    };
    report.good(format!("{} signed the certificate", service.name()));
    report.good(format!(
        "entry {} of the log is about it, and is in the tree of {} entries that a checkpoint signs",
        verified.index, verified.checkpoint.size
    ));
    counts(report, &verified);
    match against.subject {
        Some((name, salt)) => report.check(
            verified.certificate.is_about(name, &salt),
            "it is about the data subject with this name",
            "it is not about a data subject with this name, or the salt is another one",
        ),
        None => report.unchecked(
            "whose data was erased: give the name with --subject, and the officer's --salt",
        ),
    }
    borne_out(report, service, &verified, against.log)?;
    report.erasure = Some(Summary::of(&verified));
    Ok(())
}

/// Checks that the certificate agrees with itself.
fn counts(report: &mut Report, verified: &Verified) {
    let lines = &verified.certificate.lines;
    let places: BTreeSet<Place> = lines.iter().map(|line| line.place).collect();
    report.check(
        places.len() == Place::ALL.len() && lines.len() == places.len(),
        "it says of every store what was found there",
        "it does not say of every store what was found there",
    );
    let is_whole = |line: &Line| {
        line.erased <= line.found && (line.erased == line.found || line.kept.is_some())
    };
    report.check(
        lines.iter().all(is_whole),
        "it gives a reason for everything that was not erased",
        "something that was found was not erased, without a reason",
    );
}

/// Compares a certificate with its log.
fn borne_out(
    report: &mut Report,
    service: &Verifier,
    verified: &Verified,
    files: Option<&impl LogFiles>,
) -> Result<(), Failure> {
    let Some(files) = files else {
        report.unchecked("whether the log has each deletion: give the log with --log FOLDER");
        return Ok(());
    };
    let older = Some(&verified.checkpoint);
    let Some(Log { audit, complete }) = log::replay(report, service, files, older)? else {
        return Ok(());
    };
    if verified.index >= audit.checkpoint.size {
        report.incomplete(format!(
            "the certificate is of a later entry, {}: this copy of the log ends before it",
            verified.index
        ));
        return Ok(());
    }
    if !complete {
        return Ok(());
    }
    let certificate = &verified.certificate;
    let all = audit.report.accesses.values().flatten();
    let records: BTreeSet<u64> = all
        .filter(|access| access.kind == AccessKind::OwnerDeleted)
        .map(|access| access.index)
        .collect();
    let objects = audit.report.objects.values();
    let objects: BTreeSet<u64> =
        objects.filter(|end| end.tenant == certificate.tenant).map(|end| end.index).collect();
    let (mut of_records, mut wrong) = (0_u64, 0_u64);
    for index in certificate.entries.iter().flat_map(tlog::erasure::Entries::numbers) {
        let is_before = index < verified.index;
        match (records.contains(&index), objects.contains(&index)) {
            (true, _) if is_before => of_records = of_records.saturating_add(1),
            (_, true) if is_before => {}
            _ => wrong = wrong.saturating_add(1),
        }
    }
    report.check(
        wrong == 0,
        "the log has every deletion that it names, before it",
        &format!("{} are not deletions in the log", plural(wrong, "named entry", "named entries")),
    );
    let claimed = certificate.lines.iter().filter(|line| line.place == Place::Records);
    let claimed: u64 = claimed.map(|line| line.erased).sum();
    report.check(
        claimed == of_records,
        "the log has as many deleted records as it says",
        &format!("it says that {claimed} records were erased, and names {of_records} deletions"),
    );
    Ok(())
}

/// The contents of a certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    request: String,
    tenant: String,
    started: String,
    finished: String,
    stores: Vec<Store>,
    /// Index of its entry in the log.
    entry: u64,
    /// The number of deletions that it names.
    deletions: u64,
}

#[derive(Debug, Serialize)]
struct Store {
    name: &'static str,
    found: u64,
    erased: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

impl Summary {
    fn of(verified: &Verified) -> Self {
        let certificate = &verified.certificate;
        let store = |line: &Line| Store {
            name: line.place.name(),
            found: line.found,
            erased: line.erased,
            why: line.kept.filter(|_| line.erased < line.found).map(tlog::erasure::Kept::reason),
        };
        Self {
            request: certificate.request.to_string(),
            tenant: certificate.tenant.to_string(),
            started: rfc3339(certificate.started_ms / 1000),
            finished: rfc3339(certificate.finished_ms / 1000),
            stores: certificate.lines.iter().map(store).collect(),
            entry: verified.index,
            deletions: certificate.entries.iter().map(|run| run.count).sum(),
        }
    }

    pub(crate) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        writeln!(out, "request     {}", self.request)?;
        writeln!(out, "tenant      {}", self.tenant)?;
        writeln!(out, "time        {} to {}", self.started, self.finished)?;
        writeln!(out, "deletions   {} in the log, before entry {}", self.deletions, self.entry)?;
        writeln!(out, "\nstore            found  erased")?;
        for Store { name, found, erased, why } in &self.stores {
            writeln!(out, "{name:<15}{found:>7}{erased:>8}  {}", why.unwrap_or(""))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
