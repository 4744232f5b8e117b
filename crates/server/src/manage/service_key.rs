//! The service's key, which signs the log and receipts, and a witness's. Made on the first start,
//! kept in a file that only its owner can read; its public half stands beside it, for auditors.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tlog::note::{Signer, Verifier};
use zeroize::Zeroizing;

use super::{ManageError, random, write_private, write_public};

/// The file's name in the data directory.
pub const SERVICE_KEY_FILE: &str = "service.key";

/// The file with the public key: what `bailiwick verify --service-key` wants.
pub const SERVICE_PUBLIC_FILE: &str = "service.pub";

/// The service's key; it is made if there never was one.
///
/// # Errors
/// When the file cannot be read or written, or is not one.
pub fn service_key(data: &Path) -> Result<Signer, ManageError> {
    let path = data.join(SERVICE_KEY_FILE);
    // A signed log without its key is a log that somebody else would continue.
    if !path.exists() && data.join("log/checkpoint").exists() {
        let source = std::io::Error::other("the log was signed with it, and it is gone");
        return Err(ManageError::File { doing: "read", path, source });
    }
    let signer = key_file(&path, || Ok(format!("bailiwick/{}", hex(&random::<6>()?))))?;
    show(&data.join(SERVICE_PUBLIC_FILE), &signer.verifier())?;
    Ok(signer)
}

/// A witness's key; it is made, with this name, if there never was one.
///
/// # Errors
/// As above; and when there is one with another name.
pub fn witness_key(data: &Path, name: Option<&str>) -> Result<Signer, ManageError> {
    let path = data.join("witness.key");
    let signer = key_file(&path, || match name {
        Some(name) => Ok(name.to_owned()),
        None => Ok(format!("bailiwick-witness/{}", hex(&random::<6>()?))),
    })?;
    let verifier = signer.witness_verifier();
    if name.is_some_and(|name| name != verifier.name()) {
        let source = std::io::Error::other(format!("its name is `{}`", verifier.name()));
        return Err(ManageError::File { doing: "use", path, source });
    }
    show(&data.join("witness.pub"), &verifier)?;
    Ok(signer)
}

/// The service's key in a file that is there.
///
/// # Errors
/// When the file cannot be read, or is not one.
pub fn key_in(path: &Path) -> Result<Signer, ManageError> {
    let path = path.to_owned();
    if path.exists() {
        return key_file(&path, || Ok(String::new()));
    }
    let source = std::io::Error::from(std::io::ErrorKind::NotFound);
    Err(ManageError::File { doing: "read", path, source })
}

/// Writes the service's key under the name that the log goes on with, in a data directory that is
/// being restored: `old` is the file with the same key under its old name.
///
/// # Errors
/// When a file cannot be read or written.
pub fn rename_service_key(old: &Path, data: &Path, name: &str) -> Result<(), ManageError> {
    let failed = |source| ManageError::File { doing: "read", path: old.to_owned(), source };
    let text = Zeroizing::new(fs::read_to_string(old).map_err(failed)?);
    let seed = text.trim().split_once(' ').map(|(_, seed)| seed);
    let seed = seed.ok_or_else(|| failed(std::io::Error::other("it is no key")))?;
    let renamed = Zeroizing::new(format!("{name} {seed}\n"));
    let path = data.join(SERVICE_KEY_FILE);
    write_private(&path, &renamed)?;
    show(&data.join(SERVICE_PUBLIC_FILE), &key_in(&path)?.verifier())
}

/// The key in a file; it is made where there is none.
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
        // Before it is written: a key with a name that no line can carry would be of no use.
        Signer::new(&name, &seed).map_err(|bad| failed("make")(std::io::Error::other(bad)))?;
        let text = Zeroizing::new(format!("{name} {}\n", &*Zeroizing::new(hex(&*seed))));
        write_private(path, &text)?;
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read"))?);
    let damaged = || failed("read")(std::io::Error::other("it is not a key of a log or witness"));
    let (name, seed) = text.trim().split_once(' ').ok_or_else(damaged)?;
    let seed = tlog::canon::Digest::from_hex(seed).ok_or_else(damaged)?;
    let seed = Zeroizing::new(seed.0);
    Signer::new(name, &seed).map_err(|_| damaged())
}

/// Writes the public half beside it, for everybody to read.
fn show(path: &Path, verifier: &Verifier) -> Result<(), ManageError> {
    let line = format!("{verifier}\n");
    let is_public =
        || fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o444 == 0o444);
    if fs::read_to_string(path).ok().as_deref() != Some(&line) || !is_public() {
        write_public(path, &line)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
