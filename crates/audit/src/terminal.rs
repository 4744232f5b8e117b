//! Makes text from untrusted sources safe to show in a terminal.

/// Escapes characters that a terminal interprets as commands. Further lines are indented, so that
/// they do not look like our own lines.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut shown = String::new();
    for one in text.chars() {
        match one {
            '\n' => shown.push_str("\n    "),
            '\t' => shown.push(one),
            _ if is_obeyed(one) => shown.extend(one.escape_unicode()),
            _ => shown.push(one),
        }
    }
    shown
}

/// Escapes characters that a terminal interprets as commands in JSON. They occur in strings only.
#[must_use]
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for one in json.chars() {
        match one {
            '\n' => text.push(one),
            _ if is_obeyed(one) => text.push_str(&format!("\\u{:04x}", u32::from(one))),
            _ => text.push(one),
        }
    }
    text
}

/// Whether a terminal interprets a character instead of showing it: controls, and characters that
/// end lines or change the direction of writing
/// (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
fn is_obeyed(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_strangers_wrote() {
        let theirs = "a\u{1b}[2Jb\u{9b}\u{202e}\nerror: c\td";
        let shown = harmless(theirs);
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{9b}\\u{202e}\n    error: c\td");
        let json = escaped(&serde_json::to_string_pretty(&[theirs, "ü"]).unwrap());
        assert!(!json.chars().any(|one| one != '\n' && is_obeyed(one)), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [theirs, "ü"]);
    }
}
