//! `bailiwick backup` and `bailiwick restore`.

use std::path::Path;

use store::{
    StoreError,
    backup::{self, Backup, BackupError, Manifest, Restored, Restoring},
    custody::{CustodyError, Head, Refusal, Trust},
};
use tlog::note::{Signer, Verifier};
use tokio::runtime::Runtime;

use super::{
    args,
    output::{Failure, note},
    serve,
};
use crate::{
    clock,
    config::Config,
    custodian,
    manage::{self, SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE},
    outward,
};

/// Key files that belong to a log, beside the log's own files.
const KEY_FILES: [&str; 2] = [SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE];

pub(crate) fn backup(args: &args::Backup) -> Result<(), Failure> {
    let signer = manage::key_in(&args.data.join(SERVICE_KEY_FILE))?;
    let log = signer.verifier();
    let made = backup::make(&args.data, &args.folder, (&log, &KEY_FILES), clock::read())?;
    let Manifest { origin, size, checkpoint, files, .. } = &made;
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    note(&format!(
        "backed up to `{}`: {} files, {bytes} bytes; the log `{origin}` with {size} entries, of which \
         {checkpoint} are signed",
        args.folder.display(),
        files.len()
    ));
    note(
        "not in it: the key directory (a copy of a key would outlive its deadline), the models' files, \
         `admin.key`, and the configuration",
    );
    note("it contains `service.key`, which signs the log: keep it as safe as the data directory");
    Ok(())
}

pub(crate) fn restore(args: args::Restore) -> Result<(), Failure> {
    let mut config = serve::load(args.config.as_deref())?;
    if let Some(data) = args.data {
        config.data = data;
    }
    let backup = backup::open(&args.backup)?;
    let key = backup.path(SERVICE_KEY_FILE);
    let signer = manage::key_in(&key)?;
    if signer.verifier().name() != backup.manifest.origin {
        let what = "its key belongs to another log".to_owned();
        return Err(BackupError::Damaged { what }.into());
    }
    let pinned = pinned(&config, &backup, &signer, args.keys_are_lost)?;
    let log = newest_log(&backup, &signer.verifier(), (pinned.as_ref(), args.log.as_deref()))?;
    let egress = outward::without_credentials(&config);
    let egress = egress.map_err(|e| Failure::plain(e.to_string()))?;
    let witnesses =
        outward::witnesses(&config, &egress).map_err(|e| Failure::plain(e.to_string()))?;
    let witnessed = Runtime::new()?.block_on(witnesses.heads(&log)).map_err(|error| {
        Failure::new(
            error.to_string(),
            "try again when the witness answers, or remove it from `[[witnesses]]`; it then does not follow \
             the new log",
        )
    })?;
    let restoring = Restoring {
        signer: &signer,
        pinned,
        witnessed,
        files: args.log.as_deref(),
        reason: &args.reason,
        except: &KEY_FILES,
        reading: clock::read(),
    };
    let restored = backup.restore(&config.data, &restoring, |data, restored| {
        let name = &restored.succession.new;
        manage::rename_service_key(&key, data, name).map_err(|error| StoreError::File {
            doing: "write",
            path: data.join(SERVICE_KEY_FILE),
            source: std::io::Error::other(error.to_string()),
        })
    })?;
    report(&config.data, &restored, args.keys_are_lost);
    Ok(())
}

/// Returns the custodian's newest view of the log.
fn pinned(
    config: &Config,
    backup: &Backup,
    signer: &Signer,
    keys_are_lost: bool,
) -> Result<Option<Head>, Failure> {
    let directory = config.key_directory();
    let trust = Trust { log: signer.verifier(), witnesses: Vec::new() };
    let mut client =
        custodian::connect(directory.clone(), &trust, Vec::new())(backup.key_directory()?)?;
    match (client.pinned(), keys_are_lost) {
        (Ok(head), false) => Ok(Some(head)),
        (Ok(_), true) => Err(Failure::new(
            format!("the key directory `{}` exists", directory.display()),
            "restore without `--keys-are-lost`",
        )),
        (Err(CustodyError::Refused(Refusal::NoDirectory)), true) => Ok(None),
        (Err(error), _) => Err(Failure::new(
            format!("the key directory `{}`: {error}", directory.display()),
            "mount it, or put it back: `keys` in the configuration names it. If it is lost permanently, \
             restore with `--keys-are-lost`; if `keys` names another service's directory, set it to a \
             new one",
        )),
    }
}

/// Returns the newest known log of the same key.
fn newest_log(
    backup: &Backup,
    log: &Verifier,
    (pinned, files): (Option<&Head>, Option<&Path>),
) -> Result<Verifier, Failure> {
    let files = files.map(|folder| backup::newest_files(folder, log)).transpose()?;
    let pinned = pinned.filter(|pinned| pinned.size > 0).map(|pinned| pinned.origin.clone());
    let origin = files.map(|files| files.origin).or(pinned);
    let origin = origin.unwrap_or_else(|| backup.manifest.origin.clone());
    log.renamed(&origin).map_err(|error| Failure::plain(error.to_string()))
}

fn report(data: &Path, restored: &Restored, keys_are_lost: bool) {
    let succession = &restored.succession;
    let (cut, newest) = (succession.cut.size, succession.newest());
    note(&format!("restored to `{}`", data.display()));
    note(&format!(
        "the log `{}` has ended, cut after {cut} of {newest} known entries; it continues as `{}`",
        succession.old, succession.new
    ));
    match (succession.lost, &restored.list) {
        (Some(lost), Some(list)) => note(&format!(
            "lost: {} receipts and {} other entries, listed in `{}`",
            lost.requests,
            lost.others,
            data.join(list).display()
        )),
        _ if newest > cut => note(&format!(
            "lost: the entries {cut} to {}; their contents are unknown (`--log` would list them)",
            newest.saturating_sub(1)
        )),
        _ => note("no later entry is known; data newer than the backup is lost"),
    }
    note(
        "give the new `service.pub` to your auditors; `log/ended` is the note that ends the old log",
    );
    if keys_are_lost {
        note("start it once with `bailiwick serve --keys-are-lost`: the records are lost");
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::new(error.to_string(), error.help())
    }
}
