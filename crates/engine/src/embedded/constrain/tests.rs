//! Constraints on a vocabulary of single bytes: what they let through and what they do not.

use super::*;
use crate::request::Text;

fn constrainer() -> Constrainer {
    Constrainer::with(&ApproximateTokEnv::single_byte_env()).unwrap()
}

fn schema(text: &str) -> Constraint {
    Constraint::JsonSchema(Text::from(text.to_owned()))
}

fn tool(name: &str, parameters: &str) -> Tool {
    Tool { name: name.into(), description: None, parameters: Text::from(parameters.to_owned()) }
}

/// Whether the whole text can be produced and may end there.
fn accepts(state: &State, text: &str) -> bool {
    let mut state = state.clone();
    for byte in text.bytes() {
        let allowed = state.mask().is_ok_and(|mask| mask.is_allowed(u32::from(byte)));
        if !allowed || state.accept(u32::from(byte)).is_err() {
            return false;
        }
    }
    state.is_complete() || state.matcher.is_accepting().unwrap()
}

fn compile(constraint: &Constraint, tools: &[Tool]) -> State {
    constrainer().compile(constraint, tools).unwrap().unwrap()
}

#[test]
fn output_matches_its_schema_or_is_impossible() {
    let state = compile(
        &schema(
            r##"{"type":"object","properties":{"name":{"type":"string"},"age":{"$ref":"#/$defs/age"}},
            "required":["name","age"],"additionalProperties":false,"$defs":{"age":{"type":"integer","minimum":0}}}"##,
        ),
        &[],
    );
    assert!(accepts(&state, r#"{"name": "Ada", "age": 36}"#));
    for wrong in [
        r#"{"name": "Ada"}"#,
        r#"{"name": "Ada", "age": "36"}"#,
        r#"{"name": "Ada", "age": -1}"#,
        r#"{"name": "Ada", "age": 36, "more": 1}"#,
        r#"{"name": "Ada", "age": 36} "#,
        "Ada",
    ] {
        assert!(!accepts(&state, wrong), "{wrong}");
    }
}

#[test]
fn any_object_is_an_object() {
    let state = compile(&Constraint::JsonObject, &[]);
    assert!(accepts(&state, r#"{"a": [1, {"b": null}]}"#));
    assert!(!accepts(&state, "[1]"));
}

#[test]
fn tool_calls_name_a_tool_and_match_its_schema() {
    let tools = [
        tool(
            "add",
            r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}"#,
        ),
        tool("now", r#"{"type":"object","properties":{},"additionalProperties":false}"#),
    ];
    let call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    let now = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
    let constraint = |choice, parallel| Constraint::Tools { choice, parallel };

    let required = compile(&constraint(ToolChoice::Required, false), &tools);
    assert!(accepts(&required, call) && accepts(&required, now));
    assert!(!accepts(&required, "I would rather talk"));
    assert!(!accepts(&required, &call.replace('1', "\"1\"")));
    assert!(!accepts(&required, &call.replace("add", "sub")));
    assert!(!accepts(&required, &format!("{call}\n{now}")));

    let parallel = compile(&constraint(ToolChoice::Required, true), &tools);
    assert!(accepts(&parallel, &format!("{call}\n{now}")));

    let named = compile(&constraint(ToolChoice::Named("now".into()), false), &tools);
    assert!(accepts(&named, now) && !accepts(&named, call));

    let auto = compile(&constraint(ToolChoice::Auto, true), &tools);
    assert!(accepts(&auto, "I would rather talk <b>about</b> it"));
    assert!(accepts(&auto, &format!("Let me see. {call}")));
    assert!(accepts(&auto, &format!("{call}\n{now}")));
    assert!(!accepts(&auto, "<tool_call>\n{\"name\": \"sub\""));
}

#[test]
fn what_is_not_a_schema_is_refused_with_its_place() {
    let refused =
        |constraint: &Constraint, tools: &[Tool]| match constrainer().compile(constraint, tools) {
            Err(Refusal::BadSchema { param, .. }) => param,
            other => panic!("{other:?}"),
        };
    for bad in ["[]", "{", "{\"type\": \"nothing\"}", "{\"$ref\": \"#/$defs/none\"}"] {
        assert_eq!(refused(&schema(bad), &[]), "response_format.json_schema.schema", "{bad}");
    }
    let required = Constraint::Tools { choice: ToolChoice::Required, parallel: true };
    assert_eq!(refused(&required, &[tool("f", "7")]), "tools[0].function.parameters");
    let long = format!("{{\"description\": \"{}\"}}", "x".repeat(SCHEMA_BYTES_MAX));
    assert_eq!(refused(&schema(&long), &[]), "response_format.json_schema.schema");
}

#[test]
fn a_regex_bomb_costs_its_own_request_and_little_time() {
    let started = std::time::Instant::now();
    for bomb in [
        r#"{"type":"string","pattern":"^(a|a)*(b|b)*((((x{0,1000}){0,1000}){0,1000}){0,1000})$"}"#,
        r#"{"type":"string","pattern":"(.*a){500}(.*b){500}(.*c){500}"}"#,
        r#"{"type":"array","minItems":100000000,"items":{"type":"string"}}"#,
    ] {
        match constrainer().compile(&schema(bomb), &[]) {
            Err(Refusal::BadSchema { .. }) => {}
            Ok(Some(mut state)) => {
                for byte in b"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
                    if state.mask().is_err() || state.accept(u32::from(*byte)).is_err() {
                        break;
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    // A generous bound: without limits these run for minutes, or for ever.
    assert!(started.elapsed().as_secs() < 30);
}
