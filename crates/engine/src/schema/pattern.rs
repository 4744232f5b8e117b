//! The text of JSON strings, and the patterns of JSON Schema (ECMA-262) over that text.
//!
//! Every character has exactly one spelling. Two strings are then equal exactly if their texts are,
//! and the complement of a set of texts is the complement of the set of strings.

use std::fmt::Write as _;

use regex_syntax::hir::{Class, Hir, HirKind, Look, literal::Extractor};

use super::grammar::Rx;

/// Matches one character inside a string, in its one spelling.
pub(super) const CHARACTER: &str =
    r#"(?:[^"\\\x00-\x1F\x7F]|\\["\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f]|7f))"#;

/// Returns the JSON text of a string, without quotes.
pub(super) fn quoted(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, character| {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
        out
    })
}

/// Puts quotes around a set of texts.
pub(super) fn string(inner: Rx) -> Rx {
    let quote = || Rx::Literal("\"".to_owned());
    match inner {
        Rx::Literal(text) => Rx::Literal(format!("\"{text}\"")),
        Rx::Expression(text) => Rx::Expression(format!("\"(?:{text})\"")),
        inner => Rx::Then(vec![quote(), inner, quote()]),
    }
}

/// Matches the text of any string.
pub(super) fn anything() -> Rx {
    Rx::Expression(format!("{CHARACTER}*"))
}

/// Matches texts with this number of characters; `None` if a number does not fit 32 bits.
pub(super) fn length(least: u64, most: Option<u64>) -> Option<Rx> {
    let most = match most {
        None => String::new(),
        Some(most) => u32::try_from(most).ok()?.to_string(),
    };
    let least = u32::try_from(least).ok()?;
    Some(Rx::Expression(format!("{CHARACTER}{{{least},{most}}}")))
}

/// A parsed pattern, both as a set of texts and as a test for one string.
#[derive(Clone)]
pub(super) struct Pattern {
    /// The texts of the strings that the pattern matches.
    pub(super) set: Rx,
    /// All strings that the pattern matches, if there are at most [`LISTED_MAX`]; else empty.
    pub(super) listed: Vec<String>,
    /// An estimate of the states of its automaton.
    pub(super) states: u64,
    /// The lookaheads at the front, then the rest; true for a negative lookahead.
    parts: Vec<(bool, regex::Regex)>,
}

/// The reason why a pattern cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// Not a regular expression.
    Broken,
    /// Unsupported syntax, such as look-around in the middle or a back reference.
    Beyond,
    /// Too many states.
    TooLarge,
}

/// Matches strings without line ends, about which engines disagree.
const NO_LINE_ENDS: &str =
    r#"(?:[^"\\\x00-\x1F\x7F\x{2028}\x{2029}]|\\["\\bft]|\\u00(?:0[0-7bef]|1[0-9a-f]|7f))*"#;

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`Bad::Broken`] if it is not a regular expression; [`Bad::Beyond`] if its syntax is
    /// unsupported.
    pub(super) fn read(source: &str) -> Result<Self, Bad> {
        let mut rest = source;
        let mut parts = Vec::new();
        let mut ahead = Vec::new();
        let mut states = 0_u64;
        if let Some(after) = source.strip_prefix('^')
            && (after.starts_with("(?=") || after.starts_with("(?!"))
        {
            rest = after;
            while let Some((not, inside, after)) = lookahead(rest) {
                let one = translated(&format!("^(?:{inside})"))?;
                let hir = parse(&one)?;
                states = states.saturating_add(size(&hir)?);
                let set = search(&hir)?;
                ahead.push(if not { Rx::Not(Box::new(set)) } else { set });
                parts.push((not, regex::Regex::new(&one).map_err(|error| unusable(&error))?));
                rest = after;
            }
            if has_alternatives(rest) {
                return Err(Bad::Beyond);
            }
        }
        let whole = if ahead.is_empty() { rest.to_owned() } else { format!("^{rest}") };
        let whole = translated(&whole)?;
        let hir = parse(&whole)?;
        states = states.saturating_add(size(&hir)?);
        let listed = if ahead.is_empty() { few(&hir).unwrap_or_default() } else { Vec::new() };
        let set = search(&hir)?;
        parts.push((false, regex::Regex::new(&whole).map_err(|error| unusable(&error))?));
        let set = if ahead.is_empty() {
            set
        } else {
            ahead.push(set);
            ahead.push(Rx::Expression(NO_LINE_ENDS.to_owned()));
            Rx::And(ahead)
        };
        Ok(Self { set, listed, states, parts })
    }

    /// Whether the pattern matches this string.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.parts.iter().all(|(not, part)| part.is_match(text) != *not)
    }

    /// Returns the strings that the pattern does not match, without those that contain line ends.
    pub(super) fn others(&self) -> Rx {
        let lines = Rx::Expression(NO_LINE_ENDS.to_owned());
        Rx::And(vec![lines, Rx::Not(Box::new(self.set.clone()))])
    }
}

fn unusable(error: &regex::Error) -> Bad {
    match error {
        regex::Error::CompiledTooBig(_) => Bad::TooLarge,
        _ => Bad::Broken,
    }
}

/// Maximum number of states of one pattern.
const STATES_MAX: u64 = 50_000;

/// Estimates the states of an expression's automaton: a class has about one for each range, and a
/// repetition repeats its states.
fn size(hir: &Hir) -> Result<u64, Bad> {
    let states = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => u64::try_from(literal.0.len()).unwrap_or(u64::MAX),
        HirKind::Class(Class::Unicode(class)) => {
            u64::try_from(class.ranges().len()).unwrap_or(u64::MAX)
        }
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Capture(capture) => size(&capture.sub)?,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            size(&repetition.sub)?.saturating_mul(u64::from(times))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            let mut sum = 0_u64;
            for part in parts {
                sum = sum.saturating_add(size(part)?);
            }
            sum
        }
    };
    if states > STATES_MAX { Err(Bad::TooLarge) } else { Ok(states) }
}

/// Maximum number of strings in [`Pattern::listed`].
const LISTED_MAX: usize = 32;

/// Returns the strings that `^…$` matches, if there are at most [`LISTED_MAX`].
fn few(hir: &Hir) -> Option<Vec<String>> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let (first, rest) = parts.split_first()?;
    let (last, inside) = rest.split_last()?;
    let anchored = matches!(first.kind(), HirKind::Look(Look::Start))
        && matches!(last.kind(), HirKind::Look(Look::End));
    if !anchored || inside.iter().any(looks) {
        return None;
    }
    let mut extractor = Extractor::new();
    extractor.limit_class(LISTED_MAX).limit_total(LISTED_MAX);
    let all = extractor.extract(&Hir::concat(inside.to_vec()));
    let all = all.literals().filter(|_| all.is_exact())?;
    all.iter().map(|text| String::from_utf8(text.as_bytes().to_vec()).ok()).collect()
}

/// Splits a lookahead off the front: whether it is negative, its content, and the rest.
fn lookahead(text: &str) -> Option<(bool, &str, &str)> {
    let (not, after) = match text.strip_prefix("(?!") {
        Some(after) => (true, after),
        None => (false, text.strip_prefix("(?=")?),
    };
    let end = closing(after)?;
    let (inside, rest) = after.split_at_checked(end)?;
    Some((not, inside, rest.strip_prefix(')')?))
}

/// Returns the index of the `)` that closes the group around `text`.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut class, mut escaped) = (0_u32, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => class = false,
            '[' => class = true,
            '(' if !class => depth = depth.saturating_add(1),
            ')' if !class && depth == 0 => return Some(at),
            ')' if !class => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn has_alternatives(text: &str) -> bool {
    let (mut depth, mut class, mut escaped) = (0_u32, false, false);
    text.chars().any(|character| {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => class = false,
            '[' => class = true,
            '(' if !class => depth = depth.saturating_add(1),
            ')' if !class => depth = depth.saturating_sub(1),
            '|' if !class && depth == 0 => return true,
            _ => {}
        }
        false
    })
}

const SPACE: &str = r"\t\n\x0B\x0C\r\x{20}\x{a0}\x{feff}\x{2028}\x{2029}\p{Zs}";
const WORD: &str = "0-9A-Za-z_";

/// Translates ECMA-262 syntax to the syntax of the `regex` crate.
fn translated(source: &str) -> Result<String, Bad> {
    let mut out = String::new();
    let mut text = source.chars().peekable();
    let mut seen = String::new();
    while let Some(character) = text.next() {
        seen.push(character);
        match character {
            '\\' => escape(&mut text, false, &mut out)?,
            '.' => out.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            '[' => bracket(&mut text, &mut out)?,
            '(' => group(&mut text, &mut out)?,
            '{' => {
                let ahead: String = text.clone().take_while(|&c| c != '}').collect();
                let counts = !ahead.is_empty()
                    && ahead.starts_with(|c: char| c.is_ascii_digit())
                    && ahead.chars().all(|c| c.is_ascii_digit() || c == ',')
                    && ahead.matches(',').count() < 2
                    && text.clone().any(|c| c == '}');
                if counts {
                    out.push('{');
                    for _ in 0..=ahead.chars().count() {
                        out.extend(text.next());
                    }
                } else {
                    out.push_str(r"\{");
                }
            }
            '^' | '$' | '|' | ')' | '*' | '+' | '?' => out.push(character),
            other => literal(other, &mut out),
        }
    }
    Ok(out)
}

type Source<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn literal(character: char, out: &mut String) {
    if character.is_ascii_alphanumeric() {
        out.push(character);
    } else {
        let _ = write!(out, r"\x{{{:x}}}", u32::from(character));
    }
}

fn group(text: &mut Source<'_>, out: &mut String) -> Result<(), Bad> {
    out.push_str("(?:");
    if text.peek() != Some(&'?') {
        return Ok(());
    }
    text.next();
    match text.next() {
        Some(':') => Ok(()),
        Some('<') if text.peek().is_some_and(|&c| c.is_alphabetic() || c == '_') => {
            for character in text.by_ref() {
                if character == '>' {
                    return Ok(());
                }
            }
            Err(Bad::Broken)
        }
        _ => Err(Bad::Beyond),
    }
}

fn hex(text: &mut Source<'_>, count: usize) -> Result<u32, Bad> {
    let mut value = 0_u32;
    for _ in 0..count {
        let digit = text.next().and_then(|c| c.to_digit(16)).ok_or(Bad::Broken)?;
        value = value.wrapping_mul(16).wrapping_add(digit);
    }
    Ok(value)
}

fn escape(text: &mut Source<'_>, class: bool, out: &mut String) -> Result<(), Bad> {
    let set = |out: &mut String, inside: &str, not: bool| {
        let _ = write!(out, "[{}{inside}]", if not { "^" } else { "" });
    };
    let code = |out: &mut String, value: u32| {
        let character = char::from_u32(value).ok_or(Bad::Beyond)?;
        literal(character, out);
        Ok(())
    };
    match text.next().ok_or(Bad::Broken)? {
        'd' => set(out, "0-9", false),
        'D' => set(out, "0-9", true),
        'w' => set(out, WORD, false),
        'W' => set(out, WORD, true),
        's' => set(out, SPACE, false),
        'S' => set(out, SPACE, true),
        'n' => out.push_str(r"\n"),
        'r' => out.push_str(r"\r"),
        't' => out.push_str(r"\t"),
        'v' => out.push_str(r"\x0B"),
        'f' => out.push_str(r"\x0C"),
        'b' if class => out.push_str(r"\x08"),
        'b' | 'B' | 'k' | '1'..='9' | 'A' | 'Z' | 'z' | 'G' | 'a' | 'e' | 'h' | 'R' | 'Q' | 'E' => {
            return Err(Bad::Beyond);
        }
        '0' => out.push_str(r"\x00"),
        'c' => {
            let letter = text.next().filter(char::is_ascii_alphabetic).ok_or(Bad::Broken)?;
            code(out, u32::from(letter) % 32)?;
        }
        'x' => {
            let value = hex(text, 2)?;
            code(out, value)?;
        }
        'u' => {
            let value = unicode(text)?;
            code(out, value)?;
        }
        kind @ ('p' | 'P') => {
            let name: String = text.by_ref().take_while(|&c| c != '}').collect();
            let name = name.strip_prefix('{').ok_or(Bad::Beyond)?;
            let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '=';
            if !name.chars().all(known) {
                return Err(Bad::Broken);
            }
            let _ = write!(out, r"\{kind}{{{name}}}");
        }
        other => literal(other, out),
    }
    Ok(())
}

fn unicode(text: &mut Source<'_>) -> Result<u32, Bad> {
    if text.peek() == Some(&'{') {
        text.next();
        let digits: String = text.by_ref().take_while(|&c| c != '}').collect();
        return u32::from_str_radix(&digits, 16).map_err(|_| Bad::Broken);
    }
    let value = hex(text, 4)?;
    if !(0xd800..0xdc00).contains(&value) {
        return Ok(value);
    }
    if text.next() != Some('\\') || text.next() != Some('u') {
        return Err(Bad::Beyond);
    }
    let low = hex(text, 4)?.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or(Bad::Beyond)?;
    Ok(0x1_0000_u32.wrapping_add((value & 0x3ff) << 10).wrapping_add(low))
}

fn bracket(text: &mut Source<'_>, out: &mut String) -> Result<(), Bad> {
    out.push('[');
    if text.peek() == Some(&'^') {
        text.next();
        out.push('^');
    }
    if text.peek() == Some(&']') {
        // `[]` is empty and `[^]` matches everything, but engines disagree on both.
        return Err(Bad::Beyond);
    }
    loop {
        let character = text.next().ok_or(Bad::Broken)?;
        match character {
            ']' => break,
            '\\' => escape(text, true, out)?,
            '-' => {
                let before_set = out.ends_with(']')
                    || out.ends_with('[')
                    || out.ends_with("[^")
                    || out.ends_with('}') && out.contains("\\p{");
                let mut ahead = text.clone();
                let next = (ahead.next(), ahead.next());
                let after_set = matches!(next, (Some(']') | None, _))
                    || matches!(
                        next,
                        (Some('\\'), Some('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'p' | 'P'))
                    );
                out.push_str(if before_set || after_set { r"\-" } else { "-" });
            }
            other => literal(other, out),
        }
    }
    out.push(']');
    Ok(())
}

fn parse(pattern: &str) -> Result<Hir, Bad> {
    regex_syntax::ParserBuilder::new()
        .nest_limit(60)
        .build()
        .parse(pattern)
        .map_err(|_| Bad::Broken)
}

/// Returns the texts that contain a match.
fn search(hir: &Hir) -> Result<Rx, Bad> {
    let mut budget = 64_u32;
    let text = found(hir, true, true, &mut budget)?;
    Ok(Rx::Expression(text))
}

fn looks(hir: &Hir) -> bool {
    !hir.properties().look_set().is_empty()
}

fn around(inside: &str, before: bool, after: bool) -> String {
    let any = |wanted: bool| if wanted { format!("{CHARACTER}*") } else { String::new() };
    format!("{}{inside}{}", any(before), any(after))
}

/// Writes the texts that contain a match of `hir`. `before` and `after`: whether any text may
/// precede or follow the match, which an anchor forbids.
fn found(hir: &Hir, before: bool, after: bool, budget: &mut u32) -> Result<String, Bad> {
    *budget = budget.checked_sub(1).ok_or(Bad::Beyond)?;
    if !looks(hir) {
        return Ok(around(&inner(hir)?, before, after));
    }
    match hir.kind() {
        HirKind::Look(Look::Start) => Ok(around("", false, after)),
        HirKind::Look(Look::End) => Ok(around("", before, false)),
        HirKind::Capture(capture) => found(&capture.sub, before, after, budget),
        HirKind::Alternation(parts) => {
            let parts: Result<Vec<_>, _> =
                parts.iter().map(|part| found(part, before, after, budget)).collect();
            Ok(format!("(?:{})", parts?.join("|")))
        }
        HirKind::Concat(parts) => found_in_row(parts, before, after, budget),
        _ => Err(Bad::Beyond),
    }
}

fn found_in_row(
    parts: &[Hir],
    mut before: bool,
    mut after: bool,
    budget: &mut u32,
) -> Result<String, Bad> {
    let mut parts = parts;
    while let Some((first, rest)) = parts.split_first()
        && matches!(first.kind(), HirKind::Look(Look::Start))
    {
        (parts, before) = (rest, false);
    }
    while let Some((last, rest)) = parts.split_last()
        && matches!(last.kind(), HirKind::Look(Look::End))
    {
        (parts, after) = (rest, false);
    }
    if !parts.iter().any(looks) {
        let inside: Result<Vec<_>, _> = parts.iter().map(inner).collect();
        return Ok(around(&inside?.concat(), before, after));
    }
    // As in `(^|,)a`: handle each alternative by itself.
    let at_front = parts.first().is_some_and(looks);
    let (Some((end, rest)), true) = (
        if at_front { parts.split_first() } else { parts.split_last() },
        parts.iter().filter(|part| looks(part)).count() <= 2,
    ) else {
        return Err(Bad::Beyond);
    };
    let end = match end.kind() {
        HirKind::Capture(capture) => &capture.sub,
        _ => end,
    };
    let options: Vec<&Hir> = match end.kind() {
        HirKind::Alternation(options) => options.iter().collect(),
        HirKind::Concat(_) => vec![end],
        _ => return Err(Bad::Beyond),
    };
    if parts.len() == 1 {
        return found(end, before, after, budget);
    }
    let mut all = Vec::new();
    for option in options {
        let mut row: Vec<Hir> = match option.kind() {
            HirKind::Concat(parts) => parts.clone(),
            _ => vec![option.clone()],
        };
        if at_front {
            row.extend(rest.iter().cloned());
        } else {
            row = rest.iter().cloned().chain(row).collect();
        }
        // Anchors inside an anchored pattern never match; real patterns do not have them.
        *budget = budget.checked_sub(1).ok_or(Bad::Beyond)?;
        all.push(found_in_row(&row, before, after, budget)?);
    }
    Ok(format!("(?:{})", all.join("|")))
}

/// Rewrites an expression over characters to one over JSON text. Anchors are an error here.
fn inner(hir: &Hir) -> Result<String, Bad> {
    match hir.kind() {
        HirKind::Empty => Ok(String::new()),
        HirKind::Literal(bytes) => {
            let text = std::str::from_utf8(&bytes.0).map_err(|_| Bad::Beyond)?;
            Ok(quoted(text).chars().fold(String::new(), |mut out, character| {
                literal(character, &mut out);
                out
            }))
        }
        HirKind::Class(Class::Unicode(class)) => {
            Ok(ranges(class.ranges().iter().map(|range| (range.start(), range.end()))))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let ranges_of =
                class.ranges().iter().map(|r| (char::from(r.start()), char::from(r.end())));
            if class.is_ascii() { Ok(ranges(ranges_of)) } else { Err(Bad::Beyond) }
        }
        HirKind::Look(_) => Err(Bad::Beyond),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.map_or(String::new(), |max| max.to_string());
            Ok(format!("(?:{}){{{},{most}}}", inner(&repetition.sub)?, repetition.min))
        }
        HirKind::Capture(capture) => inner(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(inner).collect(),
        HirKind::Alternation(parts) => {
            let parts: Result<Vec<_>, _> = parts.iter().map(inner).collect();
            Ok(format!("(?:{})", parts?.join("|")))
        }
    }
}

fn is_special(character: char) -> bool {
    matches!(character, '\0'..='\u{1f}' | '"' | '\\' | '\u{7f}')
}

/// Writes a character class over JSON text, with escapes for special characters.
fn ranges(ranges: impl Iterator<Item = (char, char)>) -> String {
    let (mut class, mut options) = (String::new(), Vec::new());
    for (first, last) in ranges {
        let mut from = first;
        let specials = ('\0'..='\u{7f}').filter(|&c| is_special(c) && first <= c && c <= last);
        for special in specials {
            let escaped = quoted(&special.to_string()).chars().fold(String::new(), |mut out, c| {
                literal(c, &mut out);
                out
            });
            options.push(escaped);
            if from < special
                && let Some(before) = char::from_u32(u32::from(special).saturating_sub(1))
            {
                range(from, before, &mut class);
            }
            from = char::from_u32(u32::from(special).saturating_add(1)).unwrap_or(last);
        }
        if from <= last && !is_special(from) {
            range(from, last, &mut class);
        }
    }
    if !class.is_empty() {
        options.insert(0, format!("[{class}]"));
    }
    match options.as_slice() {
        [] => r"[^\x00-\x{10ffff}]".to_owned(),
        [one] => one.clone(),
        _ => format!("(?:{})", options.join("|")),
    }
}

fn range(first: char, last: char, class: &mut String) {
    literal(first, class);
    if first != last {
        class.push('-');
        literal(last, class);
    }
}

/// Returns an expression for a known `format`. It matches a subset of the format's texts, which
/// every validator accepts.
pub(super) fn format(name: &str) -> Option<String> {
    const DATE: &str = "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";
    const TIME: &str = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
    const LABEL: &str = "[a-z0-9](?:[a-z0-9]{0,30}|[a-z0-9]{1,20}-[a-z0-9]{1,20})";
    const BYTE: &str = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    let path = "(?:\\x{2f}[A-Za-z0-9._~-]{0,60}){0,20}(?:\\?[A-Za-z0-9=&._~-]{0,200})?(?:\\x{23}[A-Za-z0-9._~-]{0,60})?";
    let host = format!("{LABEL}(?:\\.{LABEL}){{0,3}}");
    Some(match name {
        "date" => DATE.to_owned(),
        "time" => TIME.to_owned(),
        "date-time" => format!("{DATE}T{TIME}"),
        "uuid" => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned(),
        "ipv4" => format!("(?:{BYTE}\\.){{3}}{BYTE}"),
        "ipv6" => "(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}:[0-9a-f]{1,4}|::[0-9a-f]{1,4}|::1".to_owned(),
        "hostname" => host,
        "email" => format!("[A-Za-z0-9_+-]{{1,40}}(?:\\.[A-Za-z0-9_+-]{{1,20}}){{0,1}}@{LABEL}(?:\\.{LABEL}){{0,2}}\\.[a-z]{{2,10}}"),
        "uri" => format!("(?:https?|ftp|wss?|file)\\x{{3a}}\\x{{2f}}\\x{{2f}}{host}(?:\\x{{3a}}[1-9][0-9]{{1,3}})?{path}|(?:urn|mailto|tel)\\x{{3a}}[A-Za-z0-9]{{1,30}}(?:[.@\\x{{3a}}-][A-Za-z0-9]{{1,30}}){{0,8}}"),
        "duration" => "P(?:[0-9]{1,4}Y(?:[0-9]{1,2}M(?:[0-9]{1,2}D)?)?|[0-9]{1,4}M(?:[0-9]{1,2}D)?|[0-9]{1,4}D|[0-9]{1,4}W|T(?:[0-9]{1,4}H(?:[0-9]{1,2}M(?:[0-9]{1,2}S)?)?|[0-9]{1,4}M(?:[0-9]{1,2}S)?|[0-9]{1,4}S))".to_owned(),
        _ => return None,
    })
}
