//! Puts placeholders in the place of the values in the texts of one request.

use std::ops::Range;

use super::{Found, Looking, json, vault::Filling};

/// How deep JSON in strings of JSON is looked into.
const DEPTH_MAX: u8 = 4;

/// How often one string is searched for a value that only the names of fields show; with more of them,
/// the whole string is one value. So the time stays linear.
const SEARCHES_MAX: u32 = 16;

/// Looks into texts, and replaces the findings.
pub(super) struct Hiding<'a> {
    pub(super) looking: &'a Looking,
    pub(super) filling: Filling,
}

impl Hiding<'_> {
    /// Returns a text with placeholders, or `None` if nothing is found in it.
    pub(super) fn text(&mut self, text: &str) -> Option<String> {
        match json::tokens(text) {
            Some(tokens) => self.tokens(text, &tokens, DEPTH_MAX),
            None => self.plain(text),
        }
    }

    fn plain(&mut self, text: &str) -> Option<String> {
        let found = self.looking.find(text);
        let mut edits = Vec::with_capacity(found.len());
        for Found { kind, span } in found {
            let Some(value) = text.get(span.clone()) else { continue };
            edits.push((span, self.filling.placeholder(kind, value)));
        }
        edited(text, edits)
    }

    /// Returns a name with placeholders in the characters of names.
    pub(super) fn name(&mut self, name: &str) -> Option<String> {
        let mut edits = Vec::new();
        for Found { kind, span } in self.looking.find(name) {
            let Some(value) = name.get(span.clone()) else { continue };
            edits.push((span, self.filling.name(kind, value)));
        }
        let now = edited(name, edits)?;
        self.filling.note_name(&now, name);
        Some(now)
    }

    /// Returns JSON with placeholders: it stays JSON. A number is replaced by a string.
    fn tokens(&mut self, text: &str, tokens: &[json::Token], depth: u8) -> Option<String> {
        // The whole text first: the names of fields say the kind of a value.
        let mut found = self.looking.find(text).into_iter().peekable();
        let mut edits = Vec::new();
        for token in tokens {
            while found.next_if(|found| found.span.end <= token.span.start).is_some() {}
            let mut own = Vec::new();
            while let Some(next) = found.peek().filter(|next| next.span.start < token.span.end) {
                let goes_on = next.span.end > token.span.end;
                let start = next.span.start.max(token.span.start);
                own.push((next.kind, start..next.span.end.min(token.span.end)));
                if goes_on {
                    break;
                }
                let _ = found.next();
            }
            let Some(whole) = text.get(token.span.clone()) else { continue };
            if token.is_string {
                self.string(text, (token, whole), own, depth, &mut edits);
            } else if let Some((kind, _)) = own.first() {
                let placeholder = self.filling.placeholder(*kind, whole);
                edits.push((token.span.clone(), format!("\"{placeholder}\"")));
            }
        }
        edited(text, edits)
    }

    /// Replaces the values in one string of a JSON text.
    fn string(
        &mut self,
        text: &str,
        (token, whole): (&json::Token, &str),
        own: Vec<(super::Kind, Range<usize>)>,
        depth: u8,
        edits: &mut Vec<(Range<usize>, String)>,
    ) {
        let plain = json::plain(whole);
        let inner = json::tokens(&plain).filter(|_| depth > 0);
        if inner.is_none() && !whole.contains('\\') {
            // Without escapes, places in the whole text are places in the string.
            if own.is_empty() {
                edits.extend(self.plain(whole).map(|now| (token.span.clone(), now)));
            }
            for (kind, span) in own {
                let Some(value) = text.get(span.clone()) else { continue };
                edits.push((span, self.filling.placeholder(kind, value)));
            }
            return;
        }
        let mut now = match inner {
            Some(tokens) => self.tokens(&plain, &tokens, depth.saturating_sub(1)),
            None => self.plain(&plain),
        };
        // The names of fields can say more than the string itself.
        let mut searched = 0_u32;
        for (kind, span) in own {
            let Some(value) = text.get(span) else { continue };
            let value = json::plain(value);
            if self.filling.knows(kind, &value) {
                continue;
            }
            searched = searched.saturating_add(1);
            if searched > SEARCHES_MAX {
                now = Some(self.filling.placeholder(kind, &plain));
                break;
            }
            let before = now.as_deref().unwrap_or(&plain);
            if before.contains(&*value) {
                let placeholder = self.filling.placeholder(kind, &value);
                now = Some(before.replace(&*value, &placeholder));
            }
        }
        edits.extend(now.map(|now| (token.span.clone(), json::escaped(&now))));
    }

    /// Replaces findings that stand in several texts that follow each other. Each text keeps its
    /// part: a part has a placeholder of its own.
    pub(super) fn across(&mut self, texts: &[&str]) -> Vec<Option<String>> {
        let mut edits: Vec<Vec<_>> = texts.iter().map(|_| Vec::new()).collect();
        if texts.len() > 1 {
            let joined = zeroize::Zeroizing::new(texts.concat());
            let mut found = self.looking.find(&joined);
            // Placeholders stand in these texts already.
            found.retain(|one| {
                let inside = joined.get(one.span.clone());
                inside.is_some_and(|inside| !self.filling.has_placeholder(inside))
            });
            let mut found = found.into_iter().peekable();
            let mut start = 0_usize;
            for (text, edits) in texts.iter().zip(&mut edits) {
                let end = start.saturating_add(text.len());
                while found.next_if(|found| found.span.end <= start).is_some() {}
                while let Some(next) = found.peek().filter(|next| next.span.start < end) {
                    let (inside, kind) = (next.span.clone(), next.kind);
                    let is_across = inside.start < start || inside.end > end;
                    let part = inside.start.max(start).saturating_sub(start)
                        ..inside.end.min(end).saturating_sub(start);
                    if is_across && let Some(value) = text.get(part.clone()) {
                        edits.push((part, self.filling.placeholder(kind, value)));
                    }
                    if inside.end > end {
                        break;
                    }
                    let _ = found.next();
                }
                start = end;
            }
        }
        texts.iter().zip(edits).map(|(text, edits)| edited(text, edits)).collect()
    }
}

/// Returns a text with other text at some places, in order; `None` without places.
fn edited(text: &str, edits: Vec<(Range<usize>, String)>) -> Option<String> {
    if edits.is_empty() {
        return None;
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (span, new) in edits {
        out.push_str(text.get(at..span.start).unwrap_or_default());
        out.push_str(&new);
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Some(out)
}
