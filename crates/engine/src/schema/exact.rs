//! Finds numbers in a schema that a double cannot hold exactly. Parsing the JSON would change them,
//! and the grammar would then require another value than the schema.

use super::{Place, Problem, read::escaped};

/// Finds the first number in a JSON text that is neither a 64-bit integer nor the shortest decimal
/// of a double. The text must be valid JSON.
pub(crate) fn inexact(json: &str) -> Option<Problem> {
    let mut open: Vec<Step> = Vec::new();
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '{' => open.push(Step::Key(String::new())),
            '[' => open.push(Step::Index(0)),
            '}' | ']' => drop(open.pop()),
            ',' => {
                if let Some(Step::Index(index)) = open.last_mut() {
                    *index = index.saturating_add(1);
                }
            }
            '"' => {
                taken = string(rest);
                let (text, after) = rest.split_at_checked(taken)?;
                if after.trim_start().starts_with(':')
                    && let Some(Step::Key(key)) = open.last_mut()
                {
                    *key = serde_json::from_str(text).unwrap_or_default();
                }
            }
            '-' | '0'..='9' => {
                let number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
                let end = rest.find(|c| !number(c)).unwrap_or(rest.len());
                let text = rest.get(..end)?;
                if !is_exact(text) {
                    return Some(problem(&open));
                }
                taken = end;
            }
            _ => {}
        }
        rest = rest.get(taken..)?;
    }
    None
}

/// An open object or array, with the key or index of its current value.
enum Step {
    Key(String),
    Index(usize),
}

/// Returns the length of the string at the start of `text`, including quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

/// Reports the number at this place.
fn problem(open: &[Step]) -> Problem {
    let mut pointer = String::new();
    for step in open {
        let step = match step {
            Step::Key(key) => escaped(key),
            Step::Index(index) => index.to_string(),
        };
        pointer.push('/');
        pointer.push_str(&step);
    }
    Place::of(&pointer)
        .bad("is a number that 64 bits cannot hold exactly; use a 64-bit integer, or fewer digits")
}

/// Whether a number is a 64-bit integer or the shortest decimal of a double.
fn is_exact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else { return false };
    let shortest = format!("{double:e}");
    double.is_finite() && digits(number).is_some() && digits(number) == digits(&shortest)
}

/// Normalizes a number: sign, digits without zeros at either end, and the exponent of the last
/// digit.
fn digits(number: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (negative, mantissa) =
        mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let short = all.trim_end_matches('0');
    let zeros = i64::try_from(all.len().checked_sub(short.len())?).ok()?;
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(zeros)?;
    let short = short.trim_start_matches('0');
    if short.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, short.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_double_changes_are_found_with_their_place() {
        for good in [
            r#"{"const": 18446744073709551615, "b": [-9223372036854775808, 0.1, 1e308, -0.0, 2.50]}"#,
            r#"{"minimum": 1.7976931348623157e308, "x": "123456789012345678901234567890"}"#,
            r#"{"a\"1": {"enum": ["\\", 31.245270191439438, 100e-2]}}"#,
        ] {
            assert_eq!(inexact(good), None, "{good}");
        }
        for (bad, place) in [
            (r#"{"const": 123456789012345678901234567890}"#, "$.const"),
            (r#"{"a": [1, {"enum": ["x", 0.1234567890123456789]}]}"#, "$.a[1].enum[1]"),
            (r#"{"minimum": 18446744073709551617}"#, "$.minimum"),
            (r#"{"minimum": 1e400}"#, "$.minimum"),
            (r#"{"a\"b": 12345678901234567890.5}"#, "$.*"),
        ] {
            let problem = inexact(bad).unwrap().to_string();
            assert!(problem.starts_with(&format!("{place} is a number")), "{problem}");
        }
    }
}
