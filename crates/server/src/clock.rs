//! Reads the machine's clocks. Nothing else in the server tells the time of a promise.

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use policy::retention::clock::Reading;
use rustix::time::{ClockId, clock_gettime};

/// What the clocks say now.
#[must_use]
pub fn read() -> Reading {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Counts sleep too, and nobody sets it.
    let boot = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(boot.tv_sec).unwrap_or(0);
    let milliseconds = u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
    Reading {
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        boot: boot_id(),
        boottime_ms: seconds.saturating_mul(1000).saturating_add(milliseconds),
    }
}

/// The kernel's random name for this boot; zeros where it gives none, which then count as one boot
/// whose count since boot may fall, and time stands still until the wall clock is ahead.
fn boot_id() -> [u8; 16] {
    static BOOT: OnceLock<[u8; 16]> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let mut id = [0; 16];
        for (slot, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).unwrap_or("0");
            *slot = u8::from_str_radix(pair, 16).unwrap_or(0);
        }
        id
    })
}
