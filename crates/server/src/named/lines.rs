//! The data subjects that the lines of a file name: read while the file arrives, so that the index has
//! them together with the file.

use policy::{content::Content, workflow::subject::Subject};
use serde::Deserialize;
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

/// The fields of a line that can name a data subject. All else, and what is of another type, is left
/// to the check of the line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Names {
    #[serde(deserialize_with = "lenient")]
    safety_identifier: Option<String>,
    #[serde(deserialize_with = "lenient")]
    user: Option<String>,
    body: Option<Box<Names>>,
    messages: Vec<Message>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    role: Option<String>,
    #[serde(deserialize_with = "lenient")]
    name: Option<String>,
}

/// Reads a text; a value of another type is none.
fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Value::deserialize(deserializer)? {
        Value::Text(text) => Some(text),
        Value::Other(_) => None,
    })
}

impl LineSubjects {
    /// Begins at the start of a file. A line has at most `max` bytes: a file with longer ones is not
    /// kept.
    pub(crate) fn new(max: usize) -> Self {
        Self { reader: batches::Lines::new(max), lines: Lines::default(), too_many: false }
    }

    /// Reads the next bytes of the file.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        // The check of the lines refuses a file with a line that is too long.
        let _ = self.reader.push(bytes);
        self.take();
    }

    /// Ends the file, and returns whom it is about.
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

/// Returns the data subjects that one line names.
pub(crate) fn subjects_of(line: &[u8]) -> Vec<Subject> {
    serde_json::from_slice::<Names>(line).map(Names::subjects).unwrap_or_default()
}

impl Names {
    fn subjects(self) -> Vec<Subject> {
        let Self { safety_identifier, user, body, messages } = self;
        let people = messages.into_iter().filter(|turn| turn.role.as_deref() == Some("user"));
        let mut found: Vec<Subject> = safety_identifier
            .or(user)
            .into_iter()
            .chain(people.filter_map(|turn| turn.name))
            .filter_map(|name| Subject::new(&Content::new(name)).ok())
            .collect();
        found.extend(body.into_iter().flat_map(|body| body.subjects()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns true if the file names somebody.
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
