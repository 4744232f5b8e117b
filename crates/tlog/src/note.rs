//! Signed notes: a text with signatures under it, as C2SP signed-note specifies them.

use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::canon::Digest;

/// A plain Ed25519 signature, in a key's type byte.
const ED25519: u8 = 0x01;

/// A timestamped Ed25519 cosignature of a witness.
const COSIGNATURE_V1: u8 = 0x04;

/// Bytes of a note, at most.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// A key that signs notes. It cannot be printed; it is overwritten when it is dropped.
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
    /// A signer from 32 secret bytes.
    ///
    /// # Errors
    /// When the name is not one that signature lines can carry.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, BadNote> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// The same key under another name.
    ///
    /// # Errors
    /// As [`Signer::new`].
    pub fn renamed(&self, name: &str) -> Result<Self, BadNote> {
        Self::new(name, &self.key.to_bytes())
    }

    /// What checks this key's plain signatures.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key(), kind: ED25519 }
    }

    /// What checks this key's cosignatures.
    #[must_use]
    pub fn witness_verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key(), kind: COSIGNATURE_V1 }
    }

    /// Signs bytes that are no note: a receipt.
    #[must_use]
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// The note: the text, which ends with a line break, and this key's signature.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        format!("{text}\n{}", self.verifier().line(&signature))
    }

    /// A witness's signature line for a note's text, at a time in seconds since 1970: C2SP
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

/// A public key with its name: what a reader trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
    kind: u8,
}

impl Verifier {
    /// Reads a verifier key: `name+hash+base64`.
    ///
    /// # Errors
    /// When the text is not one, or its hash is another key's.
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

    /// The same key under another name.
    ///
    /// # Errors
    /// When the name is not one that signature lines can carry.
    pub fn renamed(&self, name: &str) -> Result<Self, BadNote> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), ..self.clone() })
    }

    /// Whether this key cosigns, as a witness does.
    #[must_use]
    pub fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE_V1
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 over name, line break, type and key.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        let digest = Digest::of(&[self.name.as_bytes(), b"\n", &[self.kind], self.key.as_bytes()]);
        let [a, b, c, d, ..] = digest.0;
        [a, b, c, d]
    }

    /// Checks a signature over bytes that are no note.
    pub(crate) fn checks(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        // Strict: one message, one key, one signature (RFC 8032 leaves room for more).
        self.key.verify_strict(bytes, &signature).is_ok()
    }

    pub(crate) fn line(&self, blob: &[u8]) -> String {
        let mut bytes = self.key_id().to_vec();
        bytes.extend_from_slice(blob);
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Whether a signature says that it is this key's.
    fn made(&self, signature: &NoteSignature<'_>) -> bool {
        signature.name == self.name && signature.key_id == self.key_id()
    }

    /// Checks this key's signature of a text. None: it is bad. Else the time that it states, where
    /// it is a cosignature.
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

/// A note, taken apart. Nothing is checked yet.
#[derive(Debug, Clone)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<NoteSignature<'a>>,
}

/// What a key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The note's text.
    pub text: &'a str,
    /// When a witness cosigned it, by its own clock: seconds since 1970. None for a plain
    /// signature.
    pub cosigned_s: Option<u64>,
}

#[derive(Debug, Clone)]
struct NoteSignature<'a> {
    name: &'a str,
    key_id: [u8; 4],
    blob: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(note: &'a str) -> Result<Self, BadNote> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(BadNote::TooLong);
        }
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(BadNote::Malformed);
        }
        // The last empty line parts text and signatures: the text itself may have others.
        let at = note.rfind("\n\n").ok_or(BadNote::Malformed)?;
        let (text, lines) =
            note.split_at_checked(at.saturating_add(1)).ok_or(BadNote::Malformed)?;
        let lines = lines.strip_prefix('\n').ok_or(BadNote::Malformed)?;
        let lines = lines.strip_suffix('\n').ok_or(BadNote::Malformed)?;
        let signatures = lines.split('\n').map(signature).collect::<Result<_, _>>()?;
        Ok(Self { text, signatures })
    }

    /// The text, once this key has signed it and no signature that bears its name is bad.
    ///
    /// # Errors
    /// When it has not; or when one of its signatures is bad, whatever the others are: then
    /// somebody changed the note, and C2SP signed-note rejects it as a whole.
    pub fn verify(&self, verifier: &Verifier) -> Result<Signed<'a>, BadNote> {
        let name = || verifier.name.clone();
        let mut signed = None;
        for signature in self.signatures.iter().filter(|signature| verifier.made(signature)) {
            let time = verifier.signed(self.text, signature);
            let time = time.ok_or_else(|| BadNote::BadSignature { name: name() })?;
            // Cosigned more than once: the text was seen at the latest of those times.
            signed = signed.max(Some(time));
        }
        let cosigned_s = signed.ok_or_else(|| BadNote::Unsigned { name: name() })?;
        Ok(Signed { text: self.text, cosigned_s })
    }

    /// The text, whoever signed it: for those who only look.
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

/// A note or a key that cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// A name that signature lines cannot carry.
    #[error("`{name}` cannot be a key's name: it is empty, or has spaces or `+` in it")]
    Name {
        /// The name.
        name: String,
    },
    /// A text that is not a verifier key.
    #[error("not a verifier key of the form `name+hash+base64`")]
    VerifierKey,
    /// Longer than any note.
    #[error("longer than {NOTE_BYTES_MAX} bytes, which no note is")]
    TooLong,
    /// Not text, an empty line, and signature lines.
    #[error("not a signed note")]
    Malformed,
    /// No good signature of this key.
    #[error("no valid signature by `{name}`")]
    Unsigned {
        /// The key's name.
        name: String,
    },
    /// A signature that names this key, and that the key did not make.
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
        // What a key does not bear its name under says nothing about it.
        let note = good.clone() + &stranger.cosign(other, 5) + &witness.cosign(other, 5);
        assert!(Note::parse(&note).unwrap().verify(&signer.verifier()).is_ok());
        assert!(Note::parse(&good).unwrap().verify(&signer.verifier()).is_ok());
    }

    /// The example of C2SP signed-note, by the Go implementation.
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
