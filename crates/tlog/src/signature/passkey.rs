//! The data that a browser and an authenticator sign with a passkey: WebAuthn level 3.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::BadSignature;
use crate::canon::Digest;

/// The maximum length of the browser's data, in bytes.
pub const CLIENT_DATA_BYTES_MAX: usize = 1024;

/// The maximum length of the authenticator's data, in bytes.
pub const AUTHENTICATOR_DATA_BYTES_MAX: usize = 512;

/// Flags of the authenticator's data: the user was present, and was verified.
const PRESENT_AND_VERIFIED: u8 = 0x01 | 0x04;
/// A new key is in the data, as at an enrolment.
const ATTESTED: u8 = 0x40;
/// Extensions follow.
const EXTENSIONS: u8 = 0x80;

/// Checks the browser's data by the limited verification algorithm of WebAuthn level 3 §5.8.1.2: the
/// members that count stand in front, in one order and one form. No JSON is parsed, so no two parsers
/// can differ.
pub(super) fn client_data(json: &[u8], statement: &[u8]) -> Result<(), BadSignature> {
    if json.len() > CLIENT_DATA_BYTES_MAX {
        return Err(BadSignature::ClientData);
    }
    let rest = core::str::from_utf8(json).ok();
    let rest = rest.and_then(|text| text.strip_prefix(r#"{"type":"webauthn.get","challenge":""#));
    let (challenge, rest) =
        rest.and_then(|rest| rest.split_once('"')).ok_or(BadSignature::ClientData)?;
    if challenge != URL_SAFE_NO_PAD.encode(Digest::of(&[statement]).0) {
        return Err(BadSignature::Challenge);
    }
    let rest = rest.strip_prefix(r#","origin":""#).and_then(|rest| rest.split_once('"'));
    // The authenticator's data name the website; browsers bind the origin to it.
    let (origin, rest) = rest.ok_or(BadSignature::ClientData)?;
    if origin.contains('\\') || !rest.ends_with('}') {
        return Err(BadSignature::ClientData);
    }
    if rest.starts_with(r#","crossOrigin":true"#) {
        return Err(BadSignature::CrossOrigin);
    }
    // Older browsers leave it out. After it, browsers may add members.
    let end = rest.strip_prefix(r#","crossOrigin":false"#).unwrap_or(rest);
    if end == "}" || (end.len() < rest.len() && end.starts_with(',')) {
        return Ok(());
    }
    Err(BadSignature::ClientData)
}

/// Checks the authenticator's data: SHA-256 of the website's id, flags, counter, and maybe extensions.
pub(super) fn authenticator_data(data: &[u8], website: &Digest) -> Result<(), BadSignature> {
    let malformed = BadSignature::AuthenticatorData;
    if data.len() > AUTHENTICATOR_DATA_BYTES_MAX {
        return Err(malformed);
    }
    let (hash, rest) = data.split_first_chunk::<32>().ok_or(malformed)?;
    let [flags, _, _, _, _, extensions @ ..] = rest else { return Err(malformed) };
    if *hash != website.0 {
        return Err(BadSignature::Website);
    }
    if flags & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED {
        return Err(BadSignature::User);
    }
    // A key in the data would be one of an enrolment. The counter is not compared: passkeys that are
    // on several devices have none, and each statement counts once.
    if flags & ATTESTED != 0 || (flags & EXTENSIONS == 0) != extensions.is_empty() {
        return Err(malformed);
    }
    Ok(())
}
