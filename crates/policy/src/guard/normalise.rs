//! Undoes the writing that hides words from a filter, and remembers where each word stood.
//!
//! [`Readings`] has several readings of one text. Detectors search each of them, and
//! [`View::original`] leads back to the bytes of the text itself.
//!
//! | form | undoes |
//! |---|---|
//! | `Plain` | compatibility forms (NFKC), upper case, invisible characters, letters of other scripts that look Latin (UTS 39) |
//! | `Bare` | also accents, digits for letters (`5h1t`), spaced letters (`s h i t`) |
//! | `Spaced` | spaced letters after the word `a` or `I`: in `a b o m b`, the word `a` is no part |
//! | `Tags` | text written in Unicode's invisible tag characters |
//! | `Percent` | URL encoding |
//! | `Base64` | base64, in both alphabets, also in lines |
//! | `Rot13` | rot13: the parts that look more like English after it |
//!
//! Every encoding is undone once: base64 of base64 is not. Time is linear in the text, apart from
//! sorting long runs of combining marks. Not undone: other ciphers, words written backwards,
//! misspellings, a separator within a word (`sh-it`).

mod bare;
mod decode;
mod draft;
mod fold;
#[cfg(feature = "personal")]
pub(crate) use fold::is_invisible;
mod rot13;

use std::{fmt, ops::Range};

use draft::Draft;

use crate::content::Content;

/// The largest text, in bytes. A caller with more cuts it into overlapping parts.
pub const MOST_BYTES: usize = 1 << 20;

/// The largest growth of a text: NFKC makes up to eighteen characters of one.
const MOST_GROWTH: usize = 4;

/// The most bytes that are decoded from base64.
const MOST_DECODED: usize = 1 << 18;

/// The way in which a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Characters folded.
    Plain,
    /// Also accents, digits for letters and spaced letters undone.
    Bare,
    /// Spaced letters after a word of one letter, each run in a line.
    Spaced,
    /// Invisible tag characters as text.
    Tags,
    /// URL encoding undone.
    Percent,
    /// Base64 undone.
    Base64,
    /// Rot13 undone.
    Rot13,
}

/// One reading of a text.
#[derive(Debug, Clone)]
pub struct View {
    form: Form,
    text: Content,
    marks: draft::Marks,
}

impl View {
    fn new(form: Form, draft: Draft) -> Self {
        let (text, marks) = draft.into_parts();
        Self { form, text, marks }
    }

    /// Returns the way in which the text was read.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Returns the text as read.
    #[must_use]
    pub fn text(&self) -> &Content {
        &self.text
    }

    /// Returns the bytes of the original text that became these bytes of the view. A character
    /// that came of several has the range of them all.
    #[must_use]
    pub fn original(&self, range: Range<usize>) -> Range<usize> {
        self.marks.original(range)
    }
}

/// The text is larger than [`MOST_BYTES`], or grows too much when it is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is larger than {MOST_BYTES} bytes, or grows too much; send it in parts")]
pub struct TooLarge;

/// A text and its readings.
#[derive(Debug)]
pub struct Readings<'a> {
    text: Text<'a>,
    views: Vec<View>,
}

/// The text itself; it cannot be printed.
struct Text<'a>(&'a str);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl<'a> Readings<'a> {
    /// Reads a text in every form that gives something new. `Plain` comes first and is always
    /// there.
    ///
    /// # Errors
    /// If the text is too large: a part of it would not be searched.
    pub fn of(text: &'a str) -> Result<Self, TooLarge> {
        if text.len() > MOST_BYTES {
            return Err(TooLarge);
        }
        let original = Draft::identity(text);
        let plain = fold::fold(&original)?;
        let (bare, spaced) = bare::bare(&plain)?;
        let decoded = [
            (Form::Spaced, spaced),
            (Form::Tags, decode::tags(&original)?),
            (Form::Percent, decode::percent(&original)?),
            (Form::Base64, decode::base64(&original)?),
            (Form::Rot13, rot13::rot13(&plain)?),
        ];
        let bare = (bare.text() != plain.text()).then_some(bare);
        let mut views = vec![View::new(Form::Plain, plain)];
        views.extend(bare.map(|bare| View::new(Form::Bare, bare)));
        for (form, draft) in decoded {
            if let Some(draft) = draft {
                views.push(View::new(form, fold::fold(&draft)?));
            }
        }
        Ok(Self { text: Text(text), views })
    }

    /// Returns the text itself.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text.0
    }

    /// Returns the readings.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }
}

/// Folds a term of a list as [`Form::Plain`] folds a text, so that the two compare.
///
/// # Errors
/// If the term is too large.
pub fn plain(term: &str) -> Result<Content, TooLarge> {
    Ok(fold::fold(&Draft::identity(term))?.into_parts().0)
}

#[cfg(test)]
mod tests;
