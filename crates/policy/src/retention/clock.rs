//! A clock that never runs backwards. Deadlines are measured with it.
//!
//! The wall clock can be set, and machines sleep. The time here is therefore the latest time ever
//! seen, advanced by the kernel's count since boot, which includes sleep and cannot be set. Setting
//! the wall clock back extends no deadline. Setting it forward ends deadlines early, which no
//! promise forbids.

/// The stored state between two readings of the clocks, also across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The latest time seen, in milliseconds since 1970.
    pub now_ms: u64,
    /// The machine's boot id at that time.
    pub boot: [u8; 16],
    /// Milliseconds since that boot, sleep included.
    pub boottime_ms: u64,
}

/// A reading of the machine's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock: milliseconds since 1970.
    pub wall_ms: u64,
    /// The id of this boot.
    pub boot: [u8; 16],
    /// Milliseconds since boot, sleep included.
    pub boottime_ms: u64,
}

/// After a boot, the wall clock is behind the time seen before the boot. The length of the off time
/// is unknown, so no deadline can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the wall clock is {behind_s} seconds behind the last time seen before the boot; correct the \
     clock and start again"
)]
pub struct Behind {
    /// The difference in seconds.
    pub behind_s: u64,
}

/// The maximum by which the wall clock may be behind after a boot: clocks drift, and are corrected
/// a little later.
pub const DRIFT_MS_MAX: u64 = 5 * 60 * 1000;

impl Clock {
    /// Returns the clock after a reading, given its state before.
    ///
    /// # Errors
    /// [`Behind`] if the machine was booted in between and its wall clock is behind by more than
    /// [`DRIFT_MS_MAX`].
    pub fn advance(before: Option<Self>, reading: Reading) -> Result<Self, Behind> {
        let Reading { wall_ms, boot, boottime_ms } = reading;
        let now_ms = match before {
            None => wall_ms,
            Some(before) if before.boot == boot => {
                let elapsed = boottime_ms.saturating_sub(before.boottime_ms);
                wall_ms.max(before.now_ms.saturating_add(elapsed))
            }
            Some(before) => {
                let behind_ms = before.now_ms.saturating_sub(wall_ms);
                if behind_ms > DRIFT_MS_MAX {
                    return Err(Behind { behind_s: behind_ms / 1000 });
                }
                wall_ms.max(before.now_ms)
            }
        };
        // Within one boot the count never falls. If it did, time would stand still, not run back.
        let boottime_ms = match before {
            Some(before) if before.boot == boot => boottime_ms.max(before.boottime_ms),
            _ => boottime_ms,
        };
        Ok(Self { now_ms, boot, boottime_ms })
    }

    /// Encodes the clock: three fields of 8, 16 and 8 bytes, numbers big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let fields = self.now_ms.to_be_bytes().into_iter().chain(self.boot);
        let fields = fields.chain(self.boottime_ms.to_be_bytes());
        bytes.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
        bytes
    }

    /// Decodes a clock.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (now, rest) = bytes.split_first_chunk::<8>()?;
        let (boot, rest) = rest.split_first_chunk::<16>()?;
        let boottime: &[u8; 8] = rest.try_into().ok()?;
        Some(Self {
            now_ms: u64::from_be_bytes(*now),
            boot: *boot,
            boottime_ms: u64::from_be_bytes(*boottime),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: [u8; 16] = [1; 16];

    fn read(wall_ms: u64, boot: [u8; 16], boottime_ms: u64) -> Reading {
        Reading { wall_ms, boot, boottime_ms }
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on() {
        let start = Clock::advance(None, read(1_000_000, BOOT, 50)).unwrap();
        let later = Clock::advance(Some(start), read(0, BOOT, 5_050)).unwrap();
        assert_eq!(later.now_ms, 1_005_000);
    }

    #[test]
    fn a_month_of_sleep_is_a_month() {
        let month = 30 * super::super::DAY_MS;
        let start = Clock::advance(None, read(1_000_000, BOOT, 50)).unwrap();
        let woken = Clock::advance(Some(start), read(1_000_000, BOOT, 50 + month)).unwrap();
        assert_eq!(woken.now_ms, 1_000_000 + month);
    }

    #[test]
    fn after_a_boot_a_clock_that_is_behind_is_refused() {
        let start = Clock::advance(None, read(10_000_000_000, BOOT, 50)).unwrap();
        let behind = Clock::advance(Some(start), read(9_000_000_000, [2; 16], 1));
        assert_eq!(behind, Err(Behind { behind_s: 1_000_000 }));
        let drifted = Clock::advance(Some(start), read(9_999_900_000, [2; 16], 1)).unwrap();
        assert_eq!(drifted.now_ms, 10_000_000_000);
    }

    /// Checks random readings against the rule: time never falls, and within one boot it passes at
    /// least as fast as the kernel's count.
    #[test]
    fn random_readings_never_turn_time_back() {
        for seed in 1..200_u64 {
            let mut state = seed;
            let mut random = move || {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            let mut clock = Clock::advance(None, read(1 << 40, BOOT, 0)).unwrap();
            let (mut boot, mut boottime) = (BOOT, 0);
            for _ in 0..100 {
                if random() % 10 == 0 {
                    boot = [u8::try_from(random() % 256).unwrap(); 16];
                    boottime = 0;
                }
                boottime += random() % 1_000_000;
                let wall = (1 << 40) + random() % (1 << 34);
                let Ok(next) = Clock::advance(Some(clock), read(wall, boot, boottime)) else {
                    continue;
                };
                assert!(next.now_ms >= clock.now_ms, "seed {seed}");
                if next.boot == clock.boot {
                    let elapsed = next.boottime_ms - clock.boottime_ms;
                    assert!(next.now_ms - clock.now_ms >= elapsed, "seed {seed}");
                }
                assert_eq!(Clock::from_bytes(&next.to_bytes()), Some(next));
                clock = next;
            }
        }
    }
}
