//! The stub as a server behind proxies: OpenAI's chat API over HTTP/1.1 with keep-alive, one
//! thread, and the same answer to every request as soon as it has arrived completely.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::json;

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
    let answer = answer();
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
                if connection.is_some_and(|connection| connection.answer(&answer).is_err()) {
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
    fn answer(&mut self, answer: &[u8]) -> io::Result<()> {
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
                self.arrived.drain(..whole);
                // Answers are far smaller than a socket's buffer: the write is complete unless the
                // client has stopped reading.
                self.socket.write_all(answer)?;
            }
            // A short read has emptied the socket; more bytes cause a new event.
            if count < chunk.len() {
                return Ok(());
            }
        }
    }
}

fn answer() -> Vec<u8> {
    let body = json!({
        "id": "chatcmpl-0123456789abcdef0123456789abcdef",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": "bench",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": TEXT, "refusal": null },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS.saturating_add(COMPLETION_TOKENS),
        },
        "system_fingerprint": "fp_0123456789",
    })
    .to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
