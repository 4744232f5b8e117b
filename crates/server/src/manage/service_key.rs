//! The service's key: signs the log and receipts. Made on the first start, kept in a file that only
//! its owner can read; its public half stands beside it, for auditors.

use std::{fs, path::Path};

use tlog::note::Signer;
use zeroize::Zeroizing;

use super::{ManageError, random, write_private};

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
    let failed = |doing| {
        let path = path.clone();
        move |source| ManageError::File { doing, path, source }
    };
    if !path.exists() {
        // A signed log without its key is a log that somebody else would continue.
        if data.join("log/checkpoint").exists() {
            let gone = std::io::Error::other("the log was signed with it, and it is gone");
            return Err(failed("read")(gone));
        }
        let seed = Zeroizing::new(random::<32>()?);
        let name = format!("bailiwick/{}", hex(&random::<6>()?));
        let text = Zeroizing::new(format!("{name} {}\n", &*Zeroizing::new(hex(&*seed))));
        write_private(&path, &text)?;
    }
    let text = Zeroizing::new(fs::read_to_string(&path).map_err(failed("read"))?);
    let damaged = || failed("read")(std::io::Error::other("it is not a service key"));
    let (name, seed) = text.trim().split_once(' ').ok_or_else(damaged)?;
    let seed = tlog::canon::Digest::from_hex(seed).ok_or_else(damaged)?;
    let seed = Zeroizing::new(seed.0);
    let signer = Signer::new(name, &seed).map_err(|_| damaged())?;
    let public = data.join(SERVICE_PUBLIC_FILE);
    let line = format!("{}\n", signer.verifier());
    if fs::read_to_string(&public).ok().as_deref() != Some(&line) {
        write_private(&public, &line)?;
    }
    Ok(signer)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
