//! A minimal HTTP/2 client that sends single frames, including those that HTTP libraries refuse to
//! send.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The client's preface.
pub(crate) fn greeting() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat()
}

/// A HEADERS frame for a request, each header as a literal without an index (RFC 7541, 6.2.2).
pub(crate) fn request(stream: u32, flags: u8, method: &str, path: &str, key: &str) -> Vec<u8> {
    let headers = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "127.0.0.1"),
        (":path", path),
        ("api-key", key),
    ];
    let mut block = Vec::new();
    for (name, value) in headers {
        for text in [name, value] {
            if text == name {
                block.push(0);
            }
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(HEADERS, flags | END_HEADERS, stream, &block)
}

/// Frames from a server, in order of arrival, until it ends the connection.
pub(crate) struct Frames(pub(crate) TcpStream);

impl Iterator for Frames {
    type Item = (u8, u8, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some((head[3], head[4], payload))
    }
}

/// Whether the server has closed a connection; reads the data sent so far, without waiting.
pub(crate) fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    let closed = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() != ErrorKind::WouldBlock,
        }
    };
    stream.set_nonblocking(false).unwrap();
    closed
}

/// Sends `piece` again and again, at most `times` times. Returns whether the server closed the
/// connection.
pub(crate) fn flood(mut stream: TcpStream, times: usize, piece: impl Fn(usize) -> Vec<u8>) -> bool {
    let mut reader = stream.try_clone().unwrap();
    // The server's answers must be read, or the server stops reading.
    let drain = std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while reader.read(&mut buffer).is_ok_and(|got| got > 0) {}
    });
    let cut = (0..times).any(|number| stream.write_all(&piece(number)).is_err());
    if !cut {
        return false;
    }
    drain.join().unwrap();
    true
}
