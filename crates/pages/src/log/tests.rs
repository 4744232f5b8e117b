//! Entries in words, the drawing of proofs, and the pages.

use std::convert::Infallible;

use tlog::{
    canon::Digest,
    entry::{Action, Entry, Event, Subject},
    id::{KeyId, PersonId, RequestId, TenantId},
    tree::{self, Frontier, Nodes, leaf_hash},
};

use super::*;
use crate::{layout::Frame, words::Lang};

fn frame(lang: Lang) -> Frame<'static> {
    Frame {
        lang,
        is_lang_named: true,
        service: "log.example/demo",
        version: "0.1.0",
        here: "/trust/log",
    }
}

/// The hashes of a tree that is in memory.
struct Leaves(Vec<Digest>);

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Digest, Infallible> {
        let (first, count) = ((index << level) as usize, 1 << level);
        let mut all = Frontier::default();
        self.0[first..first + count].iter().for_each(|leaf| all.push(*leaf));
        Ok(all.root())
    }
}

fn entries(count: u64) -> Vec<Vec<u8>> {
    let event = |number: u64| Event::KeyDestroyed {
        key: KeyId::from_random(u128::from(number).to_be_bytes()),
    };
    (0..count).map(|number| Entry::new(number, event(number)).encode()).collect()
}

/// The last step of each proof of each tree makes the root, and no page says otherwise.
#[test]
fn the_steps_of_a_proof_lead_to_the_root() {
    for size in 1..40 {
        let entries = entries(size);
        let leaves = Leaves(entries.iter().map(|entry| leaf_hash(entry)).collect());
        let root = tree::frontier(&leaves, size).unwrap().root();
        for (number, bytes) in (0..).zip(&entries) {
            let path = tree::inclusion_proof(&leaves, number, size).unwrap();
            let head = (size, &root, "checkpoint");
            let view = EntryView::new((number, bytes), head, &path, Lang::En);
            assert!(view.holds, "{number} of {size}");
            let last = view.steps.last().map_or(&view.leaf, |step| &step.together);
            assert_eq!(*last, root.to_string(), "{number} of {size}");
            for pair in view.steps.windows(2) {
                let own = if pair[1].is_left_own { &pair[1].left } else { &pair[1].right };
                assert_eq!(*own, pair[0].together);
            }
        }
    }
}

#[test]
fn a_proof_that_does_not_hold_is_said_so() {
    let entries = entries(5);
    let leaves = Leaves(entries.iter().map(|entry| leaf_hash(entry)).collect());
    let path = tree::inclusion_proof(&leaves, 2, 5).unwrap();
    let root = Digest::of(&[b"another root"]);
    let view = EntryView::new((2, &entries[2]), (5, &root, "c"), &path, Lang::En);
    assert!(!view.holds);
    assert!(view.html(&frame(Lang::En)).contains("data-state=\"failed\""));
}

#[test]
fn no_sentence_has_the_id_of_a_person() {
    let person = PersonId::from_random([7; 16]);
    let request = RequestId::from_random([1; 16]);
    let digest = Digest::of(&[b"x"]);
    let grant = tlog::id::GrantId::from_random([2; 16]);
    let events = [
        Event::Looked { grant, request, reviewer: person, workstation: digest },
        Event::Consented { grant, person, expires_ms: 1 },
        Event::Changed {
            subject: Subject::RoleAssignment,
            id: [7; 16],
            action: Action::Created,
            commitment: digest,
        },
    ];
    for event in events {
        for lang in [Lang::En, Lang::De] {
            let text = said(&event).words(lang);
            assert!(!text.contains("0707") && !text.contains('?') && !text.contains('{'), "{text}");
        }
        assert!(ids(&event).iter().all(|id| !id.contains("0707")));
    }
    let looked = Event::Looked { grant, request, reviewer: person, workstation: digest };
    assert_eq!(ids(&looked), [request.to_string(), grant.to_string()]);
}

#[test]
fn an_entry_is_a_sentence_with_its_ids() {
    let key = KeyId::from_random([3; 16]);
    let tenant = TenantId::from_random([4; 16]);
    let event = Event::KeyCreated { key, tenant, deadline_ms: 1_795_491_985_000 };
    let line = LineView::of(9, &Entry::new(1_795_491_985_000, event).encode(), Lang::En);
    assert_eq!(line.kind, Some(Kind::Key));
    assert_eq!(line.at.as_deref(), Some("2026-11-24T03:46:25Z"));
    assert_eq!(
        line.text,
        format!(
            "{key} was made, which seals records of {tenant}. It is to be destroyed by 2026-11-24 03:46 UTC."
        )
    );
    let unreadable = LineView::of(9, b"\xff", Lang::De);
    assert!(unreadable.kind.is_none() && unreadable.text.contains("Diesen Eintrag"));
}

#[test]
fn ids_have_their_form() {
    let good = format!("req_{}", "0a".repeat(16));
    assert!(is_id(&good) && is_id(&good.replace("req_", "file-")));
    for bad in ["", "req_", "req_0a", "<script>", &good.to_uppercase(), &format!("{good}0")] {
        assert!(!is_id(bad), "{bad}");
    }
}

#[test]
fn hostile_texts_of_a_search_stay_texts() {
    let hostile = "\"><script>alert(1)</script>".to_owned();
    let view = ExplorerView {
        head: None,
        witnesses: vec![WitnessView { name: hostile.clone(), signed_at: None, size: 3 }],
        filter: Filter {
            day: Some(hostile.clone()),
            id: Some(hostile.clone()),
            ..Filter::default()
        },
        trouble: Some(Trouble::Day),
        entries: vec![LineView { entry: 1, at: None, kind: None, text: hostile.clone() }],
        searched: Some(Searched { from: 0, to: 1, next: Some(0) }),
        consistency: Some(Consistency::Rewritten { older: 4 }),
        older: hostile,
    };
    for lang in [Lang::En, Lang::De] {
        for trouble in [Some(Trouble::Day), Some(Trouble::Id), None] {
            let view = ExplorerView { trouble, ..view.clone() };
            assert!(!view.html(&frame(lang)).contains("<script"));
        }
    }
}

#[test]
fn a_full_page_is_small() {
    let line = LineView {
        entry: 123_456,
        at: Some("2026-11-24T03:46:25Z".to_owned()),
        kind: Some(Kind::Key),
        text: "x".repeat(300),
    };
    let view = ExplorerView {
        head: None,
        witnesses: Vec::new(),
        filter: Filter::default(),
        trouble: None,
        entries: vec![line; LINES_MAX],
        searched: None,
        consistency: None,
        older: String::new(),
    };
    assert!(view.html(&frame(Lang::De)).len() < 60_000);
}
