//! Random ids and seeds of requests.

use policy::id::RequestId;

use crate::clock;

/// Makes the id of a request that begins now.
pub(crate) fn request_id() -> RequestId {
    RequestId::at(clock::read().wall_ms, random())
}

/// Returns random bytes. If the system has none, the process cannot continue safely.
#[expect(clippy::expect_used, reason = "ids and seeds must not repeat")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    // INVARIANT: Linux provides random bytes once it has booted.
    store::random().expect("the system provides random bytes")
}
