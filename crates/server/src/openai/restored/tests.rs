use std::{borrow::Cow, sync::Arc};

use engine::request::{Embed, EmbedInput, FinishReason, Work};
use policy::{
    content::Content,
    personal::{Kind, Looking, Mode, Ruling, Setting, Terms, ner::Names},
};

use super::*;

/// A vault with one word of the operator, which has a quotation mark, and its placeholder.
fn vault() -> (Vault, String) {
    let words = vec![Content::new("the \"Heron\"".to_owned())];
    let setting = Setting {
        mode: Mode::Pseudonymise,
        kinds: [Kind::Term].into_iter().collect(),
        terms: Terms { words, patterns: Vec::new() },
        ..Setting::of_processor()
    };
    let detector = Arc::new(setting.detector().unwrap());
    let ruling = Ruling::new(&Setting::of_resource(), [("contoso", Cow::Owned(setting))]);
    let inputs = vec![EmbedInput::Text(Text::from("the \"Heron\"".to_owned()))];
    let work = Work::Embed(Embed { inputs });
    let looking = Looking::new(detector, Names::by_context());
    let shielded = ruling.shield(work, Ok(Some(looking)), [1; 8]).unwrap();
    let Work::Embed(Embed { inputs }) = shielded.outgoing.get() else { panic!() };
    let [EmbedInput::Text(text)] = inputs.as_slice() else { panic!() };
    (shielded.vault.unwrap(), text.0.reveal().to_owned())
}

fn all(restoring: &mut Restoring, events: Vec<Event>) -> Vec<Event> {
    events.into_iter().for_each(|event| restoring.push(event));
    std::iter::from_fn(|| restoring.next()).collect()
}

fn text(text: &str) -> Text {
    Text::from(text.to_owned())
}

#[test]
fn calls_in_turns_are_restored_each_for_itself() {
    let (vault, placeholder) = vault();
    let name = format!("tell_{}", placeholder.trim_matches(['<', '>']));
    let arguments = format!("{{\"who\": \"{placeholder}\"}}");
    let mut events = Vec::new();
    for index in 0..2 {
        events.push(Event::ToolStart { choice: 0, index, name: name.clone() });
    }
    for piece in arguments.as_bytes().chunks(3) {
        let piece = str::from_utf8(piece).unwrap();
        for index in 0..2 {
            events.push(Event::ToolArguments { choice: 0, index, text: text(piece) });
        }
    }
    let reason = FinishReason::ToolCalls;
    events.push(Event::Finished { choice: 0, reason, completion_tokens: 1 });
    let mut got = [String::new(), String::new()];
    for event in all(&mut Restoring::new(vault, Form::Text), events) {
        match event {
            Event::ToolArguments { index, text, .. } => {
                got[usize::try_from(index).unwrap()].push_str(text.0.reveal());
            }
            Event::ToolStart { name: got, .. } => assert_eq!(got, name, "no name of the request"),
            other => assert!(matches!(other, Event::Finished { .. })),
        }
    }
    for arguments in got {
        let read: serde_json::Value = serde_json::from_str(&arguments).unwrap();
        assert_eq!(read["who"], "the \"Heron\"", "{arguments}");
    }
}

#[test]
fn the_held_end_of_a_text_comes_before_what_follows() {
    let (vault, placeholder) = vault();
    let begin = placeholder.get(..placeholder.len() - 2).unwrap();
    let delta = |of: &str| Event::Delta { choice: 0, text: text(of), logprobs: Vec::new() };
    let mut restoring = Restoring::new(vault.clone(), Form::Text);
    let events = vec![
        Event::Reasoning { choice: 0, text: text(&placeholder) },
        delta("it is "),
        delta(begin),
        Event::Failed(engine::request::Refusal::EmptyPrompt),
    ];
    let said: Vec<_> = all(&mut restoring, events)
        .into_iter()
        .map(|event| match event {
            Event::Reasoning { text, .. } | Event::Delta { text, .. } => text.0.reveal().to_owned(),
            _ => "end".to_owned(),
        })
        .collect();
    assert_eq!(said.concat(), format!("the \"Heron\"it is {begin}end"));
    assert_eq!(vault.tally().restored(), 1);
}
