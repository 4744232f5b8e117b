//! Tool calls as text: how a call is written, and how the text is read back piece by piece.
//!
//! The form is the one that Hermes and Qwen models were trained on:
//! `<tool_call>\n{"name": "f", "arguments": {…}}\n</tool_call>`. Constrained decoding guarantees
//! it for every model; the reader below relies on the grammar and treats anything else as broken.

/// What begins a call.
pub(crate) const OPEN: &str = "<tool_call>";
/// What ends a call.
pub(crate) const CLOSE: &str = "</tool_call>";

/// What the reader found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text outside of calls.
    Text(String),
    /// A call of this function begins.
    Start(String),
    /// More of the current call's arguments.
    Arguments(String),
}

/// Reads a choice's text as it comes.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    state: Place,
    /// Read, but not yet given out: a part of a tag, or of a call's head.
    held: String,
    calls: u32,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Text,
    Head,
    Arguments(Nesting),
    Tail,
}

/// The text does not follow the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

const HEAD_START: &str = "\n{\"name\": ";
const HEAD_END: &str = ", \"arguments\": ";

impl Reader {
    /// Calls begun so far.
    pub(crate) fn calls(&self) -> u32 {
        self.calls
    }

    /// Takes more text.
    pub(crate) fn push(&mut self, text: &str, out: &mut Vec<Piece>) -> Result<(), Malformed> {
        self.held.push_str(text);
        while self.step(out)? {}
        Ok(())
    }

    /// Gives out what was held back at the end of the text.
    pub(crate) fn finish(&mut self, out: &mut Vec<Piece>) {
        if matches!(self.state, Place::Text) && self.calls == 0 && !self.held.is_empty() {
            out.push(Piece::Text(std::mem::take(&mut self.held)));
        }
    }

    /// Reads what it can; false when it needs more text.
    fn step(&mut self, out: &mut Vec<Piece>) -> Result<bool, Malformed> {
        match &mut self.state {
            Place::Text => {
                if let Some((before, after)) = self.held.split_once(OPEN) {
                    let (before, after) = (before.trim_end().to_owned(), after.to_owned());
                    if !before.is_empty() && self.calls == 0 {
                        out.push(Piece::Text(before));
                    }
                    self.held = after;
                    self.state = Place::Head;
                    return Ok(true);
                }
                // Between calls there is only white space, which nobody needs.
                if self.calls == 0 {
                    let keep = held_back(&self.held, OPEN);
                    let rest = self.held.split_off(self.held.len().saturating_sub(keep));
                    let text = std::mem::replace(&mut self.held, rest);
                    if !text.is_empty() {
                        out.push(Piece::Text(text));
                    }
                }
                Ok(false)
            }
            Place::Head => {
                let Some((head, after)) = self.held.split_once(HEAD_END) else { return Ok(false) };
                let name = head.strip_prefix(HEAD_START).ok_or(Malformed)?;
                let name = serde_json::from_str::<String>(name).map_err(|_| Malformed)?;
                self.held = after.to_owned();
                self.state = Place::Arguments(Nesting::default());
                self.calls = self.calls.saturating_add(1);
                out.push(Piece::Start(name));
                Ok(true)
            }
            Place::Arguments(nesting) => {
                let taken = nesting.scan(&self.held);
                let rest = self.held.split_off(taken);
                let arguments = std::mem::replace(&mut self.held, rest);
                let complete = nesting.is_complete();
                if !arguments.is_empty() {
                    out.push(Piece::Arguments(arguments));
                }
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
}

/// How many bytes at the end of `text` could be the beginning of `tag`.
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

/// Finds the end of a JSON value that is an object.
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

    /// How many bytes of `text` belong to the value.
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
mod tests {
    use super::*;

    fn read(chunks: &[&str]) -> Vec<Piece> {
        let (mut reader, mut out) = (Reader::default(), Vec::new());
        for chunk in chunks {
            reader.push(chunk, &mut out).unwrap();
        }
        reader.finish(&mut out);
        // Neighbours of one kind are one piece to whoever reads them.
        let mut joined: Vec<Piece> = Vec::new();
        for piece in out {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (Some(Piece::Arguments(before)), Piece::Arguments(text)) => before.push_str(&text),
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    const CALLS: &str = "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\\\"{\", \"b\": [1]}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";

    #[test]
    fn calls_are_read_the_same_however_the_text_is_cut() {
        let expected = [
            Piece::Text("Let me see.".into()),
            Piece::Start("f".into()),
            Piece::Arguments("{\"a\": \"}\\\"{\", \"b\": [1]}".into()),
            Piece::Start("g".into()),
            Piece::Arguments("{}".into()),
        ];
        // The new line before a call may go out before the call is seen.
        let tidy = |mut pieces: Vec<Piece>| {
            if let Some(Piece::Text(text)) = pieces.first_mut() {
                *text = text.trim_end().to_owned();
            }
            pieces
        };
        assert_eq!(tidy(read(&[CALLS])), expected);
        let letters: Vec<String> = CALLS.chars().map(String::from).collect();
        assert_eq!(tidy(read(&letters.iter().map(String::as_str).collect::<Vec<_>>())), expected);
        for at in 1..CALLS.len() {
            let (before, after) = CALLS.split_at(at);
            assert_eq!(tidy(read(&[before, after])), expected, "cut at {at}");
        }
    }

    #[test]
    fn text_without_calls_is_all_given_out() {
        assert_eq!(read(&["a < b <tool", "box"]), [Piece::Text("a < b <toolbox".into())]);
        assert_eq!(read(&["ends with <tool_"]), [Piece::Text("ends with <tool_".into())]);
    }

    #[test]
    fn a_call_that_breaks_the_grammar_is_an_error() {
        let mut reader = Reader::default();
        let text = "<tool_call>{\"name\": \"f\", \"arguments\": {}}";
        assert_eq!(reader.push(text, &mut Vec::new()), Err(Malformed));
    }
}
