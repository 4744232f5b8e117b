//! Finds tool calls in generated text, which arrives in pieces.
//!
//! Hermes and Qwen models were trained to write a call as `<tool_call>\n{"name": "f", "arguments":
//! {…}}\n</tool_call>`. A tag followed by a line break begins a call, and from there the grammar
//! guarantees the form. A tag without a line break is prose, unless a complete call of a known
//! function with matching arguments follows immediately, because some models write calls in this
//! way.
//!
//! If an answer that calls nothing must be JSON, the first character decides: JSON never begins with
//! the `<` of the tag. Such a JSON answer is passed on as it is, with any tags in its strings. Calls
//! then begin at once, with a tag and its line break; the grammar allows nothing else.

use std::sync::Arc;

use super::promise::{Fault, Promise};

/// The tag that begins a call.
pub(crate) const OPEN: &str = "<tool_call>";
/// The tag that ends a call.
pub(crate) const CLOSE: &str = "</tool_call>";
/// Maximum number of calls in one answer.
pub(crate) const CALLS_MAX: u32 = 128;
/// Maximum length of a call without its line break, in bytes; a longer one is prose.
const INLINE_MAX: usize = 64 * 1024;

/// A piece of an answer.
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text outside of calls.
    Text(String),
    /// The beginning of a call of this function.
    Start(String),
    /// More of the current call's arguments.
    Arguments(String),
}

/// Splits the text of one choice into prose and calls, as it arrives.
pub(crate) struct Reader {
    promise: Arc<Promise>,
    state: Place,
    /// Text that was read but not passed on: it may be part of a tag, or of the head of a call.
    held: String,
    /// Earlier calls: name and arguments.
    earlier: Vec<(String, String)>,
    /// The current call: name and arguments.
    current: (String, String),
    /// Number of bytes of its arguments that were passed on; `None` while the call may still turn
    /// out to repeat an earlier one.
    given: Option<usize>,
    /// The last character of prose that was passed on.
    before: Option<char>,
    /// Number of calls that were passed on.
    calls: u32,
    /// Whether the last call repeated an earlier one.
    repeated: bool,
}

/// The part of the text that comes next.
#[derive(Debug, Default)]
enum Place {
    /// Prose.
    #[default]
    Text,
    /// The first call or an answer in JSON; nothing was read yet.
    Start,
    /// An answer in JSON.
    Json,
    /// A call up to its arguments.
    Head,
    /// The arguments of a call.
    Arguments(Nesting),
    /// The rest of a call, up to the closing tag.
    Tail,
}

const HEAD_START: &str = "{\"name\": ";
const HEAD_END: &str = ", \"arguments\": ";

impl Reader {
    /// Creates a reader for calls of the functions in `promise`.
    pub(crate) fn new(promise: Arc<Promise>) -> Self {
        let state = if promise.is_calls_or_json() { Place::Start } else { Place::Text };
        Self {
            promise,
            state,
            held: String::new(),
            earlier: Vec::new(),
            current: (String::new(), String::new()),
            given: None,
            before: None,
            calls: 0,
            repeated: false,
        }
    }

    /// Returns the number of calls so far.
    pub(crate) fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether generation should end: the last call repeated an earlier one, or no further call is
    /// allowed.
    pub(crate) fn has_enough(&self) -> bool {
        let most = if self.promise.is_parallel() { CALLS_MAX } else { 1 };
        self.repeated || self.calls >= most && matches!(self.state, Place::Text | Place::Tail)
    }

    /// Adds text, and puts the pieces that are certain into `out`.
    ///
    /// # Errors
    /// If a call is malformed, or its arguments do not match their schema.
    pub(crate) fn push(&mut self, text: &str, out: &mut Vec<Piece>) -> Result<(), Fault> {
        self.held.push_str(text);
        while !self.has_enough() && self.step(out)? {}
        Ok(())
    }

    /// Ends the text, and puts the rest of it into `out`; `cut` if generation was cut off.
    pub(crate) fn finish(&mut self, cut: bool, out: &mut Vec<Piece>) {
        let mut held = std::mem::take(&mut self.held);
        // Beside calls there is no text if the answer could have been JSON.
        let text = matches!(self.state, Place::Text) && !self.promise.is_calls_or_json();
        if !text || self.has_enough() {
            return;
        }
        // A call that was begun but cut off is dropped.
        if cut
            && let Some((before, after)) = held.rsplit_once(OPEN)
            && (after.is_empty() || after.starts_with('{'))
        {
            held = before.to_owned();
        }
        if self.calls > 0 && held.trim().is_empty() {
            return;
        }
        if !held.is_empty() {
            out.push(Piece::Text(held));
        }
    }

    /// Reads one part of the text; false if that needs more text.
    fn step(&mut self, out: &mut Vec<Piece>) -> Result<bool, Fault> {
        match &mut self.state {
            Place::Text => Ok(self.text(out)),
            Place::Start => self.start(),
            Place::Json => {
                if !self.held.is_empty() {
                    out.push(Piece::Text(std::mem::take(&mut self.held)));
                }
                Ok(false)
            }
            Place::Head => {
                let Some((head, after)) = self.held.split_once(HEAD_END) else { return Ok(false) };
                let name = head.strip_prefix(HEAD_START).ok_or(Fault::Malformed)?;
                let name = serde_json::from_str::<String>(name).map_err(|_| Fault::Malformed)?;
                self.held = after.to_owned();
                self.state = Place::Arguments(Nesting::default());
                self.current = (name, String::new());
                self.given = None;
                Ok(true)
            }
            Place::Arguments(nesting) => {
                let taken = nesting.scan(&self.held);
                let complete = nesting.is_complete();
                let rest = self.held.split_off(taken);
                self.current.1.push_str(&std::mem::replace(&mut self.held, rest));
                self.arguments(complete, out)?;
                if complete {
                    self.state = Place::Tail;
                }
                Ok(complete)
            }
            Place::Tail => {
                let Some((_, after)) = self.held.split_once(CLOSE) else { return Ok(false) };
                self.held = after.to_owned();
                self.state = Place::Text;
                Ok(true)
            }
        }
    }

    /// Finds out whether the answer is JSON or calls; false if that needs more text.
    fn start(&mut self) -> Result<bool, Fault> {
        let opening = format!("{OPEN}\n");
        if let Some(after) = self.held.strip_prefix(&opening) {
            self.held = after.to_owned();
            self.state = Place::Head;
        } else if opening.starts_with(&self.held) {
            return Ok(false);
        } else if self.held.starts_with('<') {
            return Err(Fault::Malformed);
        } else {
            self.state = Place::Json;
        }
        Ok(true)
    }

    /// Passes the current call on, once it differs from every earlier call.
    fn arguments(&mut self, complete: bool, out: &mut Vec<Piece>) -> Result<(), Fault> {
        let (name, arguments) = &self.current;
        if complete {
            self.promise.keeps(name, arguments)?;
        }
        if self.given.is_none() {
            let like = self.earlier.iter().filter(|(other, _)| other == name);
            let again = like.clone().any(|(_, other)| complete && other == arguments);
            if again {
                self.repeated = true;
                return Ok(());
            }
            if !complete && like.clone().any(|(_, other)| other.starts_with(arguments.as_str())) {
                return Ok(());
            }
            out.push(Piece::Start(name.clone()));
            self.calls = self.calls.saturating_add(1);
            self.given = Some(0);
        }
        let fresh = arguments.get(self.given.unwrap_or(0)..).unwrap_or_default();
        if !fresh.is_empty() {
            out.push(Piece::Arguments(fresh.to_owned()));
        }
        self.given = Some(arguments.len());
        if complete {
            self.earlier.push(std::mem::take(&mut self.current));
        }
        Ok(())
    }

    /// Passes on prose up to the next call; false if that needs more text.
    fn text(&mut self, out: &mut Vec<Piece>) -> bool {
        let call = self.held.find(&format!("{OPEN}\n"));
        let mut from = 0;
        while let Some(at) = self.held.get(from..).and_then(|rest| rest.find(OPEN)) {
            let at = from.saturating_add(at);
            let after = at.saturating_add(OPEN.len());
            if call == Some(at) {
                self.say(at, true, out);
                self.drop_front(OPEN.len().saturating_add(1));
                self.state = Place::Head;
                return true;
            }
            let quoted = self.held.get(..at).and_then(|before| before.chars().next_back());
            let quoted = quoted.or(self.before).is_some_and(|before| "\"'`“‘".contains(before));
            match self.held.get(after..).map(|rest| self.inline(rest, quoted)) {
                Some(Inline::Call(length, name, arguments)) => {
                    self.say(at, true, out);
                    self.drop_front(OPEN.len().saturating_add(length));
                    self.current = (name, arguments);
                    self.given = None;
                    // Cannot fail: the arguments were checked when the call was recognized.
                    let _ = self.arguments(true, out);
                    return true;
                }
                Some(Inline::Unknown) if call.is_none() => {
                    let before = self.held.get(..at).unwrap_or_default();
                    self.say(before.trim_end().len(), false, out);
                    return false;
                }
                _ => from = after,
            }
        }
        let space = self.held.len().saturating_sub(self.held.trim_end().len());
        let keep = held_back(&self.held, OPEN);
        let keep = if keep > 0 {
            let text = self.held.get(..self.held.len().saturating_sub(keep)).unwrap_or_default();
            keep.saturating_add(text.len().saturating_sub(text.trim_end().len()))
        } else {
            space
        };
        self.say(self.held.len().saturating_sub(keep), false, out);
        false
    }

    /// Passes on the text before `end`. Before a call, it loses trailing white space and a tag that
    /// the model wrote twice.
    fn say(&mut self, end: usize, before_call: bool, out: &mut Vec<Piece>) {
        let rest = self.held.split_off(end);
        let mut text = std::mem::replace(&mut self.held, rest);
        if before_call {
            let mut tidy = text.trim_end();
            while let Some(less) = tidy.strip_suffix(OPEN) {
                tidy = less.trim_end();
            }
            text.truncate(tidy.len());
        }
        if text.is_empty() {
            return;
        }
        if self.calls > 0 && text.trim().is_empty() {
            return;
        }
        self.before = text.chars().next_back();
        out.push(Piece::Text(text));
    }

    fn drop_front(&mut self, count: usize) {
        self.held = self.held.get(count..).unwrap_or_default().to_owned();
    }

    /// Reads the text after a tag without a line break.
    /// In quotes it is prose, unless a line break makes it a call.
    fn inline(&self, rest: &str, quoted: bool) -> Inline {
        if rest.len() > INLINE_MAX {
            return Inline::Prose;
        }
        // The model may repeat the tag: the last tag decides, and `say` drops the others.
        let mut last = rest;
        while let Some(after) = last.trim_start().strip_prefix(OPEN) {
            last = after;
        }
        match self.inline_after_tag(last) {
            _ if quoted && !may_become_a_tag(last.trim_start()) => Inline::Prose,
            Inline::Call(..) if last.len() < rest.len() => Inline::Prose,
            found => found,
        }
    }

    /// Like [`Self::inline`], for a text that does not begin with another tag.
    fn inline_after_tag(&self, rest: &str) -> Inline {
        let body = rest.trim_start();
        if may_become_a_tag(body) {
            return Inline::Unknown;
        }
        if !body.starts_with('{') {
            return Inline::Prose;
        }
        let mut nesting = Nesting::default();
        let taken = nesting.scan(body);
        if !nesting.is_complete() {
            return if body.contains(OPEN) { Inline::Prose } else { Inline::Unknown };
        }
        let (Some(json), Some(tail)) = (body.get(..taken), body.get(taken..)) else {
            return Inline::Prose;
        };
        let Some((name, arguments)) = self.promise.call(json) else { return Inline::Prose };
        let close = tail.trim_start();
        if close.len() < CLOSE.len() && CLOSE.starts_with(close) {
            return Inline::Unknown;
        }
        match close.strip_prefix(CLOSE) {
            Some(after) => Inline::Call(rest.len().saturating_sub(after.len()), name, arguments),
            None => Inline::Prose,
        }
    }
}

/// Whether the text is the beginning of a tag, or empty.
fn may_become_a_tag(text: &str) -> bool {
    text.len() < OPEN.len() && OPEN.starts_with(text)
}

/// The meaning of the text after a tag without a line break.
enum Inline {
    /// Not yet known; more text is needed.
    Unknown,
    /// Not a call.
    Prose,
    /// A call: its length in bytes, its function and its arguments.
    Call(usize, String, String),
}

/// Returns the number of bytes at the end of `text` that are the beginning of `tag`.
pub(crate) fn held_back(text: &str, tag: &str) -> usize {
    let longest = tag.len().saturating_sub(1).min(text.len());
    (1..=longest)
        .rev()
        .find(|&length| {
            let start = text.len().saturating_sub(length);
            text.get(start..).is_some_and(|end| tag.starts_with(end))
        })
        .unwrap_or(0)
}

/// Finds the end of a JSON object or array.
#[derive(Debug, Default)]
struct Nesting {
    depth: u32,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Nesting {
    fn is_complete(&self) -> bool {
        self.begun && self.depth == 0
    }

    /// Returns the number of bytes of `text` that belong to the value.
    fn scan(&mut self, text: &str) -> usize {
        for (at, byte) in text.bytes().enumerate() {
            if self.is_complete() {
                return at;
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => {
                    self.depth = self.depth.saturating_add(1);
                    self.begun = true;
                }
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        text.len()
    }
}

#[cfg(test)]
mod tests;
