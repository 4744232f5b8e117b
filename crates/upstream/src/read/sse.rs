//! Server-sent events (WHATWG HTML, 9.2), read from any pieces of a stream.
//!
//! Only the field `data` has a meaning here. Comments, which some engines send to keep a connection
//! open, and unknown fields are skipped.

use std::mem;

use zeroize::Zeroizing;

use crate::failure::Failure;

/// The part of a stream that is not a whole event yet.
#[derive(Default)]
pub(super) struct Reader {
    /// The beginning of a line.
    line: Zeroizing<Vec<u8>>,
    /// The data of the event so far.
    data: Zeroizing<Vec<u8>>,
    has_data: bool,
    /// The last line ended with a carriage return; a line feed that follows belongs to it.
    after_return: bool,
    /// Maximum size of a line, and of the data of an event, in bytes.
    event_bytes_max: usize,
}

impl Reader {
    pub(super) fn new(event_bytes_max: usize) -> Self {
        Self { event_bytes_max, ..Self::default() }
    }

    /// Reads more of the stream, and calls `each` with the data of each event that is complete.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some((&first, rest)) = bytes.split_first() {
            if mem::take(&mut self.after_return) && first == b'\n' {
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let Some((line, rest)) = end.and_then(|end| bytes.split_at_checked(end)) else {
                return self.begin(bytes);
            };
            if self.line.is_empty() {
                self.line(line, each)?;
            } else {
                self.begin(line)?;
                let line = mem::take(&mut self.line);
                self.line(&line, each)?;
            }
            self.after_return = rest.first() == Some(&b'\r');
            bytes = rest.split_first().map_or(rest, |(_, rest)| rest);
        }
        Ok(())
    }

    /// Returns the data of an event that the end of the stream cut off, if its last line is whole
    /// but for the line end.
    pub(super) fn rest(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let line = mem::take(&mut self.line);
        self.line(&line, &mut |_| Ok(()))?;
        Ok(mem::take(&mut self.has_data).then(|| mem::take(&mut self.data)))
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() > self.event_bytes_max.saturating_sub(self.line.len()) {
            return Err(Failure::TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn line(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if line.len() > self.event_bytes_max {
            return Err(Failure::TooLong);
        }
        if line.is_empty() {
            if mem::take(&mut self.has_data) {
                let data = mem::take(&mut self.data);
                each(&data)?;
            }
            return Ok(());
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                let taken = self.data.len().saturating_add(usize::from(self.has_data));
                if value.len() > self.event_bytes_max.saturating_sub(taken) {
                    return Err(Failure::TooLong);
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
                Ok(())
            }
            // The field of an error in older versions of llama-server.
            b"error" => Err(Failure::Failed),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, Failure> {
        let (mut reader, mut events) = (Reader::new(64), Vec::new());
        for piece in pieces {
            reader.push(piece, &mut |data| {
                events.push(String::from_utf8(data.to_vec()).unwrap());
                Ok(())
            })?;
        }
        Ok(events)
    }

    #[test]
    fn events_are_the_same_in_any_pieces_and_with_any_line_end() {
        let events = Ok(vec!["one".to_owned(), "two\nlines".to_owned(), String::new()]);
        for end in ["\n", "\r\n", "\r"] {
            let stream = [
                ": keep-alive",
                "data: one",
                "id: 7",
                "",
                "data:two",
                "data: lines",
                "",
                "data",
                "",
                "",
            ]
            .join(end);
            assert_eq!(read(&[stream.as_bytes()]), events);
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes), events, "one byte at a time");
            for cut in 0..stream.len() {
                let (first, second) = stream.as_bytes().split_at(cut);
                assert_eq!(read(&[first, second]), events, "cut at {cut}");
            }
        }
    }

    #[test]
    fn lines_and_events_are_limited() {
        assert_eq!(read(&[&[b'a'; 65]]), Err(Failure::TooLong));
        assert_eq!(read(&[b"data: ", &[b'a'; 65], b"\n\n"]), Err(Failure::TooLong));
        let two = ["data: ", &"a".repeat(40), "\ndata: ", &"a".repeat(40), "\n\n"].concat();
        assert_eq!(read(&[two.as_bytes()]), Err(Failure::TooLong));
        let comment = [":", &"a".repeat(40), "\n"].concat().repeat(100);
        assert_eq!(read(&[comment.as_bytes()]), Ok(Vec::new()), "comments do not add up");
    }

    #[test]
    fn an_error_field_is_a_failure() {
        assert_eq!(read(&[b"error: {\"message\":\"canary\"}\n\n"]), Err(Failure::Failed));
    }
}
