//! Proves that the authorization policies in force keep the promises.
//!
//! Each promise stands in crates/policy/cedar/specifications as a policy set of its own. Policies
//! and specification are compiled to SMT by Cedar's own compiler, whose correctness is proved in
//! Lean, and cvc5 looks for a principal, an action, a thing and a context that the policies allow
//! and the specification does not. That there is none is the proof; one that there is, is checked
//! by running both through Cedar, and told in plain words.
//!
//! What is proved is about policies and schema. That the facts are true which the service feeds
//! them, tests of `policy` and of the service show.

pub mod counterexample;
pub mod mutate;
pub mod promise;
pub mod report;
pub mod solve;

pub use promise::{Promise, Proof, prove};
pub use solve::{Error, Solver};
