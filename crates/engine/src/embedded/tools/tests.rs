//! The reader of calls, on texts that models really write, cut at every place.

use std::collections::HashMap;

use super::*;
use crate::schema::check::Check;

fn reader() -> Reader {
    reader_of(true)
}

fn reader_of(parallel: bool) -> Reader {
    let names = ["f", "g"].map(|name| (name.to_owned(), Check::object()));
    Reader::new(Arc::new(Promise::Calls { checks: HashMap::from(names), parallel, answer: None }))
}

fn read_as(chunks: &[&str], cut: bool) -> Vec<Piece> {
    let (mut reader, mut out) = (reader(), Vec::new());
    for chunk in chunks {
        reader.push(chunk, &mut out).unwrap();
    }
    reader.finish(cut, &mut out);
    let mut joined: Vec<Piece> = Vec::new();
    for piece in out {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (Some(Piece::Arguments(before)), Piece::Arguments(text)) => before.push_str(&text),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// Reads the text whole and cut at every place; the result must be the same.
fn read(text: &str) -> Vec<Piece> {
    let whole = read_as(&[text], false);
    for at in (1..text.len()).filter(|&at| text.is_char_boundary(at)) {
        let (before, after) = text.split_at(at);
        assert_eq!(read_as(&[before, after], false), whole, "cut at {at}: {text}");
    }
    let letters: Vec<String> = text.chars().map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    assert_eq!(read_as(&letters, false), whole, "letter by letter: {text}");
    whole
}

fn text_piece(text: &str) -> Piece {
    Piece::Text(text.into())
}

fn called(name: &str, arguments: &str) -> [Piece; 2] {
    [Piece::Start(name.into()), Piece::Arguments(arguments.into())]
}

fn call(name: &str, arguments: &str) -> String {
    format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
}

#[test]
fn calls_are_read_the_same_however_the_text_is_cut() {
    let text = format!(
        "Let me see.\n{}\n{}",
        call("f", "{\"a\": \"}\\\"{\", \"b\": [1]}"),
        call("g", "{}")
    );
    let [a, b] = called("f", "{\"a\": \"}\\\"{\", \"b\": [1]}");
    let [c, d] = called("g", "{}");
    assert_eq!(read(&text), [text_piece("Let me see."), a, b, c, d]);
}

#[test]
fn prose_that_mentions_the_tag_stays_prose() {
    for text in [
        "a < b <toolbox",
        "ends with <tool_",
        "The tag is <tool_call> and then more text follows, said the parrot.",
        "Write \"<tool_call>\" and then the call.",
        "Write <tool_call>{\"name\": \"x\", \"arguments\": {}} on one line.",
        "Write <tool_call>{\"name\": \"f\", \"arguments\": {}} on one line.",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call>{\"name\": \"unknown\", \"arguments\": {}}</tool_call> is a call.",
        "a tag at the end: <tool_call>",
        "Write `<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>` to call it.",
        "Write \"<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\" to call it.",
        "</tool_call> alone",
    ] {
        assert_eq!(read(text), [text_piece(text)]);
    }
}

#[test]
fn a_tag_without_its_line_break_begins_a_call_that_is_complete() {
    let [start, arguments] = called("f", "{\"a\": 1}");
    let text = "Look: <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call> Done.";
    assert_eq!(read(text), [text_piece("Look:"), start, arguments, text_piece(" Done.")]);
}

#[test]
fn a_tag_twice_leaves_nothing_behind() {
    let [start, arguments] = called("f", "{}");
    let text = format!("Hm. <tool_call>\n{}", call("f", "{}").trim_start_matches("<tool_call>\n"));
    assert_eq!(read(&text), [text_piece("Hm."), start, arguments]);
    let [start, arguments] = called("f", "{}");
    assert_eq!(read(&format!("<tool_call>{}", call("f", "{}"))), [start, arguments]);
}

#[test]
fn what_was_cut_in_a_call_does_not_leak() {
    assert_eq!(read_as(&["Hm. <tool_call>\n{\"na"], true), [text_piece("Hm.")]);
    assert_eq!(read_as(&["Hm. <tool_call>{\"name\": \"f\", \"argu"], true), [text_piece("Hm. ")]);
    assert_eq!(read_as(&["Hm. <tool_call>"], true), [text_piece("Hm. ")]);
}

#[test]
fn the_same_call_again_ends_the_answer_and_is_not_given_out() {
    let (mut reader, mut out) = (reader(), Vec::new());
    let twice = format!("{}\n{}", call("f", "{\"a\": 12}"), call("f", "{\"a\": 12}"));
    reader.push(&twice, &mut out).unwrap();
    assert!(reader.has_enough() && reader.calls() == 1);
    assert_eq!(out, called("f", "{\"a\": 12}"));
    // A call that only begins in the same way is a different call.
    let [a, b] = called("f", "{\"a\": 12}");
    let [c, d] = called("f", "{\"a\": 13}");
    assert_eq!(
        read(&format!("{}\n{}", call("f", "{\"a\": 12}"), call("f", "{\"a\": 13}"))),
        [a, b, c, d]
    );
}

#[test]
fn a_call_that_breaks_the_grammar_is_an_error() {
    let text = "<tool_call>\nname f, \"arguments\": {}}";
    assert_eq!(reader().push(text, &mut Vec::new()), Err(Fault::Malformed));
    let unknown = call("unknown", "{}");
    assert_eq!(reader().push(&unknown, &mut Vec::new()), Err(Fault::Promise));
}

/// Random mixtures of texts, cut at random: no panic, and every cut gives the same result.
#[test]
fn mixtures_read_the_same_however_they_are_cut() {
    use crate::embedded::sample::SplitMix64;
    let good = call("f", "{\"a\": 1}");
    let parts = [
        "<tool_call>",
        "<tool_call>\n",
        "</tool_call>",
        "\"",
        " ",
        "\n",
        "{",
        "}",
        "prose ",
        "<",
        "<tool_",
        "{\"name\": \"f\", \"arguments\": {}}",
        "{\"name\": \"g\", \"arguments\": {\"b\": 2}}",
        "é",
        good.as_str(),
    ];
    let mut random = SplitMix64(7);
    let mut pick = |count: usize| (random.fraction() * count as f32) as usize;
    let tidy = |text: &str, size: usize| -> (Result<(), Fault>, String) {
        let (mut reader, mut out) = (reader(), Vec::new());
        let letters: Vec<char> = text.chars().collect();
        let mut read = Ok(());
        for chunk in letters.chunks(size) {
            read = reader.push(&chunk.iter().collect::<String>(), &mut out);
            if read.is_err() {
                break;
            }
        }
        reader.finish(false, &mut out);
        let flat = out.iter().fold(String::new(), |all, piece| match piece {
            Piece::Text(text) => all + text,
            Piece::Start(name) => all + "[" + name + "]",
            Piece::Arguments(text) => all + text,
        });
        (read, flat)
    };
    for _ in 0..3000 {
        let text: String = (0..=pick(8)).map(|_| parts[pick(parts.len())]).collect();
        let whole = tidy(&text, usize::MAX);
        for size in 1..4 {
            assert_eq!(tidy(&text, size), whole, "{size}: {text}");
        }
    }
}

#[test]
fn one_call_is_enough_where_no_others_may_follow() {
    let inline = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
    for second in [inline.replace("\"f\"", "\"g\""), call("g", "{}")] {
        let (mut reader, mut out) = (reader_of(false), Vec::new());
        for letter in format!("{inline}\n{second}").chars() {
            reader.push(&letter.to_string(), &mut out).unwrap();
        }
        reader.finish(false, &mut out);
        assert!(reader.has_enough());
        assert_eq!(out, called("f", "{}"));
    }
}

/// A model whose bias makes it write only the tag neither overflows the stack nor is held for ever.
#[test]
fn a_tag_without_end_is_prose() {
    let (mut reader, mut out) = (reader(), Vec::new());
    for _ in 0..40 {
        reader.push(&OPEN.repeat(1000), &mut out).unwrap();
    }
    reader.finish(false, &mut out);
    let length: usize = out.iter().map(|piece| matches!(piece, Piece::Text(_)) as usize).sum();
    assert!(length > 1, "some of it is passed on before the end");
}
