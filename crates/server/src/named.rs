//! The data subject that a request names, for the subject index: `safety_identifier` of its body, else
//! `user`, else the request header that the resource names.

mod lines;

use hyper::HeaderMap;
use policy::{
    content::Content, forward::CallerLabels, subject_header::SubjectHeader,
    workflow::subject::Subject,
};
use serde::Deserialize;
use wire::{error::Invalid, limits::IDENTIFIER_MAX};

pub(crate) use self::lines::{LineSubjects, subjects_of};

/// The data subject of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedSubject(Option<Content>);

impl NamedSubject {
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
        let mut values = headers.get_all(header.name()).iter();
        let text = match (values.next(), values.next()) {
            (None, _) => return Ok(Self::default()),
            (Some(value), None) => std::str::from_utf8(value.as_bytes()).ok(),
            (Some(_), Some(_)) => None,
        };
        let text = text.filter(|text| text.chars().count() <= IDENTIFIER_MAX);
        let wrong = || {
            Invalid::value(
                "subjectHeader",
                format!(
                    "Invalid header '{header}': send it at most once, as text of at most \
                     {IDENTIFIER_MAX} characters. It names the data subject of this request."
                ),
            )
        };
        Ok(Self(named(Content::new(text.ok_or_else(wrong)?.to_owned()))))
    }

    /// Takes the name in the body, if there is one; the header does not count then.
    pub(crate) fn of_body(&mut self, labels: &CallerLabels) {
        let CallerLabels { user, safety_identifier, metadata: _ } = labels;
        self.replace([safety_identifier.clone(), user.clone()]);
    }

    /// Takes the name in a body that was refused: its labels were never read, but a record of it is
    /// stored. A body that is no JSON has no names.
    pub(crate) fn of_refused(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct Body {
            user: Option<String>,
            safety_identifier: Option<String>,
        }
        let Ok(Body { user, safety_identifier }) = serde_json::from_slice(body) else { return };
        self.replace([safety_identifier, user].map(|name| name.map(Content::new)));
    }

    fn replace(&mut self, names: [Option<Content>; 2]) {
        let name = names.into_iter().flatten().find_map(named);
        self.0 = name.or_else(|| self.0.take());
    }

    /// Returns the data subject.
    pub(crate) fn subject(&self) -> Option<Subject> {
        self.0.as_ref().and_then(|name| Subject::new(name).ok())
    }
}

fn named(name: Content) -> Option<Content> {
    Some(name).filter(|name| !name.reveal().trim().is_empty())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn name(of: &NamedSubject) -> Option<String> {
        of.subject().map(|subject| subject.name().reveal().to_owned())
    }

    fn labels(user: Option<&str>, safety_identifier: Option<&str>) -> CallerLabels {
        let content = |text: &str| Content::new(text.to_owned());
        let (user, safety_identifier) = (user.map(content), safety_identifier.map(content));
        CallerLabels { user, safety_identifier, ..CallerLabels::default() }
    }

    #[test]
    fn the_body_counts_before_the_header() {
        let header: SubjectHeader = "x-end-user".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-end-user", HeaderValue::from_bytes("grün".as_bytes()).unwrap());
        let of = |labels: &CallerLabels| {
            let mut found = NamedSubject::in_header(&headers, Some(&header)).unwrap();
            found.of_body(labels);
            name(&found).unwrap()
        };
        assert_eq!(of(&labels(None, None)), "grün");
        assert_eq!(of(&labels(Some(" "), None)), "grün");
        assert_eq!(of(&labels(Some("u"), None)), "u");
        assert_eq!(of(&labels(Some("u"), Some("s"))), "s");
        let none = NamedSubject::in_header(&headers, None).unwrap();
        assert_eq!(name(&none), None, "the resource names no header");
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
            let refused = NamedSubject::in_header(&headers, Some(&header)).unwrap_err();
            assert!(!refused.message.contains("canary"));
        }
    }

    #[test]
    fn a_refused_body_still_names_its_subject() {
        let mut found = NamedSubject::default();
        found.of_refused(br#"{"model": 7, "user": "u", "nonsense": [1]}"#);
        assert_eq!(name(&found).as_deref(), Some("u"));
        for body in [&b"{\"user\": "[..], b"[]", b"{\"user\": 7}", b""] {
            let mut found = NamedSubject::default();
            found.of_refused(body);
            assert_eq!(name(&found), None);
        }
    }
}
