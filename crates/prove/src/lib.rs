//! Proves that the active authorization policies keep the promises.
//!
//! Each promise is a policy set in crates/policy/cedar/specifications. Cedar's own compiler, whose
//! correctness is proved in Lean, compiles policies and specification to SMT. The solver cvc5 then
//! searches for a principal, an action, a resource and a context that the policies allow and the
//! specification forbids. If it finds none, the promise is proved. If it finds one, Cedar evaluates
//! both sets to confirm the counterexample, and the report shows it in plain words.
//!
//! The proof covers policies and schema. The tests of `policy` and of the service show that the
//! service supplies true facts.

pub mod counterexample;
pub mod mutate;
pub mod promise;
pub mod report;
pub mod solve;

pub use promise::{Promise, Proof, prove};
pub use solve::{Error, Solver};
