//! A receiver of POST requests that the tests control, for notices and for telemetry: it remembers each
//! message. It checks the signatures of notices as the specification of Standard Webhooks says.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::Sha256;

use crate::process::eventually;

/// A message that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    head: String,
    pub(crate) body: Vec<u8>,
    /// The status of the answer.
    pub(crate) status: u16,
}

/// A receiver.
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    got: Arc<Mutex<Vec<Message>>>,
    status: Arc<Mutex<u16>>,
}

impl Hook {
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", 0)).unwrap())
    }

    /// The same at an address that was free before.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (got, status) = (Arc::<Mutex<Vec<Message>>>::default(), Arc::new(Mutex::new(204)));
        let (all, answer) = (Arc::clone(&got), Arc::clone(&status));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                thread::spawn(move || converse(&stream, &all, &answer));
            }
        });
        Self { address, got, status }
    }

    /// The URL of its webhook, with a path that is a secret.
    pub(crate) fn url(&self) -> String {
        url(self.address)
    }

    /// Answers with this status from now on.
    pub(crate) fn answer(&self, status: u16) {
        *self.status.lock() = status;
    }

    pub(crate) fn all(&self) -> Vec<Message> {
        self.got.lock().clone()
    }

    /// Waits for messages of this kind; returns all that arrived.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Message> {
        eventually(kind, || {
            let all: Vec<_> =
                self.all().into_iter().filter(|message| message.json()["type"] == kind).collect();
            (!all.is_empty()).then_some(all)
        })
    }
}

/// The URL of a webhook at an address.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}/hook/secret-path")
}

fn converse(stream: &TcpStream, got: &Mutex<Vec<Message>>, status: &Mutex<u16>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let status = *status.lock();
        got.lock().push(Message { head, body, status });
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        let mut stream = stream;
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

impl Message {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether it was sent to this path.
    pub(crate) fn is_to(&self, path: &str) -> bool {
        self.head.starts_with(&format!("POST {path} HTTP/1.1\r\n"))
    }

    /// Everything that arrived.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    /// Everything that arrived, as text.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.head, String::from_utf8(self.body.clone()).unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines();
        let value = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.unwrap_or_else(|| panic!("no {name} in {}", self.head)).to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.header("webhook-id")
    }

    /// Checks the signature with a secret, over the bytes as they arrived.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let time = self.header("webhook-timestamp");
        mac.update(format!("{}.{time}.", self.id()).as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let now = server::clock::read().wall_ms / 1000;
        let is_recent = now.abs_diff(time.parse().unwrap()) < 300;
        is_recent && self.header("webhook-signature") == expected
    }
}
