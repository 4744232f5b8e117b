//! Names and addresses that a model finds.
//!
//! The model is an encoder, which runs in a confined worker and gives a vector for each word. This
//! module is the pure rest: it cuts the texts of a request into [`Words`], weighs the vectors with a
//! [`Head`], and joins the labels of the words to [`Names`]. The detectors then search all texts of the
//! request for these names, as they search for the operator's words. So a name has one placeholder also
//! where the model did not see it: in a tool's arguments, or in a name of a field.

mod decode;
mod form;
mod head;
mod names;
mod reading;
mod words;

pub use form::FORMS;
pub use head::{BadHead, Head, Label, OtherVectors};
pub use names::Names;
pub use reading::{MOST_NER_WORDS, Reading, TooManyWords, Words};

#[cfg(test)]
mod tests;
