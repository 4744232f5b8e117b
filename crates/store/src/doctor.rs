//! Compares the tables with the log. What is a promise follows from the log's entries; the tables are
//! a copy of it for requests. A row that was written without the log differs from it.
//!
//! One pass over the entries gives the state that they say; then each row is compared with it. The
//! comparison changes nothing.

mod decisions;
mod finding;
mod openings;
mod people;
mod receipts;
mod resources;
pub(crate) mod row;
mod things;
pub(crate) mod told;
mod usage;

use policy::{retention::Metadata, token::Kind};
use serde::Serialize;
use tlog::canon::Digest;

pub use self::finding::{Finding, What};
use self::told::Told;
use crate::{
    Store,
    row::DirectoryObject,
    sqlite::Database,
    tiles::{LogError, Tiles},
};

/// The most findings of one comparison. Later ones are only counted.
pub const FINDINGS_MAX: usize = 1000;

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The number of entries of the log.
    pub entries: u64,
    /// The number of rows that were compared, without receipts.
    pub rows: u64,
    /// The number of receipts.
    pub receipts: u64,
    /// The differences.
    pub findings: Vec<Finding>,
    /// The number of differences beyond [`FINDINGS_MAX`].
    pub left_out: u64,
}

impl Report {
    /// Returns true if the tables say what the log says.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.left_out == 0
    }

    /// Returns the number of differences.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::try_from(self.findings.len()).unwrap_or(u64::MAX).saturating_add(self.left_out)
    }

    /// Returns the differences with which the service must not run.
    pub fn stopping(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.what.stops())
    }
}

/// How much of the receipts is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Whether each is there.
    Presence,
    /// Every byte that its commitment covers, the key of its record, and the usage that it counts in.
    Whole,
}

/// How long receipts and usage are stored, and the present time in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) metadata: Metadata,
    pub(crate) now_ms: u64,
}

/// The differences that were found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    all: Vec<Finding>,
    left_out: u64,
}

impl Findings {
    /// Adds a difference.
    fn add(&mut self, finding: Finding) {
        if self.all.len() < FINDINGS_MAX {
            self.all.push(finding);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Adds a difference if the two states are not the same.
    fn same(&mut self, what: What, which: &str, log: impl Into<String>, table: impl Into<String>) {
        let (log, table) = (log.into(), table.into());
        if log != table {
            self.add(Finding::new(what, which, log, table));
        }
    }
}

/// Reads the log on from where `told` is, and compares the tables with it, at one moment.
pub(crate) fn compare(
    told: &mut Told,
    database: &mut Database,
    (kept, depth): (Kept, Depth),
) -> Result<Report, LogError> {
    let read = database.read()?;
    told.catch_up(&read)?;
    let clock_ms = read.log_clock()?.map_or(0, |clock| clock.now_ms);
    let kept = Kept { now_ms: kept.now_ms.max(clock_ms).max(told.time_ms()), ..kept };
    let mut findings = Findings::default();
    told.wrong.iter().cloned().for_each(|wrong| findings.add(wrong));
    let extra = read.openings_before(told.size())?.saturating_sub(told.openings);
    if extra > 0 {
        let table = format!("{extra} texts that belong to no entry");
        findings.add(Finding::new(What::Opening, "of no entry", "none", table));
    }
    things::compare(told, &read, &mut findings)?;
    resources::compare(told, &read, &mut findings)?;
    people::compare(told, &read, &mut findings)?;
    decisions::compare(told, &read, &mut findings)?;
    let receipts = receipts::present(told, &read, kept, &mut findings)?;
    if depth == Depth::Whole {
        let counted = receipts::whole(told, &read, &mut findings)?;
        usage::compare(&counted, &read, kept, &mut findings)?;
    }
    let rows = read.covered()?;
    let Findings { all, left_out } = findings;
    Ok(Report { entries: told.size(), rows, receipts, findings: all, left_out })
}

impl Store {
    /// Compares the tables with the log, in full. `origin` is the log's name. `metadata` is how long
    /// receipts and usage are stored. A service may run on the store at the same time.
    ///
    /// # Errors
    /// If the database or the log cannot be read.
    pub fn doctor(&self, origin: &str, metadata: Metadata) -> Result<Report, LogError> {
        let mut told = Told::new(origin, Tiles::at(self.log()));
        let kept = Kept { metadata, now_ms: self.reading().wall_ms };
        let mut reader = self.reader();
        compare(&mut told, &mut reader.database, (kept, Depth::Whole))
    }
}

/// Returns the name that an opening has of a directory's object. It does not reveal the object.
pub(crate) fn named_object(object: DirectoryObject) -> String {
    let kind: &[u8] = match object.kind {
        Kind::Person => b"person",
        Kind::Workload => b"program",
    };
    let (tenant, id) = (object.tenant, object.object);
    Digest::of(&[OBJECT, tenant.as_bytes(), id.as_bytes(), kind]).to_string()
}

/// Returns the name that an opening has of a key's digest. It does not reveal the digest.
pub(crate) fn named_key(digest: &policy::principal::KeyDigest) -> String {
    Digest::of(&[KEY, digest.as_bytes()]).to_string()
}

/// Separates these names from every other use of SHA-256.
const OBJECT: &[u8] = b"bailiwick/directory-object/v1\0";
const KEY: &[u8] = b"bailiwick/key-digest/v1\0";

#[cfg(test)]
mod tests;
