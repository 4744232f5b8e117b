//! Valid and invalid embeddings bodies, and the error for each invalid one.

use serde_json::json;

use super::*;

#[test]
fn every_wrong_field_is_named_with_its_code() {
    let cases = [
        (json!({}), "input", "missing_required_parameter"),
        (json!({ "input": "" }), "input", "empty_string"),
        (json!({ "input": [] }), "input", "empty_array"),
        (json!({ "input": ["a", ""] }), "input[1]", "empty_string"),
        (json!({ "input": vec!["a"; 2049] }), "input", "array_above_max_length"),
        (json!({ "input": "a", "input_type": "canary" }), "input_type", "unsupported_parameter"),
        (json!({ "input": "a", "dimensions": 0 }), "dimensions", "integer_below_min_value"),
        (json!({ "input": "a", "encoding_format": "canary" }), "encoding_format", "invalid_value"),
        (json!({ "input": "a", "encoding_format": 1 }), "encoding_format", "invalid_type"),
        (json!({ "input": "a", "service_tier": "canary" }), "service_tier", "invalid_value"),
    ];
    for (body, param, code) in cases {
        let wrong = parse(body.to_string().as_bytes(), &RequestLimits::default()).unwrap_err();
        let told = wrong.code.text();
        assert_eq!((wrong.param.as_deref(), told), (Some(param), code), "{body}: {wrong:?}");
        assert!(!wrong.message.contains("canary"), "{wrong:?}");
    }
}

#[test]
fn inputs_come_in_four_forms() {
    for (input, count) in
        [(json!("a"), 1), (json!(["a", "b"]), 2), (json!([1, 2, 3]), 1), (json!([[1, 2], [3]]), 2)]
    {
        let body = json!({ "input": input, "encoding_format": "base64", "dimensions": 4 });
        let request = parse(body.to_string().as_bytes(), &RequestLimits::default()).unwrap();
        assert_eq!(request.embed.inputs.len(), count, "{input}");
        assert_eq!((request.format, request.dimensions), (EncodingFormat::Base64, Some(4)));
    }
}
