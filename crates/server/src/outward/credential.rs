//! Reads the credentials of destinations. They are handed to `egress` and stay there.

use std::{
    env::{self, VarError},
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use zeroize::Zeroizing;

use crate::config::CredentialSource;

/// Reads a credential. A line break at its end does not belong to it. `setting` is the beginning of
/// the setting's name, before `_file` or `_env`.
///
/// # Errors
/// The reason and the next step, without the credential.
pub(crate) fn read(
    setting: &str,
    source: CredentialSource<'_>,
) -> Result<Zeroizing<String>, String> {
    match source {
        CredentialSource::File(path) => file(setting, path),
        CredentialSource::Variable(name) => variable(setting, name),
    }
}

fn file(setting: &str, path: &Path) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let unreadable = |error| {
        format!(
            "`{setting}_file` `{shown}` cannot be read: {error}; check its path and permissions"
        )
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(format!("`{setting}_file` `{shown}` is not a regular file; name another one"));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "other users can use `{setting}_file` `{shown}` (mode {mode:o}): chmod 600 it"
        ));
    }
    // The capacity is never exceeded: growth would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(BYTES_MAX + 1));
    let limit = u64::try_from(BYTES_MAX + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() > BYTES_MAX {
        return Err(format!(
            "`{setting}_file` `{shown}` is larger than {BYTES_MAX} bytes; put the credential alone \
             into it"
        ));
    }
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn variable(setting: &str, name: &str) -> Result<Zeroizing<String>, String> {
    env::var(name).map(Zeroizing::new).map_err(|error| match error {
        VarError::NotPresent => format!(
            "the environment variable `{name}` of `{setting}_env` is not set; set it for the \
             service, or use `{setting}_file`"
        ),
        VarError::NotUnicode(_) => {
            format!("the environment variable `{name}` of `{setting}_env` is not text")
        }
    })
}

/// The maximum size of a file with a credential, in bytes. A token of Microsoft Entra has some
/// thousand.
const BYTES_MAX: usize = 16 * 1024;
