//! A resource has two keys: each works, each is rotated alone, and an old key stops working at
//! once.

use crate::{
    client::Request,
    service::{CHAT, chat_path, shared},
};

#[test]
fn both_keys_work_in_both_headers() {
    let caller = shared().service.caller("keys-both");
    for key in [&caller.key1, &caller.key2] {
        let mut body = caller.short();
        body["model"] = CHAT.into();
        Request::post(&chat_path(CHAT), &body).key(key).send(caller.address).ok();
        let v1 = Request::post("/openai/v1/chat/completions", &body);
        v1.clone().key(key).send(caller.address).ok();
        v1.header("authorization", &format!("Bearer {key}")).send(caller.address).ok();
    }
}

#[test]
fn keys_are_rotated_one_at_a_time_and_old_ones_are_refused_at_once() {
    let service = &shared().service;
    let caller = service.caller("keys-rotate");
    let status = |key: &str| Request::get("/openai/v1/models").key(key).send(caller.address).status;
    assert_eq!([status(&caller.key1), status(&caller.key2)], [200, 200]);

    let new1 = service.rotate_key(&caller, "Key1");
    assert_ne!(new1, caller.key1);
    assert_eq!([status(&caller.key1), status(&caller.key2), status(&new1)], [401, 200, 200]);

    let new2 = service.rotate_key(&caller, "Key2");
    assert_eq!([status(&caller.key2), status(&new1), status(&new2)], [401, 200, 200]);
}

/// Keys are stored as digests: no file of the data directory contains one.
#[test]
fn no_file_holds_a_key_in_clear() {
    let service = &shared().service;
    let caller = service.caller("keys-stored");
    let new = service.rotate_key(&caller, "Key1");
    for key in [&caller.key1, &caller.key2, &new] {
        service.files.assert_nowhere(key);
    }
}
