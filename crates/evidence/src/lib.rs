//! Documents for auditors, made from the states of the promises:
//!
//! - [`ControlMap`]: controls of well-known frameworks, the promises that contribute to each, the part
//!   that remains, and the party that vouches;
//! - [`ComponentDefinition`] and [`AssessmentResults`]: documents of OSCAL for NIST SP 800-53;
//! - [`SecurityDecisionRecord`]: the Key Security Indicators of FedRAMP 20x.
//!
//! A promise contributes to a control; it never satisfies one, because people and organizations do the
//! rest. A promise whose check is missing or old never counts as kept.
//!
//! This crate has no input or output, no clock and no randomness: times and findings are arguments, and
//! UUIDs come from names. The same input gives the same bytes.
#![forbid(unsafe_code)]

mod control;
mod fedramp;
mod live;
mod map;
mod oscal;
mod uuid;

pub use self::{
    control::{Control, Framework},
    fedramp::SecurityDecisionRecord,
    live::Live,
    map::ControlMap,
    oscal::{AssessmentResults, ComponentDefinition, OSCAL_VERSION},
};

#[cfg(test)]
mod tests;
