//! Translates syntax that Hugging Face's Jinja supports and minijinja does not: the tag
//! `{% generation %}`, and Python's `'text' % value`.
//!
//! `{% generation %}` marks the text of the assistant. It does not change the output, but it opens
//! a scope, as `{% with %}` does.

/// The filter that [`translate`] writes for `%`.
pub(super) const PERCENT: &str = "percent_format";

/// Translates a template to minijinja's dialect. Comments, raw blocks and texts are unchanged,
/// except for line ends.
pub(super) fn translate(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut written = String::with_capacity(source.len());
    let mut rest = source.as_str();
    while let Some((before, tag, after)) = next_tag(rest) {
        written.push_str(before);
        rest = after;
        match keyword(tag) {
            Some("generation") => written.push_str(&tag.replacen("generation", "with", 1)),
            Some("endgeneration") => written.push_str(&tag.replacen("endgeneration", "endwith", 1)),
            Some("raw") => {
                written.push_str(tag);
                let (raw, after) = through_endraw(rest);
                written.push_str(raw);
                rest = after;
            }
            _ if tag.starts_with("{#") => written.push_str(tag),
            _ => written.push_str(&percents(tag)),
        }
    }
    written.push_str(rest);
    written
}

/// Finds the first comment, expression or block; returns the text before it, the tag, and the rest.
fn next_tag(source: &str) -> Option<(&str, &str, &str)> {
    let opens = |at: &usize| {
        source.get(*at..).is_some_and(|rest| KINDS.iter().any(|(open, _)| rest.starts_with(open)))
    };
    let start = source.match_indices('{').map(|(at, _)| at).find(opens)?;
    let (before, tag) = source.split_at_checked(start)?;
    let (_, close) = KINDS.iter().find(|(open, _)| tag.starts_with(open))?;
    let end = if tag.starts_with("{#") {
        tag.find(close)?.checked_add(close.len())?
    } else {
        end_outside_texts(tag, close)?
    };
    let (tag, after) = tag.split_at_checked(end)?;
    Some((before, tag, after))
}

const KINDS: [(&str, &str); 3] = [("{%", "%}"), ("{{", "}}"), ("{#", "#}")];

/// Returns the end of a tag, which may contain texts in quotes.
fn end_outside_texts(tag: &str, close: &str) -> Option<usize> {
    let mut at = 2_usize;
    loop {
        let rest = tag.get(at..)?;
        let letter = rest.chars().next()?;
        if rest.starts_with(close) {
            return at.checked_add(close.len());
        }
        at = at.checked_add(match letter {
            '"' | '\'' => text_length(rest),
            letter => letter.len_utf8(),
        })?;
    }
}

/// Returns the length of the text in quotes at the beginning of `rest`.
fn text_length(rest: &str) -> usize {
    let Some(quote) = rest.chars().next() else { return 0 };
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return at.saturating_add(1),
            _ => {}
        }
    }
    rest.len()
}

/// Returns the first word of a block.
fn keyword(tag: &str) -> Option<&str> {
    let inside = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside).trim();
    inside.split_whitespace().next()
}

/// Splits after the end of a raw block.
fn through_endraw(source: &str) -> (&str, &str) {
    let mut ends = source.match_indices("{%").filter_map(|(at, _)| {
        let end = source.get(at..)?.find("%}")?.checked_add(at)?.checked_add(2)?;
        (keyword(source.get(at..end)?)? == "endraw").then_some(end)
    });
    let end = ends.next().unwrap_or(source.len());
    source.split_at_checked(end).unwrap_or((source, ""))
}

/// Rewrites `'text' % value` as a filter, which binds equally tightly if the left side is a text.
fn percents(code: &str) -> String {
    let mut written = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        let is_text = matches!(letter, '"' | '\'');
        let length = if is_text { text_length(rest) } else { letter.len_utf8() };
        let Some((token, after)) = rest.split_at_checked(length) else { break };
        written.push_str(token);
        rest = after;
        let operator = after.trim_start().strip_prefix('%');
        if let Some(value) = operator.filter(|value| is_text && !value.starts_with('}')) {
            let value = value.trim_start();
            let (value, after) =
                value.split_at_checked(operand_length(value)).unwrap_or((value, ""));
            written.push_str(&format!("|{PERCENT}({})", percents(value)));
            rest = after;
        }
    }
    written
}

/// Returns the length of the operand at the beginning of `rest`: a value with its look-ups, calls
/// and filters.
fn operand_length(rest: &str) -> usize {
    let mut at = 0_usize;
    loop {
        let here = rest.get(at..).unwrap_or_default();
        let length = match here.chars().next() {
            Some('(' | '[' | '{') => bracket_length(here),
            Some('"' | '\'') => text_length(here),
            Some('.' | '|') => 1,
            Some(letter) if letter.is_alphanumeric() || letter == '_' => letter.len_utf8(),
            _ => return at,
        };
        at = at.saturating_add(length.max(1));
    }
}

/// Returns the length of the bracket at the beginning of `rest`.
fn bracket_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(letter) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        let length = match letter {
            '"' | '\'' => text_length(rest.get(at..).unwrap_or_default()),
            letter => letter.len_utf8(),
        };
        at = at.saturating_add(length);
        match letter {
            '(' | '[' | '{' => depth = depth.saturating_add(1),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_blocks_become_scopes_and_keep_their_dashes() {
        for (source, expected) in [
            ("{% generation %}a{% endgeneration %}", "{% with %}a{% endwith %}"),
            ("{%- generation -%}a{%+ endgeneration +%}", "{%- with -%}a{%+ endwith +%}"),
            ("{%generation%}{{ '%}' }}{%endgeneration%}", "{%with%}{{ '%}' }}{%endwith%}"),
            ("{# {% generation %} #}{% if x %}", "{# {% generation %} #}{% if x %}"),
            ("{{ '{% generation %}' }}", "{{ '{% generation %}' }}"),
            ("{% raw %}{% generation %}{% endraw %}x", "{% raw %}{% generation %}{% endraw %}x"),
            ("{% set generation = 1 %}", "{% set generation = 1 %}"),
            ("a\r\nb\rc{{ '\r\n' }}", "a\nb\nc{{ '\n' }}"),
            ("no tags, { one brace, {% open", "no tags, { one brace, {% open"),
            ("{{ \"it's\" }}{% generation %}", "{{ \"it's\" }}{% with %}"),
        ] {
            assert_eq!(translate(source), expected);
        }
    }

    #[test]
    fn a_text_before_a_percent_sign_is_formatted() {
        for (source, expected) in [
            ("{{ '%s' % x }}", "{{ '%s'|percent_format(x) }}"),
            (
                "{{ 'a' + '%s' % (x, 'b)') + 'c' }}",
                "{{ 'a' + '%s'|percent_format((x, 'b)')) + 'c' }}",
            ),
            ("{{ '%s' % x.y['z'](1)|upper }}", "{{ '%s'|percent_format(x.y['z'](1)|upper) }}"),
            (
                "{% set a = '%s'%('%d' % 1) -%}",
                "{% set a = '%s'|percent_format(('%d'|percent_format(1))) -%}",
            ),
            ("{% if a == 'x' %}", "{% if a == 'x' %}"),
            ("{% if a == 'x'%}", "{% if a == 'x'%}"),
            ("{{ 7 % 2 }}", "{{ 7 % 2 }}"),
            ("'%s' % outside", "'%s' % outside"),
        ] {
            assert_eq!(translate(source), expected);
        }
    }
}
