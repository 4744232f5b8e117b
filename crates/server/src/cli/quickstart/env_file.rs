//! `quickstart.env`: addresses and keys for shells, SDKs and `bailiwick chat`; mode 0600.

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use policy::principal::Key;
use zeroize::Zeroizing;

use super::{CHAT, EMBEDDINGS, Keys};
use crate::files::{NotWritten, write_private};

/// The file's name in the data directory.
pub(crate) const ENV_FILE: &str = "quickstart.env";

/// The API version that clients use.
const API_VERSION: &str = "2024-10-21";

/// The service's addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) api: SocketAddr,
    pub(super) operations: SocketAddr,
    pub(super) secure: bool,
    pub(super) operations_secure: bool,
}

impl Addresses {
    /// Returns the API's URL for a client on this machine.
    pub(super) fn api_url(&self) -> String {
        url(if self.secure { "https" } else { "http" }, self.api)
    }

    /// Returns the operations listener's URL for a client on this machine.
    pub(super) fn operations_url(&self) -> String {
        url(if self.operations_secure { "https" } else { "http" }, self.operations)
    }
}

/// An unspecified address is reached on loopback.
fn url(scheme: &str, address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// Writes the file atomically, and returns its path.
pub(super) fn write(
    data: &Path,
    keys: &Keys,
    addresses: &Addresses,
) -> Result<PathBuf, NotWritten> {
    let path = data.join(ENV_FILE);
    write_private(&path, &text(keys, addresses))?;
    Ok(path)
}

/// Reads the two keys of the demo resource from an earlier run's file.
pub(super) fn read_keys(data: &Path) -> Option<(Key, Key)> {
    let text = Zeroizing::new(fs::read_to_string(data.join(ENV_FILE)).ok()?);
    let values = env_lines(&text);
    let key = |name| values.get(name).map(|value| Key::presented(value));
    Some((key("BAILIWICK_API_KEY")?, key("BAILIWICK_API_KEY_2")?))
}

/// Reads `NAME=value` lines, as a shell would.
pub(crate) fn env_lines(text: &str) -> HashMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            let quoted = ['"', '\''].into_iter().find_map(|quote| {
                value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            });
            (!name.starts_with('#')).then(|| (name.to_owned(), quoted.unwrap_or(value).to_owned()))
        })
        .collect()
}

fn text(keys: &Keys, addresses: &Addresses) -> Zeroizing<String> {
    let (url, operations) = (addresses.api_url(), addresses.operations_url());
    let (key1, key2, admin) = (keys.key1.reveal(), keys.key2.reveal(), keys.admin.reveal());
    // The two OpenAI variables must appear together: with the address but without the key, an SDK
    // would send the user's own OpenAI key to this service.
    Zeroizing::new(format!(
        "# Written by `bailiwick quickstart`. Use it with: set -a; . FILE; set +a\n\
         BAILIWICK_URL={url}\n\
         BAILIWICK_API_KEY={key1}\n\
         BAILIWICK_API_KEY_2={key2}\n\
         BAILIWICK_DEPLOYMENT={CHAT}\n\
         BAILIWICK_EMBED_DEPLOYMENT={EMBEDDINGS}\n\
         BAILIWICK_API_VERSION={API_VERSION}\n\
         BAILIWICK_ADMIN_URL={operations}\n\
         BAILIWICK_ADMIN_KEY={admin}\n\
         AZURE_OPENAI_ENDPOINT={url}\n\
         AZURE_OPENAI_API_KEY={key1}\n\
         OPENAI_API_VERSION={API_VERSION}\n\
         OPENAI_BASE_URL={url}/openai/v1\n\
         OPENAI_API_KEY={key1}\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_read_back_and_nobody_else_can_read_them() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_keys(dir.path()).is_none());
        let keys = Keys {
            key1: Key::from_random(&[1; 32]),
            key2: Key::from_random(&[2; 32]),
            admin: Key::from_random(&[3; 32]),
        };
        let addresses = Addresses {
            api: "0.0.0.0:80".parse().unwrap(),
            operations: "[::1]:81".parse().unwrap(),
            secure: true,
            operations_secure: false,
        };
        for _ in 0..2 {
            let path = write(dir.path(), &keys, &addresses).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains("\nBAILIWICK_URL=https://127.0.0.1:80\n"), "{text}");
            assert!(text.contains("\nBAILIWICK_ADMIN_URL=http://[::1]:81\n"), "{text}");
        }
        let (key1, key2) = read_keys(dir.path()).unwrap();
        assert_eq!((key1.reveal(), key2.reveal()), (keys.key1.reveal(), keys.key2.reveal()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no part is left");
    }

    #[test]
    fn env_files_are_read_as_a_shell_reads_them() {
        let text = "# A=1\nB=2\nexport C='3 4'\n  D=\"5=6\"\nnothing\n";
        let mut found: Vec<_> = env_lines(text).into_iter().collect();
        found.sort();
        let expected = [("B", "2"), ("C", "3 4"), ("D", "5=6")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
