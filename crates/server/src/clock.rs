//! Reads the machine's clocks. Nothing else in the server tells the time of a promise.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use policy::retention::clock::{Clock, Reading};
use rustix::time::{ClockId, clock_gettime};

/// The time that decisions are made at: milliseconds since 1970. It never runs backwards in one
/// process, and after [`resume`] not behind the log's: what has expired stays so.
#[must_use]
pub fn now_ms() -> u64 {
    LATEST.advance(read())
}

/// Goes on from the latest time that the log has seen.
pub fn resume(seen: Option<Clock>) {
    LATEST.resume(seen);
}

static LATEST: Latest = Latest(Mutex::new(None));

/// The latest time that was seen.
struct Latest(Mutex<Option<Clock>>);

impl Latest {
    fn resume(&self, seen: Option<Clock>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    fn advance(&self, reading: Reading) -> u64 {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (Clock::advance(*latest, reading), *latest) {
            (Ok(clock), _) => {
                *latest = Some(clock);
                clock.now_ms
            }
            // Behind, and the machine was booted since. The log does not go on like that, so nothing
            // is answered; until the clock is right, time stands still.
            (Err(_), Some(latest)) => latest.now_ms,
            (Err(_), None) => reading.wall_ms,
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall_ms: u64, boot: u8, boottime_ms: u64) -> Reading {
        Reading { wall_ms, boot: [boot; 16], boottime_ms }
    }

    #[test]
    fn a_wall_clock_that_is_set_back_revives_nothing() {
        let latest = Latest(Mutex::new(None));
        assert_eq!(latest.advance(reading(1_000_000, 1, 10)), 1_000_000);
        assert_eq!(latest.advance(reading(5, 1, 20)), 1_000_010, "set back");
        assert_eq!(latest.advance(reading(2_000_000, 1, 30)), 2_000_000, "and right again");
    }

    #[test]
    fn a_restart_goes_on_where_the_log_was() {
        let latest = Latest(Mutex::new(None));
        let seen = Clock { now_ms: 9_000_000, boot: [1; 16], boottime_ms: 10 };
        latest.resume(Some(seen));
        assert_eq!(latest.advance(reading(5, 1, 20)), 9_000_010);
        latest.resume(Some(seen));
        assert_eq!(latest.advance(reading(5, 2, 20)), 9_000_000, "booted since, and behind");
        assert_eq!(latest.advance(reading(9_000_007, 2, 30)), 9_000_007);
    }
}
