//! The catalogue of messages: every text of a page, in English and German side by side.
//!
//! A message is a variant of an enumeration, one enumeration for each page. A text without a German
//! twin does not compile, nor does a message that no page uses. `{name}` in a text is a placeholder;
//! a test checks that both languages have the same ones.

pub(crate) mod build;
pub(crate) mod common;
pub(crate) mod compare;
pub(crate) mod console;
pub(crate) mod data;
pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod exemption;
pub(crate) mod explain;
pub(crate) mod home;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod penalty;
pub(crate) mod person;
pub(crate) mod promise;
pub(crate) mod reading;
pub(crate) mod receipt;
pub(crate) mod review;
pub(crate) mod subjects;

use serde::Serialize;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    En,
    /// German.
    De,
}

impl Lang {
    /// All languages, each with its own name for itself.
    pub const ALL: [(Self, &str); 2] = [(Self::En, "English"), (Self::De, "Deutsch")];

    /// Returns the tag of the language (RFC 5646).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// Returns the language with this tag.
    #[must_use]
    pub fn named(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL
            .iter()
            .map(|(lang, _)| *lang)
            .find(|lang| primary.eq_ignore_ascii_case(lang.tag()))
    }

    /// Returns the language that a header `Accept-Language` prefers; English if it names none of
    /// ours.
    #[must_use]
    pub fn preferred(header: &str) -> Self {
        let mut best = (0_u32, Self::En);
        for element in header.split(',').take(32) {
            let mut parts = element.split(';');
            let Some(lang) = parts.next().and_then(|tag| Self::named(tag.trim())) else { continue };
            let quality = parts.find_map(|part| part.trim().strip_prefix("q="));
            let quality = quality.map_or(1000, thousandths);
            // The first of equals counts.
            if quality > best.0 {
                best = (quality, lang);
            }
        }
        best.1
    }
}

/// Reads a quality such as `0.8`; anything else is 0.
fn thousandths(quality: &str) -> u32 {
    let (whole, rest) = quality.split_once('.').unwrap_or((quality, ""));
    let digits: u32 = format!("{rest:0<3}").parse().unwrap_or(0);
    let whole: u32 = whole.parse().unwrap_or(0);
    whole.saturating_mul(1000).saturating_add(digits.min(999)).min(1000)
}

/// A message in all languages.
pub(crate) trait Message: Copy {
    /// Returns the text, with its placeholders.
    fn text(self, lang: Lang) -> &'static str;

    /// Returns the text with values in place of its placeholders.
    fn with(self, lang: Lang, values: &[(&str, &str)]) -> String {
        let mut text = self.text(lang);
        let mut out = String::with_capacity(text.len());
        // Values are not read for placeholders: they may come from anywhere.
        while let Some((before, rest)) = text.split_once('{') {
            let Some((name, after)) = rest.split_once('}') else { break };
            out.push_str(before);
            let value = values.iter().find(|(known, _)| *known == name);
            out.push_str(value.map_or("?", |(_, value)| value));
            text = after;
        }
        out.push_str(text);
        out
    }
}

/// Makes an enumeration of messages with their texts.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($message:ident { $en:literal, $de:literal $(,)? })* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($message),* }

        impl $crate::words::Message for $name {
            fn text(self, lang: $crate::words::Lang) -> &'static str {
                match (self, lang) {
                    $(
                        (Self::$message, $crate::words::Lang::En) => $en,
                        (Self::$message, $crate::words::Lang::De) => $de,
                    )*
                }
            }
        }

        #[cfg(test)]
        impl $name {
            /// All messages with their names.
            pub(crate) const ALL: &[(Self, &str)] = &[$((Self::$message, stringify!($message))),*];
        }
    };
}
pub(crate) use messages;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect()
    }

    fn check<M: Message>(all: &[(M, &str)]) {
        for (message, name) in all {
            let [en, de] = [Lang::En, Lang::De].map(|lang| message.text(lang));
            assert_eq!(placeholders(en), placeholders(de), "{name}");
            for text in [en, de] {
                assert!(!text.is_empty() && text.trim() == text && !text.contains("  "), "{name}");
                assert!(!text.contains('<'), "{name}: templates make the markup");
            }
            // A long text that is the same in both languages was not translated.
            assert!(en != de || en.len() < 24, "{name} is the same in both languages");
        }
    }

    #[test]
    fn both_languages_have_the_same_placeholders() {
        check(build::Build::ALL);
        check(common::Common::ALL);
        check(compare::Compare::ALL);
        check(console::Console::ALL);
        check(event::Said::ALL);
        check(event::Kind::ALL);
        check(data::Data::ALL);
        check(errors::Errors::ALL);
        check(exemption::Exempt::ALL);
        check(explain::Explain::ALL);
        check(home::Home::ALL);
        check(keys::Keys::ALL);
        check(log::Log::ALL);
        check(penalty::Penalty::ALL);
        check(person::Person::ALL);
        check(reading::Reading::ALL);
        check(review::Review::ALL);
        check(subjects::Subjects::ALL);
        check(promise::Promised::ALL);
        check(receipt::Receipt::ALL);
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        let text = common::Common::Checked.with(Lang::En, &[("time", "{label} <b>")]);
        assert_eq!(text, "Last check: {label} <b>");
        assert!(common::Common::Checked.with(Lang::De, &[]).ends_with('?'));
    }

    #[test]
    fn the_preferred_language_is_the_first_of_the_best() {
        for (header, lang) in [
            ("", Lang::En),
            ("de", Lang::De),
            ("DE-CH", Lang::De),
            ("fr, de;q=0.5, en;q=0.6", Lang::En),
            ("en;q=0.3,de;q=0.9", Lang::De),
            ("de;q=0, en;q=0.1", Lang::En),
            ("*", Lang::En),
            ("de;q=x", Lang::En),
        ] {
            assert_eq!(Lang::preferred(header), lang, "{header}");
        }
    }
}
