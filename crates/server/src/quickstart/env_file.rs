//! `quickstart.env`: addresses and keys for shells, SDKs and `bailiwick chat`; mode 0600.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use policy::principal::Key;
use zeroize::Zeroizing;

use super::{CHAT, EMBEDDINGS, Keys};
use crate::{
    cli::env_lines,
    manage::{ManageError, write_private},
};

/// The file's name in the data directory.
pub const ENV_FILE: &str = "quickstart.env";

/// The version of the API that clients are told to ask for.
const API_VERSION: &str = "2024-10-21";

/// Where the service is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) api: SocketAddr,
    pub(super) operations: SocketAddr,
    pub(super) secure: bool,
    pub(super) operations_secure: bool,
}

impl Addresses {
    /// The API's URL for a client on this machine.
    pub(super) fn api_url(&self) -> String {
        url(if self.secure { "https" } else { "http" }, self.api)
    }

    /// The operations listener's URL for a client on this machine.
    pub(super) fn operations_url(&self) -> String {
        url(if self.operations_secure { "https" } else { "http" }, self.operations)
    }
}

/// An address that stands for all is reached on loopback.
fn url(scheme: &str, address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// Writes the file, as a whole or not at all, and says where it is.
pub(super) fn write(
    data: &Path,
    keys: &Keys,
    addresses: &Addresses,
) -> Result<PathBuf, ManageError> {
    let path = data.join(ENV_FILE);
    write_private(&path, &text(keys, addresses))?;
    Ok(path)
}

/// The two keys of the demo resource from an earlier run's file.
pub(super) fn read_keys(data: &Path) -> Option<(Key, Key)> {
    let text = Zeroizing::new(fs::read_to_string(data.join(ENV_FILE)).ok()?);
    let values = env_lines(&text);
    let key = |name| values.get(name).map(|value| Key::presented(value));
    Some((key("BAILIWICK_API_KEY")?, key("BAILIWICK_API_KEY_2")?))
}

fn text(keys: &Keys, addresses: &Addresses) -> Zeroizing<String> {
    let (url, operations) = (addresses.api_url(), addresses.operations_url());
    let (key1, key2, admin) = (keys.key1.reveal(), keys.key2.reveal(), keys.admin.reveal());
    // The OpenAI names go together: with the address but without the key, an SDK would send the
    // user's key for OpenAI here.
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
}
