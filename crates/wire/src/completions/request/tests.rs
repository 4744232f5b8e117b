//! Valid and invalid completions bodies, and the error for each invalid one.

use serde_json::{Value, json};

use super::*;

fn read(body: &Value) -> Result<CompletionRequest, Invalid> {
    parse(body.to_string().as_bytes(), &RequestLimits::default(), 7)
}

#[test]
fn every_wrong_field_is_named_with_its_code() {
    let cases = [
        (json!({}), "prompt", "missing_required_parameter"),
        (json!({ "prompt": null }), "prompt", "invalid_type"),
        (json!({ "prompt": "" }), "prompt", "empty_string"),
        (json!({ "prompt": [] }), "prompt", "empty_array"),
        (json!({ "prompt": ["a", ""] }), "prompt[1]", "empty_string"),
        (json!({ "prompt": ["canary", 5] }), "prompt", "invalid_value"),
        (json!({ "prompt": [[1], []] }), "prompt[1]", "empty_string"),
        (json!({ "prompt": [-1] }), "prompt[0]", "invalid_value"),
        (json!({ "prompt": [1.5] }), "prompt[0]", "invalid_type"),
        (json!({ "prompt": [4_294_967_296_u64] }), "prompt[0]", "invalid_value"),
        (json!({ "prompt": { "canary": 1 } }), "prompt", "invalid_type"),
        (json!({ "prompt": vec!["a"; 21] }), "prompt", "array_above_max_length"),
        (json!({ "prompt": [1, 2], "suffix": "canary" }), "suffix", "unsupported_parameter"),
        (json!({ "prompt": "a", "suffix": ["canary"] }), "suffix", "invalid_type"),
        (json!({ "prompt": "a", "top_k": -2 }), "top_k", "integer_below_min_value"),
        (json!({ "prompt": "a", "min_p": 2 }), "min_p", "decimal_above_max_value"),
        (
            json!({ "prompt": "a", "repeat_penalty": -1 }),
            "repeat_penalty",
            "decimal_below_min_value",
        ),
        (json!({ "prompt": "a", "verbosity": "canary" }), "verbosity", "invalid_value"),
        (json!({ "prompt": "a", "best_of": 2 }), "best_of", "unsupported_parameter"),
        (json!({ "prompt": "a", "logprobs": 6 }), "logprobs", "integer_above_max_value"),
        (json!({ "prompt": "a", "max_tokens": 0 }), "max_tokens", "integer_below_min_value"),
        (json!({ "prompt": [1, 2], "echo": true }), "echo", "unsupported_parameter"),
        (json!({ "prompt": "a", "echo": true, "logprobs": 0 }), "echo", "unsupported_parameter"),
        (json!({ "prompt": "a", "messages": [] }), "messages", "unknown_parameter"),
    ];
    for (body, param, code) in cases {
        let wrong = read(&body).unwrap_err();
        let told = wrong.code.text();
        assert_eq!((wrong.param.as_deref(), told), (Some(param), code), "{body}: {wrong:?}");
        assert!(!wrong.message.contains("canary"), "{wrong:?}");
    }
}

#[test]
fn prompts_come_in_four_forms() {
    for (prompt, count) in
        [(json!("a"), 1), (json!(["a", "b"]), 2), (json!([1, 2, 3]), 1), (json!([[1, 2], [3]]), 2)]
    {
        let request = read(&json!({ "prompt": prompt, "n": 2, "best_of": 2 })).unwrap();
        assert_eq!((request.prompts.len(), request.choices), (count, 2), "{prompt}");
        let seeds: Vec<u64> = request.prompts.iter().map(|prompt| prompt.sampling.seed).collect();
        assert_eq!(seeds, (7..).take(count).collect::<Vec<u64>>());
        assert!(request.prompts.iter().all(|prompt| prompt.tokens_max == Some(16)));
    }
}

#[test]
fn a_suffix_stands_behind_every_prompt_and_counts() {
    let body = json!({ "prompt": ["def f(", "abcd"], "suffix": "return 1", "max_tokens": 8 });
    let request = read(&body).unwrap();
    for (prompt, text) in request.prompts.iter().zip(["def f(", "abcd"]) {
        let Prompt::Middle { prefix, suffix } = &prompt.prompt else { panic!() };
        assert_eq!((prefix.0.reveal(), suffix.0.reveal()), (text, "return 1"));
    }
    assert_eq!(request.estimated_tokens, (2 + 2 + 8) + (1 + 2 + 8));
    // Editors send an empty suffix at the end of a file.
    let request = read(&json!({ "prompt": "abcd", "suffix": "" })).unwrap();
    assert!(matches!(request.prompts[0].prompt, Prompt::Text(_)));
    // The suffix is content: its parsed form must not be printable.
    let request = read(&json!({ "prompt": "a", "suffix": "canary" })).unwrap();
    assert!(!format!("{request:?}").contains("canary"));
}

#[test]
fn what_an_engine_cannot_do_is_refused_by_name() {
    for (fields, capability, param) in [
        (json!({ "prompt": "a", "suffix": "b" }), Capability::Suffix, "suffix"),
        (json!({ "prompt": ["a", "b"], "n": 2 }), Capability::Choices, "n"),
        (json!({ "prompt": "a", "logprobs": 0 }), Capability::Logprobs, "logprobs"),
        (json!({ "prompt": "a", "top_k": 5 }), Capability::LocalSampling, "top_k"),
    ] {
        let fit = |capabilities: BTreeSet<Capability>| {
            let named = read(&fields).unwrap().fit(&capabilities, NoEffectFields::Refuse);
            named.map(|_| ()).map_err(|wrong| (wrong.param, wrong.code.text()))
        };
        assert_eq!(fit(BTreeSet::from([capability])), Ok(()), "{fields}");
        let refused = Err((Some(param.to_owned()), "unsupported_parameter"));
        assert_eq!(fit(BTreeSet::new()), refused, "{fields}");
    }
    let mut plain = read(&json!({ "prompt": "a", "suffix": "", "n": 1, "top_k": 0 })).unwrap();
    assert!(plain.fit(&BTreeSet::new(), NoEffectFields::Refuse).is_ok());
}
