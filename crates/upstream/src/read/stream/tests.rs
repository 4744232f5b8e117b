use engine::request::TokenBytes;
use serde_json::{Value, json};

use super::*;

fn expect() -> Expect {
    Expect {
        form: Form::Chat,
        model: Some("m".to_owned()),
        choices: 1,
        tokens_max: None,
        total_tokens_max: Some(100),
        prompt_tokens: 9,
        logprobs: None,
        tools: false,
        event_bytes_max: 64 * 1024,
    }
}

/// Returns a stream of these chunks; a text is the data itself.
fn stream(chunks: &[Value]) -> String {
    let data = chunks.iter().map(|chunk| match chunk {
        Value::String(data) => format!("data: {data}\n\n"),
        other => format!("data: {other}\n\n"),
    });
    data.collect()
}

/// Returns the events in short words, and the failure that ended them.
fn read(expect: Expect, bytes: &str) -> (Vec<String>, Option<Failure>) {
    let mut stream = Stream::new(expect);
    let outcome = stream.push(bytes.as_bytes()).and_then(|()| stream.end());
    let events = std::iter::from_fn(|| stream.next_event()).map(|event| word(&event));
    (events.collect(), outcome.err())
}

fn word(event: &Event) -> String {
    match event {
        Event::Accepted { prompt_tokens: 0, cached_tokens: 0 } => "accepted".to_owned(),
        Event::Delta { choice, text, logprobs } => {
            let tokens = logprobs.iter().map(|one| {
                let top: Vec<_> = one.top.iter().map(|(token, p)| (shown(token), *p)).collect();
                format!(" {}={} {top:?}", shown(&one.token), one.logprob)
            });
            format!("{choice}:{}{}", text.0.reveal(), tokens.collect::<String>())
        }
        Event::Reasoning { choice, text } => format!("{choice}?{}", text.0.reveal()),
        Event::ToolStart { choice, index, name } => format!("{choice}.{index} {name}("),
        Event::ToolArguments { choice, index, text } => {
            format!("{choice}.{index} {}", text.0.reveal())
        }
        Event::Finished { choice, reason, completion_tokens: 0 } => format!("{choice} {reason:?}"),
        Event::Counted { prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens } => {
            format!("{prompt_tokens}/{cached_tokens}+{completion_tokens}/{reasoning_tokens}")
        }
        Event::Done => "done".to_owned(),
        other @ (Event::Accepted { .. }
        | Event::Finished { .. }
        | Event::Embedding { .. }
        | Event::Judged { .. }
        | Event::Words { .. }
        | Event::Read { .. }
        | Event::Failed(_)) => panic!("{other:?}"),
    }
}

fn shown(token: &TokenBytes) -> String {
    String::from_utf8_lossy(&token.0).into_owned()
}

fn delta(delta: Value) -> Value {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": delta }] })
}

fn finish(reason: &str) -> Value {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn usage(prompt: u64, completion: u64) -> Value {
    let usage = json!({ "prompt_tokens": prompt, "completion_tokens": completion });
    json!({ "model": "m", "choices": [], "usage": usage })
}

fn done() -> Value {
    json!("[DONE]")
}

fn answered(chunks: &[Value]) -> Vec<String> {
    let (events, failure) = read(expect(), &stream(chunks));
    assert_eq!(failure, None);
    events
}

fn failed(expect: Expect, chunks: &[Value]) -> Failure {
    read(expect, &stream(chunks)).1.unwrap()
}

#[test]
fn a_chat_gives_its_events_in_order() {
    let events = answered(&[
        delta(json!({ "role": "assistant", "content": "" })),
        delta(json!({ "reasoning_content": "hm" })),
        delta(json!({ "content": "he" })),
        delta(json!({ "content": "llo" })),
        finish("stop"),
        usage(3, 5),
        done(),
    ]);
    assert_eq!(events, ["accepted", "0?hm", "0:he", "0:llo", "0 Stop", "3/0+5/0", "done"]);
}

#[test]
fn the_pieces_of_the_stream_change_nothing() {
    let chunks = [delta(json!({ "content": "grüße" })), finish("length"), usage(3, 5), done()];
    let bytes = stream(&chunks).replace('\n', "\r\n");
    let whole = read(expect(), &bytes);
    assert_eq!(whole.1, None);
    for cut in 0..bytes.len() {
        let mut stream = Stream::new(expect());
        let (first, second) = bytes.as_bytes().split_at(cut);
        stream.push(first).unwrap();
        stream.push(second).unwrap();
        stream.end().unwrap();
        let events = std::iter::from_fn(|| stream.next_event()).map(|event| word(&event));
        assert_eq!(events.collect::<Vec<_>>(), whole.0, "cut at {cut}");
    }
}

#[test]
fn azures_and_llama_servers_own_parts_are_skipped() {
    let filter = json!({ "hate": { "filtered": false, "severity": "safe" } });
    let azure = Expect { model: None, ..expect() };
    let chunks = [
        json!({ "choices": [], "created": 0, "id": "", "model": "", "object": "",
                "prompt_filter_results": [{ "prompt_index": 0, "content_filter_results": filter }] }),
        json!({ "model": "gpt-4o-2024-08-06", "usage": null,
                "choices": [{ "index": 0, "delta": { "content": "a", "refusal": null },
                              "content_filter_results": filter, "finish_reason": null,
                              "logprobs": null }] }),
        json!({ "model": "gpt-4o-2024-08-06",
                "choices": [{ "index": 0, "delta": {}, "finish_reason": "content_filter" }] }),
        json!({ "model": "gpt-4o-2024-08-06",
                "choices": [{ "index": 0, "content_filter_offsets": { "check_offset": 1 } }] }),
        json!({ "model": "gpt-4o-2024-08-06", "choices": [], "timings": { "prompt_n": 1 },
                "usage": { "prompt_tokens": 3, "completion_tokens": 5,
                           "prompt_tokens_details": { "cached_tokens": 2 },
                           "completion_tokens_details": { "reasoning_tokens": 4 } } }),
        done(),
    ];
    let (events, failure) = read(azure.clone(), &stream(&chunks));
    assert_eq!(
        (failure, events),
        (
            None,
            vec![
                "accepted".to_owned(),
                "0:a".to_owned(),
                "0 ContentFilter".to_owned(),
                "3/2+5/4".to_owned(),
                "done".to_owned(),
            ]
        )
    );
    let mut reader = Stream::new(azure);
    reader.push(stream(&chunks[..1]).as_bytes()).unwrap();
    assert!(!reader.has_event(), "the first chunk is no beginning of the answer");
    reader.push(stream(&chunks[1..2]).as_bytes()).unwrap();
    assert_eq!(reader.model(), Some("gpt-4o-2024-08-06"));
}

#[test]
fn calls_get_indexes_of_their_own() {
    let call = |call: Value| delta(json!({ "tool_calls": [call] }));
    let with_tools = || Expect { tools: true, ..expect() };
    let openai = [
        call(json!({ "index": 0, "id": "a", "type": "function",
                     "function": { "name": "f", "arguments": "" } })),
        call(json!({ "index": 0, "function": { "arguments": "{" } })),
        call(json!({ "index": 0, "function": { "arguments": "}" } })),
        call(json!({ "index": 1, "id": "b", "function": { "name": "g", "arguments": "{}" } })),
        finish("tool_calls"),
        usage(3, 5),
        done(),
    ];
    let (events, failure) = read(with_tools(), &stream(&openai));
    assert_eq!(failure, None);
    let calls = ["0.0 f(", "0.0 {", "0.0 }", "0.1 g(", "0.1 {}", "0 ToolCalls"];
    assert_eq!(events[1..7], calls);
    // Programs that send each call whole: with index 0, or without one.
    for index in [json!(0), Value::Null] {
        let whole = [
            call(
                json!({ "index": index, "id": "a", "function": { "name": "f", "arguments": "{}" } }),
            ),
            call(
                json!({ "index": index, "id": "b", "function": { "name": "f", "arguments": "[]" } }),
            ),
            finish("stop"),
            usage(3, 5),
            done(),
        ];
        let (events, failure) = read(with_tools(), &stream(&whole));
        assert_eq!(failure, None);
        assert_eq!(events[1..5], ["0.0 f(", "0.0 {}", "0.1 f(", "0.1 []"]);
    }
    // A program that repeats the name in each piece.
    let again =
        call(json!({ "index": 0, "id": "a", "function": { "name": "f", "arguments": "{" } }));
    let (events, _) = read(with_tools(), &stream(&[again.clone(), again]));
    assert_eq!(events, ["accepted", "0.0 f(", "0.0 {", "0.0 {"]);
}

#[test]
fn wrong_calls_are_malformed() {
    let call = |call: Value| delta(json!({ "tool_calls": [call] }));
    let with_tools = || Expect { tools: true, ..expect() };
    let named = |name: &str| call(json!({ "index": 0, "function": { "name": name } }));
    for chunk in [
        named("no blanks"),
        named(&"n".repeat(200)),
        call(json!({ "index": 0, "function": { "arguments": "{}" } })),
        call(json!({ "index": 1, "function": { "name": "f" } })),
        call(json!({ "index": -1, "function": { "name": "f" } })),
    ] {
        assert_eq!(failed(with_tools(), &[chunk]), Failure::Malformed);
    }
    assert_eq!(failed(expect(), &[named("f")]), Failure::Malformed, "no tools were offered");
    let many: Vec<Value> = (0..200)
        .map(|index| call(json!({ "index": index, "function": { "name": "f" } })))
        .collect();
    assert_eq!(failed(with_tools(), &many), Failure::Malformed);
}

#[test]
fn log_probabilities_come_in_both_forms_and_never_beyond_the_request() {
    let chat = json!({ "model": "m", "choices": [{ "index": 0, "delta": { "content": "a" },
        "logprobs": { "content": [
            { "token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [
                { "token": "a", "logprob": -0.5 }, { "token": "b", "logprob": -1.5, "bytes": [98] },
            ] },
        ] } }] });
    let with = |top| Expect { logprobs: top, ..expect() };
    let first = |expect: Expect, chunk: &Value| {
        read(expect, &stream(std::slice::from_ref(chunk))).0.last().unwrap().clone()
    };
    assert_eq!(first(with(Some(1)), &chat), r#"0:a a=-0.5 [("a", -0.5)]"#);
    assert_eq!(first(with(None), &chat), "0:a");
    let older = json!({ "model": "m", "choices": [{ "index": 0, "text": "a",
        "logprobs": { "tokens": ["a"], "token_logprobs": [-0.5], "text_offset": [0],
                      "top_logprobs": [{ "c": -2.5, "a": -0.5, "b": -1.5 }] } }] });
    let plain = Expect { form: Form::Completion, ..with(Some(2)) };
    assert_eq!(first(plain, &older), r#"0:a a=-0.5 [("a", -0.5), ("b", -1.5)]"#);
    for logprobs in [
        json!({ "content": [{ "token": "a", "logprob": 1e300 }] }),
        json!({ "tokens": ["a"], "token_logprobs": [] }),
        json!({ "tokens": ["a"], "token_logprobs": [0.0], "top_logprobs": [{ "a": "canary" }] }),
    ] {
        let chunk = json!({ "model": "m", "choices": [{ "index": 0, "logprobs": logprobs }] });
        assert_eq!(failed(with(Some(2)), &[chunk]), Failure::Malformed);
    }
}

#[test]
fn plain_completions_and_several_choices_are_read() {
    let piece = |index: u32, text: &str, finish: Value| json!({ "model": "m", "choices": [{ "index": index, "text": text, "finish_reason": finish }] });
    let chunks = [
        piece(1, "b", Value::Null),
        piece(0, "a", json!("stop")),
        piece(1, "", json!("length")),
        usage(3, 5),
        done(),
    ];
    let expect = Expect { form: Form::Completion, choices: 2, ..expect() };
    let (events, failure) = read(expect.clone(), &stream(&chunks));
    assert_eq!(failure, None);
    assert_eq!(events, ["accepted", "1:b", "0:a", "0 Stop", "1 Length", "3/0+5/0", "done"]);
    assert_eq!(failed(expect, &[chunks[1].clone(), done()]), Failure::CutShort, "one is missing");
}

#[test]
fn another_model_is_refused() {
    let other = json!({ "model": "other", "choices": [] });
    assert_eq!(failed(expect(), std::slice::from_ref(&other)), Failure::OtherModel);
    let unnamed = Expect { model: None, ..expect() };
    let same = delta(json!({ "content": "a" }));
    assert_eq!(failed(unnamed.clone(), &[same, other]), Failure::OtherModel, "within an answer");
    for name in ["no\nbreaks".to_owned(), "n".repeat(300), "größe".to_owned()] {
        let chunk = json!({ "model": name, "choices": [] });
        assert_eq!(failed(unnamed.clone(), &[chunk]), Failure::OtherModel);
    }
    let nameless = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    assert_eq!(read(expect(), &stream(&[nameless, usage(3, 5), done()])).1, None);
}

#[test]
fn an_answer_without_its_end_is_cut_short() {
    let (text, stop) = (delta(json!({ "content": "a" })), finish("stop"));
    for chunks in [
        vec![],
        vec![done()],
        vec![text.clone()],
        vec![text.clone(), done()],
        vec![text.clone(), usage(3, 5)],
        vec![text.clone(), stop.clone()],
    ] {
        assert_eq!(failed(expect(), &chunks), Failure::CutShort, "{chunks:?}");
    }
    let counted = [text.clone(), stop.clone(), usage(3, 5)];
    assert_eq!(read(expect(), &stream(&counted)).1, None, "the usage is the last part");
    let unfinished = format!("{}data: [DONE]", stream(&[text, stop]));
    assert_eq!(read(expect(), &unfinished).1, None, "only the line feeds are missing");
}

#[test]
fn tokens_are_estimated_and_flagged_if_the_engine_reports_none() {
    let texts = [
        delta(json!({ "content": "four" })),
        delta(json!({ "reasoning": "and eight bytes" })),
        finish("stop"),
    ];
    for reported in [vec![], vec![usage(0, 0)], vec![usage(3, 0)]] {
        let chunks = [&texts[..], &reported, &[done()]].concat();
        let mut reader = Stream::new(expect());
        reader.push(stream(&chunks).as_bytes()).unwrap();
        assert!(reader.is_estimated());
        let words: Vec<String> =
            std::iter::from_fn(|| reader.next_event()).map(|event| word(&event)).collect();
        assert!(words.contains(&"9/0+5/0".to_owned()), "{words:?}");
    }
    let mut reader = Stream::new(expect());
    reader.push(stream(&[finish("stop"), usage(3, 0), done()]).as_bytes()).unwrap();
    assert!(!reader.is_estimated(), "no text has no tokens");
}

#[test]
fn more_than_the_request_allows_is_refused() {
    let expect = || Expect { tokens_max: Some(4), ..expect() };
    let stop = [finish("stop")];
    let reported = |tokens| [&stop[..], &[usage(3, tokens), done()]].concat();
    assert_eq!(read(expect(), &stream(&reported(24))).1, None, "2 times 4, and 16");
    assert_eq!(failed(expect(), &reported(25)), Failure::TooMuch);
    let pieces = vec![delta(json!({ "content": "a" })); 25];
    assert_eq!(failed(expect(), &pieces), Failure::TooMuch);
    let long = delta(json!({ "content": "a".repeat(24 * 512 + 1) }));
    assert_eq!(failed(expect(), &[long]), Failure::TooMuch);
    let total = |prompt, completion| [&stop[..], &[usage(prompt, completion), done()]].concat();
    assert_eq!(read(expect(), &stream(&total(90, 10))).1, None);
    assert_eq!(failed(expect(), &total(91, 10)), Failure::Implausible);
    let unknown = Expect { total_tokens_max: None, ..expect() };
    assert_eq!(failed(unknown, &total(1 << 40, 10)), Failure::Implausible);
}

#[test]
fn anything_else_is_malformed() {
    let choice = |choice: Value| json!({ "model": "m", "choices": [choice] });
    let good = delta(json!({ "content": "a" }));
    for chunks in [
        vec![json!("canary")],
        vec![json!({})],
        vec![json!({ "choices": null })],
        vec![json!([1])],
        vec![choice(json!({ "index": 1, "delta": {} }))],
        vec![choice(json!({ "index": 0, "text": "canary" }))],
        vec![delta(json!({ "role": "user" }))],
        vec![delta(json!({ "content": ["canary"] }))],
        vec![finish("canary")],
        vec![finish("stop"), good.clone()],
        vec![finish("stop"), finish("length")],
        vec![json!(format!("{}{}", good, good))],
        vec![json!("[".repeat(10_000))],
    ] {
        let failure = failed(expect(), &chunks);
        assert_eq!(failure, Failure::Malformed, "{chunks:?}");
        assert!(!format!("{failure} {failure:?}").contains("canary"));
    }
    assert_eq!(failed(expect(), &[finish("abort")]), Failure::Failed);
    let error = json!({ "error": { "message": "canary", "code": 500 } });
    assert_eq!(failed(expect(), &[good.clone(), error]), Failure::Failed);
    let long = delta(json!({ "content": "a".repeat(70_000) }));
    assert_eq!(failed(expect(), &[long]), Failure::TooLong);
    let twice = [good, finish("stop"), finish("stop"), usage(3, 5), done()];
    assert_eq!(read(expect(), &stream(&twice)).1, None, "the same end twice");
}
