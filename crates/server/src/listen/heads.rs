//! Tracks the heads of HTTP/1.1 requests in a byte stream.
//!
//! The HTTP library parses the heads itself, but hides one fact: that a head gave its body's length
//! in two ways (RFC 9112, section 6.3). Attackers use such heads to smuggle requests past proxies.
//! The library also does not report when a head has begun. This module is pure, and finds out only
//! these two facts.

/// The position in a connection's requests.
#[derive(Debug)]
pub struct Heads {
    place: Place,
    line: Line,
    /// Number of complete heads.
    complete: u64,
    length: Option<u64>,
    coded: bool,
    /// The first head with two conflicting body lengths.
    ambiguous: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a head.
    Before,
    Head,
    /// Remaining bytes of a body.
    Body(u64),
    /// In a chunked body. This module does not find its end; the connection closes after it.
    Chunks,
}

/// The start of a line, long enough to recognise the two headers.
#[derive(Debug)]
struct Line {
    start: [u8; LINE],
    length: usize,
}

impl Heads {
    /// Starts before the first byte.
    #[must_use]
    pub fn new() -> Self {
        let line = Line { start: [0; LINE], length: 0 };
        let place = Place::Before;
        Self { place, line, complete: 0, length: None, coded: false, ambiguous: None }
    }

    /// Reads more bytes.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Chunks => return,
                Place::Body(left) => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left = left.saturating_sub(skipped as u64);
                    if *left == 0 {
                        self.place = Place::Before;
                    }
                    bytes = bytes.get(skipped..).unwrap_or_default();
                }
                // Empty lines before a request are skipped (RFC 9112, section 2.2).
                Place::Before if matches!(byte, b'\r' | b'\n') => bytes = rest,
                Place::Before => self.place = Place::Head,
                Place::Head => {
                    self.head(*byte);
                    bytes = rest;
                }
            }
        }
    }

    /// Whether a head has begun and is incomplete.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.place == Place::Head
    }

    /// Returns the number, from 0, of the head with two conflicting body lengths.
    #[must_use]
    pub fn ambiguous(&self) -> Option<u64> {
        self.ambiguous
    }

    fn head(&mut self, byte: u8) {
        if byte != b'\n' {
            return self.line.push(byte);
        }
        if self.line.length == 0 {
            return self.end();
        }
        if self.line.value_of(b"transfer-encoding").is_some() {
            self.coded = true;
        }
        if let Some(value) = self.line.value_of(b"content-length") {
            let number = str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
            // The HTTP library refuses a value that is not a number; this code refuses a line that
            // is too long.
            self.length = Some(number.unwrap_or(u64::MAX));
            self.coded |= self.line.length == LINE;
        }
        self.line.length = 0;
    }

    fn end(&mut self) {
        let length = self.length.take();
        if self.coded && length.is_some() {
            self.ambiguous = self.ambiguous.or(Some(self.complete));
        }
        self.complete += 1;
        self.place = match (self.coded, length) {
            (true, _) => Place::Chunks,
            (false, None | Some(0)) => Place::Before,
            (false, Some(length)) => Place::Body(length),
        };
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// Carriage returns are skipped: a header's value has none, so they only end lines.
    fn push(&mut self, byte: u8) {
        if byte == b'\r' {
            return;
        }
        if let Some(place) = self.start.get_mut(self.length) {
            *place = byte.to_ascii_lowercase();
            self.length += 1;
        }
    }

    fn value_of(&self, name: &[u8]) -> Option<&[u8]> {
        let line = self.start.get(..self.length)?;
        line.strip_prefix(name)?.trim_ascii_start().strip_prefix(b":")
    }
}

/// Longer than either header name with a number after it.
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of the ambiguous head, and checks that the split of the bytes does not
    /// matter.
    fn ambiguous(wire: &str) -> Option<u64> {
        let mut whole = Heads::new();
        whole.read(wire.as_bytes());
        for size in 1..20 {
            let mut heads = Heads::new();
            wire.as_bytes().chunks(size).for_each(|part| heads.read(part));
            assert_eq!(heads.ambiguous(), whole.ambiguous(), "{wire} in pieces of {size}");
            assert_eq!(heads.is_within(), whole.is_within(), "{wire} in pieces of {size}");
        }
        whole.ambiguous()
    }

    #[test]
    fn two_lengths_are_noticed_in_any_order_and_spelling() {
        let head = |lines: &str| format!("POST / HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
        let both = [
            "content-length: 5\r\ntransfer-encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nx: y\r\nContent-Length: 5\r\n",
            "transfer-encoding:chunked\ncontent-length:0\n",
            "TRANSFER-ENCODING: gzip\r\nCONTENT-LENGTH: 5\r\n",
        ];
        for lines in both {
            assert_eq!(ambiguous(&head(lines)), Some(0), "{lines}");
        }
        let long = format!("content-length: {}5\r\n", "0".repeat(LINE));
        assert_eq!(ambiguous(&head(&long)), Some(0));
        for lines in [
            "",
            "content-length: 5\r\n",
            "transfer-encoding: chunked\r\n",
            "content-length: 5\r\ncontent-length: 5\r\n",
            "x-content-length: 5\r\ntransfer-encoding: chunked\r\n",
            "content-lengths: 5\r\ntransfer-encoding: chunked\r\n",
        ] {
            assert_eq!(ambiguous(&head(lines)), None, "{lines}");
        }
    }

    /// Text inside a body that looks like a head is not one, and the second request has its own
    /// number.
    #[test]
    fn bodies_are_skipped_and_heads_are_counted() {
        let inner = "x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
        let good = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{inner}", inner.len());
        assert_eq!(ambiguous(&good), None);
        let get = "\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let bad =
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(ambiguous(&format!("{good}{get}{bad}")), Some(2));
        // After a chunked body the connection ends: later bytes are never read.
        let chunks = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(ambiguous(&format!("{chunks}{bad}")), None);
    }

    #[test]
    fn a_head_has_begun_with_its_first_byte_and_ends_with_an_empty_line() {
        let mut heads = Heads::new();
        let mut step = |part: &str| {
            heads.read(part.as_bytes());
            heads.is_within()
        };
        assert!(!step(""));
        assert!(!step("\r\n"));
        assert!(step("G"));
        assert!(step("ET / HTTP/1.1\r\ncontent-length: 3\r\n"));
        assert!(!step("\r\n"));
        assert!(!step("abc"));
        assert!(step("P"));
    }
}
