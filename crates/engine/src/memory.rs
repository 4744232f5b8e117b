//! A worker's memory: not swapped out, and overwritten when it is freed.
//!
//! What it does not reach: registers and thread stacks, and the KV cache, which the engine clears
//! itself when sequences end.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "mallopt has no safe binding")
)]

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, capabilities},
};

/// glibc's small per-thread caches of freed blocks are not overwritten by `M_PERTURB`, and can be
/// switched off only from the environment that a process starts with.
pub const ALLOCATOR_ENVIRONMENT: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// Raises the limit of locked memory as far as this process may.
pub(crate) fn allow_locking() {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        // Best effort: what comes of it is reported by `lock`.
        let _ = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
}

/// Keeps all memory, present and future, from being swapped out, where there is no limit on that.
///
/// Pages are locked when they are first touched (`ONFAULT`), so nothing becomes resident by it.
/// Under a limit it is not even tried: allocations would start to fail when it is reached.
#[must_use]
pub(crate) fn lock() -> bool {
    let unlimited = getrlimit(Resource::Memlock).current.is_none()
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    unlimited
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}

/// From here on the allocator overwrites blocks when they are freed (glibc only): text of requests
/// that have ended cannot be found in memory.
///
/// To be called when the model is loaded: it overwrites new blocks as well, which would make all
/// of a large buffer resident that is only reserved.
pub fn overwrite_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets a number that the allocator reads; no memory of ours is involved.
    unsafe {
        libc::mallopt(libc::M_PERTURB, OVERWRITE_WITH);
    }
}

/// The byte that freed blocks are filled with; any but zero, which means off.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OVERWRITE_WITH: i32 = 0xdb;
