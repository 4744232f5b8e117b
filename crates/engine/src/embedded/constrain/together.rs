//! Tools together with a form of the answer: every answer is calls or JSON, and read as that.

use toktrie::ApproximateTokEnv;

use super::*;
use crate::{
    embedded::{
        output::Output,
        rehearse::{Draw, draw},
        sample::SplitMix64,
    },
    request::Event,
};

/// Number of random texts for each pair of tools and form.
const TEXTS: u32 = 300;

const FORMS: [&str; 7] = [
    r#"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0}},
        "required":["name","age"],"additionalProperties":false}"#,
    // An answer that looks like the inside of a call, and texts that look like calls.
    r#"{"type":"object","properties":{"name":{"const":"f"},"arguments":{"type":"object"}},
        "required":["name","arguments"],"additionalProperties":false}"#,
    r#"{"enum":["<tool_call>","</tool_call>","<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>",
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"]}"#,
    r#"{"type":"array","items":{"anyOf":[{"type":"number"},{"type":"boolean"}]},"maxItems":3}"#,
    r#"{"type":"string","pattern":"^<tool_call>[a-z]{0,5}$"}"#,
    r#"{"anyOf":[{"type":"null"},{"type":"integer"},{"const":"null"}]}"#,
    r#"{"type":"object","patternProperties":{"^[<{]":{"type":"string","maxLength":4}},
        "additionalProperties":false}"#,
];

const PARAMETERS: [&str; 3] = [
    r#"{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},
        "required":["city"],"additionalProperties":false}"#,
    r#"{"type":"object","properties":{"x":{"enum":["</tool_call>","}","{"]}},"required":["x"],
        "additionalProperties":false}"#,
    r#"{"type":"object","properties":{},"additionalProperties":false}"#,
];

fn tools() -> Vec<Tool> {
    (0..)
        .zip(PARAMETERS)
        .map(|(number, parameters)| Tool {
            name: format!("f{number}"),
            description: None,
            parameters: Text::from(parameters.to_owned()),
            strict: number == 0,
        })
        .collect()
}

fn constrainer() -> Constrainer {
    Constrainer::with(&ApproximateTokEnv::single_byte_env()).unwrap()
}

fn schema(schema: &str) -> Answer {
    Answer::JsonSchema { schema: Text::from(schema.to_owned()), strict: true }
}

fn both(choice: ToolChoice, parallel: bool, answer: Answer) -> Constraint {
    Constraint::Tools { choice, parallel, answer }
}

fn check(schema: &str) -> Check {
    Check::of(&serde_json::from_str(schema).unwrap()).unwrap()
}

/// Reads the calls of a text with a parser of its own; `None` if it is not calls and nothing else.
fn calls_of(text: &str) -> Option<Vec<(String, Value)>> {
    let inside = text.strip_prefix("<tool_call>\n")?.strip_suffix("\n</tool_call>")?;
    inside
        .split("\n</tool_call>\n<tool_call>\n")
        .map(|call| {
            let call: Value = serde_json::from_str(call).ok()?;
            Some((call["name"].as_str()?.to_owned(), call["arguments"].clone()))
        })
        .collect()
}

/// The text and the calls that a caller gets: the production path, in pieces of `size` bytes.
fn given(promise: &Arc<Promise>, text: &str, size: usize) -> (String, Vec<(String, String)>, bool) {
    let (mut content, mut calls) = (String::new(), Vec::<(String, String)>::new());
    let mut emit = |event| match event {
        Event::Delta { text, .. } => content.push_str(text.0.reveal()),
        Event::ToolStart { name, .. } => calls.push((name, String::new())),
        Event::ToolArguments { text, .. } => {
            calls.last_mut().unwrap().1.push_str(text.0.reveal());
        }
        other => panic!("{other:?}"),
    };
    let mut output = Output::new(0, Vec::new(), Arc::clone(promise));
    for piece in text.as_bytes().chunks(size) {
        if output.is_stopped() {
            break;
        }
        output.push(piece, None, &mut emit).unwrap();
    }
    output.finish(false, &mut emit).unwrap();
    let called = output.called();
    (content, calls, called)
}

/// Draws texts at random. Each is either calls with matching arguments or an answer that matches,
/// by parsers that the service does not use; and the caller gets exactly that.
fn rehearse(answer: Answer, form: &Check, parallel: bool, seed: u64) -> [u32; 2] {
    let tools = tools();
    let checks: Vec<Check> = PARAMETERS.iter().map(|schema| check(schema)).collect();
    let constraint = both(ToolChoice::Auto, parallel, answer);
    let (state, promise) = constrainer().compile(&constraint, &tools).unwrap();
    let (state, promise) = (state.unwrap(), Arc::new(promise));
    let mut random = SplitMix64(seed);
    let [mut called, mut answered] = [0, 0];
    for number in 0..TEXTS {
        let text = match draw(state.clone(), &mut random) {
            Draw::Complete(text) => text,
            Draw::Cut => continue,
            Draw::Dead => panic!("a dead end"),
            Draw::Costly => panic!("the mask costs too much"),
        };
        let size = 1 + number as usize % 7;
        let (content, given, has_calls) = given(&promise, &text, size);
        let Some(calls) = calls_of(&text) else {
            assert!(form.read(&text).is_ok(), "wrong: {text}");
            assert_eq!((content, given, has_calls), (text, Vec::new(), false));
            answered += 1;
            continue;
        };
        assert!(has_calls && content.is_empty(), "{text}: {content}");
        assert!(!given.is_empty() && (parallel || calls.len() == 1), "{text}");
        for (index, (name, arguments)) in calls.iter().enumerate() {
            let tool = tools.iter().position(|tool| tool.name == *name).unwrap();
            assert!(checks[tool].read(&arguments.to_string()).is_ok(), "wrong: {text}");
            // A call that repeats an earlier one ends the answer.
            let Some((given_name, given)) = given.get(index) else {
                assert!(calls[..index].contains(&calls[index]), "{text}");
                break;
            };
            assert_eq!(given_name, name);
            assert_eq!(&serde_json::from_str::<Value>(given).unwrap(), arguments, "{text}");
        }
        called += 1;
    }
    [called, answered]
}

#[test]
fn random_answers_are_calls_or_match_the_schema() {
    for (seed, form) in (1..).zip(FORMS) {
        for parallel in [false, true] {
            let [called, answered] = rehearse(schema(form), &check(form), parallel, seed);
            assert!(called > 4 && answered > 50, "{form}: {called}, {answered}");
        }
    }
    let [called, answered] = rehearse(Answer::JsonObject, &Check::object(), true, 99);
    assert!(called > 50 && answered > 20, "{called}, {answered}");
}

/// Whether the whole text can be produced and may end there.
fn accepts(state: &State, text: &str) -> bool {
    let mut state = state.clone();
    text.bytes().all(|byte| {
        let allowed = state.mask().is_ok_and(|mask| mask.is_allowed(u32::from(byte)));
        allowed && state.accept(u32::from(byte)).is_ok()
    }) && (state.is_complete() || state.matcher.is_accepting().unwrap())
}

#[test]
fn an_answer_is_calls_or_json_and_never_prose_or_both() {
    let call = "<tool_call>\n{\"name\": \"f2\", \"arguments\": {}}\n</tool_call>";
    let json = r#"{"name": "Ada", "age": 36}"#;
    let compile = |choice, parallel| {
        let constraint = both(choice, parallel, schema(FORMS[0]));
        constrainer().compile(&constraint, &tools()).unwrap()
    };
    let (auto, promise) = compile(ToolChoice::Auto, true);
    let auto = auto.unwrap();
    assert!(promise.is_calls_or_json() && promise.is_of_text());
    for fine in [call, json, &format!("{call}\n{call}")] {
        assert!(accepts(&auto, fine), "{fine}");
    }
    for wrong in [
        "",
        "Let me see.",
        &format!("Let me see. {call}"),
        &format!("{call}\n{json}"),
        &format!("{json}\n{call}"),
        "{}",
        r#"{"name": "f2", "arguments": {}}"#,
        "<tool_call>{\"name\": \"f2\", \"arguments\": {}}</tool_call>",
    ] {
        assert!(!accepts(&auto, wrong), "{wrong}");
    }
    let (single, _) = compile(ToolChoice::Auto, false);
    assert!(!accepts(&single.unwrap(), &format!("{call}\n{call}")));
    // A model that must call something has no form to answer in.
    for choice in [ToolChoice::Required, ToolChoice::Named("f2".into())] {
        let (state, promise) = compile(choice, false);
        let state = state.unwrap();
        assert!(accepts(&state, call) && !accepts(&state, json));
        assert!(!promise.is_calls_or_json());
    }
}

#[test]
fn a_bad_form_is_refused_at_its_place_whatever_the_choice() {
    for choice in [ToolChoice::Auto, ToolChoice::Required, ToolChoice::Named("f0".into())] {
        let constraint = both(choice, true, schema(r##"{"$dynamicRef":"#a"}"##));
        match constrainer().compile(&constraint, &tools()) {
            Err(Refusal::BadSchema { param, .. }) => {
                assert_eq!(param, "response_format.json_schema.schema");
            }
            other => panic!("{other:?}"),
        }
    }
    // A form that is not strict keeps what can be enforced, and promises nothing.
    let relaxed = Answer::JsonSchema {
        schema: Text::from(r##"{"type":"integer","$dynamicRef":"#a"}"##.to_owned()),
        strict: false,
    };
    let constraint = both(ToolChoice::Auto, true, relaxed);
    let (state, promise) = constrainer().compile(&constraint, &tools()).unwrap();
    assert!(accepts(&state.unwrap(), "7") && !promise.is_of_text());
    assert!(promise.is_calls_or_json());
    let (content, calls, called) = given(&Arc::new(promise), "7", 1);
    assert_eq!((content.as_str(), calls.len(), called), ("7", 0, false));
}

/// The second opinion sees an answer that the grammar could not have allowed.
#[test]
fn a_finished_answer_is_checked_by_what_it_is() {
    let constraint = both(ToolChoice::Auto, true, schema(FORMS[0]));
    let (_, promise) = constrainer().compile(&constraint, &tools()).unwrap();
    let promise = Arc::new(promise);
    let fault = |text: &str, cut: bool| {
        let mut output = Output::new(0, Vec::new(), Arc::clone(&promise));
        let mut content = String::new();
        let mut emit = |event| {
            if let Event::Delta { text, .. } = event {
                content.push_str(text.0.reveal());
            }
        };
        let read = output.push(text.as_bytes(), None, &mut emit);
        (read.and_then(|()| output.finish(cut, &mut emit)), content)
    };
    use crate::embedded::promise::Fault::{Malformed, Promise as Broken};
    assert_eq!(fault(r#"{"name": "Ada"}"#, false).0, Err(Broken));
    assert_eq!(fault("Let me see.", false).0, Err(Broken));
    assert_eq!(fault("<b>", false).0, Err(Malformed));
    let call = |arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"f0\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    assert_eq!(fault(&call(r#"{"days": 1}"#), false).0, Err(Broken));
    assert_eq!(fault(&call(r#"{"city": "Paris"}"#), false), (Ok(()), String::new()));
    // An answer that was cut off is not checked, and no part of a tag is content.
    assert_eq!(fault(r#"{"name": "Ad"#, true).0, Ok(()));
    let two = format!("{}\n<tool_c", call(r#"{"city": "Paris"}"#));
    for cut in ["<tool_c", "<tool_call>", "<tool_call>\n{\"na", two.as_str()] {
        assert_eq!(fault(cut, true), (Ok(()), String::new()), "{cut}");
    }
}
