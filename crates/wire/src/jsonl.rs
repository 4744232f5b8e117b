//! Checks that a file is JSONL: UTF-8, and one JSON object on each line.
//!
//! The checker reads the file piece by piece and keeps no line, so that a line of any length costs no
//! memory. It knows the grammar of JSON (RFC 8259) and nothing of the lines' meaning.

mod machine;

use std::fmt;

use self::machine::{Machine, Wrong};

/// Lines that are reported; the check goes on after a bad line.
pub const REPORTED_MAX: usize = 10;
/// Arrays and objects inside each other; the JSON reader has the same limit.
pub const DEPTH_MAX: u32 = 127;

/// One bad line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// The reason.
    pub why: Why,
}

/// A reason why a line is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A byte is not UTF-8.
    Utf8 {
        /// The byte's number in the line, from 1.
        byte: u64,
    },
    /// It is not JSON.
    Json {
        /// The number of the byte at which that shows, from 1.
        byte: u64,
    },
    /// It is another value than an object.
    Object,
    /// It is nested too deeply.
    Deep,
    /// It is too long.
    Long {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match self.why {
            Why::Utf8 { byte } => write!(f, "line {line} is not UTF-8 at byte {byte}"),
            Why::Json { byte } => write!(f, "line {line} is not valid JSON at byte {byte}"),
            Why::Object => write!(f, "line {line} is not a JSON object"),
            Why::Deep => write!(f, "line {line} is nested more than {DEPTH_MAX} deep"),
            Why::Long { limit } => {
                write!(f, "line {line} is longer than {limit} bytes (limits.line_bytes_max)")
            }
        }
    }
}

/// Checks one file; see the module's documentation.
#[derive(Debug)]
pub struct Checker {
    limit: u64,
    machine: Machine,
    /// The number of the current line, from 1.
    line: u64,
    /// Bytes of the current line so far.
    bytes: u64,
    /// True if the current line was reported.
    reported: bool,
    /// Bytes of a byte order mark that were read; 3 or more if that question is settled.
    mark: usize,
    objects: u64,
    bad: Vec<BadLine>,
}

/// A check's findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The lines with an object. Empty lines do not count.
    pub objects: u64,
    /// The first bad lines.
    pub bad: Vec<BadLine>,
}

impl Checker {
    /// Begins a check. A line has at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        let (machine, bad) = (Machine::default(), Vec::new());
        Self { limit, machine, line: 1, bytes: 0, reported: false, mark: 0, objects: 0, bad }
    }

    /// Whether no bad line was found so far.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.bad.is_empty()
    }

    /// Reads the next piece of the file.
    pub fn read(&mut self, piece: &[u8]) {
        let mut rest = self.without_mark(piece);
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.part(line);
            self.end();
            rest = after.get(1..).unwrap_or_default();
        }
        self.part(rest);
    }

    /// Ends the check.
    #[must_use]
    pub fn finish(mut self) -> Checked {
        if (1..MARK.len()).contains(&self.mark) {
            self.report(Why::Utf8 { byte: 1 });
        }
        self.end();
        Checked { objects: self.objects, bad: self.bad }
    }

    /// Skips a byte order mark at the beginning of the file, which may come in pieces.
    fn without_mark<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let mut rest = piece;
        while let (Some(expected), Some((first, after))) = (MARK.get(self.mark), rest.split_first())
        {
            if first == expected {
                self.mark = self.mark.saturating_add(1);
                rest = after;
                continue;
            }
            if self.mark > 0 {
                self.report(Why::Utf8 { byte: 1 });
            }
            self.mark = MARK.len();
        }
        rest
    }

    /// Reads a part of a line.
    fn part(&mut self, part: &[u8]) {
        if self.reported || part.is_empty() {
            return;
        }
        let before = self.bytes;
        self.bytes = before.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        if self.bytes > self.limit {
            self.report(Why::Long { limit: self.limit });
        } else if let Err((wrong, at)) = self.machine.read(part) {
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            self.wrong(wrong, before.saturating_add(at).saturating_add(1));
        }
    }

    /// Ends a line.
    fn end(&mut self) {
        if !self.reported {
            match self.machine.end() {
                Ok(true) => self.objects = self.objects.saturating_add(1),
                Ok(false) => {}
                Err(wrong) => self.wrong(wrong, self.bytes.saturating_add(1)),
            }
        }
        self.machine = Machine::default();
        (self.line, self.bytes, self.reported) = (self.line.saturating_add(1), 0, false);
    }

    fn wrong(&mut self, wrong: Wrong, byte: u64) {
        self.report(match wrong {
            Wrong::Utf8 => Why::Utf8 { byte },
            Wrong::Json => Why::Json { byte },
            Wrong::Object => Why::Object,
            Wrong::Deep => Why::Deep,
        });
    }

    fn report(&mut self, why: Why) {
        self.reported = true;
        if self.bad.len() < REPORTED_MAX {
            self.bad.push(BadLine { line: self.line, why });
        }
    }
}

/// A byte order mark in UTF-8. Azure requires it in training files and refuses it in batches; here a
/// file may have it or not.
const MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
