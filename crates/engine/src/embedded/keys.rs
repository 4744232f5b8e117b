//! Prevents duplicate keys, and nesting that readers of JSON refuse, in generated JSON.
//!
//! A grammar cannot remember which keys an object already has. So before the sampler takes a token,
//! it checks here whether the token would complete a key that its object already has.

use super::tools::OPEN;

/// The places of JSON in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// The whole text is JSON.
    Json,
    /// The text holds JSON only inside tool calls.
    Calls,
    /// The text is either of these; its first byte decides.
    Either,
}

/// Maximum number of arrays and objects inside each other.
const DEPTH_MAX: usize = 120;

/// The open objects of a text, with their keys so far.
#[derive(Clone)]
pub(crate) struct Keys {
    /// The places of JSON.
    holds: Holds,
    /// Number of bytes at the end of the text that are the beginning of a tool call's tag.
    tag: usize,
    /// Whether the text is inside JSON.
    inside: bool,
    /// Open arrays and objects, innermost last.
    open: Vec<Frame>,
    /// The string that is being written, as JSON text without quotes.
    string: Option<Vec<u8>>,
    /// Whether the last byte was a backslash that escapes the next one.
    escaped: bool,
}

/// An open array or object.
#[derive(Clone)]
enum Frame {
    Array,
    Object { keys: Vec<Vec<u8>>, wants_key: bool },
}

impl Keys {
    /// Starts with an empty text.
    pub(crate) fn new(holds: Holds) -> Self {
        let inside = holds == Holds::Json;
        Self { holds, tag: 0, inside, open: Vec::new(), string: None, escaped: false }
    }

    /// Adds a token's bytes, unless they would complete a duplicate key or nest too deeply; then
    /// returns false and changes nothing.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        let has_keys =
            |frame: &Frame| matches!(frame, Frame::Object { keys, .. } if !keys.is_empty());
        let may_end_a_key =
            bytes.contains(&b'"') && (bytes.contains(&b'{') || self.open.iter().any(has_keys));
        let may_nest = self.open.len().saturating_add(bytes.len()) > DEPTH_MAX;
        let before = (may_end_a_key || may_nest).then(|| self.clone());
        let fresh = bytes.iter().all(|&byte| self.byte(byte));
        if let (false, Some(before)) = (fresh, before) {
            *self = before;
        }
        fresh
    }

    /// Adds one byte; false if it completes a duplicate key.
    fn byte(&mut self, byte: u8) -> bool {
        if self.holds == Holds::Either {
            // No JSON begins with the first byte of a call's tag.
            let calls = OPEN.as_bytes().first() == Some(&byte);
            (self.holds, self.inside) = (if calls { Holds::Calls } else { Holds::Json }, !calls);
        }
        if !self.inside {
            self.find_call(byte);
            return true;
        }
        if self.string.is_some() {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                let string = self.string.take().unwrap_or_default();
                return self.end_string(string);
            }
            if let Some(string) = &mut self.string {
                string.push(byte);
            }
            return true;
        }
        match byte {
            b'"' => self.string = Some(Vec::new()),
            // Readers of JSON stop at some depth; the check of the finished answer does, too.
            b'{' | b'[' if self.open.len() >= DEPTH_MAX => return false,
            b'{' => self.open.push(Frame::Object { keys: Vec::new(), wants_key: true }),
            b'[' => self.open.push(Frame::Array),
            b'}' | b']' => {
                self.open.pop();
                if self.open.is_empty() && self.holds == Holds::Calls {
                    (self.inside, self.tag) = (false, 0);
                }
            }
            b',' => {
                if let Some(Frame::Object { wants_key, .. }) = self.open.last_mut() {
                    *wants_key = true;
                }
            }
            _ => {}
        }
        true
    }

    /// Ends a string; false if it is a duplicate key.
    fn end_string(&mut self, string: Vec<u8>) -> bool {
        match self.open.last_mut() {
            Some(Frame::Object { keys, wants_key }) if *wants_key => {
                *wants_key = false;
                let fresh = !keys.contains(&string);
                keys.push(string);
                fresh
            }
            _ => true,
        }
    }

    /// Looks for the tag that begins a tool call, in text outside of JSON.
    fn find_call(&mut self, byte: u8) {
        let mut tag = OPEN.bytes().chain([b'\n']);
        if tag.nth(self.tag) == Some(byte) {
            self.tag = self.tag.saturating_add(1);
        } else {
            self.tag = usize::from(byte == b'<');
        }
        if self.tag > OPEN.len() {
            self.inside = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_written_twice() {
        let mut keys = Keys::new(Holds::Json);
        assert!(keys.take(b"{\"a\": {\"a\": 1, \"b\": \"a\"}, \"b"));
        assert!(keys.take(b"\": [\"a\", \"a\"], \""));
        assert!(keys.take(b"a"));
        assert!(!keys.take(b"\": "));
        // A refused token leaves no trace.
        assert!(keys.take(b"c\": {\"a\": \"\\\"a\"}, \"d\": 1}"));
        let mut keys = Keys::new(Holds::Json);
        assert!(!keys.take(b"{\"a\": 1, \"a\": 2}"));
    }

    #[test]
    fn only_calls_hold_json() {
        let mut keys = Keys::new(Holds::Calls);
        assert!(keys.take(b"say {\"a\": 1, \"a\": 2} <tool_call> "));
        assert!(keys.take(b"<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1"));
        assert!(!keys.take(b", \"a\""));
        assert!(
            keys.take(b"}}\n</tool_call>\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1")
        );
    }
    #[test]
    fn the_first_byte_decides_where_either_may_come() {
        let either = Keys::new(Holds::Either);
        // In JSON, a text that begins like a call is a text.
        let mut json = either.clone();
        assert!(json.take(b"{\"<tool_call>\": 1, \"b\": \"<tool_call>"));
        assert!(!json.take(b"\", \"b\""));
        let mut calls = either.clone();
        assert!(calls.take(b"<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1"));
        assert!(!calls.take(b", \"a\""));
        assert!(calls.take(b"}}\n</tool_call>\n<tool_call>\n{\"name\": \"f\""));
        // A refused token leaves no trace, not even of the decision.
        let mut first = either;
        assert!(!first.take(b"{\"a\": 1, \"a\""));
        assert!(first.holds == Holds::Either && first.open.is_empty());
    }

    #[test]
    fn a_token_that_nests_too_deeply_leaves_no_trace() {
        let mut keys = Keys::new(Holds::Json);
        assert!((0..DEPTH_MAX - 1).all(|_| keys.take(b"[")));
        assert!(!keys.take(b"[["));
        assert!(keys.take(b"[") && !keys.take(b"["));
    }
}
