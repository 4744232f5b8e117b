//! Constraints on a vocabulary of single bytes: the texts that they allow and refuse.

use toktrie::ApproximateTokEnv;

use super::*;
use crate::request::Text;

fn constrainer() -> Constrainer {
    Constrainer::with(&ApproximateTokEnv::single_byte_env()).unwrap()
}

fn schema(text: &str) -> Constraint {
    Constraint::JsonSchema { schema: Text::from(text.to_owned()), strict: true }
}

fn tool(name: &str, parameters: &str) -> Tool {
    Tool {
        name: name.into(),
        description: None,
        parameters: Text::from(parameters.to_owned()),
        strict: false,
    }
}

fn calls(choice: ToolChoice, parallel: bool) -> Constraint {
    Constraint::Tools { choice, parallel, answer: Answer::Free }
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
    constrainer().compile(constraint, tools).unwrap().0.unwrap()
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

    let required = compile(&calls(ToolChoice::Required, false), &tools);
    assert!(accepts(&required, call) && accepts(&required, now));
    assert!(!accepts(&required, "I would rather talk"));
    assert!(!accepts(&required, &call.replace('1', "\"1\"")));
    assert!(!accepts(&required, &call.replace("add", "sub")));
    assert!(!accepts(&required, &format!("{call}\n{now}")));

    let parallel = compile(&calls(ToolChoice::Required, true), &tools);
    assert!(accepts(&parallel, &format!("{call}\n{now}")));

    let named = compile(&calls(ToolChoice::Named("now".into()), false), &tools);
    assert!(accepts(&named, now) && !accepts(&named, call));

    let auto = compile(&calls(ToolChoice::Auto, true), &tools);
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
    let required = calls(ToolChoice::Required, true);
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
            Ok((Some(mut state), _)) => {
                for byte in b"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
                    if state.mask().is_err() || state.accept(u32::from(*byte)).is_err() {
                        break;
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    // A generous limit: without limits on cost, these schemas take minutes or never end.
    assert!(started.elapsed().as_secs() < 30);
}

/// Schemas that once overflowed a stack, which ends the worker, or took seconds.
#[test]
fn hostile_schemas_are_refused_or_relaxed_within_their_budget() {
    let names: Vec<String> = (0..20_000).map(|number| format!("a{number}")).collect();
    let wide = json!({"type": "object", "required": names});
    let mut chain = json!({"type": "array", "not": {"$ref": "#/a0"}});
    for number in 0..6000 {
        chain[format!("a{number}")] = json!({"items": {"$ref": format!("#/a{}", number + 1)}});
    }
    chain["a6000"] = json!({});
    let letters: Vec<(String, Value)> = (120..180)
        .map(|count| {
            let pattern = format!("^\\p{{L}}{{{count}}}$");
            (format!("p{count}"), json!({"type": "string", "pattern": pattern}))
        })
        .collect();
    let letters = json!({"type": "object", "properties": serde_json::Map::from_iter(letters)});
    let overlaps: Vec<Value> =
        (0..600).map(|number| json!({"properties": {format!("b{number}"): {}}})).collect();
    let overlaps = json!({"type": "object", "oneOf": overlaps});
    for hostile in [wide, chain, letters, overlaps] {
        let text = hostile.to_string();
        let refused = constrainer().compile(&schema(&text), &[]);
        assert!(matches!(refused, Err(Refusal::BadSchema { .. })), "{:.80}", text);
        // A tool without `strict` is taken all the same.
        let required = calls(ToolChoice::Required, false);
        let many: Vec<Tool> = (0..3).map(|number| tool(&format!("f{number}"), &text)).collect();
        assert!(constrainer().compile(&required, &many).is_ok(), "{:.80}", text);
    }
}

#[test]
fn bounds_of_very_different_size_are_not_lost() {
    let far = r#"{"allOf":[{"type":"number","minimum":1e-39},{"minimum":5,"maximum":6}]}"#;
    let refused = |text: &str| constrainer().compile(&schema(text), &[]).err();
    assert!(refused(far).is_some());
    assert!(refused(r#"{"type":"number","not":{"enum":[5,1e-39]}}"#).is_some());
    let nulls: Vec<Value> = (0..260).map(|_| json!({"type": "null"})).collect();
    let long = json!({"type": "array", "prefixItems": nulls, "minItems": 260, "maxItems": 260});
    match refused(&long.to_string()) {
        Some(Refusal::BadSchema { reason, .. }) => {
            assert!(reason.contains("'prefixItems' at $"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn annotations_and_foreign_keywords_do_not_cost_the_guarantee() {
    for fine in [
        r#"{"type":"integer","title":null,"examples":"x","description":7,"default":{}}"#,
        r##"{"type":"object","properties":{"a":{"id":"foo","$ref":"#/$defs/A"}},"$defs":{"A":{"type":"integer"}}}"##,
        r#"{"type":"object","properties":{"title":{"type":"string"},"default":{"title":null}}}"#,
    ] {
        let (_, promise) = constrainer().compile(&schema(fine), &[]).unwrap();
        assert!(matches!(promise, Promise::Json(_)), "{fine}");
    }
}

#[test]
fn a_tool_is_taken_with_keywords_of_other_dialects() {
    let required = calls(ToolChoice::Required, false);
    for odd in [
        r#"{"type":"object","properties":{"n":{"type":"integer","minimum":0,"exclusiveMinimum":true}},"required":["n"]}"#,
        r#"{"type":"object","properties":{"x":{"type":"string","required":true}}}"#,
        r#"{"type":"object","properties":{"x":{"type":"strng"},"y":"string"}}"#,
        r##"{"type":"object","properties":{"x":{"$ref":"#/$defs/none"}}}"##,
        r#"{"type":"object","properties":"none"}"#,
    ] {
        assert!(constrainer().compile(&required, &[tool("f", odd)]).is_ok(), "{odd}");
        let strict = Tool { strict: true, ..tool("f", odd) };
        assert!(constrainer().compile(&required, &[strict]).is_err(), "{odd}");
    }
    // The good keywords stay.
    let state = compile(
        &required,
        &[tool("f", r#"{"required":["n"],"properties":{"n":{"type":"integer","minimum":"0"}}}"#)],
    );
    let call = |arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"f\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    assert!(accepts(&state, &call(r#"{"n": 5}"#)) && !accepts(&state, &call(r#"{"n": "5"}"#)));
}

#[test]
fn values_are_not_nested_deeper_than_readers_take() {
    let any = schema(
        r##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"array","items":{"$ref":"#/$defs/n"}}}}"##,
    );
    let mut state = compile(&any, &[]);
    let taken = (0..200).take_while(|_| state.take(b"[")).count();
    assert_eq!(taken, 120);
}
