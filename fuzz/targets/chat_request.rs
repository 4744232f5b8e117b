//! The body of a chat request.
#![no_main]

use std::collections::BTreeSet;

use wire::{chat::parse, limits::RequestLimits, no_effect::NoEffectFields};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes, &RequestLimits::default(), 1) {
    Ok(mut request) => {
        // An engine without capabilities.
        if let Err(invalid) = request.fit(&BTreeSet::new(), NoEffectFields::Accept) {
            fuzz::refusal(&invalid);
        }
        fuzz::generate(request.generate);
    }
    Err(invalid) => fuzz::refusal(&invalid),
});
