//! Which form and language of a page a client asks for.

use std::fmt;

use crate::words::Lang;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A page for people.
    Html,
    /// The same data for programs.
    Json,
}

/// A client's choice of form and language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The form.
    pub format: Format,
    /// The language.
    pub lang: Lang,
    /// Whether the address names the language, so that links must keep it.
    pub is_lang_named: bool,
}

impl Choice {
    /// Reads the choice from the parameters `format` and `lang` of the address, and from the headers
    /// `Accept` and `Accept-Language`. The address takes precedence. Without any of them: HTML in
    /// English.
    #[must_use]
    pub fn of(query: &Query, accept: Option<&str>, accept_language: Option<&str>) -> Self {
        let format = match query.get("format") {
            Some("json") => Format::Json,
            Some(_) => Format::Html,
            None => match accept.map(|accept| accept.split(',').map(str::trim)) {
                // Browsers name HTML; a client that names JSON and not HTML is a program.
                Some(mut kinds) if kinds.clone().any(|kind| is(kind, "application/json")) => {
                    if kinds.any(|kind| is(kind, "text/html")) {
                        Format::Html
                    } else {
                        Format::Json
                    }
                }
                _ => Format::Html,
            },
        };
        let named = query.get("lang").and_then(Lang::named);
        let lang = named.unwrap_or_else(|| accept_language.map_or(Lang::En, Lang::preferred));
        Self { format, lang, is_lang_named: named.is_some() }
    }
}

/// Whether an element of `Accept` is this media type.
fn is(element: &str, kind: &str) -> bool {
    element.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(kind))
}

/// The parameters of an address: after the `?`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Omits the values: a form may have a key or the name of a person.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Query {
    /// Decodes the parameters, as HTML forms encode them. Bytes that are no UTF-8 become replacement
    /// characters.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    /// Returns the first value of a parameter, without blanks around it; `None` if it is absent or
    /// empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns all parameters, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Encodes a value of a parameter.
#[must_use]
pub fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(
                    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase(),
                );
            }
        }
    }
    out
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_as_forms_encode_them() {
        let query = Query::parse("older=a%2Bb+c%0A&day=2026-11-30&empty=&%&bad=%zz&lang");
        assert_eq!(query.get("older"), Some("a+b c"));
        assert_eq!(query.get("day"), Some("2026-11-30"));
        assert_eq!(query.get("bad"), Some("%zz"));
        assert_eq!((query.get("empty"), query.get("lang"), query.get("none")), (None, None, None));
        let text = "a+b/c=\n— \u{1f600}";
        assert_eq!(Query::parse(&format!("x={}", encoded(text))).get("x"), Some(text));
    }

    #[test]
    fn the_address_counts_more_than_the_headers() {
        let of = |query, accept, language| {
            let choice = Choice::of(&Query::parse(query), accept, language);
            (choice.format, choice.lang)
        };
        let browser = Some("text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8");
        assert_eq!(of("", None, None), (Format::Html, Lang::En));
        assert_eq!(of("", browser, Some("de-AT,de;q=0.9,en;q=0.8")), (Format::Html, Lang::De));
        assert_eq!(of("", Some("application/json"), Some("fr")), (Format::Json, Lang::En));
        assert_eq!(of("format=json&lang=de", browser, Some("en")), (Format::Json, Lang::De));
        assert_eq!(of("format=html", Some("application/json"), None), (Format::Html, Lang::En));
        assert_eq!(of("lang=xx", None, Some("de")), (Format::Html, Lang::De));
    }
}
