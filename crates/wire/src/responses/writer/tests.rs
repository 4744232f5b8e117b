use engine::request::{FinishReason, Refusal, TokenBytes};
use serde_json::{Value, json};

use super::*;
use crate::{
    answer::Collected,
    filter::Annotations,
    responses::{parse, response::Head},
};

fn made() -> Made {
    let outline = parse(br#"{"input": "a"}"#).unwrap().outline(true, false);
    let id = format!("resp_{}", "ab".repeat(16));
    Made::new(Head { id, created_at: 5, model: "m".to_owned(), outline })
}

fn text(text: &str) -> Text {
    Text::from(text.to_owned())
}

fn accepted() -> Event {
    Event::Accepted { prompt_tokens: 3, cached_tokens: 1 }
}

fn delta(said: &str) -> Event {
    Event::Delta { choice: 0, text: text(said), logprobs: Vec::new() }
}

fn finished(reason: FinishReason) -> Event {
    Event::Finished { choice: 0, reason, completion_tokens: 4 }
}

fn start(index: u32, name: &str) -> Event {
    Event::ToolStart { choice: 0, index, name: name.to_owned() }
}

fn arguments(index: u32, said: &str) -> Event {
    Event::ToolArguments { choice: 0, index, text: text(said) }
}

fn lines(out: &BytesMut) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    let event = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"]);
        data
    };
    text.split_terminator("\n\n").map(event).collect()
}

fn stream(events: &[Event]) -> Vec<Value> {
    let (mut writer, mut usage) = (ResponseWriter::new(made()), Usage::default());
    let mut out = BytesMut::new();
    for event in events {
        writer.event(event, None, &mut usage, &mut out);
    }
    writer.close(&usage, 9, &mut out);
    let lines = lines(&out);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["sequence_number"], number);
    }
    lines
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["type"].as_str().unwrap()).collect()
}

#[test]
fn a_text_has_all_events_in_order() {
    let lines = stream(&[accepted(), delta("a"), delta("b"), finished(FinishReason::Stop)]);
    assert_eq!(
        kinds(&lines),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(lines[2]["item"]["content"], json!([]));
    assert_eq!(lines[6]["text"], "ab");
    let last = &lines[9]["response"];
    assert_eq!(last["status"], "completed");
    assert_eq!(last["output"], json!([lines[8]["item"]]));
    assert_eq!(last["output"][0]["content"][0]["text"], "ab");
    assert_eq!((&last["usage"]["input_tokens"], &last["completed_at"]), (&json!(3), &json!(9)));
    assert_eq!(lines[0]["response"]["status"], "in_progress");
    assert_eq!(lines[0]["response"]["usage"], json!(null));
}

#[test]
fn reasoning_text_and_calls_are_items_of_their_own() {
    let lines = stream(&[
        accepted(),
        Event::Reasoning { choice: 0, text: text("why") },
        delta("a"),
        start(0, "f"),
        arguments(0, "{}"),
        start(1, "g"),
        arguments(1, "{\"a\""),
        arguments(1, ":1}"),
        finished(FinishReason::ToolCalls),
    ]);
    let last = lines.last().unwrap();
    let output = last["response"]["output"].as_array().unwrap();
    let kinds: Vec<_> = output.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "function_call"]);
    assert_eq!(output[3]["arguments"], "{\"a\":1}");
    assert_ne!(output[2]["call_id"], output[3]["call_id"]);
    let added: Vec<_> =
        lines.iter().filter(|line| line["type"] == "response.output_item.added").collect();
    let indices: Vec<_> = added.iter().map(|line| line["output_index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [0, 1, 2, 3]);
    for (item, added) in output.iter().zip(added) {
        assert_eq!(item["id"], added["item"]["id"]);
    }
}

#[test]
fn calls_that_arrive_together_stay_apart() {
    let lines = stream(&[
        accepted(),
        start(0, "f"),
        arguments(0, "{\"a\":"),
        start(1, "g"),
        arguments(1, "{}"),
        arguments(0, "1}"),
        finished(FinishReason::ToolCalls),
    ]);
    let output = &lines.last().unwrap()["response"]["output"];
    assert_eq!((&output[0]["name"], &output[0]["arguments"]), (&json!("f"), &json!("{\"a\":1}")));
    assert_eq!((&output[1]["name"], &output[1]["arguments"]), (&json!("g"), &json!("{}")));
}

#[test]
fn an_answer_that_is_cut_says_why() {
    for (reason, word) in [
        (FinishReason::Length, "max_output_tokens"),
        (FinishReason::ContentFilter, "content_filter"),
    ] {
        let lines = stream(&[accepted(), delta("a"), finished(reason)]);
        let last = lines.last().unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], word);
        assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    }
    let mut writer = ResponseWriter::new(made());
    let (mut out, mut usage) = (BytesMut::new(), Usage::default());
    writer.event(&accepted(), None, &mut usage, &mut out);
    writer.event(&delta("a"), None, &mut usage, &mut out);
    writer.event(&Event::Failed(Refusal::WorkerDied), None, &mut usage, &mut out);
    writer.fail("server_error", "It broke.", None, &mut out);
    let lines = lines(&out);
    let last = kinds(&lines);
    assert_eq!(last[last.len() - 1], "response.failed");
    let error = lines.iter().find(|line| line["type"] == "error").unwrap();
    assert_eq!(error["message"], "It broke.");
    let failed = &lines.last().unwrap()["response"];
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("failed"), &json!("server_error"))
    );
}

#[test]
fn a_stream_and_a_whole_answer_say_the_same() {
    let token = TokenLogprob {
        token: TokenBytes(b"a".to_vec()),
        logprob: -0.5,
        top: vec![(TokenBytes(b"a".to_vec()), -0.5)],
    };
    let events = || {
        vec![
            accepted(),
            Event::Delta { choice: 0, text: text("a"), logprobs: vec![token.clone()] },
            start(0, "f"),
            arguments(0, "{}"),
            finished(FinishReason::ToolCalls),
        ]
    };
    let streamed = stream(&events()).pop().unwrap()["response"].take();
    let (mut collected, mut usage) = (Collected::new(1), Usage::default());
    for event in events() {
        collected.add(event, &mut usage).unwrap();
    }
    let choice = collected.choices().pop().unwrap();
    let mut whole = made();
    whole.complete(choice, true, usage, &Annotations::default(), 9);
    assert_eq!(serde_json::to_value(whole.response()).unwrap(), streamed);
    assert_eq!(streamed["output"][0]["content"][0]["logprobs"][0]["token"], "a");
}

#[test]
fn a_blocked_answer_has_no_output() {
    let (mut collected, mut usage) = (Collected::new(1), Usage::default());
    for event in [accepted(), delta("a"), finished(FinishReason::Stop)] {
        collected.add(event, &mut usage).unwrap();
    }
    let finding = crate::filter::Finding {
        name: "hate",
        filtered: true,
        value: crate::filter::Value::Severity("high"),
    };
    let choices = vec![Checked::Results([finding].into_iter().collect())];
    let annotations = Annotations { prompts: vec![Checked::nothing()], choices };
    let choice = collected.choices().pop().unwrap();
    let mut whole = made();
    whole.complete(choice, false, usage, &annotations, 9);
    let response = serde_json::to_value(whole.response()).unwrap();
    assert_eq!((&response["status"], &response["output"]), (&json!("incomplete"), &json!([])));
    assert_eq!(
        response["content_filters"],
        json!([{"blocked": true, "source_type": "completion", "content_filter_raw": [],
            "content_filter_results": {"hate": {"filtered": true, "severity": "high"}}}])
    );
}
