//! Python's methods of texts, lists and dictionaries, if minijinja's own set lacks them or gives
//! other results.

use minijinja::{
    Error, ErrorKind, Value,
    value::{Tuple, ValueKind, from_args},
};

/// The ends of a text that are stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Both.
    Both,
    /// The beginning.
    Start,
    /// The end.
    End,
}

/// Python's `strip`, `lstrip`, `rstrip`.
pub(super) fn strip<'text>(text: &'text str, letters: Option<&str>, ends: Ends) -> &'text str {
    let goes = |letter: char| match letters {
        Some(letters) => letters.contains(letter),
        None => is_space(letter),
    };
    let text = if ends == Ends::End { text } else { text.trim_start_matches(goes) };
    if ends == Ends::Start { text } else { text.trim_end_matches(goes) }
}

/// Whether Python treats a letter as white space: Unicode's white space and four old separators.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// Calls a method. `None` if minijinja's own set has it with the same result.
pub(super) fn method(
    receiver: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, Error> {
    match receiver.kind() {
        ValueKind::String => {
            let text = receiver.as_str().unwrap_or_default();
            text_method(text, name, arguments)
        }
        ValueKind::Map if name == "copy" => {
            let () = from_args(arguments)?;
            Ok(Some(receiver.clone()))
        }
        ValueKind::Seq if name == "index" => {
            let (wanted,): (&Value,) = from_args(arguments)?;
            let at = receiver.try_iter()?.position(|item| item == *wanted);
            at.map(|at| Some(Value::from(at))).ok_or_else(|| missing("list.index"))
        }
        _ => Ok(None),
    }
}

fn text_method(text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let ends = match name {
        "strip" => Some(Ends::Both),
        "lstrip" => Some(Ends::Start),
        "rstrip" => Some(Ends::End),
        _ => None,
    };
    if let Some(ends) = ends {
        let (letters,): (Option<&str>,) = from_args(arguments)?;
        return Ok(Some(Value::from(strip(text, letters, ends))));
    }
    Ok(Some(match name {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "split" | "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(arguments)?;
            let most = most.and_then(|most| usize::try_from(most).ok());
            split(text, separator, most, name == "rsplit")?
        }
        "splitlines" => {
            let (keep,): (Option<bool>,) = from_args(arguments)?;
            lines(text, keep.unwrap_or(false)).into_iter().map(Value::from).collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            let last = name == "rpartition";
            let cut = if last { text.rsplit_once(separator) } else { text.split_once(separator) };
            let parts = match cut {
                Some((before, after)) => [before, separator, after],
                None if last => ["", "", text],
                None => [text, "", ""],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "index" => {
            let (part,): (&str,) = from_args(arguments)?;
            let before = text.split_once(part).ok_or_else(|| missing("str.index"))?.0;
            Value::from(before.chars().count())
        }
        _ => return letters_method(text, name, arguments),
    }))
}

/// Methods about letters.
fn letters_method(text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match name {
        "ljust" | "rjust" | "center" | "zfill" => padded(text, name, arguments)?,
        "swapcase" => {
            let () = from_args(arguments)?;
            let swap = |letter: char| -> String {
                if letter.is_uppercase() {
                    letter.to_lowercase().collect()
                } else {
                    letter.to_uppercase().collect()
                }
            };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        "casefold" => {
            let () = from_args(arguments)?;
            Value::from(text.to_uppercase().to_lowercase())
        }
        "title" => {
            let () = from_args(arguments)?;
            Value::from(title(text))
        }
        "istitle" => {
            let () = from_args(arguments)?;
            Value::from(text == title(text) && text.chars().any(char::is_alphabetic))
        }
        "isdecimal" => {
            let () = from_args(arguments)?;
            Value::from(!text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit()))
        }
        "isspace" => {
            let () = from_args(arguments)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        _ => return Ok(None),
    }))
}

fn split(
    text: &str,
    separator: Option<&str>,
    most: Option<usize>,
    from_end: bool,
) -> Result<Value, Error> {
    let parts = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let Some(separator) = separator else {
        return Ok(words(text, parts, from_end).into_iter().map(Value::from).collect());
    };
    if separator.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
    }
    let mut found: Vec<&str> = if from_end {
        text.rsplitn(parts, separator).collect()
    } else {
        text.splitn(parts, separator).collect()
    };
    if from_end {
        found.reverse();
    }
    Ok(found.into_iter().map(Value::from).collect())
}

/// Splits at runs of white space. The unsplit rest keeps its white space.
fn words(text: &str, parts: usize, from_end: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let inner = if from_end { Ends::End } else { Ends::Start };
    let mut rest = strip(text, None, inner);
    while !rest.is_empty() {
        let last = found.len().saturating_add(1) >= parts;
        let cut = if from_end {
            rest.rsplit_once(is_space).map(|(before, after)| (after, before))
        } else {
            rest.split_once(is_space)
        };
        match cut {
            Some((word, after)) if !last => {
                found.push(word);
                rest = strip(after, None, inner);
            }
            _ => {
                found.push(rest);
                rest = "";
            }
        }
    }
    if from_end {
        found.reverse();
    }
    found
}

/// Puts the first letter of each word in upper case, and the others in lower case.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        if inside {
            titled.extend(letter.to_lowercase());
        } else {
            titled.extend(letter.to_uppercase());
        }
        inside = letter.is_alphabetic();
    }
    titled
}

/// Splits into lines, at all line ends that Python knows.
fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends = |letter: char| {
            matches!(
                letter,
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                    ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        };
        let Some(at) = rest.find(ends) else {
            found.push(rest);
            break;
        };
        let (line, end) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let length =
            if end.starts_with("\r\n") { 2 } else { end.chars().next().map_or(0, char::len_utf8) };
        let (whole, after) = rest.split_at_checked(at.saturating_add(length)).unwrap_or((rest, ""));
        found.push(if keep_ends { whole } else { line });
        rest = after;
    }
    found
}

fn padded(text: &str, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<char>) = from_args(arguments)?;
    let missing = width.min(PADDED_MAX).saturating_sub(text.chars().count());
    let fill = |count: usize| std::iter::repeat_n(fill.unwrap_or(' '), count).collect::<String>();
    Ok(Value::from(match name {
        "ljust" => format!("{text}{}", fill(missing)),
        "rjust" => format!("{}{text}", fill(missing)),
        "zfill" => {
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => {
                    text.split_at_checked(text.len() - digits.len()).unwrap_or(("", text))
                }
                None => ("", text),
            };
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        // If the padding is odd, Python adds the extra letter on the left for odd widths.
        _ => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", fill(left), fill(missing.saturating_sub(left)))
        }
    }))
}

/// Maximum width of a padded field.
pub(super) const PADDED_MAX: usize = 4096;

fn missing(method: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{method}: not found"))
}
