//! `audit` as one WebAssembly module: a question goes in as bytes, an answer comes out as JSON.
//!
//! The module has no imports, so it cannot access files, network or a clock. A host calls it in
//! three steps: [`reserve`] makes room for the question, and the host writes the question there;
//! [`ask`] answers it; the host reads the answer at the address from [`answer`]. The module
//! `question` defines the format of a question.
#![expect(
    unsafe_code,
    reason = "only the attribute that names an export; there is no unsafe block"
)]

mod ask;
mod question;

use std::cell::RefCell;

thread_local! {
    /// The current question and its answer. A module has one thread.
    static EXCHANGE: RefCell<Exchange> = const { RefCell::new(Exchange::new()) };
}

struct Exchange {
    question: Vec<u8>,
    answer: Vec<u8>,
}

impl Exchange {
    const fn new() -> Self {
        Self { question: Vec::new(), answer: Vec::new() }
    }
}

/// Makes room for a question of `length` bytes. Returns the address to write it to.
#[unsafe(no_mangle)]
pub extern "C" fn reserve(length: usize) -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.question = vec![0; length];
        exchange.question.as_mut_ptr().expose_provenance()
    })
}

/// Answers the question. Returns the length of the answer in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn ask() -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        let question = std::mem::take(&mut exchange.question);
        exchange.answer = ask::ask(&question).into_bytes();
        exchange.answer.len()
    })
}

/// Returns the address of the answer.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> usize {
    EXCHANGE.with_borrow(|exchange| exchange.answer.as_ptr().expose_provenance())
}
