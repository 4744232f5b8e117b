//! Reads `multipart/form-data` (RFC 7578) piece by piece. For a field of any length, at most a
//! piece and [`HEAD_BYTES_MAX`] bytes are in memory.
//!
//! The reader is strict: two readers must not find different fields in one body. There is no preamble
//! and no epilogue, and a line that only begins as the boundary is refused.

mod head;

use std::fmt;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::Finder;

pub use self::head::FieldHead;

/// Bytes of a field's headers.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Fields of one body.
pub const FIELDS_MAX: usize = 32;
/// Characters of a boundary (RFC 2046).
const BOUNDARY_MAX: usize = 70;

/// A reason why a body is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The header `Content-Type` names no usable boundary.
    #[error("`Content-Type` must be `multipart/form-data` with a `boundary` of 1 to 70 characters")]
    ContentType,
    /// The body does not begin with the boundary.
    #[error("it must begin with the boundary that `Content-Type` names")]
    Start,
    /// A line begins as the boundary and goes on.
    #[error("a line begins with the boundary and does not end after it: choose another boundary")]
    Boundary,
    /// A field's headers are too long.
    #[error("the headers of a field are longer than {HEAD_BYTES_MAX} bytes")]
    HeadTooLong,
    /// A field's headers cannot be read.
    #[error(
        "each field must have one header `Content-Disposition: form-data` with a `name` in UTF-8"
    )]
    Head,
    /// A field has a transfer encoding.
    #[error("a field has a `Content-Transfer-Encoding`: send its bytes as they are")]
    Encoding,
    /// There are too many fields.
    #[error("it has more than {FIELDS_MAX} fields")]
    Fields,
    /// Bytes follow the last boundary.
    #[error("bytes follow the last boundary")]
    Trailing,
    /// The body ended before its last boundary.
    #[error("it ended before its last boundary")]
    Incomplete,
}

/// The reader's findings.
#[derive(PartialEq, Eq)]
pub enum Event {
    /// A field begins.
    Field(FieldHead),
    /// Some of its bytes.
    Data(Bytes),
    /// The field ends.
    End,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(_) => f.write_str("Field(..)"),
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            Self::End => f.write_str("End"),
        }
    }
}

/// Reads one body; see the module's documentation.
pub struct Reader {
    /// The bytes that have come and are not read yet.
    held: BytesMut,
    /// Finds a line break, two hyphens and the boundary.
    delimiter: Finder<'static>,
    state: State,
    fields: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Start,
    /// After a boundary: the line's end, or the body's.
    AfterBoundary,
    /// In a field's headers.
    Head,
    /// Between a field's headers and its bytes.
    Blank,
    /// In a field's bytes.
    Data,
    /// After the last boundary.
    Done,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({:?}, {} bytes)", self.state, self.held.len())
    }
}

impl Reader {
    /// Makes a reader for a body whose `Content-Type` is given.
    ///
    /// # Errors
    /// If it is another media type, or its boundary cannot be used.
    pub fn new(content_type: &[u8]) -> Result<Self, Malformed> {
        let boundary = boundary(content_type).ok_or(Malformed::ContentType)?;
        let delimiter = [b"\r\n--", boundary.as_slice()].concat();
        let delimiter = Finder::new(&delimiter).into_owned();
        // The first boundary is found as all others are: after a line break.
        let held = BytesMut::from(b"\r\n".as_slice());
        Ok(Self { held, delimiter, state: State::Start, fields: 0 })
    }

    /// Adds the next piece of the body. Read all events before the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
    }

    /// Returns the next event; `None` if more bytes are needed, or the body is complete.
    ///
    /// # Errors
    /// If the body is not valid.
    pub fn event(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            match self.state {
                State::Start => {
                    let expected = self.delimiter.needle();
                    let there = self.held.len().min(expected.len());
                    if self.held.get(..there) != expected.get(..there) {
                        return Err(Malformed::Start);
                    }
                    if there < expected.len() {
                        return Ok(None);
                    }
                    self.held.advance(there);
                    self.state = State::AfterBoundary;
                }
                State::AfterBoundary => {
                    let Some(next) = self.after_boundary()? else { return Ok(None) };
                    self.state = next;
                }
                State::Head => return self.head(),
                State::Blank => {
                    let Some(next) = self.blank() else { return Ok(None) };
                    self.state = next;
                }
                State::Data => return Ok(self.data()),
                State::Done => return self.done(),
            }
        }
    }

    /// Checks that the body was complete.
    ///
    /// # Errors
    /// If it ended too early.
    pub fn finish(mut self) -> Result<(), Malformed> {
        while self.event()?.is_some() {}
        match (self.state, self.held.as_ref()) {
            (State::Done, b"" | b"\r\n") => Ok(()),
            (State::Done, _) => Err(Malformed::Trailing),
            _ => Err(Malformed::Incomplete),
        }
    }

    /// Reads the rest after a boundary: white space and a line break, or two hyphens.
    fn after_boundary(&mut self) -> Result<Option<State>, Malformed> {
        if self.held.starts_with(b"--") {
            self.held.advance(2);
            return Ok(Some(State::Done));
        }
        let spaces = self.held.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if spaces > SPACES_MAX {
            return Err(Malformed::Boundary);
        }
        let rest = self.held.get(spaces..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            // One of the two is left: headers end with an empty line, and there may be none.
            self.held.advance(spaces);
            return Ok(Some(State::Head));
        }
        let partial = rest.is_empty() || rest == b"\r" || (spaces == 0 && rest == b"-");
        if partial { Ok(None) } else { Err(Malformed::Boundary) }
    }

    fn head(&mut self) -> Result<Option<Event>, Malformed> {
        let Some(end) = memchr::memmem::find(&self.held, b"\r\n\r\n") else {
            if self.held.len() > HEAD_BYTES_MAX {
                return Err(Malformed::HeadTooLong);
            }
            return Ok(None);
        };
        if end > HEAD_BYTES_MAX {
            return Err(Malformed::HeadTooLong);
        }
        self.fields = self.fields.saturating_add(1);
        if self.fields > FIELDS_MAX {
            return Err(Malformed::Fields);
        }
        let head = FieldHead::parse(self.held.get(..end).unwrap_or_default())?;
        // The second line break stays: in a field without bytes it belongs to the boundary.
        self.held.advance(end.saturating_add(2));
        self.state = State::Blank;
        Ok(Some(Event::Field(head)))
    }

    /// Reads the line break between a field's headers and its bytes.
    fn blank(&mut self) -> Option<State> {
        let delimiter = self.delimiter.needle();
        let there = self.held.len().min(delimiter.len());
        let same = self.held.get(..there) == delimiter.get(..there);
        if same && there < delimiter.len() {
            return None;
        }
        if !same {
            self.held.advance(2);
        }
        Some(State::Data)
    }

    fn data(&mut self) -> Option<Event> {
        let length = self.delimiter.needle().len();
        match self.delimiter.find(&self.held) {
            Some(0) => {
                self.held.advance(length);
                self.state = State::AfterBoundary;
                Some(Event::End)
            }
            Some(at) => Some(Event::Data(self.held.split_to(at).freeze())),
            None => {
                // The last bytes may be the beginning of a boundary.
                let sure = self.held.len().saturating_sub(length.saturating_sub(1));
                (sure > 0).then(|| Event::Data(self.held.split_to(sure).freeze()))
            }
        }
    }

    /// A line break may follow the last boundary, and nothing else.
    fn done(&self) -> Result<Option<Event>, Malformed> {
        let line: &[u8] = b"\r\n";
        if line.starts_with(&self.held) { Ok(None) } else { Err(Malformed::Trailing) }
    }
}

/// Returns the boundary that a `Content-Type` names.
fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content_type).ok()?;
    let (kind, parameters) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut found = None;
    for (name, value) in head::parameters(parameters)? {
        if name.eq_ignore_ascii_case("boundary") && found.replace(value).is_some() {
            return None;
        }
    }
    let boundary = found?.into_bytes();
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    let ends_well = boundary.last().is_some_and(|byte| *byte != b' ');
    (boundary.len() <= BOUNDARY_MAX && boundary.iter().all(is_allowed) && ends_well)
        .then_some(boundary)
}

/// White space between a boundary and the end of its line.
const SPACES_MAX: usize = 64;

#[cfg(test)]
mod tests;
