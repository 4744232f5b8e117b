//! The binary's build: compiler and linker protections against exploits.

use std::fs;

use crate::process::contains;

/// A 64-bit little-endian ELF file.
struct Elf(Vec<u8>);

impl Elf {
    fn number(&self, at: u64, bytes: u64) -> u64 {
        let at = usize::try_from(at).unwrap();
        let bytes = usize::try_from(bytes).unwrap();
        self.0[at..at + bytes].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
    }

    /// Type, flags, file offset and length of each segment.
    fn segments(&self) -> Vec<[u64; 4]> {
        let (table, size, count) = (self.number(32, 8), self.number(54, 2), self.number(56, 2));
        let segment = |index| {
            let at = table + index * size;
            [(0, 4), (4, 4), (8, 8), (32, 8)].map(|(field, bytes)| self.number(at + field, bytes))
        };
        (0..count).map(segment).collect()
    }

    fn holds(&self, text: &str) -> bool {
        let needle = format!("\0{text}\0");
        contains(&self.0, needle.as_bytes())
    }
}

const DYNAMIC: u64 = 2;
const GNU_STACK: u64 = 0x6474_e551;
const GNU_RELRO: u64 = 0x6474_e552;

#[test]
fn the_binary_is_hardened() {
    let elf = Elf(fs::read(env!("CARGO_BIN_EXE_bailiwick")).unwrap());
    assert_eq!(&elf.0[..6], b"\x7fELF\x02\x01");
    let segments = elf.segments();
    let of = |kind: u64| segments.iter().find(|segment| segment[0] == kind).copied();
    // Loaded at a random address; its relocation tables are read-only before it runs.
    assert_eq!(elf.number(16, 2), 3, "no position-independent executable");
    assert!(of(GNU_RELRO).is_some(), "no read-only relocations");
    assert_eq!(of(GNU_STACK).unwrap()[1] & 1, 0, "its stack can be executed");
    let [_, _, at, length] = of(DYNAMIC).unwrap();
    let entries = (0..length / 16).map(|index| at + index * 16);
    let flags = entries.filter(|entry| elf.number(*entry, 8) == 30);
    let flags: Vec<u64> = flags.map(|entry| elf.number(entry + 8, 8)).collect();
    assert!(flags.iter().any(|flags| flags & 8 != 0), "symbols are bound while it runs");
    // Only llama.cpp uses `vsnprintf` in C++ code here. The same variable enables both symbols; the
    // first also occurs in SQLite.
    for symbol in ["__stack_chk_fail", "__vsnprintf_chk"] {
        assert!(
            elf.holds(symbol),
            "{symbol} is missing: llama.cpp was built without the flags of .cargo/config.toml; \
             cargo clean --release -p llama-cpp-sys-2, and build again"
        );
    }
}
