//! Reads the machine's clocks. Every deadline in the server is decided by the time from here.

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use policy::retention::clock::{Clock, Reading};
use rustix::time::{ClockId, clock_gettime};

/// Returns the time for decisions, in milliseconds since 1970. It never runs backwards in one
/// process, and after [`resume`] it is never behind the log's: an expired deadline stays expired.
#[must_use]
pub fn now_ms() -> u64 {
    LATEST.advance(read())
}

/// Continues from the latest time that the log has seen.
pub fn resume(seen: Option<Clock>) {
    LATEST.resume(seen);
}

static LATEST: Latest = Latest(Mutex::new(None));

/// The latest time seen.
struct Latest(Mutex<Option<Clock>>);

impl Latest {
    fn resume(&self, seen: Option<Clock>) {
        *self.0.lock() = seen;
    }

    fn advance(&self, reading: Reading) -> u64 {
        let mut latest = self.0.lock();
        match (Clock::advance(*latest, reading), *latest) {
            (Ok(clock), _) => {
                *latest = Some(clock);
                clock.now_ms
            }
            // The clock is behind, and the machine has booted since. The log accepts no such time,
            // so no request is answered; until the clock is right, time stands still.
            (Err(_), Some(latest)) => latest.now_ms,
            (Err(_), None) => reading.wall_ms,
        }
    }
}

/// Reads the clocks now.
#[must_use]
pub fn read() -> Reading {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Boot time counts sleep too, and cannot be set.
    let boot = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(boot.tv_sec).unwrap_or(0);
    let milliseconds = u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
    Reading {
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        boot: boot_id(),
        boottime_ms: seconds.saturating_mul(1000).saturating_add(milliseconds),
    }
}

/// Returns the kernel's random id of this boot, or zeros if the kernel has none. Zeros count as one
/// boot whose count since boot may fall; time then stands still until the wall clock is ahead.
fn boot_id() -> [u8; 16] {
    static BOOT: OnceLock<[u8; 16]> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        tlog::hex::decode(&text.trim_end().replace('-', "")).unwrap_or_default()
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
