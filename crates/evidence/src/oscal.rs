//! Documents of OSCAL, NIST's format of assessments, for NIST SP 800-53.
//!
//! [`ComponentDefinition`] says which parts of which controls this program contributes. It has no states.
//! [`AssessmentResults`] has the answers of the running service's checks as observations, and a finding
//! about each contribution. A contribution is satisfied only if each promise of it is kept now.

mod component;
mod model;
mod results;

pub use self::{component::ComponentDefinition, results::AssessmentResults};

/// The version of OSCAL: that of compliance-trestle 5. `scripts/evidence.sh` validates with it.
pub const OSCAL_VERSION: &str = "1.2.1";

/// Returns the id in NIST's catalog of a control's id as it is printed: `ac-6.9` for `AC-6(9)`.
pub(crate) fn control_id(printed: &str) -> String {
    printed.to_lowercase().replace('(', ".").replace(')', "")
}

/// Returns the id of a control's whole statement in NIST's catalog: `ac-6.9_smt`.
fn statement_id(printed: &str) -> String {
    format!("{}_smt", control_id(printed))
}
