//! The self-test: marked texts go through the API of the running service, and then every place that the
//! operator could read is searched for them. `bailiwick self-test` makes it; the service shows its
//! result as the check [`SelfTest`](pages::trust::Check::SelfTest).

pub mod marks;
pub(crate) mod result;
pub(crate) mod search;
