//! The data subjects that a request names, for the subject index: `safety_identifier` and `user` of
//! its body, or else the request header that the resource names.

use hyper::HeaderMap;
use policy::{content::Content, forward::CallerLabels, subject_header::SubjectHeader};
use serde::Deserialize;
use wire::{error::Invalid, limits::IDENTIFIER_MAX};

/// The data subjects of one request: none, one, or the two that the body names.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedSubjects(Vec<Content>);

impl NamedSubjects {
    /// Reads the header that the resource names.
    ///
    /// # Errors
    /// If it is there twice, is no text, or is too long. It is not ignored: the request would be kept,
    /// and the index would not find it.
    pub(crate) fn in_header(
        headers: &HeaderMap,
        header: Option<&SubjectHeader>,
    ) -> Result<Self, Invalid> {
        let Some(header) = header else { return Ok(Self::default()) };
        let wrong = || {
            Invalid::value(
                "subjectHeader",
                format!(
                    "Invalid header '{header}': send it at most once, as text of at most \
                     {IDENTIFIER_MAX} characters. It names the data subject of this request."
                ),
            )
        };
        let mut values = headers.get_all(header.name()).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if headers.contains_key(header.name()) { Err(wrong()) } else { Ok(Self::default()) };
        };
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong())?.trim();
        if text.chars().count() > IDENTIFIER_MAX {
            return Err(wrong());
        }
        Ok(Self(Some(text).filter(|text| !text.is_empty()).map(name).into_iter().collect()))
    }

    /// Takes the names in the body. If there are some, the header does not count.
    pub(crate) fn of_body(&mut self, labels: &CallerLabels) {
        let CallerLabels { user, safety_identifier, metadata: _ } = labels;
        self.replace([safety_identifier, user].into_iter().flatten().cloned());
    }

    /// Takes the names in a body that was refused: its labels were never read, but a record of it is
    /// stored. A body that is no JSON names nobody.
    pub(crate) fn of_refused(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct Body {
            user: Option<String>,
            safety_identifier: Option<String>,
        }
        let Ok(Body { user, safety_identifier }) = serde_json::from_slice(body) else { return };
        self.replace([safety_identifier, user].into_iter().flatten().map(Content::new));
    }

    fn replace(&mut self, names: impl Iterator<Item = Content>) {
        let mut found: Vec<Content> = Vec::new();
        for name in names.filter(|name| !name.is_empty()) {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        if !found.is_empty() {
            self.0 = found;
        }
    }

    /// Returns the names.
    pub(crate) fn into_names(self) -> Vec<Content> {
        self.0
    }
}

fn name(text: &str) -> Content {
    Content::new(text.to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn names(subjects: NamedSubjects) -> Vec<String> {
        subjects.into_names().iter().map(|name| name.reveal().to_owned()).collect()
    }

    fn labels(user: Option<&str>, safety_identifier: Option<&str>) -> CallerLabels {
        let (user, safety_identifier) = (user.map(name), safety_identifier.map(name));
        CallerLabels { user, safety_identifier, ..CallerLabels::default() }
    }

    #[test]
    fn the_body_counts_before_the_header() {
        let header: SubjectHeader = "x-end-user".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-end-user", HeaderValue::from_bytes("grün".as_bytes()).unwrap());
        let of = |labels: &CallerLabels| {
            let mut found = NamedSubjects::in_header(&headers, Some(&header)).unwrap();
            found.of_body(labels);
            names(found)
        };
        assert_eq!(of(&labels(None, None)), ["grün"]);
        assert_eq!(of(&labels(Some(""), None)), ["grün"]);
        assert_eq!(of(&labels(Some("u"), None)), ["u"]);
        assert_eq!(of(&labels(Some("u"), Some("s"))), ["s", "u"]);
        assert_eq!(of(&labels(Some("u"), Some("u"))), ["u"]);
        let none = NamedSubjects::in_header(&headers, None).unwrap();
        assert!(none.into_names().is_empty(), "the resource names no header");
    }

    #[test]
    fn a_header_that_cannot_be_read_is_refused_without_its_value() {
        let header: SubjectHeader = "x-end-user".parse().unwrap();
        let long = "canary".repeat(IDENTIFIER_MAX);
        for values in [&["canary", "canary"][..], &[long.as_str()]] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-end-user", HeaderValue::from_str(value).unwrap());
            }
            let refused = NamedSubjects::in_header(&headers, Some(&header)).unwrap_err();
            assert!(!refused.message.contains("canary"));
        }
    }

    #[test]
    fn a_refused_body_still_names_its_subject() {
        let mut found = NamedSubjects::default();
        found.of_refused(br#"{"model": 7, "user": "u", "nonsense": [1]}"#);
        assert_eq!(names(found), ["u"]);
        for body in [&b"{\"user\": "[..], b"[]", b"{\"user\": 7}", b""] {
            let mut found = NamedSubjects::default();
            found.of_refused(body);
            assert!(names(found).is_empty());
        }
    }
}
