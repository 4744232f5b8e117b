//! Answers under a JSON schema: both servers get the same schema in `response_format`, and each
//! answer must be complete and match it.
//!
//! Servers may put other white space between the same values, and count its tokens. So besides the
//! tokens that each server counts, this measures the bytes of the answers without white space
//! between values: the same values count the same on both sides.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use crate::{
    http::{Answer, Target, chat},
    measure::{STREAMS, request},
};

/// Maximum number of tokens of an answer: more than the longest text that the schema allows.
const TOKENS_MAX: u32 = 600;

/// Speed of answers under the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// Generated tokens for each second, as the server counts them.
    pub(crate) tokens: f64,
    /// Bytes of JSON for each second, without white space between values.
    pub(crate) bytes: f64,
}

/// Asks for `streams` answers at once, `times` times in turn. Each is divided by the time from
/// sending the first request to the end of the last answer, prompts included.
pub(crate) fn measure(
    target: &Target,
    times: u32,
    streams: u32,
    unique: &mut dyn FnMut() -> u32,
) -> io::Result<Speed> {
    let (mut tokens, mut bytes, mut time) = (0_u64, 0_u64, Duration::ZERO);
    for _ in 0..times {
        let started = Instant::now();
        let asked: Vec<_> = (0..streams.min(STREAMS))
            .map(|_| {
                let (target, body) = (target.clone(), constrained(unique()));
                thread::spawn(move || chat(&target, &body))
            })
            .collect();
        let mut answers = Vec::new();
        for stream in asked {
            let joined = stream.join().map_err(|_| io::Error::other("a client thread panicked"))?;
            answers.push(joined?);
        }
        // The check is not part of the time.
        time = time.saturating_add(started.elapsed());
        for answer in answers {
            bytes = bytes.saturating_add(compact(&answer)? as u64);
            tokens = tokens.saturating_add(answer.completion_tokens);
        }
    }
    let seconds = time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    Ok(Speed { tokens: tokens as f64 / seconds, bytes: bytes as f64 / seconds })
}

/// Builds a request whose answer must match the schema.
fn constrained(nonce: u32) -> Value {
    let mut body = request(nonce, 40, TOKENS_MAX);
    if let Some(fields) = body.as_object_mut() {
        // A schema ends the answer, so no token needs to be forbidden.
        fields.remove("logit_bias");
        fields.insert(
            "response_format".to_owned(),
            json!({
                "type": "json_schema",
                "json_schema": { "name": "ticket", "strict": true, "schema": schema() },
            }),
        );
    }
    body
}

/// Returns the schema of a support ticket, as a program would ask for: names, enumerations,
/// numbers, nested objects, a list, and a short free text.
fn schema() -> Value {
    let object = |properties: Value| -> Value {
        let required: Vec<&String> =
            properties.as_object().into_iter().flat_map(Map::keys).collect();
        json!({ "type": "object", "properties": properties, "required": required,
            "additionalProperties": false })
    };
    let level = json!({ "enum": ["low", "normal", "high", "critical"] });
    object(json!({
        "request_type": { "enum": ["billing_question", "technical_support", "account_access",
            "feature_request", "cancellation"] },
        "customer_sentiment": { "enum": ["very_negative", "negative", "neutral", "positive"] },
        "priority_level": level,
        "short_title": { "type": "string", "maxLength": 40 },
        "estimated_resolution": object(json!({
            "duration_hours": { "type": "integer", "minimum": 1, "maximum": 99 },
            "requires_engineer": { "type": "boolean" },
            "confidence_level": level,
        })),
        "affected_components": { "type": "array", "minItems": 2, "maxItems": 3,
            "items": object(json!({
                "component_name": { "enum": ["payment_gateway", "authentication_service",
                    "notification_queue", "reporting_dashboard"] },
                "is_customer_facing": { "type": "boolean" },
                "current_status": { "enum": ["operational", "degraded_performance",
                    "partial_outage", "major_outage"] },
            })) },
        "assigned_department": { "enum": ["customer_success", "platform_engineering",
            "finance_operations", "security_response"] },
        "follow_up_required": { "type": "boolean" },
    }))
}

/// Returns the length of an answer's JSON without white space between values.
///
/// # Errors
/// If the answer is not complete JSON that matches the schema.
fn compact(answer: &Answer) -> io::Result<usize> {
    let wrong = |what: &str| io::Error::other(format!("an answer {what}: {}", answer.text));
    let value: Value =
        serde_json::from_str(&answer.text).map_err(|_| wrong("under a schema is not JSON"))?;
    if !matches(&schema(), &value) {
        return Err(wrong("does not match its schema"));
    }
    Ok(value.to_string().len())
}

/// Whether a value matches a schema. Knows the keywords that the schema above uses.
fn matches(schema: &Value, value: &Value) -> bool {
    let part = |name: &str| schema.get(name);
    let bound = |name: &str| part(name).and_then(Value::as_u64);
    if let Some(allowed) = part("enum").and_then(Value::as_array) {
        return allowed.contains(value);
    }
    let within = |length: usize, least: &str, most: &str| {
        let length = length as u64;
        bound(least).is_none_or(|least| length >= least)
            && bound(most).is_none_or(|most| length <= most)
    };
    match (part("type").and_then(Value::as_str), value) {
        (Some("boolean"), Value::Bool(_)) => true,
        (Some("integer"), Value::Number(number)) => number.as_u64().is_some_and(|number| {
            bound("minimum").is_none_or(|least| number >= least)
                && bound("maximum").is_none_or(|most| number <= most)
        }),
        (Some("string"), Value::String(text)) => {
            within(text.chars().count(), "minLength", "maxLength")
        }
        (Some("array"), Value::Array(items)) => {
            within(items.len(), "minItems", "maxItems")
                && part("items").is_some_and(|item| items.iter().all(|value| matches(item, value)))
        }
        (Some("object"), Value::Object(fields)) => {
            // All properties are required, and no other is allowed.
            part("properties").and_then(Value::as_object).is_some_and(|properties| {
                properties.len() == fields.len()
                    && properties.iter().all(|(name, property)| {
                        fields.get(name).is_some_and(|value| matches(property, value))
                    })
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Value {
        let component = |name: &str| {
            json!({ "component_name": name, "is_customer_facing": true,
            "current_status": "operational" })
        };
        json!({
            "request_type": "billing_question", "customer_sentiment": "neutral",
            "priority_level": "low", "short_title": "A title",
            "estimated_resolution": { "duration_hours": 7, "requires_engineer": false,
                "confidence_level": "high" },
            "affected_components": [component("payment_gateway"), component("notification_queue")],
            "assigned_department": "customer_success", "follow_up_required": true,
        })
    }

    #[test]
    fn an_answer_matches_or_is_refused() {
        assert!(matches(&schema(), &ticket()));
        for (place, wrong) in [
            ("/request_type", json!("other")),
            ("/short_title", json!("x".repeat(41))),
            ("/estimated_resolution/duration_hours", json!(0)),
            ("/estimated_resolution", json!({})),
            ("/affected_components", json!([])),
            ("/affected_components/0/is_customer_facing", json!("yes")),
        ] {
            let mut changed = ticket();
            *changed.pointer_mut(place).unwrap() = wrong;
            assert!(!matches(&schema(), &changed), "{place}");
        }
        let mut more = ticket();
        more.as_object_mut().unwrap().insert("more".into(), json!(1));
        assert!(!matches(&schema(), &more));
    }
}
