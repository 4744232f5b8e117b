//! A stub of an engine: each connection has a thread, so that the tests' runtime is never the one
//! that closes a socket.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{Destination, Egress, EgressError, Reply, SendLimits, SendRequest};

/// The behavior of the stub after a request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Sends this, and reads the next request.
    Say(String),
    /// Sends this, and closes the connection.
    Close(String),
    /// Sends this, and closes the connection when the test is at the barrier, too.
    CloseAt(String, Arc<Barrier>),
    /// Sends this, and then this again and again, as fast as it is read.
    Flood(String, String),
}

/// An event at the stub. Connections are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Request(usize, String),
    /// The connection is closed, by either side.
    End(usize),
}

pub(super) struct Engine {
    pub(super) origin: String,
    pub(super) seen: UnboundedReceiver<Seen>,
}

/// Starts a stub. It acts by the number of the connection, and of the request on it.
pub(super) fn engine(act: impl Fn(usize, usize) -> Act + Send + Sync + 'static) -> Engine {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (sender, seen) = unbounded_channel();
    let act = Arc::new(act);
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let (sender, act) = (sender.clone(), Arc::clone(&act));
            thread::spawn(move || serve(connection, stream.unwrap(), &*act, &sender));
        }
    });
    Engine { origin, seen }
}

fn serve(
    connection: usize,
    mut stream: TcpStream,
    act: &dyn Fn(usize, usize) -> Act,
    seen: &UnboundedSender<Seen>,
) {
    for number in 0.. {
        let Some(request) = read(&mut stream) else { break };
        let _ = seen.send(Seen::Request(connection, request));
        match act(connection, number) {
            Act::Say(text) if stream.write_all(text.as_bytes()).is_ok() => {}
            Act::Say(_) => break,
            Act::Close(text) => {
                let _ = stream.write_all(text.as_bytes());
                break;
            }
            Act::CloseAt(text, barrier) => {
                let _ = stream.write_all(text.as_bytes());
                barrier.wait();
                break;
            }
            Act::Flood(start, piece) => {
                let _ = stream.write_all(start.as_bytes());
                while stream.write_all(piece.as_bytes()).is_ok() {}
                break;
            }
        }
    }
    drop(stream);
    let _ = seen.send(Seen::End(connection));
}

/// Reads a request with its body. `None` if the connection was closed.
fn read(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let request = String::from_utf8(text.clone()).unwrap();
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
                return Some(request);
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => text.extend_from_slice(&piece[..read]),
        }
    }
}

impl Engine {
    /// Lists the stub as the only destination.
    pub(super) fn egress(&self) -> Egress {
        Egress::new([self.destination()]).unwrap()
    }

    pub(super) fn destination(&self) -> Destination {
        Destination::parse(&self.origin).unwrap()
    }

    pub(super) async fn next(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// Returns the next request on a connection.
    pub(super) async fn request(&mut self, connection: usize) -> String {
        match self.next().await {
            Seen::Request(on, request) if on == connection => request,
            other => panic!("{other:?}"),
        }
    }
}

/// An answer with a length, after which the connection stays open.
pub(super) fn ok(body: &str) -> Act {
    with("", body)
}

/// The same, with more headers.
pub(super) fn with(headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n{body}"))
}

/// The head of a stream.
pub(super) const STREAM: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

pub(super) fn limits() -> SendLimits {
    let time = Duration::from_secs(20);
    SendLimits { connect: time, first_byte: time, silence: time, body_bytes_max: 1 << 20 }
}

pub(super) async fn send(egress: &Egress, origin: &str) -> Result<Reply, EgressError> {
    let permit = egress.permit(&format!("{origin}/v1/models")).unwrap();
    egress.send(permit, SendRequest::get(), limits()).await
}

pub(super) async fn whole(reply: &mut Reply) -> Result<String, EgressError> {
    let mut whole = Vec::new();
    while let Some(piece) = reply.chunk().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(whole).unwrap())
}

/// Sends a request, and reads the whole answer.
pub(super) async fn exchange(egress: &Egress, origin: &str) -> Result<String, EgressError> {
    whole(&mut send(egress, origin).await?).await
}
