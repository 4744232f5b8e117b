//! The mirror: copies a service's log, and checks that it continues the copy.
//!
//! Fetched files stay in `incoming/` until the whole log was replayed with them. Only then do they
//! become part of the copy. Files that contradict the copy go to `evidence/` instead, and the copy
//! stays unchanged. So an interrupted run can continue later, and no run damages a copy.

mod folder;
mod source;

use std::{io, path::Path};

use tlog::{
    checkpoint::{BadCheckpoint, Checkpoint},
    note::{BadNote, Verifier},
    tile::{self, WIDTH},
    verify::plural,
};

use self::{folder::Folder, source::Source};
use crate::{
    Failure, command,
    command::args::Mirror,
    files,
    keys::{cosigned, wrong_key},
    log,
    report::{Report, Verdict},
};

/// Fetches the new files of a log, and verifies the whole log.
///
/// # Errors
/// If the key, the folder or the service cannot be used.
pub(crate) fn mirror(args: &Mirror) -> Result<Report, Failure> {
    let service = command::service_key(&args.service_key)?;
    let folder = Folder::open(&args.folder)?;
    let source = Source::new(&args.url, args.ca_file.as_deref())?;
    let kept = kept(&folder, &service)?;
    let served = source.checkpoint()?;
    let step = step(&service, kept.as_ref().map(|kept| &kept.checkpoint), &served)?;
    let run = Run { service, folder, source, kept, served };
    let mut report = match step {
        Step::Unsigned(why) => run.unsigned(why)?,
        Step::Shorter(new) => run.shorter(&new)?,
        Step::Fetch(new) => run.fetched(&new)?,
        Step::Succeeded { old, new } => run.succeeded(&old, &new)?,
    };
    // Checked last: a witness that lags behind must not keep the copy from being updated.
    cosigned(&mut report, &run.served, &args.witness)?;
    Ok(report)
}

/// A checkpoint with its signed note.
struct Kept {
    checkpoint: Checkpoint,
    note: String,
}

/// Returns the copy's checkpoint, if there is a copy.
fn kept(folder: &Folder, service: &Verifier) -> Result<Option<Kept>, Failure> {
    let Some(note) = folder.checkpoint()? else { return Ok(None) };
    match Checkpoint::verify_renamed(&note, service) {
        Ok(checkpoint) => Ok(Some(Kept { checkpoint, note })),
        Err(error) => Err(wrong_key(&note, service, "copy").unwrap_or_else(|| {
            Failure::new(
                format!("the copy's own `checkpoint` cannot be used: {error}"),
                "put a checkpoint of `checkpoints/` in its place, or mirror into a new folder",
            )
        })),
    }
}

/// How a served checkpoint relates to the copy.
enum Step {
    /// Its signature is bad, for this reason.
    Unsigned(String),
    /// It is of the same log, but has fewer entries than the copy.
    Shorter(Checkpoint),
    /// It has at least as many entries as the copy, or there is no copy yet.
    Fetch(Checkpoint),
    /// It is of a log with another name and the same key: a restored service continues its log
    /// under a new name.
    Succeeded {
        /// The name of the log that was copied.
        old: String,
        /// The checkpoint.
        new: Checkpoint,
    },
}

fn step(service: &Verifier, kept: Option<&Checkpoint>, served: &str) -> Result<Step, Failure> {
    let error = match Checkpoint::verify_renamed(served, service) {
        Ok(new) if kept.is_some_and(|kept| new.origin != kept.origin) => {
            let old = kept.map(|kept| kept.origin.clone()).unwrap_or_default();
            return Ok(Step::Succeeded { old, new });
        }
        Ok(new) if kept.is_some_and(|kept| new.size < kept.size) => return Ok(Step::Shorter(new)),
        Ok(new) => return Ok(Step::Fetch(new)),
        Err(error) => error,
    };
    if let Some(failure) = wrong_key(served, service, "log") {
        return Err(failure);
    }
    match error {
        BadCheckpoint::Note(BadNote::Malformed | BadNote::TooLong) | BadCheckpoint::Malformed => {
            Err(Failure::new(
                "the file that is served as the log's checkpoint is not a checkpoint",
                "is this the address of a Bailiwick server's API?",
            ))
        }
        error => Ok(Step::Unsigned(format!("the checkpoint that is served is bad: {error}"))),
    }
}

/// One run.
struct Run {
    service: Verifier,
    folder: Folder,
    source: Source,
    /// The copy's checkpoint.
    kept: Option<Kept>,
    /// The checkpoint that is served now, as it came.
    served: String,
}

impl Run {
    fn unsigned(&self, why: String) -> Result<Report, Failure> {
        let mut report = Report::default();
        report.failed(why);
        self.accuse(&mut report)?;
        Ok(report)
    }

    /// Handles a log that is shorter than the copy: an older state of the same log, or another
    /// history.
    fn shorter(&self, new: &Checkpoint) -> Result<Report, Failure> {
        let mut report = Report::default();
        let files = files::Folder::new(self.folder.path());
        log::check(&mut report, &self.service, &files, None, &[])?;
        let size = plural(new.size, "entry", "entries");
        if log::root_of(&files, &self.service, new.size)? == Some(new.root) {
            report.incomplete(format!(
                "the service shows {size}, fewer than this copy has, of the same history: it may have \
                 been restored from a backup. Ask the operator, and mirror again"
            ));
        } else {
            report.failed(format!(
                "HISTORY WAS REWRITTEN: the service signed a log of {size} that is not the beginning of \
                 this copy. The service signed two histories; both checkpoints together prove it"
            ));
            self.accuse(&mut report)?;
        }
        Ok(report)
    }

    /// Fetches the new files, replays the whole log with them, and adds them to the copy if it
    /// verifies.
    fn fetched(&self, new: &Checkpoint) -> Result<Report, Failure> {
        let incoming = self.folder.incoming();
        let files = files::Folder::new(self.folder.path()).after(&incoming);
        let mut report = self.replayed(new, files, Missing::Fetch)?;
        if report.verdict() == Verdict::Failed && self.kept.is_some() {
            // The service's own files show whether the copy or the service is at fault.
            command::note(
                "The served log does not continue this copy. Fetching all files to find the cause.",
            );
            self.folder.discard()?;
            let files = files::Folder::new(&incoming);
            report = self.replayed(new, files, Missing::FetchAll)?;
            if report.verdict() == Verdict::Verified {
                report.note("files of this copy were damaged, and were replaced");
            }
        }
        self.settled(report, new)
    }

    /// Follows a restored service. After the cut its entries differ from those of the copy, so all
    /// files are fetched. The copy of the ended log is stored separately.
    fn succeeded(&self, old: &str, new: &Checkpoint) -> Result<Report, Failure> {
        let incoming = self.folder.incoming();
        let files = files::Folder::new(&incoming);
        let mut report = self.replayed(new, files, Missing::FetchAll)?;
        if report.verdict() == Verdict::Verified {
            let ended = self.folder.set_aside(old)?;
            report
                .note(format!("the copy of the log that ended is stored in `{}`", ended.display()));
        }
        self.settled(report, new)
    }

    /// Adds the fetched files to the copy, or stores them as evidence, depending on the verdict.
    fn settled(&self, mut report: Report, new: &Checkpoint) -> Result<Report, Failure> {
        match report.verdict() {
            Verdict::Verified => self.folder.adopt(needed(new.size), (new.size, &self.served))?,
            Verdict::Incomplete => {
                report
                    .note("the fetched files are stored in `incoming/`: mirror again to continue");
            }
            Verdict::Failed => self.accuse(&mut report)?,
        }
        Ok(report)
    }

    fn replayed(
        &self,
        new: &Checkpoint,
        files: files::Folder,
        missing: Missing,
    ) -> Result<Report, Failure> {
        self.folder.stage("checkpoint", self.served.as_bytes())?;
        let fetched = fetch(&self.source, &self.folder, new.size, missing)?;
        let (one, many) = ("file was fetched", "files were fetched");
        let entries = plural(new.size, "entry", "entries");
        command::note(&format!("{} for a log of {entries}", plural(fetched, one, many)));
        let mut report = Report::default();
        let older = self.kept.as_ref().map(|kept| &kept.checkpoint);
        log::check(&mut report, &self.service, &files, older, &[])?;
        Ok(report)
    }

    fn accuse(&self, report: &mut Report) -> Result<(), Failure> {
        let kept = self.kept.as_ref().map(|kept| kept.note.as_str());
        let evidence = self.folder.accuse(&self.served, kept)?;
        let evidence = evidence.display();
        report.note(format!("the evidence is stored in `{evidence}`; the copy is unchanged"));
        Ok(())
    }
}

/// The files to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// Files that are missing in the copy and in the results of an interrupted run.
    Fetch,
    /// All files.
    FetchAll,
}

/// A file of the log: its path, and the path of the full file that can replace it.
struct Needed {
    path: String,
    full: String,
}

/// Returns the files of a log with `size` entries, without its checkpoint.
fn needed(size: u64) -> impl Iterator<Item = Needed> {
    let bundles = (0..size.div_ceil(WIDTH)).map(move |index| {
        let width = size.saturating_sub(index.saturating_mul(WIDTH)).min(WIDTH);
        Needed { path: tile::bundle_path(index, width), full: tile::bundle_path(index, WIDTH) }
    });
    let tiles = (0..).map_while(move |level| {
        let (full, part) = tile::last(level, size);
        (full > 0 || part > 0).then_some((level, full, part))
    });
    let tiles = tiles.flat_map(|(level, full, part)| {
        let whole = (0..full).map(move |index| (index, WIDTH));
        let all = whole.chain((part > 0).then_some((full, part)));
        all.map(move |(index, width)| Needed {
            path: tile::path(level, index, width),
            full: tile::path(level, index, WIDTH),
        })
    });
    bundles.chain(tiles)
}

/// Fetches the missing files, and returns their number. Files that the service does not have stay
/// missing; the replay detects that.
fn fetch(source: &Source, folder: &Folder, size: u64, missing: Missing) -> Result<u64, Failure> {
    let wanted = |file: &Needed| {
        missing == Missing::FetchAll || !(folder.has(&file.path) || folder.has(&file.full))
    };
    let mut wanted = needed(size).filter(wanted).peekable();
    let mut fetched = 0_u64;
    while wanted.peek().is_some() {
        let together: Vec<Needed> = wanted.by_ref().take(AT_ONCE).collect();
        for (path, bytes) in source.files(&together)? {
            folder.stage(&path, &bytes)?;
            fetched = fetched.saturating_add(1);
        }
    }
    Ok(fetched)
}

/// Number of files that are fetched at the same time, each over its own connection.
const AT_ONCE: usize = 8;

/// Returns the failure for an error of the folder.
fn of_folder(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("the folder `{}` cannot be used: {error}", path.display()),
        "check that it can be written, and that the disk has room",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_any_size_has_these_files() {
        let paths = |size| needed(size).map(|file| file.path).collect::<Vec<_>>();
        assert!(paths(0).is_empty());
        assert_eq!(paths(3), ["tile/entries/000.p/3", "tile/0/000.p/3"]);
        assert_eq!(paths(256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(
            paths(257),
            [
                "tile/entries/000",
                "tile/entries/001.p/1",
                "tile/0/000",
                "tile/0/001.p/1",
                "tile/1/000.p/1"
            ]
        );
        assert_eq!(paths(65_536).len(), 256 + 256 + 1 + 1);
    }
}
