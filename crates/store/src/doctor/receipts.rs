//! Receipts: each request's entry commits to its receipt.

use policy::retention::DAY_MS;
use tlog::{
    canon::{self, Digest},
    entry::{Entry, Event, commit},
    tile::WIDTH,
};

use super::{Finding, Findings, Kept, What, row::WholeReceipt, told::Told, usage::Counted};
use crate::{
    error::StoreError,
    ledger,
    sqlite::{Database, Read},
    tiles::{LogError, Tiles},
};

/// The most missing receipts that are named; the rest is counted.
const NAMED_MAX: usize = 20;

/// Compares which receipts are there with the entries of requests whose receipts are still kept. Returns
/// the number of receipts.
pub(super) fn present(
    told: &Told,
    database: &Read<'_>,
    kept: Kept,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let mut unfound = told.requests.unfound();
    let (mut receipts, mut foreign) = (0_u64, Vec::new());
    database.each_receipt(|index| {
        receipts = receipts.saturating_add(1);
        if !unfound.strike(index) {
            foreign.push(index);
        }
    })?;
    for index in foreign {
        let which = format!("of entry {index}");
        findings.add(Finding::new(What::Receipt, which, "no request in this entry", "a receipt"));
    }
    let first_day = (kept.now_ms / DAY_MS).saturating_sub(u64::from(kept.metadata.receipts_days));
    let Some(first) = told.requests.first_since(first_day) else { return Ok(receipts) };
    let mut missing = unfound.from(first);
    for index in missing.by_ref().take(NAMED_MAX) {
        let which = format!("of entry {index}");
        findings.add(Finding::new(What::Receipt, which, "a request", "no receipt"));
    }
    let more = missing.count();
    if more > 0 {
        let which = format!("of {more} more entries");
        findings.add(Finding::new(What::Receipt, which, "requests", "no receipts"));
    }
    Ok(receipts)
}

/// Compares every receipt with the commitment to it, and with the key of its record. Returns the usage
/// that they say.
pub(super) fn whole(
    told: &Told,
    database: &Read<'_>,
    findings: &mut Findings,
) -> Result<Counted, LogError> {
    let mut counted = Counted::default();
    let mut entries = Entries { tiles: told.tiles(), bundle: None };
    database.each_whole_receipt(|WholeReceipt { request, row, kept }| {
        let which = format!("of entry {}", row.index);
        let Ok((index, salt, claims)) = ledger::claims(row, request) else {
            let table = "a receipt that cannot be read";
            findings.add(Finding::new(What::Receipt, which, "a receipt", table));
            return Ok(());
        };
        counted.add(&claims);
        if let Some((tenant, deadline_ms)) = kept {
            let said = claims.facts.stored.as_ref().map(|stored| stored.deadline_ms);
            if (claims.terms.tenant, said) != (tenant, Some(deadline_ms)) {
                let log = format!("a record of {}", claims.terms.tenant);
                let table = format!("a record of {tenant}, or with another deadline");
                findings.add(Finding::new(What::Record, &which, log, table));
            }
        }
        let said = entries.commitment(database, index)?;
        if said.is_some_and(|said| said != commit(&salt, &canon::encode(&claims))) {
            let table = "another receipt than the log commits to";
            findings.add(Finding::new(What::Receipt, which, "a commitment", table));
        }
        Ok(())
    })?;
    Ok(counted)
}

/// Reads entries in order.
struct Entries<'a> {
    tiles: &'a Tiles,
    /// The last bundle that was read.
    bundle: Option<(u64, Vec<Vec<u8>>)>,
}

impl Entries<'_> {
    /// Returns the commitment of a request's entry; `None` for another entry.
    fn commitment(&mut self, database: &Database, index: u64) -> Result<Option<Digest>, LogError> {
        let bytes = match database.entry(index)? {
            Some(bytes) => Some(bytes),
            None => self.bundled(index)?,
        };
        let entry = bytes.and_then(|bytes| Entry::decode(&bytes).ok());
        Ok(entry.and_then(|entry| match entry.event {
            Event::Request { commitment } => Some(commitment),
            _ => None,
        }))
    }

    fn bundled(&mut self, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        let number = index / WIDTH;
        if self.bundle.as_ref().is_none_or(|(read, _)| *read != number) {
            self.bundle = Some((number, self.tiles.full_bundle(number)?));
        }
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        Ok(self.bundle.as_ref().and_then(|(_, entries)| entries.get(place).cloned()))
    }
}
