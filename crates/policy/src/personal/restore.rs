//! Restores the values in an answer, piece by piece.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use zeroize::Zeroizing;

use super::{
    Vault, json,
    placeholder::{self, Closed, Read},
};
use crate::content::Content;

/// The most bytes of an answer that are held back until it is known whether they are a placeholder.
pub const MAX_HELD: usize = 24;

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text. If it begins as JSON does, it is taken for JSON.
    Text,
    /// JSON: a value stands in a string, so it is escaped.
    Json,
}

/// How much was restored. It has no content.
#[derive(Debug, Default)]
pub struct Tally {
    restored: AtomicU64,
    unsure: AtomicU64,
}

impl Tally {
    /// The number of placeholders in whose place a value went on.
    #[must_use]
    pub fn restored(&self) -> u64 {
        self.restored.load(Ordering::Relaxed)
    }

    /// The number of texts that look like a placeholder, and stand for no value of the request. They go
    /// on unchanged.
    #[must_use]
    pub fn unsure(&self) -> u64 {
        self.unsure.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, was_sure: bool) {
        let counter = if was_sure { &self.restored } else { &self.unsure };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Restores one text of an answer: of one choice, or the arguments of one call. It gives text out as
/// soon as it cannot be part of a placeholder any more, and holds back [`MAX_HELD`] bytes at most.
pub struct Restorer {
    vault: Vault,
    form: Form,
    held: Zeroizing<String>,
    /// The last two characters of the answer before those held back.
    before: [Option<char>; 2],
    /// The first characters of the answer that are not blank: they show whether it is JSON.
    first: [Option<char>; 2],
    /// A value was given out, and its placeholder's closing mark may follow; true if something
    /// opened it.
    closing: Option<bool>,
}

impl fmt::Debug for Restorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer({} bytes held)", self.held.len())
    }
}

impl Restorer {
    pub(super) fn new(vault: Vault, form: Form) -> Self {
        let held = Zeroizing::new(String::new());
        Self { vault, form, held, before: [None; 2], first: [None; 2], closing: None }
    }

    /// Takes more of the text, and returns the part that can go on.
    #[must_use]
    pub fn push(&mut self, text: &str) -> Content {
        self.held.push_str(text);
        self.go_on(false)
    }

    /// Ends the text, and returns the rest of it.
    #[must_use]
    pub fn end(&mut self) -> Content {
        self.go_on(true)
    }

    /// Returns the number of bytes that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn go_on(&mut self, is_end: bool) -> Content {
        let text = std::mem::replace(&mut self.held, Zeroizing::new(String::new()));
        let mut out = Zeroizing::new(String::with_capacity(text.len()));
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            if let Some(opened) = self.closing {
                match placeholder::close(rest, opened, is_end) {
                    Closed::Unknown => break,
                    Closed::By(length) => {
                        self.closing = None;
                        rest = rest.get(length..).unwrap_or_default();
                        continue;
                    }
                }
            }
            if placeholder::can_begin(first, self.border()) {
                match placeholder::read(rest, is_end) {
                    Read::Unknown if rest.len() <= MAX_HELD => break,
                    Read::Whole(whole) => {
                        if let Some(value) = self.vault.value(&whole) {
                            self.restore(value.reveal(), &mut out);
                            self.vault.count(true);
                            self.closing = Some(whole.opened);
                            // The end of a placeholder stands before the next text.
                            self.before = [None; 2];
                            rest = rest.get(whole.length..).unwrap_or_default();
                            continue;
                        }
                        self.vault.count(false);
                        let (foreign, after) =
                            rest.split_at_checked(whole.length).unwrap_or((rest, ""));
                        foreign.chars().for_each(|one| self.note(one));
                        out.push_str(foreign);
                        rest = after;
                        continue;
                    }
                    Read::Near => self.vault.count(false),
                    Read::Unknown | Read::No => {}
                }
            }
            self.note(first);
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        self.held.push_str(rest);
        Content::new(std::mem::take(&mut *out))
    }

    /// Returns the character before the next one. In JSON, an escaped line break is none.
    fn border(&self) -> Option<char> {
        match self.before {
            [Some('\\'), Some('n' | 'r' | 't' | 'b' | 'f')] => None,
            [_, before] => before,
        }
    }

    fn note(&mut self, one: char) {
        let [_, before] = self.before;
        self.before = [before, Some(one)];
        if !one.is_whitespace() {
            match &mut self.first {
                [first @ None, _] | [_, first @ None] => *first = Some(one),
                _ => {}
            }
        }
    }

    fn is_json(&self) -> bool {
        match (self.form, self.first) {
            (Form::Json, _)
            | (Form::Text, [Some('{'), Some('"')] | [Some('['), Some('{' | '"' | '[')]) => true,
            (Form::Text, _) => false,
        }
    }

    fn restore(&self, value: &str, out: &mut String) {
        if !self.is_json() {
            out.push_str(value);
            return;
        }
        out.push_str(&json::escaped(value));
    }
}

#[cfg(test)]
mod tests;
