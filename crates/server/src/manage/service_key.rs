//! The service's key, which signs the log and receipts. It is made on the first start and stored in
//! a file that only its owner can read. Its public half is stored beside it, for auditors.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tlog::{
    hex,
    note::{Signer, Verifier},
};
use zeroize::Zeroizing;

use super::{ManageError, random};
use crate::files::{write_private, write_public};

/// The name of the key file in the data directory.
pub(crate) const SERVICE_KEY_FILE: &str = "service.key";

/// The file with the public key, which `bailiwick verify --service-key` takes.
pub(crate) const SERVICE_PUBLIC_FILE: &str = "service.pub";

/// Reads the service's key, and makes it if there never was one.
///
/// # Errors
/// The file cannot be read or written, holds no key, or is missing although a signed log exists.
pub(crate) fn service_key(data: &Path) -> Result<Signer, ManageError> {
    let path = data.join(SERVICE_KEY_FILE);
    // A new key would continue a log that another key has signed.
    if !path.exists() && data.join("log/checkpoint").exists() {
        let source = std::io::Error::other("the log was signed with it, and it is gone");
        return Err(ManageError::File { doing: "read", path, source });
    }
    let signer = key_file(&path, || Ok(format!("bailiwick/{}", hex::encode(&random::<6>()?))))?;
    show(&data.join(SERVICE_PUBLIC_FILE), &signer.verifier())?;
    Ok(signer)
}

/// Reads the service's key from an existing file.
///
/// # Errors
/// The file cannot be read, or holds no key.
pub(crate) fn key_in(path: &Path) -> Result<Signer, ManageError> {
    let path = path.to_owned();
    if path.exists() {
        return key_file(&path, || Ok(String::new()));
    }
    let source = std::io::Error::from(std::io::ErrorKind::NotFound);
    Err(ManageError::File { doing: "read", path, source })
}

/// Writes the service's key under the new name of the log into a data directory that is being
/// restored. `old` is the file with the same key under its old name.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn rename_service_key(old: &Path, data: &Path, name: &str) -> Result<(), ManageError> {
    let failed = |source| ManageError::File { doing: "read", path: old.to_owned(), source };
    let text = Zeroizing::new(fs::read_to_string(old).map_err(failed)?);
    let seed = text.trim().split_once(' ').map(|(_, seed)| seed);
    let seed = seed.ok_or_else(|| failed(std::io::Error::other("it is not a key")))?;
    let renamed = Zeroizing::new(format!("{name} {seed}\n"));
    let path = data.join(SERVICE_KEY_FILE);
    write_private(&path, &renamed)?;
    show(&data.join(SERVICE_PUBLIC_FILE), &key_in(&path)?.verifier())
}

/// Reads the key in a file, and makes it if the file is missing.
fn key_file(
    path: &Path,
    name: impl FnOnce() -> Result<String, ManageError>,
) -> Result<Signer, ManageError> {
    let failed = |doing| {
        let path = path.to_owned();
        move |source| ManageError::File { doing, path, source }
    };
    if !path.exists() {
        let seed = Zeroizing::new(random::<32>()?);
        let name = name()?;
        // Checked before the file is written: a name that cannot stand in a log's line would make
        // the key useless.
        Signer::new(&name, &seed).map_err(|bad| failed("make")(std::io::Error::other(bad)))?;
        let text = Zeroizing::new(format!("{name} {}\n", &*Zeroizing::new(hex::encode(&*seed))));
        write_private(path, &text)?;
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read"))?);
    let damaged = || failed("read")(std::io::Error::other("it is not the key of a log"));
    let (name, seed) = text.trim().split_once(' ').ok_or_else(damaged)?;
    let seed = tlog::canon::Digest::from_hex(seed).ok_or_else(damaged)?;
    let seed = Zeroizing::new(seed.0);
    Signer::new(name, &seed).map_err(|_| damaged())
}

/// Writes the public half beside it, readable by every user.
fn show(path: &Path, verifier: &Verifier) -> Result<(), ManageError> {
    let line = format!("{verifier}\n");
    let is_public =
        || fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o444 == 0o444);
    if fs::read_to_string(path).ok().as_deref() != Some(&line) || !is_public() {
        write_public(path, &line)?;
    }
    Ok(())
}
