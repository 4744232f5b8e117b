//! Restores a backup: ends the log of the backup with a note that names the end and its known
//! heads, and continues it under another name.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use policy::retention::clock::Reading;
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, commit},
    hex,
    note::{Signer, Verifier},
    succession::{Head, Lost, Mark, Source, Succession},
    tree::leaf_hash,
};

use super::{
    BackupError, FORMAT, Listed, MANIFEST, MANIFEST_BYTES_MAX, Manifest, digest, list, new_folder,
    sync_parent,
};
use crate::{
    custody,
    error::StoreError,
    files,
    keys::{Expected, failed, replace},
    log::Append,
    random::random,
    sqlite::Database,
    tiles::{LogError, Tiles, unwitnessed},
};

/// A backup whose files match its manifest.
#[derive(Debug)]
pub struct Backup {
    folder: PathBuf,
    /// The backup's manifest.
    pub manifest: Manifest,
}

/// The inputs of a restore, beyond the backup.
#[derive(Debug)]
pub struct Restoring<'a> {
    /// The service's key, under the backup's name.
    pub signer: &'a Signer,
    /// The newest checkpoint that the custodian has seen; `None` if the key directory is lost.
    pub pinned: Option<custody::Head>,
    /// The checkpoints that witnesses have signed.
    pub witnessed: Vec<Checkpoint>,
    /// The log's own files, or a mirror of them, as far as they still exist.
    pub files: Option<&'a Path>,
    /// Reason for the restore; the log's entry holds a salted commitment to it.
    pub reason: &'a str,
    /// Files that the caller writes itself.
    pub except: &'a [&'a str],
    /// Reading of the machine's clocks.
    pub reading: Reading,
}

/// The result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// The service's key under its new name: the caller must write it before any process serves.
    pub signer: Signer,
    /// The succession that the log records.
    pub succession: Succession,
    /// Path of the list of lost entries under the data directory, if they are known.
    pub list: Option<String>,
}

/// Reads a backup, and checks every file of it.
///
/// # Errors
/// When the backup is incomplete, or was changed.
pub fn open(folder: &Path) -> Result<Backup, BackupError> {
    let damaged = |what: String| BackupError::Damaged { what };
    let path = folder.join(MANIFEST);
    let length = fs::metadata(&path).map(|metadata| metadata.len());
    if length.map_err(|e| damaged(format!("`{MANIFEST}`: {e}")))? > MANIFEST_BYTES_MAX {
        return Err(damaged(format!("`{MANIFEST}` is too long")));
    }
    let text = fs::read(&path).map_err(|e| failed("read", &path, e))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|e| damaged(format!("`{MANIFEST}`: {e}")))?;
    if manifest.format != FORMAT {
        let what =
            format!("its format is `{}`, and this program reads `{FORMAT}`", manifest.format);
        return Err(damaged(what));
    }
    let there = list(folder)?;
    if let Some(differs) = there.iter().find(|file| !manifest.files.contains(file)) {
        return Err(damaged(format!("`{}` differs from the manifest", differs.path)));
    }
    if let Some(missing) = manifest.files.iter().find(|file| !there.contains(file)) {
        return Err(damaged(format!("`{}` is missing", missing.path)));
    }
    Ok(Backup { folder: folder.to_owned(), manifest })
}

impl Backup {
    /// Returns the path of a file in the backup.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the id of the key directory that belongs to the backup.
    ///
    /// # Errors
    /// When the backup's database cannot be read.
    pub fn key_directory(&self) -> Result<Expected, BackupError> {
        // Creates no files beside the backup's database.
        let database = Database::open_copy(&files::database(&self.folder))?;
        Ok(Expected::Known(database.made_key_directory()?))
    }
}

/// Returns the newest checkpoint among a log's files, under the name that the service's key had
/// then.
///
/// # Errors
/// When there is none, it belongs to another service, or its tiles are incomplete.
pub fn newest_files(folder: &Path, log: &Verifier) -> Result<Checkpoint, BackupError> {
    let tiles = Tiles::open(folder)?;
    let note = tiles.checkpoint()?.ok_or(LogError::NoCheckpoint)?;
    let checkpoint = Checkpoint::verify_renamed(&note, log).map_err(LogError::Checkpoint)?;
    if tiles.root(checkpoint.size, checkpoint.size)? != checkpoint.root {
        return Err(LogError::Forked.into());
    }
    Ok(checkpoint)
}

impl Backup {
    /// Builds a data directory that continues where the backup ends, as another log. The directory
    /// appears completely or not at all.
    ///
    /// # Errors
    /// When the directory is not empty, the parts of the backup do not match, or the directory
    /// cannot be written.
    pub fn restore(
        &self,
        data: &Path,
        restoring: &Restoring<'_>,
        finish: impl FnOnce(&Path, &Restored) -> Result<(), StoreError>,
    ) -> Result<Restored, BackupError> {
        if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(BackupError::NotEmpty { path: data.to_owned() });
        }
        let mut part = data.as_os_str().to_owned();
        part.push(".restoring");
        let part = PathBuf::from(part);
        new_folder(&part)?;
        let except = |file: &&Listed| !restoring.except.contains(&file.path.as_str());
        for file in self.manifest.files.iter().filter(except) {
            copy(&self.folder.join(&file.path), &part.join(&file.path), file)?;
        }
        let mut database = Database::open(&part)?;
        let tiles = Tiles::open(&part.join("log"))?;
        let cut = self.cut(&database, &tiles)?;
        let (succession, lost) = succession(restoring, &self.manifest, cut)?;
        let restored = write(&part, (&mut database, &tiles), restoring, (succession, lost))?;
        drop(database);
        finish(&part, &restored)?;
        fs::rename(&part, data).map_err(|e| failed("rename", &part, e))?;
        data.parent().map_or(Ok(()), sync_parent)?;
        Ok(restored)
    }

    /// Returns the point where the log is cut: database, tiles and manifest must agree.
    fn cut(&self, database: &Database, tiles: &Tiles) -> Result<Mark, BackupError> {
        let Manifest { size, root, .. } = &self.manifest;
        let mark = Mark { size: database.log_next()?, root: tiles.root(*size, *size)? };
        if !database.is_copy()? || mark.size != *size || mark.root.to_string() != *root {
            let what = "its database, its log and its manifest are of different moments".to_owned();
            return Err(BackupError::Damaged { what });
        }
        Ok(mark)
    }
}

/// Copies a file, which must match its entry in the manifest.
fn copy(from: &Path, to: &Path, listed: &Listed) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if let Some(folder) = to.parent() {
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(folder);
        made.map_err(|e| failed("create the directory", folder, e))?;
    }
    fs::copy(from, to).map_err(|e| failed("copy", from, e))?;
    super::sync_file(to)?;
    let (bytes, sha256) = digest(to)?;
    if bytes != listed.bytes || sha256.to_string() != listed.sha256 {
        return Err(BackupError::Damaged { what: format!("`{}` has changed", listed.path) });
    }
    Ok(())
}

/// The old log that ends, the point of its end, and its known heads.
fn succession(
    restoring: &Restoring<'_>,
    manifest: &Manifest,
    cut: Mark,
) -> Result<(Succession, Option<Vec<u8>>), BackupError> {
    let origin = manifest.origin.clone();
    let mut heads = vec![Head { source: Source::Backup, origin: origin.clone(), mark: cut }];
    let mut old = origin;
    if let Some(pinned) = &restoring.pinned
        && pinned.size > 0
    {
        let mark = Mark { size: pinned.size, root: pinned.root };
        old.clone_from(&pinned.origin);
        heads.push(Head { source: Source::Custodian, origin: pinned.origin.clone(), mark });
    }
    let head = |source, Checkpoint { origin, size, root }: Checkpoint| Head {
        source,
        origin,
        mark: Mark { size, root },
    };
    heads.extend(restoring.witnessed.iter().cloned().map(|c| head(Source::Witness, c)));
    let mut lost = None;
    if let Some(folder) = restoring.files {
        let newest = newest_files(folder, &restoring.signer.verifier())?;
        if restoring.pinned.as_ref().is_some_and(|pinned| pinned.size > 0) && newest.origin != old {
            return Err(BackupError::OtherLog { files: newest.origin, seen: old });
        }
        old.clone_from(&newest.origin);
        lost = Some(lost_entries(folder, cut, &newest)?);
        heads.push(head(Source::Files, newest));
    }
    let known = lost.as_ref().map(|(lost, _)| *lost);
    let new = successor_name(&manifest.origin)?;
    let reason = Digest([0; 32]);
    let succession = Succession { old, new, cut, heads, reason, lost: known };
    Ok((succession, lost.map(|(_, list)| list)))
}

/// Returns a name that no log had before.
fn successor_name(origin: &str) -> Result<String, StoreError> {
    let first = origin.split_once(MARK).map_or(origin, |(first, _)| first);
    Ok(format!("{first}{MARK}{}", hex::encode(&random::<4>()?)))
}

/// Separator between a log's first name and the suffix of a successor.
const MARK: char = '~';

/// Lists the entries of the old log after the cut. An entry does not hold its request's id; the
/// request's receipt has the entry's number and hash.
fn lost_entries(
    folder: &Path,
    cut: Mark,
    newest: &Checkpoint,
) -> Result<(Lost, Vec<u8>), BackupError> {
    let tiles = Tiles::open(folder)?;
    // The common part must match: otherwise the backup is of another log.
    if newest.size >= cut.size && tiles.root(cut.size, newest.size)? != cut.root {
        return Err(LogError::Forked.into());
    }
    let (mut requests, mut others, mut text) = (0, 0, String::new());
    for index in cut.size..newest.size {
        let bytes = tiles.entry(index, newest.size)?;
        let entry = Entry::decode(&bytes).map_err(|_| StoreError::Damaged { what: "an entry" })?;
        match entry.event {
            Event::Request { .. } => requests += 1,
            _ => others += 1,
        }
        let _ = writeln!(
            text,
            "{index} {} {} {}",
            entry.time_ms,
            leaf_hash(&bytes),
            describe(&entry.event)
        );
    }
    let list = text.into_bytes();
    Ok((Lost { requests, others, list: Digest::of(&[&list]) }, list))
}

/// Describes an entry in a few words, with no more detail than the log.
fn describe(event: &Event) -> String {
    match event {
        Event::Request { .. } => "Request".to_owned(),
        Event::Changed { subject, action, id, .. } => {
            format!("Changed {} {} {action:?}", subject.name(), hex::encode(id))
        }
        event => {
            let text = format!("{event:?}");
            text.split([' ', '{']).next().unwrap_or_default().to_owned()
        }
    }
}

/// Ends the old log, and begins the new one.
fn write(
    part: &Path,
    (database, tiles): (&mut Database, &Tiles),
    restoring: &Restoring<'_>,
    (mut succession, list): (Succession, Option<Vec<u8>>),
) -> Result<Restored, BackupError> {
    let renamed = |name: &str| {
        let bad = |_| StoreError::Damaged { what: "the log's name" };
        restoring.signer.renamed(name).map_err(bad)
    };
    let (old, signer) = (renamed(&succession.old)?, renamed(&succession.new)?);
    let salt: [u8; 16] = random().map_err(StoreError::from)?;
    succession.reason = commit(&salt, restoring.reason.as_bytes());
    let signature = succession.sign(&old);
    let note = succession.note(&old.verifier(), &signature);
    let note = note.ok_or(StoreError::Damaged { what: "the log's key" })?;
    let tx = database.write()?;
    let mut append = Append::begin(&tx, restoring.reading)?;
    let event = Event::Succeeded { succession: Box::new(succession.clone()), signature };
    let index = append.push(event)?;
    tx.add_opening((index, 0), salt, restoring.reason)?;
    tx.add_succession(index, &succession.old, &note)?;
    tx.unmark_copy()?;
    // Objects that were deleted since the backup have no key any more: the next start finds them.
    tx.set_objects_restored()?;
    append.finish()?;
    tx.commit()?;
    tiles.publish(database, (&signer, &unwitnessed()), index)?;
    tiles.set_ended(&note)?;
    let list = match list {
        Some(list) => {
            replace(&part.join(LIST), &list)?;
            Some(LIST.to_owned())
        }
        None => None,
    };
    Ok(Restored { signer, succession, list })
}

/// Name of the list of lost entries.
const LIST: &str = "lost-entries.txt";
