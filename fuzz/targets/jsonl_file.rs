//! JSONL files: the check agrees with the JSON reader, and does not depend on how the file is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    fields::ObjectText,
    json,
    jsonl::{Checked, Checker},
};

fn check<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Checked {
    let mut checker = Checker::new(4096);
    pieces.for_each(|piece| checker.read(piece));
    checker.finish()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, file)) = bytes.split_first() else { return };
    let whole = check(std::iter::once(file));
    assert_eq!(whole, check(file.chunks(usize::from(*size).max(1))));
    if whole.bad.is_empty() {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let read = lines.filter(|line| json::parse::<ObjectText>(line.trim_ascii()).is_ok());
        assert_eq!(read.count() as u64, whole.objects);
    }
});
