use engine::request::{FinishReason, Text};
use policy::{
    authz::{Authority, DeploymentFacts, authorize, context::Moment},
    guard::{
        blocklist::{Blocklist, Term},
        filter::{Filter, Mode, Rule, Threshold},
        verdict::{BlocklistName, Category},
        window::WINDOW,
    },
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Complete, Permit},
    principal::{Key, ResourceKeys, authenticate},
};
use store::ContentFilter;

use super::*;
use crate::guard::Guard;

const TERM: &str = "codename heron";
const HARMLESS: &str = "The harvest of lentils begins in July, and the weather decides how long it \
    takes; in most years the fields are empty in August, and the straw is sold. ";

fn permit() -> Permit<Complete> {
    let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
    let key = Key::from_random(&[3; 32]);
    let (key1, key2) = (key.digest(), key.digest());
    let keys = ResourceKeys { tenant, resource, key1, key2, disabled: false };
    let deployment = DeploymentId::from_random([4; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    let principal = authenticate(&key, &keys).unwrap().into();
    authorize(&Authority::built_in().unwrap(), &principal, &facts, &Moment { now_ms: 0 }).unwrap()
}

/// A filter that blocks one term, in a mode.
fn screen(mode: Mode) -> Screen {
    let name = BlocklistName::new("secrets").unwrap();
    let list = Blocklist::new(name.clone(), &[Term::Exact(TERM.to_owned().into())]).unwrap();
    let mut filter = ContentFilter::built_in();
    filter.filter = Filter::standard()
        .with_mode(mode)
        .with(Category::Blocklist(name), Side::Completion, Rule::block(Threshold::Low))
        .unwrap();
    filter.blocklists = vec![list.into()];
    Guard::without_encoder().unwrap().screen(&permit(), &filter)
}

fn delta(text: &str) -> Event {
    Event::Delta { choice: 0, text: Text::from(text.to_owned()), logprobs: Vec::new() }
}

fn finished(choice: u32) -> Event {
    Event::Finished { choice, reason: FinishReason::Stop, completion_tokens: 1 }
}

/// What a caller got: the text, the decisions after text that went out, and the end.
#[derive(Default)]
struct Got {
    text: String,
    longest_wait: usize,
    annotations: Vec<(Checked, Offsets)>,
    finished: bool,
    filtered: Option<(Checked, Option<Offsets>)>,
}

/// Runs events through the filter.
async fn run(screen: Screen, events: Vec<Event>) -> (Got, Held) {
    let (mut held, mut got) = (Held::new(screen, 1), Got::default());
    let mut screening = Screening::default();
    let mut generated = 0;
    for event in events {
        if let Event::Delta { text, .. } = &event {
            generated += text.0.len();
        }
        let mut out = Vec::new();
        held.push(event, &mut screening, &mut out);
        while let Some(choice) = held.due() {
            held.look(choice, &mut screening, &mut out).await.unwrap();
        }
        for one in out {
            let events = match one {
                Out::Passed(events, _) => events.into_parts().0,
                Out::Ahead(event) | Out::Silent(event) => vec![event],
                Out::Annotation(_, decision, offsets) => {
                    got.annotations.push((decision, offsets));
                    Vec::new()
                }
                Out::Filtered { decision, offsets, .. } => {
                    got.filtered = Some((decision, offsets));
                    Vec::new()
                }
            };
            for event in events {
                match event {
                    Event::Delta { text, .. } => got.text.push_str(text.0.reveal()),
                    Event::Finished { .. } => got.finished = true,
                    _ => {}
                }
            }
        }
        if got.filtered.is_none() {
            got.longest_wait = got.longest_wait.max(generated - got.text.len());
        }
    }
    (got, held)
}

/// Cuts a text into pieces of a number of characters.
fn pieces(text: &str, characters: usize) -> Vec<Event> {
    let all: Vec<char> = text.chars().collect();
    let piece = |piece: &[char]| delta(&piece.iter().collect::<String>());
    all.chunks(characters).map(piece).chain([finished(0)]).collect()
}

#[tokio::test]
async fn a_harmless_answer_goes_out_unchanged_and_at_most_a_window_late() {
    let text = format!("{}ü👩‍👩‍👧 {}", HARMLESS.repeat(4), HARMLESS.repeat(4));
    for characters in [1, 3, 7, 50] {
        let (got, held) = run(screen(Mode::Default), pieces(&text, characters)).await;
        assert_eq!(got.text, text);
        assert!(got.finished && got.filtered.is_none() && !held.is_cut());
        assert!(got.longest_wait <= WINDOW + 4 * characters, "{}", got.longest_wait);
    }
}

#[tokio::test]
async fn a_blocked_text_is_found_however_it_is_cut_and_none_of_it_goes_out() {
    for before in [0, 10, 61, 130, 200, 333] {
        let lead: String = HARMLESS.repeat(3).chars().take(before).collect();
        let text = format!("{lead} {TERM} {HARMLESS}");
        for characters in [1, 2, 3, 5, 8, 13, 40, 1000] {
            let (got, held) = run(screen(Mode::Default), pieces(&text, characters)).await;
            let (decision, offsets) = got.filtered.expect("the term is found");
            assert!(decision.is_filtered() && offsets.is_none() && !got.finished);
            assert!(!got.text.contains("codename"), "{before} {characters}");
            assert!(text.starts_with(&got.text));
            assert!(held.is_cut());
        }
    }
}

#[tokio::test]
async fn arguments_and_reasoning_are_text_and_escapes_hide_nothing() {
    let start = || Event::ToolStart { choice: 0, index: 0, name: "note".to_owned() };
    let arguments = |text: &str| Event::ToolArguments {
        choice: 0,
        index: 0,
        text: Text::from(text.to_owned()),
    };
    let reasoning = |text: &str| Event::Reasoning { choice: 0, text: Text::from(text.to_owned()) };
    for events in [
        vec![start(), arguments(r#"{"codename"#), arguments(" heron"), arguments(r#"":1}"#)],
        vec![delta(r#"{"a":"codename\u0020her"#), delta(r#"on"}"#)],
        vec![reasoning("codename"), reasoning(" heron")],
    ] {
        let events = events.into_iter().chain([finished(0)]).collect();
        let (got, _) = run(screen(Mode::Default), events).await;
        assert!(got.filtered.is_some());
    }
}

#[tokio::test]
async fn ahead_of_the_filter_text_goes_out_at_once_and_the_decision_follows() {
    let text = HARMLESS.repeat(4);
    let (got, _) = run(screen(Mode::AsynchronousFilter), pieces(&text, 4)).await;
    assert_eq!((got.text.as_str(), got.longest_wait), (text.as_str(), 0));
    let mut checked = 0;
    for (decision, offsets) in &got.annotations {
        assert!(!decision.is_filtered());
        assert!(offsets.start_offset <= checked, "no character is left out");
        assert!(offsets.check_offset > checked);
        checked = offsets.check_offset;
    }
    assert_eq!(checked, u64::try_from(text.chars().count()).unwrap());

    let text = format!("{HARMLESS}{TERM} {}", HARMLESS.repeat(9));
    let (got, _) = run(screen(Mode::AsynchronousFilter), pieces(&text, 4)).await;
    let (decision, offsets) = got.filtered.unwrap();
    assert!(decision.is_filtered() && !got.finished);
    assert!(got.text.len() < 2 * WINDOW, "the rest does not go out");
    assert!(offsets.unwrap().end_offset <= u64::try_from(2 * WINDOW).unwrap());
}

#[tokio::test]
async fn another_choice_goes_on_when_one_is_blocked() {
    let mut held = Held::new(screen(Mode::Default), 2);
    let (mut out, mut screening) = (Vec::new(), Screening::default());
    let other = Event::Delta { choice: 1, text: Text::from("fine".to_owned()), logprobs: vec![] };
    for event in [delta(TERM), other, finished(0), finished(1)] {
        held.push(event, &mut screening, &mut out);
        while let Some(choice) = held.due() {
            held.look(choice, &mut screening, &mut out).await.unwrap();
        }
    }
    assert!(matches!(out[0], Out::Filtered { choice: 0, .. }));
    let passed = out.into_iter().filter_map(|one| match one {
        Out::Passed(events, _) => Some(events.into_parts().0),
        _ => None,
    });
    let passed: Vec<_> = passed.flatten().collect();
    assert!(matches!(
        passed[..],
        [Event::Delta { choice: 1, .. }, Event::Finished { choice: 1, .. }]
    ));
    assert!(held.is_cut());
}
