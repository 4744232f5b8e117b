//! The stub as a server behind proxies: OpenAI's chat API over HTTP/1.1 with keep-alive, one
//! thread, and the same answer to every request as soon as it has arrived completely: as JSON, or
//! as a stream of events if the request asks for one.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::{Value, json};

use super::{
    fixed::{COMPLETION_TOKENS, PROMPT_TOKENS, TEXT},
    message::{self, Length},
};

const LISTENER: Token = Token(0);

/// Serves until it is killed, or the process that started it ends.
pub(crate) fn serve(address: SocketAddr) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let answers = Answers::new();
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut last = LISTENER.0;
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() != LISTENER {
                let connection = connections.get_mut(&event.token());
                if connection.is_some_and(|connection| connection.answer(&answers).is_err()) {
                    connections.remove(&event.token());
                }
                continue;
            }
            while let Ok((mut socket, _)) = listener.accept() {
                socket.set_nodelay(true)?;
                last = last.wrapping_add(1);
                poll.registry().register(&mut socket, Token(last), Interest::READABLE)?;
                connections.insert(Token(last), Connection { socket, arrived: Vec::new() });
            }
        }
    }
}

struct Connection {
    socket: TcpStream,
    arrived: Vec<u8>,
}

impl Connection {
    /// Reads the available bytes, and answers if they complete a request. An error, including the
    /// end of the stream, means that the connection can no longer be used.
    fn answer(&mut self, answers: &Answers) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        loop {
            let count = match self.socket.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.arrived.extend_from_slice(chunk.get(..count).unwrap_or_default());
            while let Some(head) = message::head(&self.arrived) {
                let whole = match message::length(head) {
                    Length::Bytes(body) => head.len().saturating_add(body),
                    Length::None => head.len(),
                    Length::Chunked => return Err(io::Error::other("a chunked request")),
                };
                if self.arrived.len() < whole {
                    break;
                }
                let answer = answers.to(self.arrived.get(..whole).unwrap_or_default());
                // Answers are far smaller than a socket's buffer: the write is complete unless the
                // client has stopped reading.
                self.socket.write_all(answer)?;
                self.arrived.drain(..whole);
            }
            // A short read has emptied the socket; more bytes cause a new event.
            if count < chunk.len() {
                return Ok(());
            }
        }
    }
}

/// The answers, made once: each is one write.
struct Answers {
    json: Vec<u8>,
    events: Vec<u8>,
    models: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let models = json!({ "object": "list", "data": [{ "id": MODEL, "object": "model" }] });
        Self {
            json: whole(&completion().to_string()),
            events: events(),
            models: whole(&models.to_string()),
        }
    }

    /// Returns the answer to a request.
    fn to(&self, request: &[u8]) -> &[u8] {
        if request.starts_with(b"GET ") {
            &self.models
        } else if request.windows(STREAM.len()).any(|window| window == STREAM) {
            &self.events
        } else {
            &self.json
        }
    }
}

/// The field by which a request asks for a stream, as the gateway writes it.
const STREAM: &[u8] = b"\"stream\":true";

/// The model's name.
const MODEL: &str = "bench";

/// The id of each answer.
const ID: &str = "chatcmpl-0123456789abcdef0123456789abcdef";

fn completion() -> Value {
    json!({
        "id": ID,
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": TEXT, "refusal": null },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": usage(),
        "system_fingerprint": "fp_0123456789",
    })
}

fn usage() -> Value {
    json!({
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS.saturating_add(COMPLETION_TOKENS),
    })
}

fn whole(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The stream, with one chunk of HTTP for each event, as engines send it: the role, the text, the
/// end of the choice, the usage.
fn events() -> Vec<u8> {
    let choice = |delta: Value, finish: Value| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
    let role = json!({ "role": "assistant", "content": "" });
    let events = [
        (choice(role, Value::Null), Value::Null),
        (choice(json!({ "content": TEXT }), Value::Null), Value::Null),
        (choice(json!({}), "stop".into()), Value::Null),
        (json!([]), usage()),
    ];
    let mut stream = String::from(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    let mut chunk = |data: &str| {
        let event = format!("data: {data}\n\n");
        let _ = write!(stream, "{:x}\r\n{event}\r\n", event.len());
    };
    for (choices, usage) in events {
        let event = json!({
            "id": ID,
            "object": "chat.completion.chunk",
            "created": 1_750_000_000,
            "model": MODEL,
            "choices": choices,
            "usage": usage,
        });
        chunk(&event.to_string());
    }
    chunk("[DONE]");
    stream.push_str("0\r\n\r\n");
    stream.into_bytes()
}
