//! Decodes foreign bytes: whole, in pieces, cut off, too long, and random.

use super::*;
use crate::{
    fixtures::{permit, spec},
    request::{
        Answer, Constraint, Embed, EmbedInput, Extras, FinishReason, Generate, Judge, Label,
        Message, Piece, Prompt, Refusal, Role, Sampling, Text, TokenBytes, TokenLogprob, Tool,
        ToolCall, ToolChoice,
    },
};

fn text(text: &str) -> Text {
    Text::from(text.to_owned())
}

fn scope() -> CacheScope {
    CacheScope::of(&permit(), true)
}

fn to_worker() -> Vec<ToWorker> {
    let message = Message {
        role: Role::Assistant,
        name: Some(text("ann")),
        content: text("grüß dich 😀"),
        tool_calls: vec![ToolCall { id: text("c1"), name: text("f"), arguments: text("{}") }],
        tool_call_id: None,
        parts: Vec::new(),
    };
    let tool = Tool {
        name: "f".into(),
        description: Some(text("does")),
        parameters: text("{}"),
        strict: false,
    };
    let chat = Prompt::Chat { messages: vec![message], tools: vec![tool] };
    let middle = Prompt::Middle { prefix: text("a"), suffix: text("b") };
    let named = Constraint::Tools {
        choice: ToolChoice::Named("f".into()),
        parallel: true,
        answer: Answer::Free,
    };
    let answer = Answer::JsonSchema { schema: text("{}"), strict: true };
    let either = Constraint::Tools { choice: ToolChoice::Auto, parallel: false, answer };
    let generate = |prompt, constraint| Generate {
        prompt,
        choices: 2,
        tokens_max: Some(16),
        stop: vec![text("\n\n")],
        sampling: Sampling {
            temperature: 0.7,
            top_p: 0.9,
            frequency_penalty: 0.0,
            presence_penalty: -1.0,
            logit_bias: vec![(7, -100.0)],
            seed: u64::MAX,
            top_k: 40,
            min_p: 0.05,
            repeat_penalty: 1.1,
        },
        logprobs: Some(3),
        constraint,
        extras: Extras::default(),
    };
    let embed = Embed { inputs: vec![EmbedInput::Text(text("a")), EmbedInput::Tokens(vec![1, 2])] };
    let judge = Judge {
        pieces: vec![Piece::Text(text("a")), Piece::Markup("<|im_end|>".into())],
        labels: vec![vec!["Yes".into(), "yes".into()], vec!["No".into()]],
    };
    let label = Label { texts: vec![vec![text("Ann"), text("Lee")], vec![]] };
    vec![
        ToWorker::Start(StartSpec::Serve(spec())),
        ToWorker::Start(StartSpec::Inspect("/models/a.gguf".into())),
        ToWorker::Submit {
            id: 1,
            scope: scope(),
            work: Work::Generate(Box::new(generate(chat, either))),
        },
        ToWorker::Submit { id: 2, scope: scope(), work: Work::Embed(embed) },
        ToWorker::Cancel { id: u64::MAX },
        ToWorker::Ping { number: 300 },
        ToWorker::Submit {
            id: 3,
            scope: scope(),
            work: Work::Generate(Box::new(generate(middle, named))),
        },
        ToWorker::Start(StartSpec::Serve(WorkerSpec {
            gpu: Some(Gpu { layers: 33, device: Device::Named("Vulkan0".into()) }),
            duty: Duty::Judge,
            adapter: None,
            ..spec()
        })),
        ToWorker::Submit { id: 4, scope: scope(), work: Work::Judge(judge) },
        ToWorker::Submit { id: 5, scope: scope(), work: Work::Read(vec![vec![1, 300], vec![]]) },
        ToWorker::Start(StartSpec::Serve(WorkerSpec { duty: Duty::Label, ..spec() })),
        ToWorker::Submit { id: 6, scope: scope(), work: Work::Label(label) },
    ]
}

fn from_worker() -> Vec<FromWorker> {
    let facts = ModelFacts {
        architecture: "llama".into(),
        name: None,
        license: None,
        parameters: 134_515_008,
        context_train: 2048,
        embedding_length: 576,
        vocabulary: 49152,
        generates: true,
        chat_template: true,
    };
    let model = LoadedModel {
        facts,
        context: 2048,
        template: vec![TemplateNote {
            what: "system turns".into(),
            works: Works::Otherwise,
            how: "folded".into(),
        }],
        devices: vec!["Vulkan0: a card".into()],
    };
    let confinement = Confinement {
        landlock_abi: 7,
        seccomp: true,
        memory_locked: false,
        attempts: vec![("socket".into(), "EPERM".into())],
    };
    let token = TokenLogprob {
        token: TokenBytes(vec![0xf0, 0x9f]),
        logprob: -0.5,
        top: vec![(TokenBytes(vec![0x98]), -1.5)],
    };
    let event = |event| FromWorker::Event { id: 3, event };
    vec![
        FromWorker::Loading(0.25),
        FromWorker::Ready { model, confinement },
        FromWorker::Unsuitable("no such file".into()),
        event(Event::Accepted { prompt_tokens: 9, cached_tokens: 4 }),
        event(Event::Delta { choice: 0, text: text("hi"), logprobs: vec![token] }),
        event(Event::ToolStart { choice: 0, index: 1, name: "f".into() }),
        event(Event::ToolArguments { choice: 0, index: 1, text: text("{\"a\":") }),
        event(Event::Finished { choice: 0, reason: FinishReason::Stop, completion_tokens: 5 }),
        event(Event::Embedding { index: 0, vector: vec![0.5, f32::NAN] }),
        event(Event::Done),
        event(Event::Failed(Refusal::ContextLength { limit: 10, asked: 20 })),
        FromWorker::Pong { number: 300 },
        event(Event::Read { index: 1, text: text("a") }),
        event(Event::Judged { logprobs: vec![-0.25, f32::NEG_INFINITY] }),
        event(Event::Words { text: 1, first: 300, vectors: vec![0.5, -0.25] }),
    ]
}

/// Compares bytes instead of values, because content has no equality.
fn bytes_of<T: Serialize>(message: &T) -> Vec<u8> {
    let mut out = Zeroizing::new(Vec::new());
    encode(message, &mut out).unwrap();
    out.to_vec()
}

fn round_trip<T: Serialize + DeserializeOwned>(messages: &[T]) {
    for message in messages {
        let bytes = bytes_of(message);
        let again: T = decode(&bytes[4..]).unwrap();
        assert_eq!(bytes_of(&again), bytes);
        for cut in 4..bytes.len() {
            assert!(decode::<T>(&bytes[4..cut]).is_err(), "cut at {cut} of {}", bytes.len());
        }
        let longer = [&bytes[4..], &[0]].concat();
        assert_eq!(decode::<T>(&longer).err(), Some(BadFrame::Malformed));
    }
}

#[test]
fn every_message_survives_the_trip_and_no_part_of_one_is_a_message() {
    round_trip(&to_worker());
    round_trip(&from_worker());
}

#[test]
fn a_stream_is_cut_into_messages_wherever_its_pieces_end() {
    let mut stream = Zeroizing::new(Vec::new());
    for message in from_worker() {
        encode(&message, &mut stream).unwrap();
    }
    for piece in [1, 2, 3, 5, 7, 64, 4096] {
        let mut reader = FrameReader::default();
        let mut seen = Zeroizing::new(Vec::new());
        for bytes in stream.chunks(piece) {
            reader.push(bytes);
            while let Some((message, length)) = reader.take::<FromWorker>().unwrap() {
                assert_eq!(encode(&message, &mut seen).unwrap(), length);
            }
        }
        assert_eq!(*seen, *stream, "pieces of {piece}");
        assert!(reader.buffer.iter().all(|byte| *byte == 0), "used bytes are overwritten");
    }
}

#[test]
fn a_frame_that_says_it_is_too_long_is_refused_before_any_of_it_arrives() {
    let mut reader = FrameReader::default();
    reader.push(&u32::MAX.to_le_bytes());
    let refused = reader.take::<FromWorker>().unwrap_err();
    assert_eq!(refused, BadFrame::TooLong { bytes: 0xffff_ffff });
    assert!(refused.to_string().contains("FRAME_BYTES_MAX"));
    assert!(reader.buffer.capacity() < CHUNK_BYTES);
}

#[test]
fn a_message_that_is_too_long_is_not_sent() {
    let inputs = vec![EmbedInput::Text(Text::from("x".repeat(FRAME_BYTES_MAX)))];
    let work = Work::Embed(Embed { inputs });
    let mut out = Zeroizing::new(b"before".to_vec());
    let refused = encode(&ToWorker::Submit { id: 1, scope: scope(), work }, &mut out);
    assert!(matches!(refused, Err(BadFrame::TooLong { .. })));
    assert_eq!(*out, b"before");
}

#[test]
fn a_path_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"/models/\xff"));
    let mut out = Zeroizing::new(Vec::new());
    let refused = encode(&ToWorker::Start(StartSpec::Inspect(path)), &mut out);
    assert_eq!(refused, Err(BadFrame::Unencodable));
    assert!(out.is_empty());
}

/// Random bytes, and messages with changed bytes: no panic, and no memory reserved for an announced
/// length.
#[test]
fn foreign_bytes_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let valid: Vec<_> = to_worker().iter().map(bytes_of).collect();
    let valid = [valid, from_worker().iter().map(bytes_of).collect()].concat();
    for _ in 0..20_000 {
        let mut bytes = if random.below(2) == 0 {
            (0..random.below(64)).map(|_| random.below(256) as u8).collect()
        } else {
            valid[random.below(valid.len())].clone()
        };
        for _ in 0..random.below(4) {
            if !bytes.is_empty() {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
        }
        let body = bytes.get(4..).unwrap_or_default();
        drop(decode::<ToWorker>(body));
        drop(decode::<FromWorker>(body));
        let mut reader = FrameReader::default();
        reader.push(&bytes);
        while let Ok(Some(_)) = reader.take::<FromWorker>() {}
    }
}

/// A xorshift generator: the same bytes on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// The examples of docs/spec/worker-protocol.md.
#[test]
fn the_examples_of_the_specification_hold() {
    let event = |event| FromWorker::Event { id: 7, event };
    let delta = event(Event::Delta { choice: 0, text: text("hi"), logprobs: vec![] });
    assert_eq!(bytes_of(&ToWorker::Cancel { id: 300 }), [3, 0, 0, 0, 2, 0xac, 2]);
    assert_eq!(bytes_of(&ToWorker::Ping { number: 9 }), [2, 0, 0, 0, 3, 9]);
    assert_eq!(bytes_of(&FromWorker::Pong { number: 9 }), [2, 0, 0, 0, 4, 9]);
    assert_eq!(bytes_of(&FromWorker::Loading(0.25)), [5, 0, 0, 0, 0, 0, 0, 0x80, 0x3e]);
    assert_eq!(bytes_of(&delta), [8, 0, 0, 0, 3, 7, 1, 0, 2, 0x68, 0x69, 0]);
    assert_eq!(bytes_of(&event(Event::Done)), [3, 0, 0, 0, 3, 7, 6]);
    let mut reader = FrameReader::default();
    reader.push(&[9, 0, 0, 0, 3, 7, 1, 0, 2, 0x68, 0x69, 0, 3, 0, 0, 0]);
    assert_eq!(reader.take::<FromWorker>().err(), Some(BadFrame::Malformed));
}

/// The numbers of the refusals in docs/spec/worker-protocol.md.
#[test]
fn the_refusals_have_the_numbers_of_the_specification() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/worker-protocol.md");
    let specification = std::fs::read_to_string(path).unwrap();
    let reason = || "r".to_owned();
    for (refusal, name) in [
        (Refusal::WorkerDied, "WorkerDied"),
        (Refusal::PromiseBroken, "PromiseBroken"),
        (Refusal::Engine { reason: reason() }, "Engine"),
        (Refusal::UnknownBias { vocabulary: 1 }, "UnknownBias"),
        (Refusal::ModelFailed { reason: reason() }, "ModelFailed"),
        (Refusal::NoMiddle, "NoMiddle"),
    ] {
        let event = FromWorker::Event { id: 7, event: Event::Failed(refusal) };
        // Length, message, id, event; then the refusal.
        let number = bytes_of(&event)[7];
        assert!(specification.contains(&format!("`{number}` {name}")), "{number} {name}");
    }
}

/// Runs the fuzzer's corpus without the fuzzer, so that its earlier findings stay fixed. After a
/// change of the messages, run `UPDATE_CORPUS=1 cargo test --release -p engine corpus`.
#[test]
fn the_fuzz_corpus_decodes_or_is_refused() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/worker_protocol");
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        let to = to_worker().into_iter().map(|message| bytes_of(&message));
        let from = from_worker().into_iter().map(|message| bytes_of(&message));
        for (name, all) in [("to_worker", to.collect::<Vec<_>>()), ("from_worker", from.collect())]
        {
            let digits = (all.len() - 1).to_string().len();
            for (index, frame) in all.iter().enumerate() {
                let path = format!("{corpus}/{name}_{index:0digits$}");
                std::fs::write(path, &frame[4..]).unwrap();
            }
        }
    }
    let mut decoded = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        decoded += usize::from(decode::<ToWorker>(&bytes).is_ok());
        decoded += usize::from(decode::<FromWorker>(&bytes).is_ok());
    }
    assert!(decoded >= to_worker().len() + from_worker().len(), "{decoded}");
}
