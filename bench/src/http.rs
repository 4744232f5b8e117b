//! A minimal HTTP/1.1 client: posts JSON, and records when each event of the answer arrives. It is
//! blocking and has no runtime, so that the client takes little of the processors that it shares
//! with the servers.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Address, path and key for requests.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) key: String,
}

/// Measurements of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) text: String,
    /// Time from sending the request to the first piece of text.
    pub(crate) first: Duration,
    /// Time from sending the request to the end of the answer.
    pub(crate) whole: Duration,
    /// From the server's own `usage`.
    pub(crate) prompt_tokens: u64,
    /// From the server's own `usage`.
    pub(crate) completion_tokens: u64,
}

/// Longest wait; a server that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends one streaming chat request, and reads the whole answer.
pub(crate) fn chat(target: &Target, body: &Value) -> io::Result<Answer> {
    let body = body.to_string();
    let Target { address, path, key } = target;
    let mut stream = TcpStream::connect_timeout(address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = Instant::now();
    stream.write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let (status, chunked) = head(&mut reader)?;
    if status != 200 {
        let mut rest = String::new();
        reader.read_to_string(&mut rest)?;
        return Err(io::Error::other(format!("{path} answered {status}: {rest}")));
    }
    let lines = BufReader::new(Body { reader, chunked, left: 0, ended: false }).lines();
    let (mut first, mut usage, mut text) = (None, Value::Null, String::new());
    for line in lines {
        let line = line?;
        let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
        if data == "[DONE]" {
            break;
        }
        let event: Value = serde_json::from_str(data).map_err(io::Error::other)?;
        let piece = event.pointer("/choices/0/delta/content").and_then(Value::as_str);
        if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
            first = first.or_else(|| Some(sent.elapsed()));
            text.push_str(piece);
        }
        if let Some(given) = event.get("usage").filter(|usage| usage.is_object()) {
            usage = given.clone();
        }
    }
    let whole = sent.elapsed();
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    Ok(Answer {
        text,
        first: first.unwrap_or(whole),
        whole,
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
    })
}

/// Returns the body of the answer to `GET path`.
///
/// # Errors
/// If the answer is not a 200.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let (status, chunked) = head(&mut reader)?;
    if status != 200 {
        return Err(io::Error::other(format!("{path} answered {status}")));
    }
    let mut text = String::new();
    Body { reader, chunked, left: 0, ended: false }.read_to_string(&mut text)?;
    Ok(text)
}

/// Whether `GET path` gets a 200.
pub(crate) fn is_ready(address: SocketAddr, path: &str) -> bool {
    let ask = || -> io::Result<u16> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        Ok(head(&mut BufReader::new(stream))?.0)
    };
    matches!(ask(), Ok(200))
}

/// Reads status line and headers; returns the status, and whether the body is chunked.
fn head(reader: &mut BufReader<TcpStream>) -> io::Result<(u16, bool)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("the answer is not HTTP"))?;
    let mut chunked = false;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok((status, chunked));
        }
        let lower = line.to_ascii_lowercase();
        chunked |= lower.starts_with("transfer-encoding:") && lower.contains("chunked");
    }
}

/// A body without its chunk framing.
struct Body {
    reader: BufReader<TcpStream>,
    chunked: bool,
    left: usize,
    ended: bool,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.chunked {
            return self.reader.read(buffer);
        }
        if self.ended {
            return Ok(0);
        }
        if self.left == 0 {
            let mut size = String::new();
            // The line end of the previous chunk comes first, as an empty line.
            while size.trim().is_empty() {
                size.clear();
                if self.reader.read_line(&mut size)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            self.left = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            if self.left == 0 {
                self.ended = true;
                return Ok(0);
            }
        }
        let room = buffer.len().min(self.left);
        let got = match buffer.get_mut(..room) {
            Some(room) => self.reader.read(room)?,
            None => 0,
        };
        self.left = self.left.saturating_sub(got);
        Ok(got)
    }
}
