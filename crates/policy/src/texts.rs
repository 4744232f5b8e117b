//! The texts of a request, one by one: what a check or a replacement has to look at.
//!
//! A type that goes to an engine lists all of its texts, and the fields that cannot be looked into. A
//! field that is not listed is not looked at, so an implementation names every field of its type.

use crate::content::Content;

/// One text of a request, in the form in which the engine reads it.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Text for a person or a model.
    Text(&'a mut Content),
    /// JSON text: the arguments of a call, or a schema.
    Json(&'a mut Content),
    /// A name: only letters, digits, `_` and `-` are allowed in it.
    Name(&'a mut String),
    /// A name that the caller gave.
    Word(&'a mut Content),
    /// The texts before and after do not follow each other.
    Gap,
    /// A field of the request that cannot be looked into: an image, a sound, tokens.
    Opaque(&'static str),
}

/// A value that goes to an engine.
pub trait Texts {
    /// Adds all texts of the value, in the order in which a model reads them.
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>);
}

impl<A: Texts, B: Texts> Texts for (A, B) {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        self.0.texts(pieces);
        pieces.push(Piece::Gap);
        self.1.texts(pieces);
    }
}
