//! Interfaces of OpenAI and Azure that this service does not have: refused by name, with an
//! alternative.

/// One interface of OpenAI or Azure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unserved {
    /// Prefix of its paths, below `/openai/v1/`, `/v1/`, `/openai/`, `/models/` or a deployment.
    path: &'static str,
    /// Its common name.
    pub name: &'static str,
    /// The alternative, as a sentence.
    pub instead: &'static str,
}

const CHAT: &str = "Use POST /openai/v1/chat/completions.";
const CHAT_HISTORY: &str =
    "Use POST /openai/v1/chat/completions, and send the conversation so far with each request.";
const COMPACT: &str = "Send \"truncation\": \"auto\" to POST /openai/v1/responses.";
const COUNT: &str = "The `usage` of a response has the tokens of its input.";
const IN_THE_PROMPT: &str =
    "Put the text of files into the messages of POST /openai/v1/chat/completions.";
const IMPORT: &str = "This service fetches no URL, because a fetch would send data out of it: upload the \
    file with POST /openai/files or /openai/v1/files.";
const EMBED: &str = "Use POST /openai/v1/embeddings, and keep the vectors in your own database.";
const NO_MODEL: &str = "This service runs models for text only; no path here takes its place.";
const OPERATOR: &str =
    "Ask the operator of this service: models are added with `bailiwick model add`.";
const ADMIN: &str = "The operator of this service manages it with `bailiwick` or the admin API.";

/// All unsupported interfaces.
const UNSERVED: [Unserved; 26] = [
    one("responses/compact", "Compaction of responses", COMPACT),
    one("responses/input_tokens", "Counting the tokens of a response's input", COUNT),
    one("assistants", "The Assistants API", CHAT_HISTORY),
    one("threads", "The Assistants API", CHAT_HISTORY),
    one("chatkit", "ChatKit", CHAT_HISTORY),
    one("realtime", "The Realtime API", "Use POST /openai/v1/chat/completions with `stream`."),
    one("files/import", "The import of files by URL", IMPORT),
    one("containers", "The Containers API", IN_THE_PROMPT),
    one("skills", "The Skills API", CHAT),
    one("vector_stores", "The Vector Stores API", EMBED),
    one("extensions", "Azure OpenAI On Your Data", CHAT),
    one("ingestion", "Azure OpenAI On Your Data", EMBED),
    one("images", "The Images API", NO_MODEL),
    one("audio", "The Audio API", NO_MODEL),
    one("videos", "The Videos API", NO_MODEL),
    one("video", "The Videos API", NO_MODEL),
    one("moderations", "The Moderations API", NO_MODEL),
    one("rerank", "Reranking", EMBED),
    one("fine_tuning", "This part of the Fine-tuning API", JOBS),
    one("fine-tunes", "The Fine-tuning API", OPERATOR),
    one("evals", "The Evals API", CHAT),
    one("edits", "The Edits API", CHAT),
    one("engines", "The Engines API", "Use /openai/v1/ and name a deployment as `model`."),
    one(
        "deployments",
        "Managing deployments",
        "GET /openai/v1/models lists them; the operator manages them.",
    ),
    one("organization", "The organization's administration", ADMIN),
    one("info", "The model's information", "Use GET /openai/v1/models."),
];

const JOBS: &str = "Use fine_tuning/jobs: create, list, retrieve, cancel, pause, resume, events, \
    checkpoints. A model is for its own resource only, so there are no permissions for checkpoints; \
    graders need the method `reinforcement`, which is not supported.";

const fn one(path: &'static str, name: &'static str, instead: &'static str) -> Unserved {
    Unserved { path, name, instead }
}

/// Finds the interface to which an unsupported path belongs.
#[must_use]
pub(crate) fn find(path: &str) -> Option<&'static Unserved> {
    let surfaces = ["/openai/v1/", "/v1/", "/openai/", "/models/"];
    let rest = surfaces.iter().find_map(|surface| path.strip_prefix(surface))?;
    let is_below = |one: &&Unserved| {
        let after = rest.strip_prefix(one.path);
        after.is_some_and(|after| after.is_empty() || (after.starts_with('/') && after.len() > 1))
    };
    let below_deployment = rest.strip_prefix("deployments/").and_then(|rest| rest.split_once('/'));
    match below_deployment {
        Some((_, operation)) => {
            let first = operation.split('/').next().unwrap_or_default();
            UNSERVED.iter().find(|one| one.path == first)
        }
        None => UNSERVED.iter().find(is_below),
    }
}

/// Finds an unsupported path that looks like the id of a supported one, such as `responses/compact`.
#[must_use]
pub(crate) fn exactly(path: &str) -> Option<&'static Unserved> {
    find(path).filter(|one| one.path.contains('/') && path.ends_with(one.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_is_found_by_name() {
        for (path, name) in [
            ("/openai/v1/responses/compact", "Compaction of responses"),
            ("/openai/files/import", "The import of files by URL"),
            ("/openai/deployments/d/images/generations", "The Images API"),
            ("/openai/deployments/d/audio/transcriptions", "The Audio API"),
            ("/openai/deployments/d/extensions/chat/completions", "Azure OpenAI On Your Data"),
            ("/openai/v1/fine_tuning/alpha/graders/run", "This part of the Fine-tuning API"),
            ("/models/images/embeddings", "The Images API"),
        ] {
            assert_eq!(find(path).map(|one| one.name), Some(name), "{path}");
        }
        for path in
            ["/", "/openai", "/openai/v1/nothing", "/openai/deployments/d/nothing", "/files"]
        {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
