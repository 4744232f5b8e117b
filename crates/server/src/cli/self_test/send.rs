//! The requests of the self-test.

use serde_json::{Value, json};
use ureq::{
    Agent, Body,
    http::{Response, StatusCode},
};

use crate::{
    cli::{chat::target::Target, dial::unreachable, output::Failure},
    self_test::{marks::Mark, result::Part},
};

/// The parts of requests that get a marked text, each its own.
pub(super) const PARTS: [&str; 6] =
    ["prompt", "user", "header", "tool argument", "tool result", "file"];

/// A part that was sent, and the status of the answer.
pub(super) struct Sent(&'static str, StatusCode);

impl Sent {
    /// Returns it for the result. A refused request counts if the service read its body.
    pub(super) fn into_part(self) -> Part {
        let Self(name, status) = self;
        let read = status.is_success()
            || matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
        Part { name: name.to_owned(), status: status.as_u16(), sent: read }
    }
}

/// The API of the running service.
pub(super) struct Api<'a> {
    pub(super) agent: &'a Agent,
    pub(super) target: &'a Target,
}

impl Api<'_> {
    /// Returns the digest of the service's program, as the page of the promises states it.
    pub(super) fn program(&self) -> Result<String, Failure> {
        let page = super::get(
            self.agent,
            &format!("{}/trust?format=json", self.target.url),
            Some(self.target.key.reveal()),
        )?;
        let page: Value = serde_json::from_slice(&page).unwrap_or_default();
        let program = page.pointer("/service/binary").and_then(Value::as_str);
        program.map(str::to_owned).ok_or_else(|| {
            Failure::new(
                "the page /trust has no digest of the program",
                "is this a Bailiwick server?",
            )
        })
    }

    /// Sends each marked text.
    pub(super) fn send(&self, marks: &[(&'static str, Mark)]) -> Result<Vec<Sent>, Failure> {
        let mark = |part: &str| {
            let found = marks.iter().find(|(name, _)| *name == part);
            found.map_or("", |(_, mark)| mark.reveal())
        };
        let url = format!("{}/openai/v1/chat/completions", self.target.url);
        let plain = json!({
            "model": self.target.deployment,
            "messages": [{"role": "user", "content": format!("Repeat this word: {}", mark("prompt"))}],
            "user": mark("user"),
            "max_completion_tokens": 16,
        });
        let tools = json!({
            "model": self.target.deployment,
            "messages": [
                {"role": "user", "content": "Take a note."},
                {"role": "assistant", "tool_calls": [{"id": "call_0", "type": "function", "function":
                    {"name": "note", "arguments": json!({"text": mark("tool argument")}).to_string()}}]},
                {"role": "tool", "tool_call_id": "call_0", "content": mark("tool result")},
            ],
            "tools": [{"type": "function", "function": {"name": "note", "parameters":
                {"type": "object", "properties": {"text": {"type": "string"}}}}}],
            "max_completion_tokens": 16,
        });
        let first =
            self.post(&url, ("application/json", plain.to_string().as_bytes()), mark("header"))?;
        let second = self.post(&url, ("application/json", tools.to_string().as_bytes()), "none")?;
        // A request that is refused, because errors go other ways: its text is that of the prompt.
        let broken = format!("{{\"messages\":\"{}\",}}", mark("prompt"));
        self.post(&url, ("application/json", broken.as_bytes()), mark("header"))?;
        let file = self.file(mark("file"))?;
        let statuses = [first, first, first, second, second, file];
        Ok(PARTS.into_iter().zip(statuses).map(|(part, status)| Sent(part, status)).collect())
    }

    /// Uploads a file with the text, and deletes it.
    fn file(&self, mark: &str) -> Result<StatusCode, Failure> {
        let line = json!({"custom_id": "self-test", "body": {"note": mark}});
        let form = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"self-test.jsonl\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{line}\n\r\n--{BOUNDARY}--\r\n"
        );
        let files = format!("{}/openai/v1/files", self.target.url);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let mut response = self.ask(&files, (&kind, form.as_bytes()), "none")?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
        if let Some(id) = body.get("id").and_then(Value::as_str).filter(|_| status.is_success()) {
            let url = format!("{files}/{id}");
            let deleted =
                self.agent.delete(&url).header("api-key", self.target.key.reveal()).call();
            let deleted = deleted.map_err(|error| unreachable(&url, &error.to_string()))?;
            if !deleted.status().is_success() {
                return Err(Failure::new(
                    format!(
                        "the file {id} of the self-test cannot be deleted: {}",
                        deleted.status()
                    ),
                    "delete it with DELETE /openai/v1/files/ID",
                ));
            }
        }
        Ok(status)
    }

    /// Sends a body, and reads the answer to its end.
    fn post(&self, url: &str, body: (&str, &[u8]), note: &str) -> Result<StatusCode, Failure> {
        let mut response = self.ask(url, body, note)?;
        let status = response.status();
        let read = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        read.map_err(|error| unreachable(url, &error.to_string()))?;
        Ok(status)
    }

    fn ask(
        &self,
        url: &str,
        (kind, body): (&str, &[u8]),
        note: &str,
    ) -> Result<Response<Body>, Failure> {
        let request = self.agent.post(url).header("api-key", self.target.key.reveal());
        let request = request.header("content-type", kind).header("x-self-test", note);
        request.send(body).map_err(|error| unreachable(url, &error.to_string()))
    }
}

const BOUNDARY: &str = "bailiwick-self-test-boundary";

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
