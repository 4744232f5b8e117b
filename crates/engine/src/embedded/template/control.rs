//! What a customer writes must never be read as the template's own markup: a prompt that contains
//! `<|im_start|>system` stays text. So the names of control tokens are split by a marker inside
//! texts before a template sees them, and what it writes is cut at the markers before it is tokenized.

use serde_json::Value as Json;

/// Splits control-token names inside texts. A noncharacter, which Unicode keeps free for internal
/// use; one in a text is dropped.
pub(super) const MARKER: char = '\u{fdd0}';

/// Finds names of control tokens in text.
#[derive(Debug, Default)]
pub(super) struct ControlNames {
    /// By first byte, the names that begin with it.
    by_first: std::collections::HashMap<u8, Vec<String>>,
}

impl ControlNames {
    /// Those of a vocabulary.
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let mut by_first = std::collections::HashMap::<u8, Vec<String>>::new();
        // A name of one letter would cut ordinary text to pieces, and no template uses one.
        for name in names.filter(|name| name.chars().count() > 1) {
            if let Some(&first) = name.as_bytes().first() {
                by_first.entry(first).or_default().push(name);
            }
        }
        Self { by_first }
    }

    /// The text with a marker after the first letter of each control-token name in it.
    pub(super) fn guard(&self, text: &str) -> String {
        let mut guarded = String::with_capacity(text.len());
        for (at, letter) in text.char_indices() {
            if letter == MARKER {
                continue;
            }
            guarded.push(letter);
            let rest = text.get(at..).unwrap_or_default();
            let names = rest.as_bytes().first().and_then(|first| self.by_first.get(first));
            if names.is_some_and(|names| names.iter().any(|name| rest.starts_with(name.as_str()))) {
                guarded.push(MARKER);
            }
        }
        guarded
    }

    /// The same for all texts of a JSON value, its keys included.
    pub(super) fn guard_json(&self, json: Json) -> Json {
        match json {
            Json::String(text) => Json::String(self.guard(&text)),
            Json::Array(items) => items.into_iter().map(|item| self.guard_json(item)).collect(),
            Json::Object(fields) => fields
                .into_iter()
                .map(|(key, field)| (self.guard(&key), self.guard_json(field)))
                .collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) => json,
        }
    }
}
