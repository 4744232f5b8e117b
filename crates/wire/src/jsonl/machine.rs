//! The grammar of JSON as a machine that reads bytes: one line, which has at most one value.

use super::DEPTH_MAX;

/// A reason to refuse a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Not UTF-8.
    Utf8,
    /// Not JSON.
    Json,
    /// Not an object.
    Object,
    /// Nested too deeply.
    Deep,
}

/// Reads one line.
#[derive(Debug, Default)]
pub(super) struct Machine {
    state: State,
    /// The open values, innermost last: 1 for an object, 0 for an array.
    open: u128,
    depth: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the line's object.
    #[default]
    Start,
    /// Before a value.
    Value,
    /// After `[`.
    ValueOrEnd,
    /// After `{`.
    KeyOrEnd,
    /// After a comma in an object.
    Key,
    /// After a key.
    Colon,
    /// After a value.
    After,
    /// In a text; `key` if a colon follows it.
    Text { key: bool },
    /// In a character of several bytes in a text: `left` more, of which the next is within bounds.
    Wide { key: bool, left: u8, low: u8, high: u8 },
    /// After a backslash.
    Escape { key: bool },
    /// After `\u`: `left` more digits.
    Hex { key: bool, left: u8 },
    /// In a literal: the rest of it.
    Literal(&'static [u8]),
    /// After `-`.
    Minus,
    /// After a leading `0`.
    Zero,
    /// In the digits before the point.
    Whole,
    /// After the point.
    Point,
    /// In the digits after the point.
    Fraction,
    /// After `e`.
    E,
    /// After the exponent's sign.
    Sign,
    /// In the digits of the exponent.
    Exponent,
}

impl Machine {
    /// Reads a part of the line; an error has the place in the part.
    pub(super) fn read(&mut self, part: &[u8]) -> Result<(), (Wrong, usize)> {
        let mut at = 0_usize;
        while let Some(rest) = part.get(at..) {
            // Most bytes of a file are plain characters of texts.
            if let State::Text { .. } = self.state {
                at = at.saturating_add(rest.iter().take_while(|byte| is_plain(**byte)).count());
            }
            let Some(byte) = part.get(at) else { break };
            self.state = self.step(*byte).map_err(|wrong| (wrong, at))?;
            at = at.saturating_add(1);
        }
        Ok(())
    }

    /// Ends the line; true if it had an object.
    pub(super) fn end(&self) -> Result<bool, Wrong> {
        match self.state {
            State::Start => Ok(false),
            State::After if self.depth == 0 => Ok(true),
            State::Wide { .. } => Err(Wrong::Utf8),
            _ => Err(Wrong::Json),
        }
    }

    fn step(&mut self, byte: u8) -> Result<State, Wrong> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\r');
        Ok(match (self.state, byte) {
            (
                State::Start
                | State::Value
                | State::ValueOrEnd
                | State::KeyOrEnd
                | State::Key
                | State::Colon
                | State::After,
                _,
            ) if is_space => self.state,
            (State::Start, b'{') => self.enter(true)?,
            (State::Start, b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return Err(Wrong::Object);
            }
            (State::ValueOrEnd, b']') | (State::KeyOrEnd, b'}') => self.leave(),
            (State::Value | State::ValueOrEnd, _) => self.value(byte)?,
            (State::KeyOrEnd | State::Key, b'"') => State::Text { key: true },
            (State::Colon, b':') => State::Value,
            (State::After, _) => self.after(byte)?,
            (State::Text { key }, _) => text(key, byte)?,
            (State::Wide { key, left, low, high }, _) if (low..=high).contains(&byte) => {
                if left > 1 {
                    State::Wide { key, left: left - 1, low: 0x80, high: 0xbf }
                } else {
                    State::Text { key }
                }
            }
            (State::Wide { .. }, _) => return Err(Wrong::Utf8),
            (State::Escape { key }, b'u') => State::Hex { key, left: 4 },
            (State::Escape { key }, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                State::Text { key }
            }
            (State::Hex { key, left }, _) if byte.is_ascii_hexdigit() => {
                if left > 1 {
                    State::Hex { key, left: left - 1 }
                } else {
                    State::Text { key }
                }
            }
            (State::Literal([next, rest @ ..]), _) if *next == byte => {
                if rest.is_empty() {
                    State::After
                } else {
                    State::Literal(rest)
                }
            }
            (State::Minus, b'0') => State::Zero,
            (State::Minus, b'1'..=b'9') => State::Whole,
            (State::Whole, b'0'..=b'9') => State::Whole,
            (State::Zero | State::Whole, b'.') => State::Point,
            (State::Point | State::Fraction, b'0'..=b'9') => State::Fraction,
            (State::Zero | State::Whole | State::Fraction, b'e' | b'E') => State::E,
            (State::E, b'+' | b'-') => State::Sign,
            (State::E | State::Sign | State::Exponent, b'0'..=b'9') => State::Exponent,
            (State::Zero | State::Whole | State::Fraction | State::Exponent, _) => {
                // The byte after a number.
                if is_space { State::After } else { self.after(byte)? }
            }
            _ => return Err(outside(byte)),
        })
    }

    fn value(&mut self, byte: u8) -> Result<State, Wrong> {
        Ok(match byte {
            b'{' => self.enter(true)?,
            b'[' => self.enter(false)?,
            b'"' => State::Text { key: false },
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Whole,
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            _ => return Err(outside(byte)),
        })
    }

    /// Reads the signs after a value, other than white space.
    fn after(&mut self, byte: u8) -> Result<State, Wrong> {
        let in_object = self.open & 1 == 1;
        match byte {
            b',' if self.depth > 0 => Ok(if in_object { State::Key } else { State::Value }),
            b'}' if self.depth > 0 && in_object => Ok(self.leave()),
            b']' if self.depth > 0 && !in_object => Ok(self.leave()),
            _ => Err(outside(byte)),
        }
    }

    fn enter(&mut self, object: bool) -> Result<State, Wrong> {
        if self.depth == DEPTH_MAX {
            return Err(Wrong::Deep);
        }
        self.depth = self.depth.saturating_add(1);
        self.open = (self.open << 1) | u128::from(object);
        Ok(if object { State::KeyOrEnd } else { State::ValueOrEnd })
    }

    fn leave(&mut self) -> State {
        self.depth = self.depth.saturating_sub(1);
        self.open >>= 1;
        State::After
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Reads a byte of a text (RFC 3629 for characters of several bytes).
fn text(key: bool, byte: u8) -> Result<State, Wrong> {
    let wide = |left, low, high| State::Wide { key, left, low, high };
    Ok(match byte {
        b'"' if key => State::Colon,
        b'"' => State::After,
        b'\\' => State::Escape { key },
        0..=0x1f => return Err(Wrong::Json),
        0x20..=0x7f => State::Text { key },
        0xc2..=0xdf => wide(1, 0x80, 0xbf),
        0xe0 => wide(2, 0xa0, 0xbf),
        0xed => wide(2, 0x80, 0x9f),
        0xe1..=0xef => wide(2, 0x80, 0xbf),
        0xf0 => wide(3, 0x90, 0xbf),
        0xf1..=0xf3 => wide(3, 0x80, 0xbf),
        0xf4 => wide(3, 0x80, 0x8f),
        0x80..=0xc1 | 0xf5..=0xff => return Err(Wrong::Utf8),
    })
}

/// The reason to refuse a byte outside of texts.
fn outside(byte: u8) -> Wrong {
    if matches!(byte, 0x80..=0xc1 | 0xf5..=0xff) { Wrong::Utf8 } else { Wrong::Json }
}
