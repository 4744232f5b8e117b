use serde_json::{Value, json};

use super::super::{
    Answer, Desk,
    act::Asked,
    outcome,
    testing::{HOSTILE, check, hostile, visit},
};
use super::talk::{Piece, Turn, answered, asked};
use crate::{format::Query, words::Lang};

fn record(request: &Value, response: &str) -> Value {
    json!({
        "request": "req_1", "caller": "Key1", "deployment": "dep_1", "region": "local",
        "route": "/openai/v1/chat/completions", "started_ms": 1_796_000_000_000_u64, "status": 200,
        "request_body": request.to_string(), "response_body": response,
    })
}

fn read(record: Value, lang: Lang) -> String {
    let form = "request=POST%20/review/v1/records/req_1/open&then=record&back=/pages/case/req_1";
    let asked = Asked::read(&Query::parse(form)).unwrap();
    let page = outcome(&visit(Desk::Review, lang), &asked, &Answer::Value(record)).unwrap();
    check(&page);
    page
}

fn chat() -> Value {
    json!({"messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"role": "assistant", "content": null,
         "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{\"in\":\"Bonn\"}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "12 °C"},
    ]})
}

fn turn(role: &str, pieces: Vec<Piece>) -> Turn {
    Turn { role: role.to_owned(), pieces }
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

fn call(name: &str, arguments: &str) -> Piece {
    Piece::Call { name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn a_chat_is_shown_as_bubbles_with_a_watermark_and_a_clock() {
    let answer = json!({"choices": [{"message": {"role": "assistant", "content": "a cat"}}]});
    let page = read(record(&chat(), &answer.to_string()), Lang::En);
    assert!(page.contains("be kind") && page.contains("a cat") && page.contains("12 °C"));
    assert!(page.contains("Not text, not shown here: image_url"));
    assert!(page.contains("<summary>Calls the tool weather</summary>"));
    assert!(page.contains("Ada Lovelace · 2026-11-30 08:00 UTC"));
    assert!(page.contains("data-seconds=\"900\"") && page.contains(">15:00<"));
    assert!(page.contains("data-back=\"/pages/case/req_1\""));
    assert!(page.contains("cannot be prevented") && page.contains("/trust/files/reading."));
    // The page has no address of its own, and its content no form for programs.
    assert!(!page.contains("format=json"));
    read(record(&chat(), &answer.to_string()), Lang::De);
}

#[test]
fn the_time_left_is_the_answers() {
    let mut record = record(&chat(), "");
    record["expires_ms"] = (super::super::testing::NOW + 61_000).into();
    let page = read(record, Lang::En);
    assert!(page.contains("data-seconds=\"61\"") && page.contains(">1:01<"));
    assert!(page.contains("This body is empty."));
}

#[test]
fn hostile_content_stays_text() {
    let answer = json!({"choices": [{"message": {"role": "assistant", "content": "a cat"}}]});
    let request = hostile(&chat());
    read(record(&request, &hostile(&answer).to_string()), Lang::En);
    read(hostile(&record(&request, "x")), Lang::En);
    read(record(&json!(HOSTILE), HOSTILE), Lang::En);
}

#[test]
fn a_body_that_is_no_text_is_said_so() {
    let mut record = record(&json!({"input": "x"}), "\u{fffd}\u{0}");
    record["response_body_base64"] = "/wA=".into();
    let page = read(record, Lang::En);
    assert!(page.contains("This body is not text") && page.contains("/wA="));
}

#[test]
fn an_answer_that_cannot_be_read_shows_no_content() {
    let page = read(json!({"secret": "canary"}), Lang::En);
    assert!(page.contains("cannot read the API") && !page.contains("canary"));
}

#[test]
fn requests_are_read_turn_by_turn() {
    let expected = [
        turn("system", vec![text("be kind")]),
        turn("user", vec![text("what is this?"), Piece::Other("image_url".to_owned())]),
        turn("assistant", vec![call("weather", "{\"in\":\"Bonn\"}")]),
        turn("tool", vec![Piece::Result("12 °C".to_owned())]),
    ];
    assert_eq!(asked(&chat().to_string()), expected);
    let body = json!({"instructions": "i", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "q"}]},
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "output": "r"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
        {"type": "item_reference", "id": "x"},
        "plain",
    ]});
    let expected = [
        turn("instructions", vec![text("i")]),
        turn("user", vec![text("q")]),
        turn("assistant", vec![call("f", "{}")]),
        turn("tool", vec![Piece::Result("r".to_owned())]),
        turn("assistant", vec![Piece::Thinking("t".to_owned())]),
        turn("item_reference", vec![Piece::Other("item_reference".to_owned())]),
        turn("user", vec![text("plain")]),
    ];
    assert_eq!(asked(&body.to_string()), expected);
    let two = [turn("user", vec![text("p")]), turn("user", vec![text("q")])];
    assert_eq!(asked(r#"{"prompt": ["p", "q"]}"#), two);
    for none in ["", "x", "[]", "1", "{}", r#"{"messages": 1}"#] {
        assert_eq!(asked(none), [], "{none}");
    }
}

#[test]
fn answers_are_read_whole_and_as_a_stream() {
    let whole = json!({"output": [{"type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}]}]});
    let expected = [turn("assistant", vec![text("a"), text("no")])];
    assert_eq!(answered(&whole.to_string()), expected);
    assert_eq!(answered(r#"{"choices": [{"text": "t"}]}"#), [turn("assistant", vec![text("t")])]);
    assert_eq!(answered(r#"{"error": {"message": "m"}}"#), [turn("error", vec![text("m")])]);
    let vectors = json!({"data": [{"embedding": [0.1]}, {"embedding": [0.2]}]});
    let expected = [turn("assistant", vec![Piece::Other("2 embedding".to_owned())])];
    assert_eq!(answered(&vectors.to_string()), expected);
    let stream = r#"data: {"choices":[{"index":0,"delta":{"content":"he"}}]}

data: {"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{"}}]}}]}

data: {"choices":[{"index":0,"delta":{"content":"y","reasoning_content":"t"}}]}

data: {"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}

data: [DONE]
"#;
    let expected = [
        turn("assistant", vec![Piece::Thinking("t".to_owned()), text("hey")]),
        turn("assistant", vec![call("f", "{}")]),
    ];
    assert_eq!(answered(stream), expected);
    let stream = format!(
        "event: a\ndata: {{\"type\":\"response.output_text.delta\",\"delta\":\"a\"}}\n\n\
         event: b\ndata: {{\"type\":\"response.completed\",\"response\":{whole}}}\n\n"
    );
    assert_eq!(answered(&stream).len(), 1);
    let cut = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\ndata: {\"error\":{\"message\":\"m\"}}\n";
    assert_eq!(answered(cut), [turn("assistant", vec![text("a")]), turn("error", vec![text("m")])]);
    assert_eq!(answered(""), []);
}
