//! The format of a question: a sequence of fields.
//!
//! A field is the length of its name, the name, the length of its value, and the value. Lengths are
//! 4 bytes, little-endian. A name may occur several times. A field with the name `file:PATH` is a
//! file of a log.

use std::collections::BTreeMap;

/// The fields of a question, in their order.
pub(crate) struct Question<'a>(Vec<(&'a str, &'a [u8])>);

/// The question cannot be read, which is an error of the host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Question<'a> {
    /// Parses a question.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let (name, rest) = part(bytes)?;
            let (value, rest) = part(rest)?;
            fields.push((std::str::from_utf8(name).map_err(|_| Malformed)?, value));
            bytes = rest;
        }
        Ok(Self(fields))
    }

    /// Returns the bytes of a field.
    pub(crate) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Returns the text of a field.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Malformed> {
        let value = self.bytes(name).map(std::str::from_utf8);
        value.transpose().map_err(|_| Malformed)
    }

    /// Returns the texts of all fields with this name.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Malformed> {
        let values = self.0.iter().filter(|(known, _)| *known == name);
        let texts = values.map(|(_, value)| std::str::from_utf8(value).map(str::to_owned));
        texts.collect::<Result<_, _>>().map_err(|_| Malformed)
    }

    /// Returns the files of a log, by path.
    pub(crate) fn files(&self) -> BTreeMap<&'a str, &'a [u8]> {
        let file =
            |(name, value): &(&'a str, &'a [u8])| Some((name.strip_prefix("file:")?, *value));
        self.0.iter().filter_map(file).collect()
    }
}

/// Splits off a length and as many bytes.
fn part(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Malformed)?;
    rest.split_at_checked(length).ok_or(Malformed)
}

#[cfg(test)]
pub(crate) fn encode(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let part = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    fields.iter().flat_map(|(name, value)| [part(name.as_bytes()), part(value)].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were_written_and_nothing_else_is() {
        let fields: [(&str, &[u8]); 3] =
            [("what", b"log"), ("file:checkpoint", b""), ("witness", b"a")];
        let bytes = encode(&fields);
        let question = Question::parse(&bytes).unwrap();
        assert_eq!(question.text("what"), Ok(Some("log")));
        assert_eq!(question.texts("witness"), Ok(vec!["a".to_owned()]));
        assert_eq!(question.files().get("checkpoint"), Some(&&b""[..]));
        let ends = [1, 2].map(|fewer| encode(&fields[..fewer]).len());
        for cut in 1..bytes.len() {
            assert_eq!(Question::parse(&bytes[..cut]).is_ok(), ends.contains(&cut), "{cut}");
        }
        let not_text = encode(&[("what", b"\xff")]);
        assert_eq!(Question::parse(&not_text).unwrap().text("what"), Err(Malformed));
    }
}
