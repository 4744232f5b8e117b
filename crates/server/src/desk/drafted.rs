//! A statement that waits for a signature, as the desk shows it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use tlog::{canon::Digest, hex, key::Key, statement::Draft, succession::Mark};

use super::public_key;
use crate::statement;

/// A draft, as the person gets it.
#[derive(Debug, Serialize)]
pub(super) struct Drafted {
    statement: Shown,
    /// Send it back in the header `bailiwick-draft`.
    draft: String,
    /// The person's passkeys, and those of the root: a browser does not know which one signed.
    passkeys: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    /// The bytes to sign, in base64.
    bytes: String,
    /// Their SHA-256: the challenge for a passkey.
    digest: Digest,
    origin: String,
    size: u64,
    root: Digest,
    /// The decision in plain words.
    says: Vec<String>,
}

impl Drafted {
    /// Shows a statement, with the id of its draft.
    pub(super) fn new(draft: Draft, id: [u8; 16], passkeys: impl Iterator<Item = Key>) -> Self {
        let Mark { size, root } = draft.seen;
        let statement = Shown {
            bytes: STANDARD.encode(draft.bytes()),
            digest: draft.digest(),
            says: statement::in_words(&draft.event),
            origin: draft.origin,
            size,
            root,
        };
        let passkeys = passkeys.map(|key| public_key::text(&key)).collect();
        Self { statement, draft: hex::encode(&id), passkeys }
    }
}
