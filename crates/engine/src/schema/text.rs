//! Compiles strings: `pattern`, `minLength`, `maxLength`, `format`, `enum` and `const` together.

use serde_json::Value;

use super::{
    compile::{Compiler, Facts},
    grammar::Rx,
    pattern,
};

impl Compiler<'_> {
    /// Returns the set of strings that match, as JSON text without quotes; `None` if it is empty.
    /// `values` are the values of `enum` and `const`.
    pub(super) fn text(&mut self, facts: &Facts, values: Option<&[Value]>) -> Option<Rx> {
        let (mut least, mut most) = (0_u64, None::<u64>);
        let (mut patterns, mut not_patterns, mut not_strings) =
            (Vec::new(), Vec::new(), Vec::new());
        let mut format = None;
        let mut unread = false;
        for keywords in facts.keywords() {
            least = least.max(keywords.min_length.unwrap_or(0));
            most = match (most, keywords.max_length) {
                (None, max) | (max, None) => max,
                (Some(a), Some(b)) => Some(a.min(b)),
            };
            for (source, not) in [(&keywords.pattern, false), (&keywords.not_pattern, true)] {
                let Some(source) = source else { continue };
                match self.pattern(source) {
                    None => unread = true,
                    Some(read) if not => not_patterns.push(read),
                    Some(read) => patterns.push(read),
                }
            }
            not_strings.extend(keywords.not_strings.iter());
            format = format.or(keywords.format.as_deref());
        }
        if unread {
            let place = facts.place_of(|keywords| keywords.pattern.is_some());
            self.leave_out(&place, "pattern", "is too large, or uses unsupported syntax (look-around except a lookahead at the start, back references, \\b, flags); rewrite it with smaller counts and without these");
        }
        if let Some(values) = values {
            let fits = |text: &str| {
                let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
                length >= least
                    && most.is_none_or(|most| length <= most)
                    && patterns.iter().all(|pattern| pattern.matches(text))
                    && !not_patterns.iter().any(|pattern| pattern.matches(text))
                    && !not_strings.iter().any(|other| *other == text)
            };
            let all: Vec<Rx> = values
                .iter()
                .filter_map(Value::as_str)
                .filter(|text| fits(text))
                .map(|text| Rx::Literal(pattern::quoted(text)))
                .collect();
            return match all.len() {
                0 => None,
                1 => all.into_iter().next(),
                _ => Some(Rx::Or(all)),
            };
        }
        let mut parts: Vec<Rx> = patterns.iter().map(|pattern| pattern.set.clone()).collect();
        parts.extend(not_patterns.iter().map(|pattern| pattern.others()));
        if least > 0 || most.is_some() {
            if most.is_some_and(|most| most < least) {
                return None;
            }
            match pattern::length(least, most) {
                Some(length) => parts.push(length),
                None => {
                    let place = facts.place_of(|keywords| {
                        keywords.min_length.is_some() || keywords.max_length.is_some()
                    });
                    self.leave_out(
                        &place,
                        "maxLength",
                        "or `minLength` is too large; use a smaller number",
                    );
                }
            }
        }
        if !not_strings.is_empty() {
            let others =
                not_strings.iter().map(|text| Rx::Literal(pattern::quoted(text))).collect();
            parts.push(pattern::anything());
            parts.push(Rx::Not(Box::new(Rx::Or(others))));
        }
        if patterns.is_empty()
            && !self.trying
            && let Some(shape) = format.and_then(pattern::format)
        {
            let mut shaped = parts.clone();
            shaped.push(Rx::Expression(shape));
            if let Some(rx) = together(shaped) {
                return Some(rx);
            }
        }
        together(parts)
    }
}

/// Intersects sets of strings; `None` if the intersection is empty.
fn together(mut parts: Vec<Rx>) -> Option<Rx> {
    let rx = match parts.len() {
        0 => pattern::anything(),
        1 => parts.pop()?,
        _ => Rx::And(parts),
    };
    (!rx.is_empty()).then_some(rx)
}
