//! Errors of engines. Their texts may quote the prompt: they are read to classify the error, and
//! go no further.

use std::time::Duration;

use serde::{Deserialize, de::IgnoredAny};

use crate::failure::Failure;

/// Classifies an answer with an error status.
#[must_use]
pub fn failure(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Failure {
    match status {
        300..=399 => Failure::Redirect,
        400 | 413 | 422 => match class(body) {
            Some(Class::ContentFilter) => Failure::ContentFiltered,
            Some(Class::ContextLength) => Failure::ContextLength,
            Some(Class::Missing) => Failure::Missing,
            None => Failure::Rejected { status },
        },
        401 | 403 => Failure::Unauthorized { status },
        404 => Failure::Missing,
        408 | 429 => Failure::Busy { retry_after },
        402..=499 => Failure::Rejected { status },
        502..=504 => Failure::Unavailable { status, retry_after },
        500..=599 => Failure::Failed,
        _ => Failure::Malformed,
    }
}

/// Classifies an event of a stream that is not a chunk of an answer.
pub(super) fn in_stream(data: &[u8]) -> Failure {
    match serde_json::from_slice::<Body>(data) {
        Ok(Body { error: None, object: None }) | Err(_) => Failure::Malformed,
        Ok(Body { error: None, object: Some(object) }) if object != "error" => Failure::Malformed,
        Ok(_) => match class(data) {
            Some(Class::ContentFilter) => Failure::ContentFiltered,
            Some(Class::ContextLength) => Failure::ContextLength,
            Some(Class::Missing) | None => Failure::Failed,
        },
    }
}

enum Class {
    ContentFilter,
    ContextLength,
    Missing,
}

/// The two shapes of an error: OpenAI's, and vLLM's older one without `error`.
#[derive(Deserialize)]
struct Body {
    error: Option<IgnoredAny>,
    object: Option<String>,
}

#[derive(Deserialize)]
struct Nested {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    code: Option<Word>,
    #[serde(rename = "type")]
    kind: Option<Word>,
    message: Option<Word>,
}

/// A text, or something else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Other(IgnoredAny),
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Other(IgnoredAny) => "",
        }
    }
}

fn class(body: &[u8]) -> Option<Class> {
    let nested = serde_json::from_slice::<Nested>(body).map(|nested| nested.error);
    let detail = nested.or_else(|_| serde_json::from_slice::<Detail>(body)).ok()?;
    let text = |word: Option<Word>| word.map(|word| word.text().to_owned()).unwrap_or_default();
    let (code, kind, message) = (text(detail.code), text(detail.kind), text(detail.message));
    match (code.as_str(), kind.as_str()) {
        ("content_filter", _) => Some(Class::ContentFilter),
        // The second is llama-server's.
        ("context_length_exceeded", _) | (_, "exceed_context_size_error") => {
            Some(Class::ContextLength)
        }
        ("model_not_found" | "DeploymentNotFound", _) => Some(Class::Missing),
        // vLLM and SGLang have no code for it.
        _ => CONTEXT_WORDS
            .iter()
            .any(|words| message.contains(words))
            .then_some(Class::ContextLength),
    }
}

/// Words of vLLM's and SGLang's message about a prompt that is too long.
const CONTEXT_WORDS: [&str; 2] =
    ["maximum context length", "longer than the model's context length"];

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(status: u16, body: &str) -> Failure {
        failure(status, Some(Duration::from_secs(3)), body.as_bytes())
    }

    #[test]
    fn a_status_and_a_code_give_the_failure() {
        let retry_after = Some(Duration::from_secs(3));
        let azure = r#"{"error":{"message":"canary","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
        let llama = r#"{"error":{"code":400,"message":"canary","type":"exceed_context_size_error","n_ctx":512}}"#;
        let vllm = r#"{"object":"error","message":"This model's maximum context length is 8192 tokens. However","type":"BadRequestError","param":null,"code":400}"#;
        for (status, body, expected) in [
            (400, azure, Failure::ContentFiltered),
            (400, llama, Failure::ContextLength),
            (400, vllm, Failure::ContextLength),
            (400, r#"{"error":{"code":"context_length_exceeded"}}"#, Failure::ContextLength),
            (400, r#"{"error":"canary"}"#, Failure::Rejected { status: 400 }),
            (422, "canary", Failure::Rejected { status: 422 }),
            (401, "", Failure::Unauthorized { status: 401 }),
            (403, "", Failure::Unauthorized { status: 403 }),
            (404, "", Failure::Missing),
            (408, "", Failure::Busy { retry_after }),
            (429, "", Failure::Busy { retry_after }),
            (500, "", Failure::Failed),
            (503, "", Failure::Unavailable { status: 503, retry_after }),
            (302, "", Failure::Redirect),
            (204, "", Failure::Malformed),
        ] {
            let failure = classified(status, body);
            assert_eq!(failure, expected, "{status} {body}");
            assert!(!format!("{failure} {failure:?}").contains("canary"));
        }
    }

    #[test]
    fn an_error_in_a_stream_is_told_apart_from_garbage() {
        assert_eq!(in_stream(br#"{"error":{"code":500,"message":"canary"}}"#), Failure::Failed);
        assert_eq!(in_stream(br#"{"error":"canary"}"#), Failure::Failed);
        assert_eq!(in_stream(br#"{"object":"error","message":"canary"}"#), Failure::Failed);
        assert_eq!(in_stream(br#"{"error":{"code":"content_filter"}}"#), Failure::ContentFiltered);
        assert_eq!(in_stream(br#"{"object":"list"}"#), Failure::Malformed);
        assert_eq!(in_stream(b"{}"), Failure::Malformed);
        assert_eq!(in_stream(b"canary"), Failure::Malformed);
    }
}
