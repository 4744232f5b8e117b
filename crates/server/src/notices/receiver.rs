//! A destination of notices, and the secret that signs them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use store::notices::NoticeId;
use zeroize::Zeroizing;

use super::due::{Due, For};
use crate::config::{NoticeKind, NoticesConfig};

/// A destination of notices. `Debug` shows neither the URL's path nor the secret.
pub(crate) struct Receiver {
    pub(super) url: String,
    pub(super) origin: String,
    tenant: Option<String>,
    kinds: Vec<NoticeKind>,
    pub(super) secret: Secret,
}

impl Receiver {
    /// Makes a destination of its settings and its secret.
    #[must_use]
    pub(crate) fn new(settings: &NoticesConfig, secret: Secret) -> Self {
        let NoticesConfig { url, tenant, .. } = settings.clone();
        Self { url, origin: settings.origin(), tenant, kinds: settings.kinds(), secret }
    }

    /// Returns whether a notice is for this destination.
    #[must_use]
    pub(super) fn gets(&self, due: &Due) -> bool {
        let is_for = match (&due.of, &self.tenant) {
            (For::Everybody, _) | (For::Operator, None) => true,
            (For::Tenant(tenant), Some(own)) => tenant == own,
            (For::Operator, Some(_)) | (For::Tenant(_), None) => false,
        };
        is_for && self.kinds.contains(&due.kind)
    }

    /// Returns the id of a notice to this destination.
    #[must_use]
    pub(super) fn id(&self, due: &Due) -> NoticeId {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        NoticeId::of(&[&self.url, tenant, due.kind.name(), &due.key])
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({})", self.origin)
    }
}

/// The secret that signs notices.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

/// The text is not such a secret.
#[derive(Debug, thiserror::Error)]
#[error(
    "the secret is not `whsec_` and the base64 of 24 to 64 bytes; make one with \
     `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver, too"
)]
pub(crate) struct BadSecret;

impl Secret {
    /// Reads a secret, as Standard Webhooks writes it.
    ///
    /// # Errors
    /// If the text is not of this form.
    pub(crate) fn parse(text: &str) -> Result<Self, BadSecret> {
        let text = text.strip_prefix("whsec_").ok_or(BadSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| BadSecret)?);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(BadSecret) }
    }

    /// Returns the header `webhook-signature` of a message: HMAC-SHA256 of its id, the time of the attempt
    /// in seconds, and its body.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    #[test]
    fn a_signature_is_the_one_of_standard_webhooks() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_is_whole_and_is_not_printed() {
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"] {
            assert!(Secret::parse(bad).is_err(), "{bad}");
        }
        assert!(Secret::parse(&format!("whsec_{}", STANDARD.encode([1; 65]))).is_err());
        let settings: NoticesConfig =
            toml::from_str("url = 'https://a.example/token/x'\nsecret_env = 'S'").unwrap();
        let secret = Secret::parse(&format!("whsec_{}", STANDARD.encode([1; 32]))).unwrap();
        let receiver = Receiver::new(&settings, secret);
        assert_eq!(format!("{receiver:?}"), "Receiver(https://a.example)");
    }
}
