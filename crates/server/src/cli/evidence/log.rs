//! The log in the data directory, as a bundle needs it.

use std::{collections::BTreeMap, ops::Range};

use audit::evidence::claims::Service;
use store::tiles::Tiles;
use tlog::{
    bundle::{Cover, LogTiles, kind},
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, ProofOutcome, Subject},
    note::Verifier,
    tile::{self, WIDTH},
};

use super::unreadable;
use crate::cli::output::Failure;

/// The published log.
pub(super) struct Log<'a> {
    tiles: &'a Tiles,
    /// The checkpoint with all its signatures.
    pub(super) note: String,
    pub(super) head: Checkpoint,
}

/// The statements of the log about the service at the end of a period.
pub(super) struct Said {
    pub(super) service: Service,
    /// The policies that the last start names.
    pub(super) policies: Option<Digest>,
    pub(super) proved_by: Option<u64>,
    pub(super) egress: Option<u64>,
}

/// Some files of the log.
pub(super) struct Parts(BTreeMap<String, Vec<u8>>);

impl LogTiles for Parts {
    fn file(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }
}

impl Parts {
    pub(super) fn into_files(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.0.into_iter()
    }
}

impl<'a> Log<'a> {
    /// Reads the checkpoint.
    pub(super) fn open(tiles: &'a Tiles, key: &Verifier) -> Result<Self, Failure> {
        let note =
            tiles.checkpoint().map_err(unreadable)?.ok_or_else(|| unreadable("no checkpoint"))?;
        let head = Checkpoint::verify(&note, key).map_err(unreadable)?;
        Ok(Self { tiles, note, head })
    }

    /// Returns the number of entries before a time: times never run backwards.
    pub(super) fn first_from(&self, time_ms: u64) -> Result<u64, Failure> {
        let (mut low, mut high) = (0, self.head.size);
        while low < high {
            let middle = low + (high - low) / 2;
            let bytes = self.tiles.entry(middle, self.head.size).map_err(unreadable)?;
            match Entry::decode(&bytes) {
                Ok(entry) if entry.time_ms < time_ms => low = middle + 1,
                Ok(_) => high = middle,
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(low)
    }

    /// Returns the statements of the entries before `end` about the service and the policies with this digest.
    pub(super) fn said(&self, end: u64, policies: &str) -> Result<Said, Failure> {
        let (mut start, mut proof, mut egress) = (None, None, None);
        let mut bundle = end.div_ceil(WIDTH);
        while bundle > 0 && (start.is_none() || proof.is_none() || egress.is_none()) {
            bundle -= 1;
            for (index, entry) in self.entries(bundle)?.into_iter().rev() {
                if index >= end {
                    continue;
                }
                match entry.event {
                    Event::Started { binary, configuration, policies, .. } if start.is_none() => {
                        let (program, configuration) =
                            (binary.to_string(), configuration.to_string());
                        start = Some((Service { program, configuration, entry: index }, policies));
                    }
                    Event::Proved { policies: of, outcome, .. }
                        if proof.is_none()
                            && outcome != ProofOutcome::Undecided
                            && of.to_string() == policies =>
                    {
                        proof = Some((index, outcome));
                    }
                    Event::Changed { subject: Subject::EgressList, .. } if egress.is_none() => {
                        egress = Some(index);
                    }
                    _ => {}
                }
            }
        }
        let (service, policies) = start.ok_or_else(|| {
            Failure::new(
                "the service had not started by the end of the period",
                "give a later --to",
            )
        })?;
        let proved_by = proof.filter(|(_, outcome)| *outcome == ProofOutcome::Holds);
        Ok(Said { service, policies, proved_by: proved_by.map(|(index, _)| index), egress })
    }

    /// Counts the entries of a period by kind.
    pub(super) fn count(&self, period: Range<u64>) -> Result<BTreeMap<String, u64>, Failure> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for bundle in period.start / WIDTH..period.end.div_ceil(WIDTH) {
            for (index, entry) in self.entries(bundle)? {
                if period.contains(&index) {
                    let count = counts.entry(kind(&entry.event).to_owned()).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        Ok(counts)
    }

    /// Reads the files of a cover, cut to the length that they have in this log: it may have grown.
    pub(super) fn files(&self, cover: &Cover) -> Result<Parts, Failure> {
        let mut files = BTreeMap::new();
        let (bundles, tiles) = cover.parts();
        for bundle in bundles {
            let (path, width) = cover.bundle(bundle);
            let full = self.read(&path, &tile::bundle_path(bundle, WIDTH))?;
            let entries =
                tile::entries(&full).ok_or_else(|| unreadable(format!("`{path}` is damaged")))?;
            let mut bytes = Vec::new();
            let width = usize::try_from(width).unwrap_or(usize::MAX);
            entries.into_iter().take(width).for_each(|entry| tile::push_entry(&mut bytes, entry));
            files.insert(path, bytes);
        }
        for (level, index) in tiles {
            let (path, width) = cover.tile(level, index);
            let mut bytes = self.read(&path, &tile::path(level, index, WIDTH))?;
            bytes.truncate(usize::try_from(width.saturating_mul(32)).unwrap_or(usize::MAX));
            files.insert(path, bytes);
        }
        Ok(Parts(files))
    }

    fn entries(&self, bundle: u64) -> Result<Vec<(u64, Entry)>, Failure> {
        let (last, width) = tile::last(0, self.head.size);
        let full = tile::bundle_path(bundle, WIDTH);
        let path = if bundle == last { tile::bundle_path(bundle, width) } else { full.clone() };
        let bytes = self.read(&path, &full)?;
        let damaged = || unreadable(format!("`{path}` is damaged"));
        let entries = tile::entries(&bytes).ok_or_else(damaged)?;
        let numbered = (bundle.saturating_mul(WIDTH)..self.head.size).zip(entries);
        numbered
            .map(|(index, bytes)| Ok((index, Entry::decode(bytes).map_err(unreadable)?)))
            .collect()
    }

    /// Reads a file, or the full one that replaced it.
    fn read(&self, path: &str, full: &str) -> Result<Vec<u8>, Failure> {
        for path in [path, full] {
            if let Some(bytes) = self.tiles.file(path).map_err(unreadable)? {
                return Ok(bytes);
            }
        }
        Err(unreadable(format!("`{path}` is missing")))
    }
}
