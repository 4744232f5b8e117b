//! The answer of a token endpoint: RFC 6749, sections 5.1 and 5.2. Of an error only its defined
//! meaning is kept: its description is foreign text.

use std::{borrow::Cow, time::Duration};

use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    client::NoToken,
    credential::{Credential, CredentialHeader},
    exchange::Answer,
};

/// A token, and the time for which it is good.
pub(super) struct Granted {
    pub(super) token: Credential,
    pub(super) lifetime: Duration,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow)]
    token_type: Cow<'a, str>,
    expires_in: Seconds,
}

/// A number. Older endpoints of Entra write it as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    error: Cow<'a, str>,
}

/// Reads the answer, and overwrites its bytes.
pub(super) fn read(answer: Answer) -> Result<Granted, NoToken> {
    let granted = match answer.status {
        200 => granted(&answer.body),
        status => Err(refused(status, &answer.body)),
    };
    if let Ok(mut bytes) = answer.body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    granted
}

fn granted(body: &[u8]) -> Result<Granted, NoToken> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| NoToken::Malformed)?;
    let Body { access_token, token_type, expires_in } = body;
    let secret = Zeroizing::new(access_token.into_owned());
    let seconds = match expires_in {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => text.parse().ok(),
    };
    let seconds =
        seconds.filter(|seconds| *seconds > 0 && token_type.eq_ignore_ascii_case("bearer"));
    let lifetime = Duration::from_secs(seconds.ok_or(NoToken::Malformed)?).min(LIFETIME_MAX);
    let token = Credential::new(CredentialHeader::Bearer, &secret).ok_or(NoToken::Malformed)?;
    Ok(Granted { token, lifetime })
}

fn refused(status: u16, body: &[u8]) -> NoToken {
    let refusal = serde_json::from_slice::<Refusal<'_>>(body).ok();
    match (status, refusal.as_ref().map(|refusal| &*refusal.error)) {
        (400 | 401, Some("invalid_client")) => NoToken::Client,
        (400 | 401, Some("unauthorized_client")) => NoToken::Unauthorized,
        // `invalid_target` is of RFC 8707, `invalid_resource` Entra's.
        (400 | 401, Some("invalid_scope" | "invalid_target" | "invalid_resource")) => {
            NoToken::Scope
        }
        _ => NoToken::Refused(status),
    }
}

/// The longest time for which a token is kept.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, content_type: None, body: body.to_owned().into() }
    }

    #[test]
    fn a_token_has_a_type_and_a_lifetime() {
        for (body, seconds) in [
            (r#"{"access_token":"canary","token_type":"Bearer","expires_in":3599}"#, 3599),
            (r#"{"token_type":"bearer","expires_in":"60","access_token":"c\u0061nary","x":1}"#, 60),
            (r#"{"access_token":"canary","token_type":"Bearer","expires_in":1000000}"#, 86_400),
        ] {
            let Ok(Granted { token, lifetime }) = read(answer(200, body)) else { panic!("{body}") };
            assert_eq!(lifetime, Duration::from_secs(seconds));
            let expected = Zeroizing::new("canary".to_owned());
            assert!(Some(token) == Credential::new(CredentialHeader::Bearer, &expected), "{body}");
        }
        for body in [
            "",
            "canary",
            "{}",
            r#"{"access_token":"canary","token_type":"Bearer"}"#,
            r#"{"access_token":"canary","token_type":"Bearer","expires_in":0}"#,
            r#"{"access_token":"canary","token_type":"Bearer","expires_in":-1}"#,
            r#"{"access_token":"canary","token_type":"Bearer","expires_in":"soon"}"#,
            r#"{"access_token":"canary","token_type":"mac","expires_in":60}"#,
            r#"{"access_token":"","token_type":"Bearer","expires_in":60}"#,
            r#"{"access_token":"a\r\nb: c","token_type":"Bearer","expires_in":60}"#,
            r#"{"access_token":7,"token_type":"Bearer","expires_in":60}"#,
        ] {
            assert_eq!(read(answer(200, body)).err(), Some(NoToken::Malformed), "{body}");
        }
    }

    #[test]
    fn a_refusal_has_a_meaning_and_no_text() {
        for (status, body, expected) in [
            (401, r#"{"error":"invalid_client","error_description":"canary"}"#, NoToken::Client),
            (400, r#"{"error":"invalid_client"}"#, NoToken::Client),
            (400, r#"{"error":"unauthorized_client"}"#, NoToken::Unauthorized),
            (400, r#"{"error":"invalid_scope","error_codes":[70011]}"#, NoToken::Scope),
            (400, r#"{"error":"canary"}"#, NoToken::Refused(400)),
            (500, r#"{"error":"invalid_client"}"#, NoToken::Refused(500)),
            (429, "canary", NoToken::Refused(429)),
            (204, "", NoToken::Refused(204)),
        ] {
            let why = read(answer(status, body)).err();
            assert_eq!(why, Some(expected), "{status} {body}");
            assert!(!format!("{expected} {expected:?}").contains("canary"));
        }
    }
}
