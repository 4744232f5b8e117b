//! Signed notes: a text with signatures below it, as specified in C2SP signed-note.

use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::canon::Digest;

/// The type byte of a key for plain Ed25519 signatures.
const ED25519: u8 = 0x01;

/// The type byte of a witness's key for timestamped Ed25519 cosignatures.
const COSIGNATURE_V1: u8 = 0x04;

/// The maximum length of a note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// A key that signs notes. It cannot be printed, and it is overwritten when it is dropped.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl core::fmt::Debug for Signer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Signer {
    /// Makes a signer from 32 secret bytes.
    ///
    /// # Errors
    /// [`BadNote::Name`] if signature lines cannot contain the name.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, BadNote> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// Returns the same key under another name.
    ///
    /// # Errors
    /// As [`Signer::new`].
    pub fn renamed(&self, name: &str) -> Result<Self, BadNote> {
        Self::new(name, &self.key.to_bytes())
    }

    /// Returns the verifier of this key's plain signatures.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key(), kind: ED25519 }
    }

    /// Returns the verifier of this key's cosignatures.
    #[must_use]
    pub fn witness_verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key(), kind: COSIGNATURE_V1 }
    }

    /// Returns a secret for another purpose, which `label` names: the SHA-256 of the signature of the
    /// label. Ed25519 is deterministic, so the secret is the same each time. Nothing else may sign
    /// the label.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> [u8; 32] {
        Digest::of(&[&self.sign_bytes(label)]).0
    }

    /// Signs bytes that are not a note, such as a receipt.
    #[must_use]
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// Returns the note: the text, which ends with a line break, and this key's signature.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        format!("{text}\n{}", self.verifier().line(&signature))
    }

    /// Returns a witness's signature line for a note's text, at a time in seconds since 1970: C2SP
    /// tlog-cosignature.
    #[must_use]
    pub fn cosign(&self, text: &str, time_s: u64) -> String {
        let message = cosigned(text, time_s);
        let mut blob = time_s.to_be_bytes().to_vec();
        blob.extend_from_slice(&self.key.sign(message.as_bytes()).to_bytes());
        self.witness_verifier().line(&blob)
    }
}

fn cosigned(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

/// A public key with its name; readers trust it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
    kind: u8,
}

impl Verifier {
    /// Parses a verifier key: `name+hash+base64`.
    ///
    /// # Errors
    /// [`BadNote::VerifierKey`] if the text is not a verifier key, or its hash belongs to another
    /// key. [`BadNote::Name`] if the name is not valid.
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadNote::VerifierKey);
        };
        check_name(name)?;
        let bytes = STANDARD.decode(key).map_err(|_| BadNote::VerifierKey)?;
        let (kind, key) = bytes.split_first().ok_or(BadNote::VerifierKey)?;
        if !matches!(*kind, ED25519 | COSIGNATURE_V1) {
            return Err(BadNote::VerifierKey);
        }
        let key: &[u8; 32] = key.try_into().map_err(|_| BadNote::VerifierKey)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| BadNote::VerifierKey)?;
        let verifier = Self { name: name.to_owned(), key, kind: *kind };
        let expected = u32::from_be_bytes(verifier.key_id());
        if format!("{expected:08x}") == hash { Ok(verifier) } else { Err(BadNote::VerifierKey) }
    }

    /// Returns the same key under another name.
    ///
    /// # Errors
    /// [`BadNote::Name`] if signature lines cannot contain the name.
    pub fn renamed(&self, name: &str) -> Result<Self, BadNote> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), ..self.clone() })
    }

    /// Returns true if this is a witness's key, which cosigns.
    #[must_use]
    pub fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE_V1
    }

    /// Returns the key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the first four bytes of SHA-256 over name, line break, type and key.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        let digest = Digest::of(&[self.name.as_bytes(), b"\n", &[self.kind], self.key.as_bytes()]);
        let [a, b, c, d, ..] = digest.0;
        [a, b, c, d]
    }

    /// Checks a signature over bytes that are not a note.
    pub(crate) fn checks(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        // Strict: one signature per message and key (RFC 8032 leaves room for more).
        self.key.verify_strict(bytes, &signature).is_ok()
    }

    pub(crate) fn line(&self, blob: &[u8]) -> String {
        let mut bytes = self.key_id().to_vec();
        bytes.extend_from_slice(blob);
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Returns true if a signature names this key.
    fn made(&self, signature: &NoteSignature<'_>) -> bool {
        signature.name == self.name && signature.key_id == self.key_id()
    }

    /// Checks this key's signature of a text. Returns `None` if it is bad. Otherwise returns the
    /// time of a cosignature, or `Some(None)` for a plain signature.
    fn signed(&self, text: &str, signature: &NoteSignature<'_>) -> Option<Option<u64>> {
        if self.kind == ED25519 {
            return self.checks(text.as_bytes(), &signature.blob).then_some(None);
        }
        let (time, rest) = signature.blob.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        self.checks(cosigned(text, time).as_bytes(), rest).then_some(Some(time))
    }
}

impl core::fmt::Display for Verifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut bytes = alloc::vec![self.kind];
        bytes.extend_from_slice(self.key.as_bytes());
        let hash = u32::from_be_bytes(self.key_id());
        write!(f, "{}+{hash:08x}+{}", self.name, STANDARD.encode(bytes))
    }
}

/// A parsed note. Nothing is checked yet.
#[derive(Debug, Clone)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<NoteSignature<'a>>,
}

/// A text with a valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The note's text.
    pub text: &'a str,
    /// The time of a witness's cosignature, by its own clock, in seconds since 1970. `None` for a
    /// plain signature.
    pub cosigned_s: Option<u64>,
}

#[derive(Debug, Clone)]
struct NoteSignature<'a> {
    name: &'a str,
    key_id: [u8; 4],
    blob: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Parses a note.
    ///
    /// # Errors
    /// [`BadNote`] if the text is not a note.
    pub fn parse(note: &'a str) -> Result<Self, BadNote> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(BadNote::TooLong);
        }
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(BadNote::Malformed);
        }
        // The last empty line separates text and signatures: the text itself may contain other
        // empty lines.
        let at = note.rfind("\n\n").ok_or(BadNote::Malformed)?;
        let (text, lines) =
            note.split_at_checked(at.saturating_add(1)).ok_or(BadNote::Malformed)?;
        let lines = lines.strip_prefix('\n').ok_or(BadNote::Malformed)?;
        let lines = lines.strip_suffix('\n').ok_or(BadNote::Malformed)?;
        let signatures = lines.split('\n').map(signature).collect::<Result<_, _>>()?;
        Ok(Self { text, signatures })
    }

    /// Returns the text if this key signed it and every signature with the key's name is valid.
    ///
    /// # Errors
    /// [`BadNote::Unsigned`] if the key did not sign. [`BadNote::BadSignature`] if any signature
    /// with the key's name is bad, even beside a good one: the note was changed, and C2SP
    /// signed-note rejects it as a whole.
    pub fn verify(&self, verifier: &Verifier) -> Result<Signed<'a>, BadNote> {
        let name = || verifier.name.clone();
        let mut signed = None;
        for signature in self.signatures.iter().filter(|signature| verifier.made(signature)) {
            let time = verifier.signed(self.text, signature);
            let time = time.ok_or_else(|| BadNote::BadSignature { name: name() })?;
            // After several cosignatures, the latest time counts.
            signed = signed.max(Some(time));
        }
        let cosigned_s = signed.ok_or_else(|| BadNote::Unsigned { name: name() })?;
        Ok(Signed { text: self.text, cosigned_s })
    }

    /// Returns the text without any check, for display only.
    #[must_use]
    pub fn unverified_text(&self) -> &'a str {
        self.text
    }
}

fn signature(line: &str) -> Result<NoteSignature<'_>, BadNote> {
    let rest = line.strip_prefix("\u{2014} ").ok_or(BadNote::Malformed)?;
    let (name, blob) = rest.split_once(' ').ok_or(BadNote::Malformed)?;
    check_name(name)?;
    let bytes = STANDARD.decode(blob).map_err(|_| BadNote::Malformed)?;
    let (key_id, blob) = bytes.split_first_chunk::<4>().ok_or(BadNote::Malformed)?;
    if blob.is_empty() {
        return Err(BadNote::Malformed);
    }
    Ok(NoteSignature { name, key_id: *key_id, blob: blob.to_vec() })
}

fn check_name(name: &str) -> Result<(), BadNote> {
    let bad =
        name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
    if bad { Err(BadNote::Name { name: name.escape_default().to_string() }) } else { Ok(()) }
}

/// The reason why a note or a key cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Signature lines cannot contain the name.
    #[error("`{name}` cannot be a key's name: it is empty, or has spaces or `+` in it")]
    Name {
        /// The name.
        name: String,
    },
    /// The text is not a verifier key.
    #[error("not a verifier key of the form `name+hash+base64`")]
    VerifierKey,
    /// The text is longer than any note.
    #[error("longer than {NOTE_BYTES_MAX} bytes, the maximum for a note")]
    TooLong,
    /// The text is not a text, an empty line, and signature lines.
    #[error("not a signed note")]
    Malformed,
    /// There is no good signature by this key.
    #[error("no valid signature by `{name}`")]
    Unsigned {
        /// The key's name.
        name: String,
    },
    /// A signature names this key, but the key did not make it.
    #[error("a signature by `{name}` is bad: the note was changed after it was signed")]
    BadSignature {
        /// The key's name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_text_and_key_only() {
        let signer = Signer::new("log.example/demo", &[1; 32]).unwrap();
        let note = signer.sign("hello\n\nworld\n");
        let verifier = Verifier::parse(&signer.verifier().to_string()).unwrap();
        let signed = Signed { text: "hello\n\nworld\n", cosigned_s: None };
        assert_eq!(Note::parse(&note).unwrap().verify(&verifier), Ok(signed));
        let changed = note.replace("hello", "jello");
        assert!(Note::parse(&changed).unwrap().verify(&verifier).is_err());
        let other = Signer::new("log.example/demo", &[2; 32]).unwrap();
        assert!(Note::parse(&note).unwrap().verify(&other.verifier()).is_err());
    }

    #[test]
    fn a_cosignature_holds_for_its_time_too() {
        let log = Signer::new("log.example", &[1; 32]).unwrap();
        let witness = Signer::new("witness.example", &[2; 32]).unwrap();
        let text = "log.example\n1\nroot\n";
        let note = log.sign(text) + &witness.cosign(text, 1_764_000_000);
        let parsed = Note::parse(&note).unwrap();
        assert!(parsed.verify(&log.verifier()).is_ok());
        let cosigned = parsed.verify(&witness.witness_verifier()).unwrap();
        assert_eq!(cosigned, Signed { text, cosigned_s: Some(1_764_000_000) });
        assert!(parsed.verify(&witness.verifier()).is_err(), "not a plain signature");
    }

    #[test]
    fn the_latest_of_a_witnesss_times_is_told() {
        let witness = Signer::new("witness.example", &[2; 32]).unwrap();
        let text = "log.example\n1\nroot\n";
        let lines = [30, 10, 20].map(|time_s| witness.cosign(text, time_s));
        let note = format!("{text}\n{}", lines.concat());
        let signed = Note::parse(&note).unwrap().verify(&witness.witness_verifier());
        assert_eq!(signed.unwrap().cosigned_s, Some(30));
    }

    #[test]
    fn one_bad_signature_of_a_known_key_rejects_the_note() {
        let signer = Signer::new("log.example", &[1; 32]).unwrap();
        let witness = Signer::new("witness.example", &[2; 32]).unwrap();
        let stranger = Signer::new("stranger.example", &[3; 32]).unwrap();
        let text = "log.example\n1\nroot\n";
        let other = "log.example\n2\nroot\n";
        let bad = signer.verifier().line(&signer.sign_bytes(other.as_bytes()));
        let short = signer.verifier().line(&[1, 2, 3]);
        let good = signer.sign(text);
        for bad in [&bad, &short] {
            for note in [good.clone() + bad, good.replace("\n\n", &format!("\n\n{bad}"))] {
                let refused = Note::parse(&note).unwrap().verify(&signer.verifier());
                assert_eq!(refused, Err(BadNote::BadSignature { name: "log.example".into() }));
            }
        }
        let note = good.clone() + &witness.cosign(text, 5) + &witness.cosign(other, 6);
        let refused = Note::parse(&note).unwrap().verify(&witness.witness_verifier());
        assert_eq!(refused, Err(BadNote::BadSignature { name: "witness.example".into() }));
        // A bad signature under another key's name does not affect this key.
        let note = good.clone() + &stranger.cosign(other, 5) + &witness.cosign(other, 5);
        assert!(Note::parse(&note).unwrap().verify(&signer.verifier()).is_ok());
        assert!(Note::parse(&good).unwrap().verify(&signer.verifier()).is_ok());
    }

    /// The example of C2SP signed-note, made by the Go implementation.
    #[test]
    fn a_note_of_another_implementation_is_read() {
        let verifier =
            Verifier::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert!(Note::parse(note).unwrap().verify(&verifier.unwrap()).is_ok());
    }
}
