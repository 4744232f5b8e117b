//! The bodies of requests about conversations, and the parameters of a list.
#![no_main]

use wire::{conversations, page, responses::item::Item, stored};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match conversations::create(bytes) {
        Ok(new) => {
            kept(new.items);
            let head = conversations::head(&new.metadata);
            assert!(conversations::Conversation::read(String::new(), 0, &head).is_ok());
        }
        Err(invalid) => fuzz::refusal(&invalid),
    }
    match conversations::items(bytes) {
        Ok(items) => kept(items),
        Err(invalid) => fuzz::refusal(&invalid),
    }
    if let Err(invalid) = stored::update(bytes) {
        fuzz::refusal(&invalid);
    }
    let query = std::str::from_utf8(bytes).ok();
    let read = page::Page::parse(query, page::Sizes::USUAL).map(drop);
    if let Err(invalid) = read.and_then(|()| page::object(query, "metadata").map(drop)) {
        fuzz::refusal(&invalid);
    }
});

/// An item reads back as it was written.
fn kept(items: Vec<Item>) {
    for mut item in items {
        item.keep_as("msg_00000000000000000000000000000000".to_owned());
        let bytes = stored::bytes(&item);
        let read = Item::from_json(bytes.reveal()).expect("what was written can be read");
        assert_eq!(stored::bytes(&read).reveal(), bytes.reveal());
    }
}
