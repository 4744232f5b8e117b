//! Pages that people check the service with: the state of each promise, a checker for receipts that
//! runs in the browser, and the log in words; and the pages of people who signed in ([`person`]).
//!
//! A page is made in two steps. The server fills a view, a plain value such as [`trust::Home`]; a
//! function of this crate makes HTML of it. The same value, serialized, is the page's JSON, so that
//! the two cannot differ. Texts are in [`words`], in English and German side by side.
//!
//! This crate has no input or output, no clock and no randomness: times are arguments. It makes
//! no decision about access.
#![forbid(unsafe_code)]

pub mod assets;
pub mod format;
mod layout;
pub mod log;
pub mod person;
pub mod receipt;
pub mod time;
pub mod trust;
pub mod words;

pub use self::{
    layout::{Frame, not_found},
    words::Lang,
};
