use bytes::BytesMut;
use engine::request::{Event, FinishReason, Text};
use serde_json::json;

use super::*;
use crate::{
    answer::{Collected, Envelope},
    chat::{ChatWriter, response::ChatCompletion},
    completions::{Completion, CompletionWriter},
    embeddings::{EmbeddingList, EncodingFormat},
    error::{ErrorBody, ErrorDetail},
    sse::Writer,
    usage::Usage,
};

fn finding(name: &'static str, filtered: bool, value: Value) -> Finding {
    Finding { name, filtered, value }
}

fn checked(findings: impl IntoIterator<Item = Finding>) -> Checked {
    Checked::Results(findings.into_iter().collect())
}

fn safe() -> Checked {
    checked([finding("hate", false, Value::Severity("safe"))])
}

fn harmful() -> Checked {
    checked([finding("hate", true, Value::Severity("high"))])
}

fn envelope() -> Envelope {
    Envelope {
        id: "chatcmpl-00".to_owned(),
        created: 1,
        model: "m".to_owned(),
        fingerprint: "fp_0".to_owned(),
        tier: None,
    }
}

fn text(choice: u32, text: &str) -> Event {
    Event::Delta { choice, text: Text::from(text.to_owned()), logprobs: Vec::new() }
}

fn accepted() -> Event {
    Event::Accepted { prompt_tokens: 3, cached_tokens: 0 }
}

fn finished(choice: u32) -> Event {
    Event::Finished { choice, reason: FinishReason::Stop, completion_tokens: 2 }
}

#[test]
fn findings_are_sorted_and_have_azures_bytes() {
    let all = checked([
        finding("violence", false, Value::Severity("low")),
        finding("self_harm", true, Value::Severity("medium")),
        finding("jailbreak", true, Value::Detected(true)),
        finding("custom_blocklists", true, Value::Lists(vec![("a".into(), true)])),
    ]);
    assert_eq!(
        serde_json::to_string(&all).unwrap(),
        r#"{"custom_blocklists":{"filtered":true,"details":[{"filtered":true,"id":"a"}]},"jailbreak":{"filtered":true,"detected":true},"self_harm":{"filtered":true,"severity":"medium"},"violence":{"filtered":false,"severity":"low"}}"#
    );
    assert!(all.is_filtered());
    let none = checked([finding("custom_blocklists", false, Value::Lists(Vec::new()))]);
    let none = serde_json::to_string(&none).unwrap();
    assert_eq!(none, r#"{"custom_blocklists":{"filtered":false}}"#);
    assert_eq!(serde_json::to_string(&Checked::nothing()).unwrap(), "{}");
}

#[test]
fn what_was_not_filtered_says_so_and_is_not_blocked() {
    let error =
        r#"{"error":{"code":"content_filter_error","message":"The contents are not filtered"}}"#;
    assert_eq!(serde_json::to_string(&Checked::NotFiltered).unwrap(), error);
    assert!(!Checked::NotFiltered.is_filtered());
}

#[test]
fn the_error_for_a_blocked_prompt_has_azures_bytes() {
    let results = [
        finding("sexual", true, Value::Severity("high")),
        finding("hate", false, Value::Severity("safe")),
    ];
    let error = ErrorDetail::prompt_filtered(results.into_iter().collect());
    assert_eq!(
        serde_json::to_string(&ErrorBody { error }).unwrap(),
        r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false,"severity":"safe"},"sexual":{"filtered":true,"severity":"high"}}}}}"#
    );
}

#[test]
fn other_errors_have_no_field_about_the_filter() {
    let json = |error| serde_json::to_string(&ErrorBody { error }).unwrap();
    let azure = ErrorDetail::new("404", "m".to_owned(), None, None);
    assert_eq!(json(azure), r#"{"error":{"code":"404","message":"m"}}"#);
    let openai = ErrorDetail::new("c", "m".to_owned(), Some("t"), Some("p".to_owned()));
    let wanted = r#"{"error":{"code":"c","message":"m","type":"t","param":"p"}}"#;
    assert_eq!(json(openai), wanted);
}

fn two_choices() -> Collected {
    let (mut collected, mut usage) = (Collected::new(2), Usage::default());
    let call = Event::ToolStart { choice: 1, index: 0, name: "secret".to_owned() };
    for event in [text(0, "good"), text(1, "secret"), call, finished(0), finished(1)] {
        collected.add(event, &mut usage).unwrap();
    }
    collected
}

#[test]
fn a_blocked_choice_loses_all_that_was_said() {
    let annotations =
        Annotations { prompts: vec![safe()], choices: vec![Checked::NotFiltered, harmful()] };
    let (envelope, choices) = (envelope(), two_choices().choices());
    let answer = ChatCompletion::new(&envelope, choices, true, Usage::default(), &annotations);
    let told = serde_json::to_string(&answer).unwrap();
    assert!(!told.contains("secret"), "{told}");
    assert!(told.contains(r#""prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]"#), "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["choices"][1],
        json!({
            "index": 1,
            "message": { "role": "assistant", "content": null, "refusal": null },
            "logprobs": null,
            "finish_reason": "content_filter",
            "content_filter_results": { "hate": { "filtered": true, "severity": "high" } },
        })
    );
    assert_eq!(told["choices"][0]["message"]["content"], "good");
    let error = &told["choices"][0]["content_filter_results"]["error"];
    assert_eq!(error["code"], "content_filter_error");
}

#[test]
fn a_blocked_completion_loses_its_text_and_its_echo() {
    let annotations = Annotations { prompts: vec![safe()], choices: vec![safe(), harmful()] };
    let (envelope, choices) = (envelope(), two_choices().choices());
    let choices = choices.into_iter().map(|choice| ("echo ", choice)).collect();
    let answer = Completion::whole(&envelope, choices, Usage::default(), &annotations);
    let told = serde_json::to_value(&answer).unwrap();
    assert_eq!(told["choices"][0]["text"], "echo good");
    assert_eq!(
        told["choices"][1],
        json!({
            "text": "", "index": 1, "logprobs": null, "finish_reason": "content_filter",
            "content_filter_results": { "hate": { "filtered": true, "severity": "high" } },
        })
    );
    assert_eq!(told["prompt_filter_results"][0]["prompt_index"], 0);
}

#[test]
fn embeddings_have_the_annotations_of_their_inputs() {
    let list = |checked: &[Checked]| {
        let (vectors, usage) = (vec![vec![1.0]], Usage::default());
        let list = EmbeddingList::new("m", vectors, EncodingFormat::Float, usage, checked);
        serde_json::to_value(&list).unwrap()
    };
    let told = list(&[safe(), safe()]);
    assert_eq!(told["prompt_filter_results"][1]["prompt_index"], 1);
    assert_eq!(list(&[]).get("prompt_filter_results"), None);
}

/// Without a filter no answer and no chunk has a field about it.
#[test]
fn without_a_filter_nothing_is_said_about_it() {
    let (envelope, annotations) = (envelope(), Annotations::default());
    let choices = two_choices().choices();
    let answer = ChatCompletion::new(&envelope, choices, false, Usage::default(), &annotations);
    let mut told = serde_json::to_string(&answer).unwrap();
    for mut writer in [chat(false), completions(false)] {
        let mut out = BytesMut::new();
        writer.prompt_results(&[], &mut out);
        assert!(out.is_empty());
        writer.event(&text(0, "a"), None, &mut Usage::default(), &mut out);
        told.push_str(std::str::from_utf8(&out).unwrap());
    }
    assert!(!told.contains("filter"), "{told}");
}

fn chat(include_usage: bool) -> Writer {
    Writer::Chat(ChatWriter { envelope: envelope(), choices: 1, include_usage })
}

fn completions(include_usage: bool) -> Writer {
    Writer::Completions(CompletionWriter::new(envelope(), 2, Vec::new(), include_usage))
}

fn lines(out: &BytesMut) -> Vec<String> {
    let text = std::str::from_utf8(out).unwrap();
    text.split_terminator("\n\n")
        .map(|line| line.strip_prefix("data: ").unwrap().to_owned())
        .collect()
}

#[test]
fn a_stream_in_the_default_mode_has_azures_bytes() {
    let (mut writer, mut usage, mut out) = (chat(true), Usage::default(), BytesMut::new());
    writer.prompt_results(&[safe()], &mut out);
    writer.event(&accepted(), Some(&Checked::nothing()), &mut usage, &mut out);
    writer.event(&text(0, "a"), Some(&safe()), &mut usage, &mut out);
    writer.event(&text(0, "secret"), Some(&harmful()), &mut usage, &mut out);
    let checked = harmful();
    let end = Filtered { choice: 0, checked: &checked, offsets: None, completion_tokens: 2 };
    writer.filtered(end, &mut usage, &mut out);
    writer.close(&usage, 0, &mut out);
    let chunk = |choices: &str, rest: &str| {
        format!(
            r#"{{"id":"chatcmpl-00","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_0","choices":[{choices}]{rest},"usage":null}}"#
        )
    };
    let wanted = [
        chunk(
            "",
            r#","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]"#,
        ),
        chunk(
            r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null,"content_filter_results":{}}"#,
            "",
        ),
        chunk(
            r#"{"index":0,"delta":{"content":"a"},"logprobs":null,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}"#,
            "",
        ),
        chunk(
            r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":true,"severity":"high"}}}"#,
            "",
        ),
    ];
    let told = lines(&out);
    assert_eq!(told[..4], wanted);
    assert_eq!(told.len(), 6, "the blocked text has no chunk");
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (3, 2));
}

#[test]
fn a_stream_in_the_asynchronous_mode_annotates_what_went_out() {
    let (mut writer, mut usage, mut out) = (chat(false), Usage::default(), BytesMut::new());
    let offsets = Offsets { check_offset: 44, start_offset: 44, end_offset: 198 };
    writer.event(&text(0, "a"), None, &mut usage, &mut out);
    writer.annotate(0, &safe(), offsets, &mut out);
    let (checked, offsets) = (harmful(), Some(offsets));
    let end = Filtered { choice: 0, checked: &checked, offsets, completion_tokens: 1 };
    writer.filtered(end, &mut usage, &mut out);
    let choice = |line: &String| {
        line.split_once(r#""choices":["#).unwrap().1.strip_suffix("]}").unwrap().to_owned()
    };
    let told: Vec<_> = lines(&out).iter().map(choice).collect();
    let wanted = [
        r#"{"index":0,"delta":{"content":"a"},"logprobs":null,"finish_reason":null}"#,
        r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":198}}"#,
        r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":true,"severity":"high"}},"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":198}}"#,
    ];
    assert_eq!(told, wanted);
}

#[test]
fn prompts_and_choices_of_a_stream_are_numbered_over_all_prompts() {
    let (mut writer, mut usage, mut out) = (completions(false), Usage::default(), BytesMut::new());
    writer.prompt_results(&[safe()], &mut out);
    writer.next_prompt();
    writer.prompt_results(&[safe()], &mut out);
    writer.event(&text(1, "b"), Some(&safe()), &mut usage, &mut out);
    let checked = harmful();
    let end = Filtered { choice: 0, checked: &checked, offsets: None, completion_tokens: 1 };
    writer.filtered(end, &mut usage, &mut out);
    let told: Vec<serde_json::Value> =
        lines(&out).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let prompt = |at: usize| &told[at]["prompt_filter_results"][0]["prompt_index"];
    assert_eq!((prompt(0), prompt(1)), (&json!(0), &json!(1)));
    assert_eq!(told[2]["choices"][0]["index"], 3);
    let blocked = json!({
        "text": "", "index": 2, "logprobs": null, "finish_reason": "content_filter",
        "content_filter_results": { "hate": { "filtered": true, "severity": "high" } },
    });
    assert_eq!(told[3]["choices"][0], blocked);
}
