//! Public keys as the desk reads and writes them: `ed25519:` or `p256:` and hexadecimal digits; of a
//! passkey, `@` and the SHA-256 of its website's id after them.

use tlog::{
    canon::Digest,
    hex,
    key::{BadKey, Key},
};

/// The text is not a public key.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadText {
    /// It has another form.
    #[error(
        "a key is `ed25519:` with 64 hex digits, or `p256:` with 66; of a passkey with `@` and 64 \
         digits behind it"
    )]
    Form,
    /// The digits are no key.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// Reads a public key.
///
/// # Errors
/// If the text has another form, or its digits are not a key.
pub(super) fn read(text: &str) -> Result<Key, BadText> {
    let (key, website) = match text.split_once('@') {
        Some((key, website)) => (key, Some(Digest(hex::decode(website).ok_or(BadText::Form)?))),
        None => (text, None),
    };
    let (form, digits) = key.split_once(':').ok_or(BadText::Form)?;
    Ok(match form {
        "ed25519" => Key::ed25519(hex::decode(digits).ok_or(BadText::Form)?, website)?,
        "p256" => Key::p256(hex::decode(digits).ok_or(BadText::Form)?, website)?,
        _ => return Err(BadText::Form),
    })
}

/// Returns the text of a public key.
pub(super) fn text(key: &Key) -> String {
    let (form, digits) = match key {
        Key::Ed25519 { public, .. } => ("ed25519", hex::encode(public)),
        Key::P256 { public, .. } => ("p256", hex::encode(public)),
    };
    let website = key.passkey().map_or_else(String::new, |website| format!("@{website}"));
    format!("{form}:{digits}{website}")
}
