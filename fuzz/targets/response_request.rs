//! The body of a request for a response.
#![no_main]

use std::collections::BTreeSet;

use wire::{
    limits::RequestLimits,
    no_effect::NoEffectFields,
    responses::{item::Item, parse},
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes) {
    Ok(request) => {
        // What is kept is read back as it was written.
        for item in &request.input {
            let json = serde_json(item);
            assert_eq!(Item::from_json(&json).as_ref(), Ok(item));
        }
        for left_out in 0..2 {
            match request.lower(&[], left_out, &RequestLimits::default(), 1) {
                Ok(mut lowered) => {
                    if let Err(invalid) = lowered.fit(&BTreeSet::new(), NoEffectFields::Accept) {
                        fuzz::refusal(&invalid);
                    }
                    fuzz::generate(lowered.chat.generate);
                }
                Err(invalid) => fuzz::refusal(&invalid),
            }
        }
    }
    Err(invalid) => fuzz::refusal(&invalid),
});

fn serde_json(item: &Item) -> Vec<u8> {
    wire::stored::json(item)
}
