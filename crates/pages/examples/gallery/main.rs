//! Writes the pages with invented data to a folder, to look at while one changes the templates:
//! `cargo run -p pages --example gallery -- FOLDER`, then `python3 -m http.server -d FOLDER`.
#![expect(clippy::expect_used, reason = "a developer's tool may stop")]

mod desks;
mod operator;

use std::{fs, path::PathBuf};

use pages::{
    Frame, Lang, assets,
    log::{EntryView, ExplorerView, Filter, HeadView, LineView, Searched, WitnessView},
    receipt::Checker,
    trust::{
        Change, Check, Destination, Fact, Found, Head, Home, Outcome, Promise, Purpose, Service,
        State,
    },
};
use tlog::{
    canon::Digest,
    entry::{Entry, Event},
    id::{GrantId, KeyId, PersonId, RequestId, TenantId},
    tree::leaf_hash,
};

const NOW: u64 = 1_796_025_600_000;
const KEY: &str = "bailiwick/227f1130f664+0123abcd+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

fn main() {
    let folder: PathBuf = std::env::args().nth(1).expect("give a folder").into();
    fs::create_dir_all(folder.join("trust/files")).expect("a folder");
    for (lang, name) in [(Lang::En, "en"), (Lang::De, "de")] {
        let frame = |here: &'static str| Frame {
            lang,
            is_lang_named: false,
            service: "bailiwick/227f1130f664",
            version: "0.1.0",
            here,
        };
        let pages = [
            ("promises".to_owned(), home(lang).html(&frame("/trust"))),
            ("receipt".to_owned(), Checker::new(KEY).html(&frame("/trust/receipt"))),
            ("saved".to_owned(), Checker::new(KEY).saved(lang)),
            ("log".to_owned(), log(lang).html(&frame("/trust/log"))),
            ("entry".to_owned(), entry(lang).html(&frame("/trust/log/3"))),
        ];
        let pages = pages.into_iter().chain(desks::pages(lang));
        for (page, html) in pages.chain(operator::pages(&frame("/pages"))) {
            for address in html.split(['"', '\'']).filter(|text| text.starts_with(assets::FOLDER)) {
                let asset = assets::find(address.trim_start_matches(assets::FOLDER));
                let asset = asset.expect("a file of the pages");
                fs::write(folder.join(address.trim_start_matches('/')), asset.bytes)
                    .expect("written");
            }
            fs::write(folder.join(format!("{page}.{name}.html")), html).expect("written");
        }
    }
}

fn home(lang: Lang) -> Home {
    let found = |check, outcome, facts| Found { check, checked_ms: NOW, outcome, facts };
    let digest = "5f1c0a".repeat(11).chars().take(64).collect::<String>();
    let late = Fact::Finding {
        entry: Some((1207, Some(pages::log::Kind::Key))),
        what: "the key was destroyed 3 h after its deadline".to_owned(),
    };
    let answers = [
        found(Check::Replay, Outcome::Broken, vec![late]),
        found(Check::Deadlines, Outcome::Holds, vec![Fact::OnTime]),
        found(Check::Policies, Outcome::Holds, vec![Fact::Proved { digest: digest.clone() }]),
        found(
            Check::Confinement,
            Outcome::Holds,
            vec![Fact::Confined { processes: 3, attempts: 27 }],
        ),
        found(
            Check::Witnesses,
            Outcome::Unknown,
            vec![Fact::Unwitnessed { name: "witness.example.org".to_owned(), size: 1190 }],
        ),
    ];
    let history = [
        Change { promise: Promise::ThirtyDays, state: State::Kept, at_ms: NOW - 864_000_000 },
        Change { promise: Promise::ThirtyDays, state: State::Broken, at_ms: NOW - 3_600_000 },
    ];
    let service = Service {
        name: "bailiwick/227f1130f664".to_owned(),
        version: "0.1.0".to_owned(),
        binary: digest.clone(),
        configuration: digest.clone(),
        operator: Some("Contoso Hosting GmbH".to_owned()),
        contact: Some("privacy@contoso.example".to_owned()),
        security_contact: Some("mailto:security@contoso.example".to_owned()),
        region: "germanywestcentral".to_owned(),
        zones: vec![("eu".to_owned(), vec!["germanywestcentral".into(), "swedencentral".into()])],
        head: Some(Head { size: 1234, root: digest.clone() }),
        key: KEY.to_owned(),
        fingerprint: pages::receipt::fingerprint(KEY),
        destinations: vec![
            Destination {
                address: "https://gpu-1.contoso.example".to_owned(),
                purposes: vec![Purpose::Engine],
                companies: Vec::new(),
                regions: vec!["swedencentral".to_owned()],
                dials: 1180,
            },
            Destination {
                address: "https://witness.example.org".to_owned(),
                purposes: vec![Purpose::Witness],
                companies: Vec::new(),
                regions: Vec::new(),
                dials: 24,
            },
        ],
    };
    Home::new(lang, NOW, &answers, &history, service)
}

fn events() -> Vec<Event> {
    let digest = Digest::of(&[b"gallery"]);
    let (key, tenant) = (KeyId::from_random([3; 16]), TenantId::from_random([4; 16]));
    let (grant, request) = (GrantId::from_random([5; 16]), RequestId::from_random([6; 16]));
    let reviewer = PersonId::from_random([7; 16]);
    vec![
        Event::Started {
            binary: digest,
            configuration: digest,
            models: vec![digest],
            policies: None,
        },
        Event::KeyCreated { key, tenant, deadline_ms: NOW + 30 * 86_400_000 },
        Event::Request { commitment: digest },
        Event::Looked { grant, request, reviewer, workstation: digest },
        Event::KeyDestroyed { key },
    ]
}

fn log(lang: Lang) -> ExplorerView {
    let bytes = events().into_iter().map(|event| Entry::new(NOW, event).encode());
    let lines = (0..).zip(bytes).map(|(entry, bytes)| LineView::of(entry, &bytes, lang));
    let mut entries: Vec<_> = lines.collect();
    entries.reverse();
    ExplorerView {
        head: Some(HeadView {
            origin: "bailiwick/227f1130f664".to_owned(),
            size: 5,
            root: Digest::of(&[b"root"]).to_string(),
            newest: Some("2026-11-30T08:00:00Z".to_owned()),
            checkpoint:
                "bailiwick/227f1130f664\n5\nq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=\n\n— x y\n"
                    .to_owned(),
        }),
        witnesses: vec![WitnessView {
            name: "witness.example.org".to_owned(),
            signed_at: Some("2026-11-30T08:00:01Z".to_owned()),
            size: 5,
        }],
        filter: Filter::default(),
        trouble: None,
        entries,
        searched: Some(Searched { from: 0, to: 4, next: None }),
        consistency: None,
        older: String::new(),
    }
}

fn entry(lang: Lang) -> EntryView {
    let all: Vec<_> = events().into_iter().map(|event| Entry::new(NOW, event).encode()).collect();
    let leaves: Vec<_> = all.iter().map(|bytes| leaf_hash(bytes)).collect();
    let mut tree = tlog::tree::Frontier::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    let pair = |one: usize| {
        tlog::tree::node_hash(
            leaves.get(one).expect("a leaf"),
            leaves.get(one + 1).expect("a leaf"),
        )
    };
    let path = [*leaves.get(2).expect("a leaf"), pair(0), *leaves.get(4).expect("a leaf")];
    let bytes = all.get(3).expect("an entry");
    EntryView::new((3, bytes), (5, &tree.root(), "checkpoint"), &path, lang)
}
