//! The load: a fixed number of requests over a fixed number of connections. Each connection sends
//! its next request as soon as it has the answer. One thread and one loop keep the generator
//! cheaper than the measured proxy.

use std::{
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    fixed::TEXT,
    message::{self, Length},
};
use crate::http::Target;

/// Results of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// One answer as received.
#[derive(Debug)]
pub(super) struct Answer {
    /// Status line and headers, in lower case.
    pub(super) head: String,
    /// The body.
    pub(super) body: String,
}

/// Returns all bytes of a request.
pub(super) fn post(target: &Target, body: &str) -> Vec<u8> {
    let Target { address, path, key } = target;
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends one request and returns its answer.
pub(super) fn once(address: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut connection = Connection::open(address)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut connection.socket, Token(0), Interest::READABLE)?;
    connection.send(request)?;
    let mut events = Events::with_capacity(1);
    loop {
        wait(&mut poll, &mut events)?;
        if connection.read(false)? {
            let head = message::head(&connection.arrived).unwrap_or_default();
            let body = connection.arrived.get(head.len()..).unwrap_or_default();
            return Ok(Answer {
                head: String::from_utf8_lossy(head).to_ascii_lowercase(),
                body: String::from_utf8_lossy(body).into_owned(),
            });
        }
    }
}

/// Sends `requests` requests over `connections` connections. Every answer must be a 200, and the
/// first of each connection must hold the stub's text.
pub(super) fn run(
    target: &Target,
    body: &str,
    connections: usize,
    requests: usize,
) -> io::Result<Run> {
    let request = post(target, body);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(connections);
    let mut open = Vec::with_capacity(connections);
    for at in 0..connections {
        let mut connection = Connection::open(target.address)?;
        poll.registry().register(&mut connection.socket, Token(at), Interest::READABLE)?;
        open.push(connection);
    }
    let mut took = Vec::with_capacity(requests);
    let mut left = requests;
    let started = Instant::now();
    for connection in open.iter_mut().take(requests) {
        connection.send(&request)?;
        left = left.saturating_sub(1);
    }
    while took.len() < requests {
        wait(&mut poll, &mut events)?;
        for event in &events {
            let Some(connection) = open.get_mut(event.token().0) else { continue };
            if !connection.read(true)? {
                continue;
            }
            took.push(connection.sent.elapsed());
            connection.check()?;
            connection.arrived.clear();
            if left > 0 {
                left = left.saturating_sub(1);
                connection.send(&request)?;
            }
        }
    }
    let whole = started.elapsed();
    took.sort_unstable();
    let at = |share: f64| {
        let place = (count(took.len()) * share) as usize;
        took.get(place.min(took.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    Ok(Run {
        per_second: count(requests) / whole.as_secs_f64(),
        p50_ms: at(0.5).as_secs_f64() * 1000.0,
        p99_ms: at(0.99).as_secs_f64() * 1000.0,
    })
}

fn wait(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    match poll.poll(events, Some(PATIENCE)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Ok(()) if events.is_empty() => Err(io::ErrorKind::TimedOut.into()),
        polled => polled,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
pub(super) fn count(count: usize) -> f64 {
    count as f64
}

struct Connection {
    socket: TcpStream,
    arrived: Vec<u8>,
    /// End of the answer, once its head has arrived.
    end: Option<End>,
    sent: Instant,
    checked: bool,
}

#[derive(Clone, Copy)]
enum End {
    At(usize),
    LastChunk,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpStream::from_std(socket),
            arrived: Vec::with_capacity(CHUNK_BYTES),
            end: None,
            sent: Instant::now(),
            checked: false,
        })
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.end = None;
        self.sent = Instant::now();
        // A request is far smaller than a socket's buffer, and the previous request was answered.
        self.socket.write_all(request)
    }

    /// Reads the available bytes; returns whether the answer is complete. With `kept`, the
    /// connection must stay open for the next request.
    fn read(&mut self, kept: bool) -> io::Result<bool> {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) if kept => {
                    return Err(io::Error::other("the server closed a connection that is in use"));
                }
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.arrived.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    // A short read has emptied the socket; more bytes cause a new event.
                    if count < chunk.len() {
                        return Ok(self.is_complete());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(self.is_complete());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_complete(&mut self) -> bool {
        if self.end.is_none() {
            self.end = message::head(&self.arrived).map(|head| match message::length(head) {
                Length::None => End::At(head.len()),
                Length::Bytes(body) => End::At(head.len().saturating_add(body)),
                Length::Chunked => End::LastChunk,
            });
        }
        match self.end {
            None => false,
            Some(End::At(end)) => self.arrived.len() >= end,
            Some(End::LastChunk) => self.arrived.ends_with(b"\r\n0\r\n\r\n"),
        }
    }

    fn check(&mut self) -> io::Result<()> {
        let good = self.arrived.starts_with(b"HTTP/1.1 200 ")
            && (self.checked || String::from_utf8_lossy(&self.arrived).contains(TEXT));
        self.checked = true;
        if good {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&self.arrived);
        Err(io::Error::other(format!("not the stub's answer: {answer}")))
    }
}

const CHUNK_BYTES: usize = 8 * 1024;

/// Longest wait; a server that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
