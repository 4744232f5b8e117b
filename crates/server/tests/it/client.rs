//! A small HTTP/1.1 client on a plain socket. It can send requests that HTTP libraries refuse to
//! send, and shows every byte of the answer. It has no retries, redirects or pooling.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// Longest wait for an answer; far above any limit that a test sets, for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// One request, built up and then sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str, body: &Value) -> Self {
        Self::new("POST", path).bytes(body.to_string())
    }

    /// A body declared as JSON, which may be invalid.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// Adds a header, or replaces the header of that name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn also(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("api-key", key)
    }

    /// Returns the bytes of the request.
    pub(crate) fn wire(&self, address: SocketAddr) -> Vec<u8> {
        let Self { method, path, headers, body } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let mut all = vec![("host".to_owned(), address.to_string())];
        if method != "GET" {
            all.push(("content-length".to_owned(), body.len().to_string()));
        }
        all.push(("connection".to_owned(), "close".to_owned()));
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
        for (name, value) in all.iter().chain(headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }

    /// Sends the request and reads the head of the answer.
    pub(crate) fn open(&self, address: SocketAddr) -> Answer {
        let mut stream = connect(address);
        let wire = self.wire(address);
        // A server may refuse a body and close before it has read all of it.
        let writer = stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || (&writer).write_all(&wire).is_ok());
        let answer = Answer::read(stream.try_clone().unwrap())
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path));
        if answer.status < 400 {
            sender.join().unwrap();
        }
        let _ = stream.flush();
        answer
    }

    /// Returns the answer if it arrives in full; for a server that may be killed meanwhile.
    pub(crate) fn attempt(&self, address: SocketAddr) -> Option<Reply> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(&self.wire(address)).ok()?;
        let reply = Answer::read(stream).ok()?.finish();
        let whole = match reply.header("content-length") {
            Some(length) => length == reply.body.len().to_string(),
            None => reply.body.ends_with(b"data: [DONE]\n\n"),
        };
        whole.then_some(reply)
    }

    /// Sends the request and reads the whole answer.
    pub(crate) fn send(&self, address: SocketAddr) -> Reply {
        self.open(address).finish()
    }
}

/// Connects, with [`PATIENCE`].
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A complete answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Returns the body as JSON; the status must be 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// Returns status, headers and body, without the values that differ from request to request.
    pub(crate) fn shape(&self) -> String {
        let varies = [
            "x-request-id",
            "apim-request-id",
            "x-bailiwick-receipt",
            "x-bailiwick-signed-receipt",
            "date",
        ];
        let mut shape = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            let value = if varies.contains(&name.as_str()) { "…" } else { value };
            shape.push_str(&format!("{name}: {value}\n"));
        }
        shape + &self.text()
    }

    /// Returns the body's `error` object; the status must match. Also checks its four members and
    /// the headers that every error has.
    pub(crate) fn error(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let error = body.get("error").cloned().unwrap_or_else(|| panic!("no `error`: {body}"));
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert!(error["code"].is_string() || error["code"].is_null(), "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(self.header("x-request-id").is_some(), "{:?}", self.headers);
        assert!(self.header("apim-request-id").is_some(), "{:?}", self.headers);
        error
    }

    /// Returns the events of a stream that was read to its end.
    pub(crate) fn events(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        Events { lines: BufReader::new(&*self.body), done: false }.collect()
    }
}

/// An answer with an unread body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    body: Body,
}

impl Answer {
    /// Reads status line and headers.
    pub(crate) fn read(stream: TcpStream) -> std::io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("not HTTP: `{line}`")))?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let framing = match find(&headers, "content-length").map(str::parse) {
            Some(length) => Framing::Length(length.map_err(std::io::Error::other)?),
            None if find(&headers, "transfer-encoding") == Some("chunked") => Framing::Chunks(0),
            None => Framing::Length(usize::MAX),
        };
        Ok(Self { status, headers, body: Body { reader, framing } })
    }

    /// Reads the rest of the answer.
    pub(crate) fn finish(mut self) -> Reply {
        let mut body = Vec::new();
        // The answer to a refused upload may be cut after its body; only the received bytes count.
        let _ = self.body.read_to_end(&mut body);
        Reply { status: self.status, headers: self.headers, body }
    }

    /// Returns the stream's events as they arrive.
    pub(crate) fn events(self) -> Events<BufReader<Body>> {
        if self.status != 200 {
            let reply = self.finish();
            panic!("{}: {}", reply.status, reply.text());
        }
        Events { lines: BufReader::new(self.body), done: false }
    }
}

/// Server-sent events up to a mandatory `[DONE]`.
pub(crate) struct Events<R> {
    lines: R,
    done: bool,
}

impl<R: std::io::BufRead> Iterator for Events<R> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        while !self.done {
            let mut line = String::new();
            let got = self.lines.read_line(&mut line).expect("the stream is not cut");
            assert!(got > 0, "the stream ended without [DONE]");
            let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
            if data == "[DONE]" {
                self.done = true;
                return None;
            }
            let event: Value = serde_json::from_str(data).unwrap();
            // An error inside a stream is the last event.
            self.done = event.get("error").is_some();
            return Some(event);
        }
        None
    }
}

enum Framing {
    Length(usize),
    Chunks(usize),
}

/// A body without its framing.
pub(crate) struct Body {
    reader: BufReader<TcpStream>,
    framing: Framing,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Framing::Chunks(left @ 0) = &mut self.framing {
            let mut size = String::new();
            while size.trim().is_empty() {
                size.clear();
                if self.reader.read_line(&mut size)? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
            *left = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            if *left == 0 {
                self.framing = Framing::Length(0);
            }
        }
        let (Framing::Length(left) | Framing::Chunks(left)) = &mut self.framing;
        let room = buffer.len().min(*left);
        if room == 0 {
            // A read without room would block on bytes after this answer.
            return Ok(0);
        }
        let got = self.reader.read(&mut buffer[..room])?;
        *left -= got;
        Ok(got)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
