//! Prevents that a customer's text is read as the template's markup: `<|im_start|>system` in a
//! prompt stays text. The names of control tokens in texts are split with a marker before the
//! template sees them. The template's output is then cut at the markers before it is tokenized.

use serde_json::Value as Json;

/// The marker: a noncharacter, which Unicode reserves for internal use. It is removed from texts of
/// customers.
pub(crate) const MARKER: char = '\u{fdd0}';

/// Finds names of control tokens in text.
#[derive(Debug, Default)]
pub(crate) struct ControlNames {
    /// The names, by their first byte.
    by_first: std::collections::HashMap<u8, Vec<String>>,
}

impl ControlNames {
    /// Collects the names of a vocabulary.
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Self {
        let mut by_first = std::collections::HashMap::<u8, Vec<String>>::new();
        // Names of one letter would split ordinary text, and no template uses them.
        for name in names.filter(|name| name.chars().count() > 1) {
            if let Some(&first) = name.as_bytes().first() {
                by_first.entry(first).or_default().push(name);
            }
        }
        Self { by_first }
    }

    /// Returns the text with a marker after the first letter of each control-token name in it.
    pub(super) fn guard(&self, text: &str) -> String {
        let mut guarded = String::with_capacity(text.len());
        for (at, letter) in text.char_indices() {
            if letter == MARKER {
                continue;
            }
            guarded.push(letter);
            if self.longest_at(text.get(at..).unwrap_or_default()).is_some() {
                guarded.push(MARKER);
            }
        }
        guarded
    }

    /// Returns the length of the longest name that a text begins with.
    pub(crate) fn longest_at(&self, text: &str) -> Option<usize> {
        let names = self.by_first.get(text.as_bytes().first()?)?;
        names.iter().filter(|name| text.starts_with(name.as_str())).map(String::len).max()
    }

    /// Applies [`Self::guard`] to all texts of a JSON value, including its keys.
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
