//! The input of a batch: wherever its pieces end, the same lines come out of it, and the check neither
//! panics nor repeats a value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::batches::{Checker, Endpoint, Lines};

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, rest)) = bytes.split_first() else { return };
    let lines = |pieces: &[&[u8]]| {
        let (mut lines, mut found) = (Lines::new(4096), Vec::new());
        let whole = pieces.iter().try_for_each(|piece| lines.push(piece)).is_ok();
        lines.finish();
        while let Some(line) = lines.next_ready() {
            found.push(line);
        }
        whole.then_some(found)
    };
    let (one, two) = rest.split_at(usize::from(cut).min(rest.len()));
    let (Some(whole), Some(pieces)) = (lines(&[rest]), lines(&[one, two])) else { return };
    assert_eq!(whole.len(), pieces.len());
    let mut checker = Checker::new(Endpoint::Chat, 100);
    for (line, same) in whole.iter().zip(&pieces) {
        assert_eq!((line.number, line.bytes.reveal()), (same.number, same.bytes.reveal()));
        if checker.line(line).is_err() {
            break;
        }
    }
    for error in checker.finish().errors {
        assert!(error.message.len() < 500, "{}", error.code);
    }
});
