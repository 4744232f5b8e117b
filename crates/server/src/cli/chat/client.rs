//! One question over HTTP, and its answer as server-sent events.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    sync::{Arc, mpsc::Sender},
};

use serde::{Deserialize, Serialize};
use ureq::{Agent, Body, http::Response};

use super::target::Target;
use crate::cli::{
    dial::{self, ApiError, Tls, unreachable},
    output::Failure,
};

/// One turn of the conversation.
#[derive(Serialize)]
pub(super) struct Message {
    role: &'static str,
    content: String,
}

impl Message {
    pub(super) fn new(role: &'static str, content: String) -> Self {
        Self { role, content }
    }
}

/// An event while an answer arrives.
pub(super) enum Piece {
    /// More text.
    Text(String),
    /// The answer is complete.
    Finished {
        /// The API's `finish_reason`.
        reason: String,
    },
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The answer failed or broke off.
    Failed(Failure),
}

pub(super) struct Client {
    pub(super) target: Arc<Target>,
    agent: Agent,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    messages: &'a [Message],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

/// A question, its answer and its receipt, as exact bytes.
pub(super) struct Exchanged {
    pub(super) request: Vec<u8>,
    pub(super) response: Vec<u8>,
    pub(super) receipt: Vec<u8>,
}

impl Client {
    pub(super) fn new(
        target: Target,
        temperature: Option<f32>,
        max_tokens: Option<u32>,
        ca_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let agent = dial::agent(Tls { ca_file, own: None })?;
        Ok(Self { target: Arc::new(target), agent, temperature, max_tokens })
    }

    /// Requests the answer in one piece, and then its receipt.
    pub(super) fn whole(&self, messages: &[Message]) -> Result<Exchanged, Failure> {
        let request = serde_json::to_vec(&self.question(messages, false)).unwrap_or_default();
        let mut response = ask(&self.agent, &self.target, &request)?;
        let header = response.headers().get(RECEIPT).and_then(|value| value.to_str().ok());
        let path = header.map(str::to_owned).ok_or_else(|| {
            Failure::new("the answer has no receipt", "is this the address of a Bailiwick server?")
        })?;
        let response = body(&self.target, &mut response)?;
        let url = format!("{}{path}", self.target.url);
        let receipt = self.agent.get(url).header("api-key", self.target.key.reveal()).call();
        let mut receipt = receipt.map_err(|e| unreachable(&self.target.url, &e.to_string()))?;
        if !receipt.status().is_success() {
            return Err(refused(receipt));
        }
        let receipt = body(&self.target, &mut receipt)?;
        Ok(Exchanged { request, response, receipt })
    }

    fn question<'a>(&'a self, messages: &'a [Message], stream: bool) -> Question<'a> {
        let (temperature, max_tokens) = (self.temperature, self.max_tokens);
        Question { model: &self.target.deployment, messages, stream, temperature, max_tokens }
    }

    /// Asks in a separate thread, so that the caller can stop listening at any time. The connection
    /// is then closed, and the server stops generating.
    pub(super) fn ask(&self, messages: &[Message], pieces: Sender<Piece>) {
        let body = serde_json::to_vec(&self.question(messages, true)).unwrap_or_default();
        let (agent, target) = (self.agent.clone(), Arc::clone(&self.target));
        std::thread::spawn(move || {
            if let Err(failure) = exchange(&agent, &target, &body, &pieces) {
                let _ = pieces.send(Piece::Failed(failure));
            }
        });
    }
}

/// Header with the path of a request's receipt.
const RECEIPT: &str = "x-bailiwick-receipt";

/// Largest answer that is read as a whole, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

fn body(target: &Target, response: &mut Response<Body>) -> Result<Vec<u8>, Failure> {
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    body.map_err(|error| unreachable(&target.url, &error.to_string()))
}

/// Sends a question, and returns a successful answer.
fn ask(agent: &Agent, target: &Target, body: &[u8]) -> Result<Response<Body>, Failure> {
    let response = agent
        .post(format!("{}/openai/v1/chat/completions", target.url))
        .header("api-key", target.key.reveal())
        .header("content-type", "application/json")
        .send(body)
        .map_err(|error| unreachable(&target.url, &error.to_string()))?;
    if !response.status().is_success() {
        return Err(refused(response));
    }
    Ok(response)
}

fn exchange(
    agent: &Agent,
    target: &Target,
    body: &[u8],
    pieces: &Sender<Piece>,
) -> Result<(), Failure> {
    let response = ask(agent, target, body)?;
    let id = request_id(&response);
    let mut reason = String::new();
    for line in BufReader::new(response.into_body().into_reader()).lines() {
        let line = line.map_err(|error| {
            Failure::new(format!("the answer broke off: {error} (request {id})"), "ask again")
        })?;
        // An empty line ends an event; a line that begins with a colon keeps the connection alive.
        let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
        if data == "[DONE]" {
            let _ = pieces.send(Piece::Finished { reason });
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| {
            Failure::new(
                format!("the answer cannot be parsed: {error} (request {id})"),
                "is this the address of a Bailiwick server?",
            )
        })?;
        if let Some(error) = chunk.error {
            return Err(api_failure(&error, "", &id));
        }
        let Some(choice) = chunk.choices.into_iter().next() else { continue };
        if let Some(text) = choice.delta.content
            && pieces.send(Piece::Text(text)).is_err()
        {
            // The caller has stopped listening.
            return Ok(());
        }
        reason = choice.finish_reason.unwrap_or(reason);
    }
    Err(Failure::new(format!("the answer ended early (request {id})"), "ask again"))
}

fn refused(mut response: Response<Body>) -> Failure {
    let id = request_id(&response);
    let status = response.status().as_u16();
    match dial::error_of(&mut response) {
        Ok(error) => api_failure(&error, &format!("{status}, "), &id),
        Err(failure) => failure,
    }
}

fn api_failure(error: &ApiError, status: &str, id: &str) -> Failure {
    let code = error.code.as_deref().unwrap_or("none");
    let help = match code {
        "401" | "Unauthorized" | "invalid_api_key" => {
            "check the key: `bailiwick key list RESOURCE` shows when it was last replaced"
        }
        "DeploymentNotFound" => "`bailiwick deployment list` shows the existing names",
        _ => "the operator can find the request in the log by its id",
    };
    Failure::new(format!("{} ({status}code {code}, request {id})", error.message), help)
}

fn request_id(response: &Response<Body>) -> String {
    let header = response.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    header.unwrap_or("without id").to_owned()
}
