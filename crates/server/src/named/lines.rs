//! The data subjects that the lines of a file name: read while the file arrives, so that the index has
//! them together with the file.

use policy::{content::Content, workflow::subject::Subject};
use serde_json::Value;
use store::subjects::{About, Lines, TooManySubjects};
use wire::{batches, error::Invalid};

/// Reads a file's lines. A line names a data subject in `safety_identifier` or `user`: of the request
/// in a batch's line, or of the line itself; or in the `name` of a message of its user.
#[derive(Debug)]
pub(crate) struct LineSubjects {
    reader: batches::Lines,
    lines: Lines,
    too_many: bool,
}

impl LineSubjects {
    /// Begins at the start of a file. A line has at most `max` bytes: a file with longer ones is not
    /// kept.
    pub(crate) fn new(max: u64) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { reader: batches::Lines::new(max), lines: Lines::default(), too_many: false }
    }

    /// Reads the next bytes of the file.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        // The check of the lines refuses a file with a line that is too long.
        let _ = self.reader.push(bytes);
        self.take();
    }

    /// Ends the file, and returns its data subjects.
    ///
    /// # Errors
    /// If the file names too many data subjects.
    pub(crate) fn finish(mut self) -> Result<Option<About>, Invalid> {
        self.reader.finish();
        self.take();
        if self.too_many {
            let message = format!("Invalid 'file': {TooManySubjects}.");
            return Err(Invalid::value("file", message));
        }
        Ok((!self.lines.is_empty()).then_some(About::Lines(self.lines)))
    }

    fn take(&mut self) {
        while let Some(line) = self.reader.next_ready() {
            for subject in subjects_of(line.bytes.reveal()) {
                self.too_many |= self.lines.add(subject, line.number).is_err();
            }
        }
    }
}

/// Returns the data subjects that one line names. A line that is no JSON has no names.
pub(crate) fn subjects_of(line: &[u8]) -> Vec<Subject> {
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return Vec::new() };
    [Some(&line), line.get("body")].into_iter().flatten().flat_map(named_in).collect()
}

fn named_in(of: &Value) -> Vec<Subject> {
    let subject = |name: &Value| {
        let name = Content::new(name.as_str()?.to_owned());
        Subject::new(&name).ok()
    };
    let field = |field: &str| of.get(field).and_then(subject);
    let messages = of.get("messages").and_then(Value::as_array).into_iter().flatten();
    let by_user = messages.filter(|turn| turn.get("role").and_then(Value::as_str) == Some("user"));
    let mut found: Vec<Subject> =
        by_user.filter_map(|turn| turn.get("name").and_then(subject)).collect();
    found.extend(field("safety_identifier").or_else(|| field("user")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns true if the file names a data subject.
    fn names(file: &str) -> bool {
        let mut lines = LineSubjects::new(1024);
        // In pieces, as it arrives.
        file.as_bytes().chunks(7).for_each(|piece| lines.read(piece));
        lines.finish().unwrap().is_some()
    }

    #[test]
    fn a_line_names_its_person_in_each_place() {
        for line in [
            r#"{"custom_id": "1", "body": {"user": "alice", "messages": []}}"#,
            r#"{"body": {"safety_identifier": "alice", "user": 7}}"#,
            r#"{"user": "alice"}"#,
            r#"{"messages": [{"role": "user", "name": "alice", "content": "x"}]}"#,
        ] {
            assert!(names(line), "{line}");
        }
        for line in [
            r#"{"body": {"user": " "}}"#,
            r#"{"messages": [{"role": "assistant", "name": "alice"}]}"#,
            "no JSON",
            r#"{"body": 7}"#,
        ] {
            assert!(!names(line), "{line}");
        }
    }
}
