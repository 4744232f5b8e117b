use std::path::PathBuf;

use policy::content::ContentBytes;
use zeroize::Zeroizing;

use super::{
    Example, Hyper, Set,
    protocol::{FromTrainer, Start, ToTrainer},
};
use crate::{
    protocol::{Confinement, FrameReader, PART_BYTES, Part, Whole, encode, parts},
    request::{Message, Role, Text},
};

fn bytes_of<T: serde::Serialize>(message: &T) -> Vec<u8> {
    let mut out = Zeroizing::new(Vec::new());
    encode(message, &mut out).unwrap();
    out.to_vec()
}

fn example() -> Example {
    let messages = vec![Message {
        role: Role::Assistant,
        name: None,
        content: Text::from("the canary".to_owned()),
        parts: Vec::new(),
        tool_calls: Vec::new(),
        tool_call_id: None,
    }];
    Example { messages, tools: Vec::new(), weights: vec![true] }
}

fn to_trainer() -> Vec<ToTrainer> {
    vec![
        ToTrainer::Start(Start {
            model: PathBuf::from("/models/a.gguf"),
            sha256: "00".repeat(32),
            hyper: Hyper::default(),
            seed: u64::MAX,
            threads: 2,
            context_tokens: 1024,
            memory_bytes: 1 << 30,
        }),
        ToTrainer::Part(Part(ContentBytes::new(b"the canary".to_vec()))),
        ToTrainer::Resume,
        ToTrainer::Example { set: Set::Validation, example: example() },
        ToTrainer::Begin,
        ToTrainer::Save,
    ]
}

fn from_trainer() -> Vec<FromTrainer> {
    let confinement =
        Confinement { landlock_abi: 6, seccomp: true, memory_locked: false, attempts: Vec::new() };
    vec![
        FromTrainer::Loading(0.5),
        FromTrainer::Ready(confinement),
        FromTrainer::Step { step: 1, of: 2, loss: 1.5, accuracy: 0.5, valid: Some((1.0, 0.25)) },
        FromTrainer::Part(Part(ContentBytes::new(b"the canary".to_vec()))),
        FromTrainer::Epoch { number: 1, step: 2, full_valid: None },
        FromTrainer::Checkpoint,
        FromTrainer::Done { trained_tokens: 7, kernel: "lora-1".to_owned() },
        FromTrainer::Refused { example: Some((Set::Training, 3)), reason: "r".to_owned() },
    ]
}

#[test]
fn messages_survive_the_way_and_show_no_content() {
    let mut reader = FrameReader::default();
    for (number, message) in to_trainer().iter().enumerate() {
        let bytes = bytes_of(message);
        assert_eq!(usize::from(bytes[4]), number, "the number of the specification");
        reader.push(&bytes);
        let (back, _) = reader.take::<ToTrainer>().unwrap().unwrap();
        assert_eq!(bytes_of(&back), bytes);
        assert!(!format!("{back:?}").contains("canary"), "{back:?}");
    }
    for (number, message) in from_trainer().iter().enumerate() {
        let bytes = bytes_of(message);
        assert_eq!(usize::from(bytes[4]), number, "the number of the specification");
        reader.push(&bytes);
        let (back, _) = reader.take::<FromTrainer>().unwrap().unwrap();
        assert_eq!(bytes_of(&back), bytes);
        assert!(!format!("{back:?}").contains("canary"), "{back:?}");
    }
}

#[test]
fn foreign_bytes_never_panic() {
    let mut random = train::random::Random::new(1, 1);
    let mut below = |limit: usize| usize::try_from(random.below(limit as u64)).unwrap();
    let valid = [
        to_trainer().iter().map(bytes_of).collect::<Vec<_>>(),
        from_trainer().iter().map(bytes_of).collect(),
    ]
    .concat();
    for _ in 0..20_000 {
        let mut bytes = valid[below(valid.len())].clone();
        for _ in 0..below(4) {
            let at = below(bytes.len());
            bytes[at] = u8::try_from(below(256)).unwrap();
        }
        for to in [true, false] {
            let mut reader = FrameReader::default();
            reader.push(&bytes);
            if to {
                while let Ok(Some(_)) = reader.take::<ToTrainer>() {}
            } else {
                while let Ok(Some(_)) = reader.take::<FromTrainer>() {}
            }
        }
    }
}

#[test]
fn many_bytes_go_in_parts_and_come_back_whole() {
    let bytes: Vec<u8> = (0..2 * PART_BYTES + 1).map(|place| (place % 251) as u8).collect();
    let mut whole = Whole::default();
    let lengths: Vec<usize> = parts(&bytes)
        .map(|part| {
            whole.push(&part).unwrap();
            part.0.reveal().len()
        })
        .collect();
    assert_eq!(lengths, [PART_BYTES, PART_BYTES, 1]);
    assert_eq!(whole.take().reveal(), bytes);
    assert!(whole.take().reveal().is_empty());
}
