//! An engine that the tests control: it speaks OpenAI's API, remembers its requests, and fails on
//! demand.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// How the engine answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Manner {
    /// As it should: two pieces of text, the usage, the end.
    Well,
    /// As it should, with these texts.
    Says(Vec<String>),
    /// As it should, with the text of the last message or prompt, in which the first of these is
    /// replaced by the second, in pieces of so many bytes.
    Echo(&'static [(&'static str, &'static str)], usize),
    /// As it should, a moment later.
    Slow,
    /// With this status, these headers and this body.
    Status(u16, String, String),
    /// With other pieces than the usual ones, then the end of the connection.
    Pieces(Vec<String>),
    /// With these bytes instead of an HTTP answer.
    Bytes(Vec<u8>),
    /// With the first piece, and then nothing more until the client hangs up.
    Stall,
    /// Not at all: it reads the request and waits until the client hangs up.
    Silent,
    /// It reads the request and closes the connection.
    Close,
    /// It sends the first piece and closes the connection.
    Cut,
    /// Without end: the same piece again and again.
    Endless,
}

/// A request that the engine got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    /// The head as text, with the header lines.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// A running engine; its listener closes when it is dropped.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    model: String,
    manner: Mutex<Manner>,
    got: Mutex<Vec<Got>>,
    hung_up: AtomicUsize,
    open: AtomicBool,
}

impl Stub {
    /// Starts an engine that says its name, and serves `model`.
    pub(crate) fn start(name: &str, model: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self::on(listener, name, model)
    }

    fn on(listener: TcpListener, name: &str, model: &str) -> Self {
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            name: name.to_owned(),
            model: model.to_owned(),
            manner: Mutex::new(Manner::Well),
            got: Mutex::default(),
            hung_up: AtomicUsize::new(0),
            open: AtomicBool::new(true),
        });
        let serving = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !serving.open.load(Ordering::SeqCst) {
                    return;
                }
                let serving = Arc::clone(&serving);
                let Ok(stream) = stream else { continue };
                thread::spawn(move || serving.converse(&stream));
            }
        });
        Self { address, inner }
    }

    /// The base URL of its API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The origin of its address, for Azure's paths.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the manner of all later answers.
    pub(crate) fn answer(&self, manner: Manner) {
        *self.inner.manner.lock() = manner;
    }

    /// The requests to models that it got; probes are left out.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.inner.got.lock().clone()
    }

    /// How many clients hung up before the end of their answer.
    pub(crate) fn hung_up(&self) -> usize {
        self.inner.hung_up.load(Ordering::SeqCst)
    }

    /// Closes the listener: later connections are refused.
    pub(crate) fn stop(&self) {
        self.inner.open.store(false, Ordering::SeqCst);
        // Wakes the listening thread.
        drop(TcpStream::connect(self.address));
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Inner {
    /// Answers the requests of one connection, until one side closes it.
    fn converse(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while self.open.load(Ordering::SeqCst) {
            let Some(got) = read(&mut reader) else { return };
            if !self.open.load(Ordering::SeqCst) {
                return;
            }
            if got.path.ends_with("/models") {
                let list = json!({"object": "list", "data": [{"id": self.model}]}).to_string();
                if !whole(stream, 200, "content-type: application/json\r\n", &list) {
                    return;
                }
                continue;
            }
            let manner = self.manner.lock().clone();
            let embeds = got.path.contains("embeddings");
            self.got.lock().push(got.clone());
            let goes_on = if embeds && manner == Manner::Well {
                let list = self.vectors(&got.body).to_string();
                whole(stream, 200, "content-type: application/json\r\n", &list)
            } else {
                self.carry_out(&manner, stream, &got.body)
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Answers in this manner; returns whether the connection may be used again.
    fn carry_out(&self, manner: &Manner, stream: &TcpStream, asked: &Value) -> bool {
        match manner {
            Manner::Well => self.pieces(stream, &self.usual(asked)) && send(stream, b"0\r\n\r\n"),
            Manner::Says(texts) => {
                let usual = self.usual(asked);
                let said = texts
                    .iter()
                    .map(|text| usual[1].replace("\"hello\"", &json!(text).to_string()));
                let ends = usual[3..].iter().cloned();
                let pieces: Vec<_> =
                    [usual[0].clone()].into_iter().chain(said).chain(ends).collect();
                self.pieces(stream, &pieces) && send(stream, b"0\r\n\r\n")
            }
            Manner::Echo(replaced, size) => {
                let said = replaced.iter().fold(last(asked), |said, (a, b)| said.replace(a, b));
                let cut: Vec<_> = said.chars().collect();
                let texts: Vec<_> = cut.chunks(*size).map(|piece| piece.iter().collect()).collect();
                self.carry_out(&Manner::Says(texts), stream, asked)
            }
            Manner::Slow => {
                thread::park_timeout(Duration::from_millis(50));
                self.pieces(stream, &self.usual(asked)) && send(stream, b"0\r\n\r\n")
            }
            Manner::Status(status, headers, body) => whole(stream, *status, headers, body),
            Manner::Pieces(pieces) => {
                self.pieces(stream, pieces);
                send(stream, b"0\r\n\r\n");
                false
            }
            Manner::Bytes(bytes) => {
                send(stream, bytes);
                false
            }
            Manner::Stall => {
                self.pieces(stream, &self.usual(asked)[..2]);
                self.await_hang_up(stream);
                false
            }
            Manner::Silent => {
                self.await_hang_up(stream);
                false
            }
            Manner::Close => false,
            Manner::Cut => {
                self.pieces(stream, &self.usual(asked)[..2]);
                false
            }
            Manner::Endless => {
                let first = self.usual(asked);
                let mut goes_on = self.pieces(stream, &first[..2]);
                while goes_on {
                    goes_on = chunk(stream, &first[1]);
                }
                self.hung_up.fetch_add(1, Ordering::SeqCst);
                false
            }
        }
    }

    /// Returns the lines of a usual answer: a role, two texts, the end, the usage, `[DONE]`. Where a
    /// function must be called, the texts are a call of the first one.
    fn usual(&self, asked: &Value) -> Vec<String> {
        let text = format!(" from {}", self.name);
        let choices = asked["n"].as_u64().unwrap_or(1);
        let delta = |delta: Value, finish: Value| {
            let one = |index| {
                if asked.get("messages").is_some() {
                    return json!({"index": index, "delta": delta, "finish_reason": finish});
                }
                let text = delta.get("content").cloned().unwrap_or_else(|| json!(""));
                json!({"index": index, "text": text, "finish_reason": finish})
            };
            Value::Array((0..choices).map(one).collect())
        };
        let chunk = |choices: Value, usage: Value| {
            let object = "chat.completion.chunk";
            let model = &self.model;
            let all = json!({
                "id": "x", "object": object, "created": 1, "model": model,
                "choices": choices, "usage": usage,
            });
            format!("data: {all}\n\n")
        };
        let usage = json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9});
        let [first, second, end] = match asked["tool_choice"] == "required" {
            false => [json!({"content": "hello"}), json!({"content": text}), json!("stop")],
            true => {
                let name = &asked["tools"][0]["function"]["name"];
                let begun = json!({"index": 0, "id": "call_1", "type": "function",
                                   "function": {"name": name, "arguments": ""}});
                let arguments = json!({"arguments": "{\"location\": \"Paris\"}"});
                let more = json!({"index": 0, "function": arguments});
                let calls = |call: Value| json!({"tool_calls": [call]});
                [calls(begun), calls(more), json!("tool_calls")]
            }
        };
        vec![
            chunk(delta(json!({"role": "assistant", "content": ""}), Value::Null), Value::Null),
            chunk(delta(first, Value::Null), Value::Null),
            chunk(delta(second, Value::Null), Value::Null),
            chunk(delta(json!({}), end), Value::Null),
            chunk(json!([]), usage),
            "data: [DONE]\n\n".to_owned(),
        ]
    }

    fn vectors(&self, asked: &Value) -> Value {
        let inputs = asked["input"].as_array().map_or(1, Vec::len);
        let data: Vec<_> = (0..inputs)
            .map(|index| json!({"object": "embedding", "index": index, "embedding": [0.6, 0.8]}))
            .collect();
        let usage = json!({"prompt_tokens": 3, "total_tokens": 3});
        json!({"object": "list", "data": data, "model": self.model, "usage": usage})
    }

    fn pieces(&self, stream: &TcpStream, pieces: &[String]) -> bool {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        send(stream, head.as_bytes()) && pieces.iter().all(|piece| chunk(stream, piece))
    }

    /// Waits until the client closes the connection.
    fn await_hang_up(&self, mut stream: &TcpStream) {
        let mut byte = [0];
        let _closed = stream.read(&mut byte);
        self.hung_up.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns the text of the last message, or the prompt.
fn last(asked: &Value) -> String {
    let message = asked["messages"].as_array().and_then(|all| all.last());
    let text = message.map_or(&asked["prompt"], |message| &message["content"]);
    text.as_str().unwrap_or_default().to_owned()
}

fn chunk(stream: &TcpStream, text: &str) -> bool {
    send(stream, format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
}

fn whole(stream: &TcpStream, status: u16, headers: &str, body: &str) -> bool {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
    send(stream, head.as_bytes()) && send(stream, body.as_bytes())
}

fn send(mut stream: &TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Reads one request; `None` when the client has closed the connection.
fn read(reader: &mut BufReader<&TcpStream>) -> Option<Got> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Got { path, head, body })
}
