//! Forms that make one request of the API.
//!
//! A form carries the method, the path and the types of its fields, because the API takes JSON. The
//! server reads it with [`Asked::read`], puts the session's token in, and the API decides. A form is worth
//! no more than the person's own token: an attacker that forges one also needs the session's token for
//! forms.

use std::fmt;

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::Visit;
use crate::{
    format::{Query, encoded},
    words::{Message as _, person::Person},
};

/// The page after the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The page of the form again, with the new state.
    Back,
    /// The record that was opened, in the reading view.
    Record,
    /// API keys, shown once.
    Keys,
    /// The answer as a table of names and values: a certificate, a list.
    Answer,
    /// The next step of a review.
    Step,
    /// The stored data of a person, with the acts about it.
    Subject,
    /// The certificate of an erasure.
    Erasure,
}

impl Then {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Back, "back"),
        (Self::Record, "record"),
        (Self::Keys, "keys"),
        (Self::Answer, "answer"),
        (Self::Step, "step"),
        (Self::Subject, "subject"),
        (Self::Erasure, "erasure"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(then, _)| *then == self).map_or("back", |(_, name)| name)
    }

    fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(then, _)| *then)
    }
}

/// A form's request.
pub(crate) struct Act<'a> {
    /// The method of the API's route.
    pub method: &'static str,
    /// The path, with parameters: `/desk/v1/records/req_1/consent`. `{}` stands for the text of a field
    /// of kind [`PATH`].
    pub path: &'a str,
    /// The page after it.
    pub then: Then,
    /// Text of the button.
    pub button: &'a str,
}

/// A field whose text goes into the path.
pub(crate) const PATH: &str = "path";

impl Act<'_> {
    /// Makes the form. `fields` has the inputs, with names of [`text()`], [`number()`] and [`list()`].
    pub(crate) fn form(&self, visit: &Visit<'_>, fields: &Markup) -> Markup {
        html! {
            form class="act" method="post" action="/pages/act" autocomplete="off" {
                input type="hidden" name="csrf" value=(visit.csrf);
                input type="hidden" name="request" value={ (self.method) " " (self.path) };
                input type="hidden" name="then" value=(self.then.name());
                input type="hidden" name="back" value=(visit.frame.link(visit.frame.here));
                (fields)
                button { (self.button) }
            }
        }
    }
}

/// The name of an input whose text is a JSON string. A dot makes an object: `sku.name`.
pub(crate) fn text(field: &str) -> String {
    format!("text:{field}")
}

/// The name of an input whose text is a JSON number.
pub(crate) fn number(field: &str) -> String {
    format!("number:{field}")
}

/// The name of an input whose text is `true` or `false`.
pub(crate) fn flag(field: &str) -> String {
    format!("flag:{field}")
}

/// The name of inputs that make a JSON list of strings: several of the same name, or lines of a text.
pub(crate) fn list(field: &str) -> String {
    format!("list:{field}")
}

/// A labelled line of text.
pub(crate) fn line(label: &str, name: &str, value: &str, required: bool) -> Markup {
    html! {
        div class="field" {
            label { (label) input type="text" name=(name) value=(value) required[required] maxlength="2000"; }
        }
    }
}

/// A labelled text of several lines.
pub(crate) fn lines(label: &str, name: &str) -> Markup {
    html! { div class="field" { label { (label) textarea name=(name) rows="3" required maxlength="2000" {} } } }
}

/// A request that a form asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path and parameters.
    pub path: String,
    /// The body; `None` if the form has no fields for one.
    pub body: Option<Value>,
    /// The page after it.
    pub then: Then,
    /// The page of the form.
    pub back: String,
    /// The statement that the person signed.
    pub signed: Option<Signed>,
}

/// Omits the body: it may have a reason or the name of a person.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, then, .. } = self;
        f.debug_struct("Asked")
            .field("method", method)
            .field("path", path)
            .field("then", then)
            .finish_non_exhaustive()
    }
}

/// A signed statement, as the form has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The id of the draft.
    pub draft: String,
    /// The bytes that were signed, in base64.
    pub statement: String,
    /// The passkeys that may have signed.
    pub passkeys: Vec<String>,
    /// The signatures, without the fingerprints of their keys.
    pub signatures: Vec<String>,
}

/// Reason that a form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadForm;

impl Asked {
    /// Reads a form. Empty fields are left out.
    ///
    /// # Errors
    /// If the form is none of ours.
    pub fn read(form: &Query) -> Result<Self, BadForm> {
        let needed = |name: &str| form.get(name).ok_or(BadForm);
        let (method, path) = needed("request")?.split_once(' ').ok_or(BadForm)?;
        if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method) {
            return Err(BadForm);
        }
        let mut path = path.to_owned();
        let mut body = Map::new();
        for (name, value) in form.pairs() {
            let value = value.trim();
            if name == PATH {
                path = path.replacen("{}", &encoded(value), 1);
            }
            let Some((kind, field)) = name.split_once(':') else { continue };
            if value.is_empty() {
                continue;
            }
            let value = match kind {
                "text" => Value::from(value),
                "number" => serde_json::from_str::<serde_json::Number>(value)
                    .map(Value::from)
                    .map_err(|_| BadForm)?,
                "flag" => Value::from(value.parse::<bool>().map_err(|_| BadForm)?),
                "list" => value.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
                _ => return Err(BadForm),
            };
            put(&mut body, field, value)?;
        }
        if !API.iter().any(|prefix| path.starts_with(prefix)) || path.contains("..") {
            return Err(BadForm);
        }
        let back = needed("back")?;
        // An address of another website, or one that a browser reads as such, is none of ours.
        let is_straight = !back.contains("//") && !back.contains("..");
        if !back.starts_with(super::FOLDER) || !is_straight || back.contains(['\\', '\r', '\n']) {
            return Err(BadForm);
        }
        let signed = match (form.get("draft"), form.get("signature")) {
            (Some(draft), Some(signatures)) => Some(Signed {
                draft: draft.to_owned(),
                statement: needed("statement")?.to_owned(),
                passkeys: words(form.get("passkeys").unwrap_or_default(), ' '),
                signatures: words(signatures, '\n'),
            }),
            (None, None) => None,
            _ => return Err(BadForm),
        };
        Ok(Self {
            method: method.to_owned(),
            path,
            body: (!body.is_empty() || !["GET", "DELETE"].contains(&method)).then(|| body.into()),
            then: Then::named(needed("then")?).ok_or(BadForm)?,
            back: back.to_owned(),
            signed,
        })
    }

    /// Makes the form that sends the same request with a signature. The script signs the challenge, and
    /// sends it. `fields` are those of the form that was sent.
    pub(crate) fn to_sign(&self, visit: &Visit<'_>, form: &Query, draft: &Drafted) -> Markup {
        let lang = visit.frame.lang;
        html! {
            form id="sign" class="act" method="post" action="/pages/act" data-challenge=(draft.statement.digest) {
                input type="hidden" name="csrf" value=(visit.csrf);
                @for (name, value) in form.pairs() {
                    @if !["csrf", "draft", "statement", "passkeys", "signature"].contains(&name) {
                        input type="hidden" name=(name) value=(value);
                    }
                }
                input type="hidden" name="draft" value=(draft.draft);
                input type="hidden" name="statement" value=(draft.statement.bytes);
                input type="hidden" name="passkeys" value=(draft.passkeys.join(" "));
                input type="hidden" name="signature" value="";
                button { (Person::SignButton.text(lang)) }
                details {
                    summary { (Person::SignMore.text(lang)) }
                    p class="help" { (Person::SignMoreHelp.text(lang)) }
                    button class="quiet" value="more" { (Person::SignMoreButton.text(lang)) }
                }
                p role="status" hidden { (Person::SignCount.text(lang)) ": " span id="sign-count" { "0" } }
            }
        }
    }
}

/// Splits a text, without what is empty.
fn words(text: &str, at: char) -> Vec<String> {
    text.split(at).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A statement that the API wants signed.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Drafted {
    pub(crate) statement: Statement,
    pub(crate) draft: String,
    /// The passkeys that may sign it.
    #[serde(default)]
    pub(crate) passkeys: Vec<String>,
}

/// The statement of a draft.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Statement {
    /// The bytes to sign, in base64.
    pub(crate) bytes: String,
    /// SHA-256 of the bytes to sign, in hexadecimal digits.
    pub(crate) digest: String,
    /// The decision in plain words.
    pub(crate) says: Vec<String>,
}

/// The parts of the API that forms ask.
const API: [&str; 3] = ["/desk/v1/", "/review/v1/", "/admin/v1/"];

/// Puts a value into an object; a dot in the name leads into an object of it.
fn put(object: &mut Map<String, Value>, field: &str, value: Value) -> Result<(), BadForm> {
    let Some((outer, inner)) = field.split_once('.') else {
        match (object.get_mut(field), value) {
            (None, value) => drop(object.insert(field.to_owned(), value)),
            (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
            _ => return Err(BadForm),
        }
        return Ok(());
    };
    match object.entry(outer).or_insert_with(|| Map::new().into()) {
        Value::Object(object) => put(object, inner, value),
        _ => Err(BadForm),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: &str = "request=POST%20/desk/v1/x&then=back&back=/pages/data";

    fn read(form: &str) -> Result<Asked, BadForm> {
        Asked::read(&Query::parse(form))
    }

    #[test]
    fn a_form_makes_the_body_of_its_request() {
        let form = format!(
            "{HEAD}&text:reason=a+b&number:minutes=5&flag:on=true&list:keep=files&list:keep=batches\
             &text:sku.name=Standard&number:sku.capacity=2&text:empty="
        );
        let body = json!({
            "reason": "a b", "minutes": 5, "on": true, "keep": ["files", "batches"],
            "sku": {"name": "Standard", "capacity": 2},
        });
        let asked = read(&form).unwrap();
        assert_eq!((asked.body, asked.then), (Some(body), Then::Back));
        assert_eq!(read(HEAD).unwrap().body, Some(json!({})));
    }

    #[test]
    fn no_value_of_a_form_is_printed() {
        let form = Query::parse(&format!("{HEAD}&text:subject=canary&key=canary&signature=canary"));
        let asked = Asked::read(&Query::parse(&format!("{HEAD}&text:subject=canary"))).unwrap();
        let printed = format!("{form:?} {asked:?}");
        assert!(printed.contains("text:subject") && !printed.contains("canary"), "{printed}");
    }

    #[test]
    fn a_path_is_of_the_api_and_takes_one_segment() {
        let path = |request: &str, field: &str| {
            read(&format!("request={request}&path={field}&then=back&back=/pages"))
                .map(|asked| asked.path)
        };
        assert_eq!(path("GET%20/desk/v1/{}", "a%2Fb"), Ok("/desk/v1/a%2Fb".to_owned()));
        for (request, field) in [
            ("GET%20/metrics", ""),
            ("GET%20https://x/desk/v1/", ""),
            ("GET%20/desk/v1/{}", ".."),
            ("TRACE%20/desk/v1/x", ""),
            ("GET", ""),
        ] {
            assert_eq!(path(request, field), Err(BadForm), "{request}");
        }
    }

    #[test]
    fn a_form_leads_back_to_a_page_of_ours() {
        for back in [
            "https://evil.example",
            "//evil.example",
            "/pages%5C%5Cevil",
            "/other",
            "/pages%0d%0ax",
        ] {
            let form = format!("request=POST%20/desk/v1/x&then=back&back={back}");
            assert_eq!(read(&form), Err(BadForm), "{back}");
        }
        assert_eq!(read("request=POST%20/desk/v1/x&then=else&back=/pages"), Err(BadForm));
        assert_eq!(read(&format!("{HEAD}&draft=1")), Err(BadForm));
        assert_eq!(read(&format!("{HEAD}&number:minutes=x")), Err(BadForm));
        assert_eq!(read(&format!("{HEAD}&text:a=1&text:a.b=2")), Err(BadForm));
    }
}
