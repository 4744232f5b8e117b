//! The whole way from a request to the names in it, with a head that knows some words.

use std::sync::Arc;

use super::*;
use crate::{
    content::Content,
    personal::{Detector, Found, Kind, Kinds, Looking, Terms},
    texts::{Piece, Texts},
};

#[derive(Debug, Default)]
struct Request {
    texts: Vec<Content>,
    json: Vec<Content>,
    names: Vec<String>,
}

impl Texts for Request {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        pieces.extend(self.texts.iter_mut().map(Piece::Text));
        pieces.extend(self.json.iter_mut().map(Piece::Json));
        pieces.extend(self.names.iter_mut().map(Piece::Name));
    }
}

fn request(texts: &[&str]) -> Request {
    let texts = texts.iter().map(|text| Content::new((*text).to_owned())).collect();
    Request { texts, ..Request::default() }
}

/// A head whose vectors have one number for each label: the label whose number is 1 wins.
fn written() -> serde_json::Value {
    let labels = ["O", "B-name", "I-name", "B-address", "I-address"];
    let row = |at: usize| (0..5).map(|place| f32::from(u8::from(place == at))).collect::<Vec<_>>();
    serde_json::json!({
        "format": "bailiwick-ner-1", "encoder_sha256": "ab".repeat(32), "numbers": 5,
        "reads": ["word"], "forms": false, "labels": labels, "bias": vec![0.0; 5],
        "weights": (0..5).map(row).collect::<Vec<_>>(),
    })
}

fn head() -> Arc<Head> {
    Arc::new(Head::parse(written().to_string().as_bytes()).unwrap())
}

/// Vectors of a word, as an encoder that knows some names gives them.
fn vector(word: &str) -> [f32; 5] {
    let label = match word {
        "Anna" | "王" | "Élise" => 1,
        "Müller" | "小" | "明" => 2,
        "Hauptstraße" => 3,
        "12" => 4,
        _ => 0,
    };
    std::array::from_fn(|at| f32::from(u8::from(at == label)))
}

fn read(request: &mut Request) -> Names {
    let words = Words::of(request).unwrap();
    let asked = words.asked();
    let mut reading = Reading::new(words, head());
    for (text, words) in (0..).zip(&asked) {
        // In pieces, the last ones first: the order does not count.
        for (first, word) in words.iter().enumerate().rev() {
            reading.take(text, u32::try_from(first).unwrap(), &vector(word.reveal())).unwrap();
        }
    }
    reading.names().unwrap()
}

fn found(names: Names, text: &str) -> Vec<(Kind, String)> {
    let detector = Detector::new(&Kinds::all(), &Terms::default()).unwrap();
    let found = Looking::new(Arc::new(detector), names).find(text);
    found
        .into_iter()
        .map(|Found { kind, span }| (kind, text.get(span).unwrap().to_owned()))
        .collect()
}

fn name(name: &str) -> (Kind, String) {
    (Kind::Name, name.to_owned())
}

#[test]
fn a_name_without_context_is_found_in_all_texts_of_its_request() {
    let names = || read(&mut request(&["the report of Anna Müller is late", "Hauptstraße 12"]));
    assert_eq!(found(names(), "Anna Müller called"), [name("Anna Müller")]);
    assert_eq!(found(names(), "{\"of\": \"Anna M\\u00fcller\"}"), [name("Anna M\\u00fcller")]);
    assert_eq!(found(names(), "at Hauptstraße 12"), [(Kind::Address, "Hauptstraße 12".to_owned())]);
    assert!(found(names(), "Joanna Müllerin").is_empty(), "whole words");
    assert!(found(Names::by_context(), "Anna Müller called").is_empty());
}

#[test]
fn scripts_without_spaces_and_emoji_are_read_too() {
    let names = || read(&mut request(&["王小明です 👩‍👧 ok"]));
    assert_eq!(found(names(), "昨日王小明と"), [name("王小明")]);
    assert_eq!(found(read(&mut request(&["👩‍👧Élise!"])), "x Élise"), [name("Élise")]);
}

#[test]
fn hidden_forms_are_opened_before_the_model_reads() {
    // Base64 of `the report of Anna Müller`, an escape, and full-width letters.
    for text in
        ["data: dGhlIHJlcG9ydCBvZiBBbm5hIE3DvGxsZXI=", "\"Anna M\\u00fcller\"", "Ａｎｎａ Müller"]
    {
        let names = read(&mut request(&[text]));
        assert_eq!(found(names, "Anna Müller"), [name("Anna Müller")], "{text}");
    }
}

#[test]
fn a_text_is_asked_about_once_and_names_of_fields_never() {
    let mut twice = request(&["Anna and", "Anna and", "12 34", ""]);
    twice.names = vec!["Anna".to_owned()];
    twice.json = vec![Content::new("{\"a\": \"Anna\"}".to_owned())];
    let asked = Words::of(&mut twice).unwrap().asked();
    let texts: Vec<String> = asked
        .iter()
        .map(|words| words.iter().map(Content::reveal).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(texts, ["Anna and", "{ \" a \" : \" Anna \" }"]);
    assert!(Words::of(&mut request(&["", "42"])).unwrap().is_empty());
}

#[test]
fn short_and_common_words_are_no_names() {
    for text in ["I", "Al", "The", "王"] {
        let words = Words::of(&mut request(&[text])).unwrap();
        let mut reading = Reading::new(words, head());
        reading.take(0, 0, &[0.0, 1.0, 0.0, 0.0, 0.0]).unwrap();
        assert!(found(reading.names().unwrap(), text).is_empty(), "{text}");
    }
}

#[test]
fn too_many_words_are_refused() {
    let most = "a ".repeat(MOST_NER_WORDS);
    assert!(Words::of(&mut request(&[&most])).is_ok());
    assert_eq!(Words::of(&mut request(&[&most, "b"])).unwrap_err(), TooManyWords);
}

#[test]
fn an_answer_that_does_not_belong_to_the_words_is_refused() {
    let begin = || Reading::new(Words::of(&mut request(&["Anna is"])).unwrap(), head());
    let one = [0.0; 5];
    for (text, first, vectors) in [
        (1, 0, &one[..]),
        (0, 2, &one),
        (0, 1, &[0.0; 10]),
        (0, 0, &[0.0; 4]),
        (0, 0, &[]),
        (0, 0, &[f32::NAN, 0.0, 0.0, 0.0, 0.0]),
        (0, u32::MAX, &one),
    ] {
        assert_eq!(begin().take(text, first, vectors), Err(OtherVectors), "{text} {first}");
    }
    let mut twice = begin();
    twice.take(0, 0, &one).unwrap();
    assert_eq!(twice.take(0, 0, &one), Err(OtherVectors));
    assert_eq!(twice.names().unwrap_err(), OtherVectors, "a word is missing");
}

#[test]
fn a_head_reads_neighbours_and_forms() {
    let mut written = written();
    let width = 3 * (1 + FORMS);
    let mut weights = vec![0.0; width];
    // A word with a capital is a name behind a word whose number is 1.
    weights[1] = 1.0;
    weights[1 + FORMS] = 1.0;
    written["numbers"] = 1.into();
    written["reads"] = serde_json::json!(["word", "before", "after"]);
    written["forms"] = true.into();
    written["labels"] = serde_json::json!(["O", "B-name"]);
    written["bias"] = serde_json::json!([1.5, 0.0]);
    written["weights"] = serde_json::json!([vec![0.0; width], weights]);
    let head = Arc::new(Head::parse(written.to_string().as_bytes()).unwrap());
    let words = Words::of(&mut request(&["ask Hilda or Berta"])).unwrap();
    let mut reading = Reading::new(words, head);
    reading.take(0, 0, &[1.0, 0.0, 0.0, 0.0]).unwrap();
    let names = reading.names().unwrap();
    assert_eq!(found(names, "Hilda, Berta"), [name("Hilda")]);
}

#[test]
fn a_damaged_head_is_refused_with_the_field() {
    let change = |field: &str, value: serde_json::Value| {
        let mut written = written();
        written[field] = value;
        Head::parse(written.to_string().as_bytes()).unwrap_err().to_string()
    };
    for (field, value) in [
        ("format", "bailiwick-ner-2".into()),
        ("encoder_sha256", "AB".into()),
        ("numbers", 0.into()),
        ("reads", serde_json::json!(["before"])),
        ("reads", serde_json::json!(["word", "word"])),
        ("labels", serde_json::json!(["O", "B-PER", "O", "O", "O"])),
        ("labels", serde_json::json!(["O"])),
        ("bias", serde_json::json!([0.0])),
        ("weights", serde_json::json!([[0.0]])),
        ("weights", serde_json::json!([[0.0], [0.0], [0.0], [0.0], [1e9]])),
    ] {
        assert!(change(field, value).contains(&format!("`{field}`")), "{field}");
    }
    assert!(change("more", 1.into()).contains("a field"));
    assert!(Head::parse(b"{}").is_err() && Head::parse(&[]).is_err());
}

#[test]
fn the_committed_head_can_be_read() {
    let head = Head::parse(Head::TRAINED).unwrap();
    assert_eq!((head.numbers(), head.encoder().len()), (384, 64));
}
