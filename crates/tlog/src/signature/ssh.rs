//! OpenSSH's signatures of files: PROTOCOL.sshsig.

use alloc::{string::String, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Signature;
use crate::key::{BadKey, Key};

/// The namespace of statements: `ssh-keygen -Y sign -n bailiwick-statement`.
pub const NAMESPACE: &str = "bailiwick-statement";

/// How every signature begins, and the bytes under it.
const MAGIC: &[u8] = b"SSHSIG";
const HASH: &[u8] = b"sha512";
const ED25519: &[u8] = b"ssh-ed25519";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The maximum length of a signature's text, in bytes. One by Ed25519 has about 300.
const TEXT_BYTES_MAX: usize = 4096;

/// Returns the bytes that an SSH key signs for a statement.
pub(super) fn signed(statement: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let hash = sha2::Sha512::digest(statement);
    let mut bytes = MAGIC.to_vec();
    for field in [NAMESPACE.as_bytes(), &[], HASH, &hash] {
        put(&mut bytes, field);
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    // Every field here is short.
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(field);
}

/// The text is not a signature of a statement by `ssh-keygen`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSsh {
    /// The text is not a signature in OpenSSH's form.
    #[error("not an SSH signature, as `ssh-keygen -Y sign` writes it")]
    Malformed,
    /// The signature is not by an Ed25519 key.
    #[error("the SSH key is not `ssh-ed25519`: use a key that `ssh-keygen -t ed25519` makes")]
    Algorithm,
    /// The signature is for another purpose, or by another hash.
    #[error("the SSH signature is not for a statement: sign with `-n {NAMESPACE}`")]
    Namespace,
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// A signature by an SSH key, and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSigned {
    /// The key.
    pub key: Key,
    /// The signature, as an entry has it. It is not checked yet.
    pub signature: Signature,
}

impl SshSigned {
    /// Reads the text that `ssh-keygen -Y sign -n bailiwick-statement` writes.
    ///
    /// # Errors
    /// [`BadSsh`] if it is another text, or of another key or purpose.
    pub fn parse(text: &str) -> Result<Self, BadSsh> {
        let inner = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let inner = inner.filter(|_| text.len() <= TEXT_BYTES_MAX).ok_or(BadSsh::Malformed)?;
        let digits: String = inner.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        let blob = STANDARD.decode(digits).map_err(|_| BadSsh::Malformed)?;
        let rest = blob.strip_prefix(MAGIC).ok_or(BadSsh::Malformed)?;
        let rest = rest.strip_prefix(&1_u32.to_be_bytes()).ok_or(BadSsh::Malformed)?;
        let (key, rest) = field(rest)?;
        let (namespace, rest) = field(rest)?;
        let (_reserved, rest) = field(rest)?;
        let (hash, rest) = field(rest)?;
        let (signature, rest) = field(rest)?;
        if !rest.is_empty() {
            return Err(BadSsh::Malformed);
        }
        if namespace != NAMESPACE.as_bytes() || hash != HASH {
            return Err(BadSsh::Namespace);
        }
        let key = Key::ed25519(ed25519(key)?, None)?;
        Ok(Self { key, signature: Signature::Ssh { signature: ed25519(signature)? } })
    }
}

/// Reads a key or a signature of Ed25519: the name of the algorithm, and the bytes.
fn ed25519<const N: usize>(blob: &[u8]) -> Result<[u8; N], BadSsh> {
    let (name, rest) = field(blob)?;
    if name != ED25519 {
        return Err(BadSsh::Algorithm);
    }
    let (bytes, rest) = field(rest)?;
    let bytes = bytes.try_into().map_err(|_| BadSsh::Malformed)?;
    if rest.is_empty() { Ok(bytes) } else { Err(BadSsh::Malformed) }
}

/// Reads a field that has its length in front.
fn field(bytes: &[u8]) -> Result<(&[u8], &[u8]), BadSsh> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(BadSsh::Malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BadSsh::Malformed)?;
    rest.split_at_checked(length).ok_or(BadSsh::Malformed)
}
