//! A witness's key. It is created once, in a file that only its owner can read. Its public key is
//! in a file beside it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tlog::{
    canon::Digest,
    hex,
    note::{BadNote, Signer},
};
use zeroize::Zeroizing;

use super::disk::{self, PRIVATE, PUBLIC};

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{}`: {source}", path.display())]
pub struct KeyError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Reads the witness's key from its folder, or creates it with this name.
///
/// # Errors
/// If it cannot be read or written, is damaged, or has another name.
pub(super) fn witness_key(folder: &Path, name: Option<&str>) -> Result<Signer, KeyError> {
    let path = folder.join("witness.key");
    let failed = |doing| {
        let path = path.clone();
        move |source| KeyError { doing, path, source }
    };
    if !path.exists() {
        make(&path, name).map_err(failed("make"))?;
    }
    let signer = read(&path).map_err(failed("read"))?;
    let verifier = signer.witness_verifier();
    if name.is_some_and(|name| name != verifier.name()) {
        let other = io::Error::other(format!("its name is `{}`", verifier.name()));
        return Err(failed("use")(other));
    }
    let public = folder.join("witness.pub");
    disk::replace(&public, format!("{verifier}\n").as_bytes(), PUBLIC)
        .map_err(|source| KeyError { doing: "write", path: public, source })?;
    Ok(signer)
}

fn make(path: &Path, name: Option<&str>) -> io::Result<()> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(io::Error::other)?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            let mut random = [0; 6];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            format!("bailiwick-witness/{}", hex::encode(&random))
        }
    };
    // Check the name before writing: a key whose name is invalid in a signature line is useless.
    Signer::new(&name, &seed).map_err(|bad: BadNote| io::Error::other(bad))?;
    let text = Zeroizing::new(format!("{name} {}\n", &*Zeroizing::new(hex::encode(&*seed))));
    disk::replace(path, text.as_bytes(), PRIVATE)
}

fn read(path: &Path) -> io::Result<Signer> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    let damaged = || io::Error::other("it is not the key of a witness");
    let (name, seed) = text.trim().split_once(' ').ok_or_else(damaged)?;
    let seed = Zeroizing::new(Digest::from_hex(seed).ok_or_else(damaged)?.0);
    Signer::new(name, &seed).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_keeps_its_name() {
        let home = tempfile::tempdir().unwrap();
        let made = witness_key(home.path(), Some("witness.example")).unwrap().witness_verifier();
        let again = witness_key(home.path(), None).unwrap().witness_verifier();
        assert_eq!(made.to_string(), again.to_string());
        let shown = fs::read_to_string(home.path().join("witness.pub")).unwrap();
        assert_eq!(shown.trim(), made.to_string());
        let mode = fs::metadata(home.path().join("witness.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let renamed = witness_key(home.path(), Some("other.example")).unwrap_err();
        assert!(renamed.to_string().contains("its name is `witness.example`"), "{renamed}");
        fs::write(home.path().join("witness.key"), "witness.example 00").unwrap();
        let damaged = witness_key(home.path(), None).unwrap_err();
        assert!(damaged.to_string().contains("not the key of a witness"), "{damaged}");
    }
}
