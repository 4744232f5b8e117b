//! Pages of lists: the query parameters `limit`, `order`, `after` and `before`, in OpenAI's words.

use std::borrow::Cow;

use crate::{
    error::{Code, Invalid},
    fields,
};

/// The part of a list that a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The most objects.
    pub limit: usize,
    /// Oldest first; otherwise newest first.
    pub ascending: bool,
    /// The list begins after the object of this id.
    pub after: Option<String>,
    /// And ends before the object of this id.
    pub before: Option<String>,
}

/// The sizes of a list's pages.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Without `limit`.
    pub default: usize,
    /// The largest `limit`.
    pub max: usize,
}

impl Sizes {
    /// OpenAI's sizes for most lists.
    pub const USUAL: Self = Self { default: 20, max: 100 };
}

impl Page {
    /// Reads the parameters of a page. Other parameters are left to the caller; an unknown one is
    /// ignored, as OpenAI does.
    ///
    /// # Errors
    /// If a parameter is out of its range, or is there twice.
    pub fn parse(query: Option<&str>, sizes: Sizes) -> Result<Self, Invalid> {
        let limit = match parameter(query, "limit")? {
            None => sizes.default,
            Some(text) => {
                let number = text.parse().map_err(|_| Invalid {
                    param: Some("limit".to_owned()),
                    code: Code::InvalidType,
                    message: "Invalid type for 'limit': expected an integer.".to_owned(),
                })?;
                let max = fields::at_most_i64(sizes.max);
                let number = fields::integer("limit", Some(number), 1, max)?;
                number.and_then(|number| usize::try_from(number).ok()).unwrap_or(sizes.default)
            }
        };
        let ascending = match parameter(query, "order")?.as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => {
                let message = "Invalid value for 'order': supported values are 'asc' and 'desc'.";
                return Err(Invalid::value("order", message));
            }
        };
        let [after, before] = ["after", "before"].map(|name| parameter(query, name));
        Ok(Self { limit, ascending, after: after?, before: before? })
    }
}

impl Page {
    /// Returns the part of a whole list, which is in the page's order, and whether there are more.
    /// `is` returns true if an entry has an id.
    ///
    /// # Errors
    /// If `after` or `before` is in no entry.
    pub fn of<T>(
        &self,
        mut list: Vec<T>,
        is: impl Fn(&T, &str) -> bool,
    ) -> Result<(Vec<T>, bool), Invalid> {
        let place = |list: &[T], param: &str, id: &str| {
            let message = || format!("Invalid '{param}': expected an id from an earlier page.");
            let found = list.iter().position(|entry| is(entry, id));
            found.ok_or_else(|| Invalid::value(param, message()))
        };
        if let Some(id) = &self.before {
            let end = place(&list, "before", id)?;
            list.truncate(end);
        }
        if let Some(id) = &self.after {
            let last = place(&list, "after", id)?;
            list.drain(..=last);
        }
        let more = list.len() > self.limit;
        list.truncate(self.limit);
        Ok((list, more))
    }
}

/// Returns a query parameter, decoded; `None` if it is missing or empty.
///
/// # Errors
/// If it is there twice, or its encoding is invalid.
pub fn parameter(query: Option<&str>, name: &str) -> Result<Option<String>, Invalid> {
    let pairs = query.unwrap_or_default().split('&');
    let mut found = None;
    for (key, value) in pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        if decoded(key).as_deref() != Some(name) {
            continue;
        }
        let wrong = |what| Invalid::value(name, format!("Invalid '{name}': {what}."));
        let value = decoded(value).ok_or_else(|| wrong("its percent-encoding is not UTF-8"))?;
        if found.replace(value).is_some() {
            return Err(wrong("it is there twice"));
        }
    }
    Ok(found.map(Cow::into_owned).filter(|value| !value.is_empty()))
}

/// Returns the pairs of an object in a query, such as `metadata[key]=value`, decoded.
///
/// # Errors
/// If an encoding is invalid.
pub fn object(query: Option<&str>, name: &str) -> Result<Vec<(String, String)>, Invalid> {
    let pairs = query.unwrap_or_default().split('&');
    let mut found = Vec::new();
    for (key, value) in pairs.filter_map(|pair| pair.split_once('=')) {
        let Some(key) = decoded(key) else { continue };
        let inner = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
        let Some(inner) = inner.and_then(|rest| rest.strip_suffix(']')) else { continue };
        let message = || format!("Invalid '{name}': its percent-encoding is not UTF-8.");
        let value = decoded(value).ok_or_else(|| Invalid::value(name, message()))?;
        found.push((inner.to_owned(), value.into_owned()));
    }
    Ok(found)
}

/// Decodes a part of a query: percent-encoding, and `+` for a space.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_openais_ranges() {
        let page = |query| Page::parse(query, Sizes::USUAL);
        let first = Page { limit: 20, ascending: false, after: None, before: None };
        assert_eq!(page(None), Ok(first.clone()));
        assert_eq!(page(Some("api-version=v1&limit=&after=")), Ok(first.clone()));
        let after = Some("file-1 2".to_owned());
        let second = Page { limit: 100, ascending: true, after, before: Some("x".to_owned()) };
        assert_eq!(page(Some("limit=100&order=asc&after=file-1%202&before=x")), Ok(second));
        let code = |query| page(Some(query)).unwrap_err().code.text();
        assert_eq!(code("limit=0"), "integer_below_min_value");
        assert_eq!(code("limit=101"), "integer_above_max_value");
        assert_eq!(code("limit=canary"), "invalid_type");
        assert_eq!(code("limit=99999999999999999999"), "invalid_type");
        assert_eq!(code("order=canary"), "invalid_value");
        assert_eq!(code("after=%ff"), "invalid_value");
        assert_eq!(code("after=a&after=b"), "invalid_value");
        for query in ["limit=canary", "order=canary", "after=canary&after=canary"] {
            assert!(!page(Some(query)).unwrap_err().message.contains("canary"));
        }
    }

    #[test]
    fn a_whole_list_is_cut_to_its_page() {
        let of = |query: &str| {
            let page = Page::parse(Some(query), Sizes::USUAL).unwrap();
            page.of(vec![1, 2, 3, 4], |entry, id| entry.to_string() == id)
        };
        assert_eq!(of(""), Ok((vec![1, 2, 3, 4], false)));
        assert_eq!(of("limit=2"), Ok((vec![1, 2], true)));
        assert_eq!(of("limit=2&after=2"), Ok((vec![3, 4], false)));
        assert_eq!(of("after=1&before=4"), Ok((vec![2, 3], false)));
        assert_eq!(of("after=4"), Ok((vec![], false)));
        assert_eq!(of("after=3&before=2").unwrap_err().param.as_deref(), Some("after"));
        assert_eq!(of("before=canary").unwrap_err().param.as_deref(), Some("before"));
    }

    #[test]
    fn an_object_in_a_query_has_decoded_pairs() {
        let found = |query| object(Some(query), "metadata");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let wanted = Ok(vec![pair("a", "1 2"), pair("b", "")]);
        assert_eq!(found("metadata%5Ba%5D=1+2&x=y&metadata[b]=&metadata=z"), wanted);
        assert!(found("metadata[a]=%ff").is_err());
        assert_eq!(object(None, "metadata"), Ok(Vec::new()));
    }
}
