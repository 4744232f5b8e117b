//! `bailiwick mirror`: copies a service's log, and checks that it continues what was copied before.
//!
//! What is fetched lies in `incoming/` until the whole log with it was replayed; only then does it
//! become part of the copy. What contradicts the copy goes to `evidence/` instead, and the copy stays
//! as it was. So a run that was interrupted goes on where it stopped, and no run makes a copy worse.

mod folder;

use std::{io, path::Path, process::ExitCode};

use tlog::{
    checkpoint::{BadCheckpoint, Checkpoint},
    note::{BadNote, Verifier},
    tile::{self, WIDTH},
    verify::plural,
};
use ureq::Agent;

use self::folder::Folder;
use super::{
    args::Mirror,
    dial::{self, Tls, unreachable},
    output::{Failure, note},
    verify::{
        self,
        log::Files,
        report::{Report, Verdict},
    },
};

/// Bytes of a file of the log, at most: a bundle of 256 of the longest entries.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Exit status where nothing could be found out.
const UNREADABLE: u8 = 2;

pub(super) fn mirror(args: &Mirror) -> Result<ExitCode, Failure> {
    run(args).and_then(|report| report.print(args.json)).map_err(|f| f.exiting(UNREADABLE))
}

fn run(args: &Mirror) -> Result<Report, Failure> {
    let service = verify::service_key(&args.service_key)?;
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
    // A witness that lags behind is no reason to leave the copy as it was.
    verify::cosigned(&mut report, &run.served, &args.witness)?;
    Ok(report)
}

/// A checkpoint with the note that it stands in.
struct Kept {
    checkpoint: Checkpoint,
    note: String,
}

/// The checkpoint that the copy has, if there is a copy.
fn kept(folder: &Folder, service: &Verifier) -> Result<Option<Kept>, Failure> {
    let Some(note) = folder.checkpoint()? else { return Ok(None) };
    match Checkpoint::verify_renamed(&note, service) {
        Ok(checkpoint) => Ok(Some(Kept { checkpoint, note })),
        Err(error) => Err(verify::wrong_key(&note, service, "copy").unwrap_or_else(|| {
            Failure::new(
                format!("the copy's own `checkpoint` cannot be used: {error}"),
                "put a checkpoint of `checkpoints/` in its place, or mirror into a new folder",
            )
        })),
    }
}

/// What a served checkpoint is to the copy.
enum Step {
    /// It is not signed as it should be.
    Unsigned(String),
    /// It is of fewer entries than the copy has, of the same log.
    Shorter(Checkpoint),
    /// It is of as many or more, or there is no copy yet.
    Fetch(Checkpoint),
    /// It is of a log with another name and the same key: a restored service goes on under a new name.
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
    if let Some(failure) = verify::wrong_key(served, service, "log") {
        return Err(failure);
    }
    match error {
        BadCheckpoint::Note(BadNote::Malformed | BadNote::TooLong) | BadCheckpoint::Malformed => {
            Err(Failure::new(
                "what is served as the log's checkpoint is none",
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

    /// A service that shows less than before: an older state of the same log, or another history.
    fn shorter(&self, new: &Checkpoint) -> Result<Report, Failure> {
        let mut report = Report::default();
        let files = Files { folder: self.folder.path(), incoming: None };
        verify::log::check(&mut report, &self.service, &files, None, &[])?;
        let size = plural(new.size, "entry", "entries");
        if verify::log::root_of(&files, &self.service, new.size)? == Some(new.root) {
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

    /// Fetches what is new, replays the whole log with it, and takes it into the copy or not.
    fn fetched(&self, new: &Checkpoint) -> Result<Report, Failure> {
        let incoming = self.folder.incoming();
        let files = Files { folder: self.folder.path(), incoming: Some(&incoming) };
        let mut report = self.replayed(new, files, Missing::Fetch)?;
        if report.verdict() == Verdict::Failed && self.kept.is_some() {
            // Whether that is the copy's fault or the service's, the service's own files tell.
            note("What is served does not go on from this copy: fetching all of it, to see why.");
            self.folder.discard()?;
            let files = Files { folder: &incoming, incoming: None };
            report = self.replayed(new, files, Missing::FetchAll)?;
            if report.verdict() == Verdict::Verified {
                report.note("files of this copy were damaged, and were replaced");
            }
        }
        self.settled(report, new)
    }

    /// Follows a restored service. After the cut its entries are others than the copy's, so that all
    /// files are fetched; the copy of the log that ended is kept.
    fn succeeded(&self, old: &str, new: &Checkpoint) -> Result<Report, Failure> {
        let incoming = self.folder.incoming();
        let files = Files { folder: &incoming, incoming: None };
        let mut report = self.replayed(new, files, Missing::FetchAll)?;
        if report.verdict() == Verdict::Verified {
            let ended = self.folder.set_aside(old)?;
            report.note(format!("the copy of the log that ended is kept in `{}`", ended.display()));
        }
        self.settled(report, new)
    }

    /// Takes what was fetched into the copy, or not.
    fn settled(&self, mut report: Report, new: &Checkpoint) -> Result<Report, Failure> {
        match report.verdict() {
            Verdict::Verified => self.folder.adopt(needed(new.size), (new.size, &self.served))?,
            Verdict::Incomplete => {
                report.note("what was fetched is kept in `incoming/`: mirror again to go on");
            }
            Verdict::Failed => self.accuse(&mut report)?,
        }
        Ok(report)
    }

    fn replayed(
        &self,
        new: &Checkpoint,
        files: Files<'_>,
        missing: Missing,
    ) -> Result<Report, Failure> {
        self.folder.stage("checkpoint", self.served.as_bytes())?;
        let fetched = fetch(&self.source, &self.folder, new.size, missing)?;
        let (one, many) = ("file was fetched", "files were fetched");
        let entries = plural(new.size, "entry", "entries");
        note(&format!("{} for a log of {entries}", plural(fetched, one, many)));
        let mut report = Report::default();
        let older = self.kept.as_ref().map(|kept| &kept.checkpoint);
        verify::log::check(&mut report, &self.service, &files, older, &[])?;
        Ok(report)
    }

    fn accuse(&self, report: &mut Report) -> Result<(), Failure> {
        let kept = self.kept.as_ref().map(|kept| kept.note.as_str());
        let evidence = self.folder.accuse(&self.served, kept)?;
        let evidence = evidence.display();
        report.note(format!("the evidence is kept in `{evidence}`; the copy is as it was"));
        Ok(())
    }
}

/// Which files are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// Those that neither the copy nor an interrupted run has.
    Fetch,
    /// All of them.
    FetchAll,
}

/// A file of the log: its path, and that of the full one which serves in its place.
struct Needed {
    path: String,
    full: String,
}

/// The files that a log of so many entries has, beside its checkpoint.
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

/// Fetches the files that are not there yet; how many. What the service does not have stays missing,
/// which the replay tells.
fn fetch(source: &Source, folder: &Folder, size: u64, missing: Missing) -> Result<u64, Failure> {
    let mut fetched = 0_u64;
    for Needed { path, full } in needed(size) {
        if missing == Missing::Fetch && (folder.has(&path) || folder.has(&full)) {
            continue;
        }
        // A part may go as soon as the whole is there.
        let mut found = source.file(&path)?.map(|bytes| (&path, bytes));
        if found.is_none() && path != full {
            found = source.file(&full)?.map(|bytes| (&full, bytes));
        }
        if let Some((path, bytes)) = found {
            folder.stage(path, &bytes)?;
            fetched = fetched.saturating_add(1);
        }
    }
    Ok(fetched)
}

/// Where a log is served.
struct Source {
    agent: Agent,
    /// Ends without a slash.
    log: String,
}

impl Source {
    fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/');
        let base = url.strip_suffix("/log").unwrap_or(url);
        Ok(Self { agent: dial::agent(Tls { ca_file, own: None })?, log: format!("{base}/log") })
    }

    fn checkpoint(&self) -> Result<String, Failure> {
        let bytes = self.file("checkpoint")?.ok_or_else(|| {
            Failure::new(
                format!("there is no log at {}", self.log),
                "give the address of the service's API; its log is under /log/ there",
            )
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// One file; none where the service does not have it.
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let url = format!("{}/{path}", self.log);
        let failed = |error: &dyn std::fmt::Display| {
            let failure = unreachable(&self.log, &error.to_string());
            note("What was fetched so far is kept: mirror again to go on.");
            failure
        };
        let mut response = self.agent.get(&url).call().map_err(|error| failed(&error))?;
        match response.status().as_u16() {
            200 => {
                let body = response.body_mut().with_config().limit(FILE_BYTES_MAX).read_to_vec();
                body.map(Some).map_err(|error| failed(&error))
            }
            404 => Ok(None),
            status => Err(Failure::new(
                format!("{url} answers {status}"),
                "try again later; what was fetched so far is kept",
            )),
        }
    }
}

/// A failure of the folder.
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
