//! Prints a desk's answer for people: lists as tables, one thing as its fields, timestamps as
//! dates.

use std::io::{self, Write};

use audit::rfc3339;
use serde_json::{Map, Value};

use crate::cli::output::{fields, harmless};

/// Writes a desk's answer, or `none` for an empty list.
pub(super) fn show(out: &mut dyn Write, answer: &Value, none: &str) -> io::Result<()> {
    match answer {
        Value::Null => writeln!(out, "done"),
        Value::Array(items) if items.is_empty() => writeln!(out, "{none}"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                one(out, item)?;
            }
            Ok(())
        }
        // A page of a list.
        Value::Object(page) if page.contains_key("data") => {
            show(out, page.get("data").unwrap_or(&Value::Null), none)?;
            if let Some(also @ Value::Array(_)) = page.get("also_kept") {
                writeln!(out, "\nThe service itself keeps:\n")?;
                show(out, also, none)?;
            }
            match (page.get("has_more"), page.get("last_id")) {
                (Some(Value::Bool(true)), Some(last @ (Value::String(_) | Value::Number(_)))) => {
                    writeln!(out, "\nthere are more: --after {}", text("last_id", last))
                }
                _ => Ok(()),
            }
        }
        one_thing => one(out, one_thing),
    }
}

fn one(out: &mut dyn Write, thing: &Value) -> io::Result<()> {
    let Value::Object(thing) = thing else { return writeln!(out, "{}", text("", thing)) };
    let mut flat = Vec::new();
    flatten("", thing, &mut flat);
    let lines: Vec<(&str, String)> =
        flat.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    fields(out, &lines)
}

/// Lists the fields of a thing and of nested things, such as `pending.approval`. A time is shown as
/// a date or a duration, so its label has no unit.
fn flatten(prefix: &str, thing: &Map<String, Value>, flat: &mut Vec<(String, String)>) {
    for (name, value) in thing {
        let label = name.strip_suffix("_ms").unwrap_or(name);
        let full = if prefix.is_empty() { label.to_owned() } else { format!("{prefix}.{label}") };
        match value {
            Value::Object(inner) => flatten(&full, inner, flat),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::Object(inner) => flatten(&format!("{full}[{index}]"), inner, flat),
                        item => flat.push((format!("{full}[{index}]"), text(name, item))),
                    }
                }
            }
            value => flat.push((full, text(name, value))),
        }
    }
}

/// Formats one value. Text of strangers cannot look like another field.
fn text(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        Value::Number(number) => match number.as_u64() {
            Some(ms) if name == "age_ms" => {
                humantime::format_duration(std::time::Duration::from_secs(ms / 1000)).to_string()
            }
            Some(ms) if name.ends_with("_ms") => rfc3339(ms / 1000),
            Some(seconds) if name.ends_with("_at") || name == "until" => rfc3339(seconds),
            _ => number.to_string(),
        },
        other => harmless(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(answer: &Value) -> String {
        let mut out = Vec::new();
        show(&mut out, answer, "no flagged records").unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
    }

    #[test]
    fn things_are_shown_field_by_field_with_times_as_times() {
        let answer = json!([{"request": "req_1", "age_ms": 61_000, "grant": null,
            "look": {"expires_ms": 1_795_491_985_000_u64}}]);
        let expected = "request       req_1\nage           1m 1s\n\
                        look.expires  2026-11-24T03:46:25Z\n";
        let mut lines: Vec<String> = shown(&answer).lines().map(str::to_owned).collect();
        let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        // Objects have no field order.
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected);
        assert_eq!(shown(&json!([])), "no flagged records\n");
        assert_eq!(shown(&json!({"data": [], "has_more": false})), "no flagged records\n");
        assert_eq!(shown(&Value::Null), "done\n");
    }

    #[test]
    fn a_page_says_how_the_next_one_is_asked_for() {
        let page = json!({"data": [{"id": "a"}], "has_more": true, "last_id": "a"});
        assert_eq!(shown(&page), "id  a\n\nthere are more: --after a\n");
        let page = json!({"data": [{"entry": 7}], "has_more": true, "last_id": 7});
        assert_eq!(shown(&page), "entry  7\n\nthere are more: --after 7\n");
    }

    /// A record's content comes from strangers.
    #[test]
    fn a_terminal_obeys_nothing_in_a_record() {
        let seen = shown(&json!({"request_body": "a\u{1b}[2Jb\u{202e}\nstatus  200"}));
        assert_eq!(seen, "request_body  a\\u{1b}[2Jb\\u{202e}\n    status  200\n");
    }
}
