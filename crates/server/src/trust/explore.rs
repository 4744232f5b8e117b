//! Reads the log for its pages: searches entries, makes proofs, compares an earlier checkpoint.

use pages::{
    Lang,
    log::{
        Consistency, EntryView, ExplorerView, Filter, HeadView, LINES_MAX, LineView, SEARCHED_MAX,
        Searched, Trouble, WitnessView, ids, is_id, kind,
    },
    time::{DAY_MS, rfc3339, start_of},
};
use store::tiles::{LogError, Tiles};
use tlog::{
    checkpoint::Checkpoint,
    entry::Entry,
    note::{Note, Verifier},
    tile::{self, WIDTH},
    tree,
};

use crate::cosigners::Witnesses;

/// The published head of a log that can be searched.
pub(super) struct Log<'a> {
    tiles: &'a Tiles,
    key: &'a Verifier,
    note: String,
    head: Checkpoint,
}

impl<'a> Log<'a> {
    /// Reads the head; `None` before the first checkpoint.
    pub(super) fn open(tiles: &'a Tiles, key: &'a Verifier) -> Result<Option<Self>, LogError> {
        let Some(note) = tiles.checkpoint()? else { return Ok(None) };
        let head = Checkpoint::verify(&note, key)?;
        Ok(Some(Self { tiles, key, note, head }))
    }

    /// Returns the data of the log's page.
    pub(super) fn explore(
        &self,
        witnesses: &Witnesses,
        (filter, older): (Filter, &str),
        lang: Lang,
    ) -> Result<ExplorerView, LogError> {
        let size = self.head.size;
        let newest = match size.checked_sub(1) {
            Some(last) => self.time_of(last)?.map(rfc3339),
            None => None,
        };
        let head = HeadView {
            origin: self.head.origin.clone(),
            size,
            root: self.head.root.to_string(),
            newest,
            checkpoint: self.note.clone(),
        };
        let wanted = Wanted::of(&filter);
        let (trouble, entries, searched) = match wanted {
            Ok(wanted) => {
                let (entries, searched) = self.search(&wanted, lang)?;
                (None, entries, searched)
            }
            Err(trouble) => (Some(trouble), Vec::new(), None),
        };
        let consistency = if older.is_empty() { None } else { Some(self.compare(older)?) };
        Ok(ExplorerView {
            head: Some(head),
            witnesses: self.witnesses(witnesses),
            filter,
            trouble,
            entries,
            searched,
            consistency,
            older: older.to_owned(),
        })
    }

    /// Returns the data of an entry's page; `None` if the log has no such entry yet.
    pub(super) fn entry(&self, index: u64, lang: Lang) -> Result<Option<EntryView>, LogError> {
        let size = self.head.size;
        if index >= size {
            return Ok(None);
        }
        let bytes = self.tiles.entry(index, size)?;
        let path = tree::inclusion_proof(&self.tiles.nodes(size), index, size)?;
        let head = (size, &self.head.root, self.note.as_str());
        Ok(Some(EntryView::new((index, &bytes), head, &path, lang)))
    }

    fn witnesses(&self, witnesses: &Witnesses) -> Vec<WitnessView> {
        let note = Note::parse(&self.note).ok();
        let signed = |key: &Verifier| note.as_ref()?.verify(key).ok()?.cosigned_s;
        let keys = witnesses.keys();
        let status = witnesses.status().into_iter();
        let view = |(status, key): (crate::cosigners::WitnessStatus, &Verifier)| WitnessView {
            name: status.name,
            signed_at: signed(key).map(|seconds| rfc3339(seconds.saturating_mul(1000))),
            size: status.size,
        };
        status.zip(&keys).map(view).collect()
    }

    /// Compares an earlier checkpoint, as a person pasted it, with the log.
    fn compare(&self, older: &str) -> Result<Consistency, LogError> {
        // Forms send other line breaks, and people forget the last one.
        let note = format!("{}\n", older.replace("\r\n", "\n").trim());
        let older = match Checkpoint::verify(&note, self.key) {
            Ok(older) => older,
            Err(_) => {
                return Ok(match Checkpoint::verify_renamed(&note, self.key) {
                    Ok(renamed) => Consistency::Renamed { origin: renamed.origin },
                    Err(_) => Consistency::NotOurs,
                });
            }
        };
        let (size, root) = (self.head.size, &self.head.root);
        if older.size > size {
            return Ok(Consistency::Shorter { older: older.size, newer: size });
        }
        let proof = self.tiles.proof(older.size, size)?;
        let continues = tree::continues((older.size, &older.root), (size, root), &proof);
        Ok(if continues {
            let proof = proof.iter().map(ToString::to_string).collect();
            Consistency::Continues { older: older.size, newer: size, proof }
        } else {
            Consistency::Rewritten { older: older.size }
        })
    }

    /// Searches downwards, one bundle after the other, until a page is full or enough was read.
    fn search(
        &self,
        wanted: &Wanted,
        lang: Lang,
    ) -> Result<(Vec<LineView>, Option<Searched>), LogError> {
        let size = self.head.size;
        let mut next = wanted.before.unwrap_or(size).min(size);
        if let Some(end_ms) = wanted.end_ms {
            next = next.min(self.first_from(end_ms)?);
        }
        let Some(to) = next.checked_sub(1) else { return Ok((Vec::new(), None)) };
        let (mut lines, mut ended) = (Vec::new(), false);
        while next > 0
            && !ended
            && lines.len() < LINES_MAX
            && to.saturating_sub(next) < SEARCHED_MAX
        {
            let bundle = (next.saturating_sub(1)) / WIDTH;
            let first = bundle.saturating_mul(WIDTH);
            let entries = self.bundle(bundle)?;
            while next > first && lines.len() < LINES_MAX {
                let index = next.saturating_sub(1);
                let at = usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
                let bytes = entries.get(at).ok_or_else(|| self.damaged(bundle))?;
                match wanted.takes(bytes) {
                    Taken::Yes => lines.push(LineView::of(index, bytes, lang)),
                    Taken::No => {}
                    Taken::TooOld => {
                        ended = true;
                        break;
                    }
                }
                next = index;
            }
        }
        let rest = Some(next).filter(|next| *next > 0 && !ended);
        Ok((lines, Some(Searched { from: next.min(to), to, next: rest })))
    }

    /// Returns the number of the first entry that is not older than a time: times never run backwards.
    fn first_from(&self, time_ms: u64) -> Result<u64, LogError> {
        let (mut low, mut high) = (0, self.head.size);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.time_of(middle)? {
                Some(time) if time >= time_ms => high = middle,
                _ => low = middle + 1,
            }
        }
        Ok(low)
    }

    fn time_of(&self, index: u64) -> Result<Option<u64>, LogError> {
        let bytes = self.tiles.entry(index, self.head.size)?;
        Ok(Entry::decode(&bytes).ok().map(|entry| entry.time_ms))
    }

    /// Returns the entries of a bundle.
    fn bundle(&self, bundle: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let (last, width) = tile::last(0, self.head.size);
        let full = tile::bundle_path(bundle, WIDTH);
        let path = if bundle == last { tile::bundle_path(bundle, width) } else { full.clone() };
        // A partial bundle is deleted once the full one exists.
        let bytes = match self.tiles.file(&path)? {
            None => self.tiles.file(&full)?,
            found => found,
        };
        let entries = bytes.as_deref().and_then(tile::entries);
        let entries = entries.ok_or_else(|| self.damaged(bundle))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn damaged(&self, bundle: u64) -> LogError {
        let (last, width) = tile::last(0, self.head.size);
        let width = if bundle == last { width } else { WIDTH };
        LogError::Damaged { path: tile::bundle_path(bundle, width) }
    }
}

/// Returns the page of a log without a checkpoint.
pub(super) fn empty(filter: Filter) -> ExplorerView {
    ExplorerView {
        head: None,
        witnesses: Vec::new(),
        filter,
        trouble: None,
        entries: Vec::new(),
        searched: None,
        consistency: None,
        older: String::new(),
    }
}

/// A filter that was understood.
#[derive(Debug, Default)]
struct Wanted {
    kind: Option<pages::log::Kind>,
    id: Option<String>,
    /// The begin of the day.
    begin_ms: u64,
    /// The end of the day.
    end_ms: Option<u64>,
    before: Option<u64>,
}

/// Whether a search takes an entry.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Yes,
    No,
    /// This entry and all before it are older than the day.
    TooOld,
}

impl Wanted {
    fn of(filter: &Filter) -> Result<Self, Trouble> {
        let begin_ms = match &filter.day {
            Some(day) => Some(start_of(day).ok_or(Trouble::Day)?),
            None => None,
        };
        if filter.id.as_ref().is_some_and(|id| !is_id(id)) {
            return Err(Trouble::Id);
        }
        Ok(Self {
            kind: filter.kind,
            id: filter.id.clone(),
            begin_ms: begin_ms.unwrap_or(0),
            end_ms: begin_ms.map(|begin| begin.saturating_add(DAY_MS)),
            before: filter.before,
        })
    }

    fn takes(&self, bytes: &[u8]) -> Taken {
        let Ok(entry) = Entry::decode(bytes) else {
            // An entry of a later version: shown, unless something else is looked for.
            let any = self.kind.is_none() && self.id.is_none();
            return if any { Taken::Yes } else { Taken::No };
        };
        if entry.time_ms < self.begin_ms {
            return Taken::TooOld;
        }
        let fits = self.kind.is_none_or(|wanted| kind(&entry.event) == wanted)
            && self.id.as_ref().is_none_or(|id| ids(&entry.event).contains(id));
        if fits { Taken::Yes } else { Taken::No }
    }
}
