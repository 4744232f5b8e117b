//! A bundle of a small log, and attacks with the log's key: the bundle is signed, and says something else
//! than the log.

use serde_json::json;
use tlog::{
    bundle::{LOG, MANIFEST, NOTE},
    canon::Digest,
    entry::{Action, Event, ProofOutcome},
    id::{KeyId, TenantId},
    note::Signer,
    tile::{self, WIDTH},
    tree::{Frontier, leaf_hash},
};

use super::{claims::*, *};
use crate::report::Verdict;

const DAY: u64 = 86_400_000;
const START: u64 = 1_793_491_200_000;

/// The parts of a bundle.
#[derive(Clone)]
struct Made {
    seed: u8,
    entries: Vec<Entry>,
    period: (u64, u64),
    made_ms: u64,
    claims: Claims,
    states: States,
    texts: Vec<(String, Vec<u8>)>,
    /// Files that replace others at the end, before the signature.
    replaced: Vec<(String, Option<Vec<u8>>)>,
}

fn policies() -> Vec<(String, Vec<u8>)> {
    [
        ("policies/0-schema/bailiwick.cedarschema", "entity A;"),
        ("policies/1-built-in/a.cedar", "permit (principal, action, resource);"),
        ("policies/3-specifications/a.cedar", "forbid (principal, action, resource);"),
    ]
    .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
    .to_vec()
}

fn digest_of(texts: &[(String, Vec<u8>)]) -> Digest {
    let texts = texts.iter().map(|(path, text)| (path.as_str(), text.as_slice()));
    Digest::from_hex(&agree::policies(texts)).unwrap()
}

fn promise(number: usize) -> Promise {
    let evidence = Evidence {
        check: "policies".to_owned(),
        standing: "holds".to_owned(),
        vouched_by: "operator".to_owned(),
        checked_ms: Some(START + 10 * DAY - 1),
        facts: Vec::new(),
    };
    let kept = || Some("kept".to_owned());
    Promise {
        id: format!("P{number}"),
        name: "A promise".to_owned(),
        state: "kept".to_owned(),
        evidence: vec![evidence],
        at_begin: kept(),
        changes: Vec::new(),
        at_end: kept(),
    }
}

impl Made {
    fn good() -> Self {
        let policies = policies();
        let digest = digest_of(&policies);
        let [binary, configuration] = [1, 2].map(|byte| Digest([byte; 32]));
        let (key, tenant) = (KeyId::from_random([3; 16]), TenantId::from_random([4; 16]));
        let deadline_ms = START + 3 * DAY;
        let mut events = vec![
            Event::Proved {
                policies: digest,
                specifications: Digest([5; 32]),
                report: Digest([6; 32]),
                outcome: ProofOutcome::Holds,
            },
            Event::Started { binary, configuration, models: Vec::new(), policies: Some(digest) },
            Event::Changed {
                subject: tlog::entry::Subject::EgressList,
                id: [0; 16],
                action: Action::Updated,
                commitment: Digest([8; 32]),
            },
            Event::KeyCreated { key, tenant, deadline_ms },
        ];
        events.extend((0..5).map(|_| Event::Request { commitment: Digest([7; 32]) }));
        events.insert(6, Event::KeyDestroyed { key });
        let time = |place: usize| START + DAY / 2 * u64::try_from(place).unwrap();
        let entries = events.into_iter().enumerate();
        let entries = entries.map(|(place, event)| Entry::new(time(place), event)).collect();
        let (program, configuration) = (binary.to_string(), configuration.to_string());
        let claims = Claims {
            schema: SCHEMA.to_owned(),
            version: "0.1.0".to_owned(),
            whole_log: false,
            service: Service { program, configuration, entry: 1 },
            policies: Policies { sha256: digest.to_string(), proved_by: Some(0) },
            egress_entry: Some(2),
            entries: [("request", 2), ("key_destroyed", 1)]
                .map(|(kind, count)| (kind.to_owned(), count))
                .into(),
        };
        let made_ms = START + 10 * DAY;
        let states = States { at_ms: made_ms, promises: (1..=17).map(promise).collect() };
        Self {
            seed: 1,
            entries,
            // The entries 5, 6 and 7.
            period: (START + 5 * DAY / 2, START + 4 * DAY),
            made_ms,
            claims,
            states,
            texts: policies,
            replaced: Vec::new(),
        }
    }

    fn whole() -> Self {
        let mut made = Self::good();
        made.claims.whole_log = true;
        made
    }

    fn signer(&self) -> Signer {
        Signer::new("log.example", &[self.seed; 32]).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        let encoded: Vec<_> = self.entries.iter().map(Entry::encode).collect();
        let (mut tree, mut heads) = (Frontier::default(), vec![Frontier::default().root()]);
        for entry in &encoded {
            tree.push(leaf_hash(entry));
            heads.push(tree.root());
        }
        let size = tree.size();
        assert!(size < WIDTH);
        let signer = self.signer();
        let checkpoint =
            Checkpoint { origin: "log.example".into(), size, root: tree.root() }.sign(&signer);
        let before = |at_ms| {
            let size = self.entries.iter().filter(|entry| entry.time_ms < at_ms).count();
            Mark { size: u64::try_from(size).unwrap(), root: heads[size] }
        };
        let (first, last) = (before(self.period.0), before(self.period.1));
        let mut bundle = Vec::new();
        encoded.iter().for_each(|entry| tile::push_entry(&mut bundle, entry));
        let hashes = encoded.iter().flat_map(|entry| leaf_hash(entry).0).collect();
        let controls = |one: &Promise| json!({"id": one.id, "state": one.state});
        let controls = json!({"at": rfc3339(self.made_ms / 1000), "frameworks": [{"controls": [
            {"promises": self.states.promises.iter().map(controls).collect::<Vec<_>>()}]}]});
        let mut files: BTreeMap<String, Vec<u8>> = [
            (path::CLAIMS, serde_json::to_vec(&self.claims).unwrap()),
            (path::STATES, serde_json::to_vec(&self.states).unwrap()),
            (path::CONTROLS, controls.to_string().into()),
            (path::COMPONENT, b"{}".to_vec()),
            (path::RESULTS, b"{}".to_vec()),
            (path::PROCESSORS, b"[]".to_vec()),
            (path::CHECKPOINT, checkpoint.into_bytes()),
            (&format!("{LOG}{}", tile::bundle_path(0, size)), bundle),
            (&format!("{LOG}{}", tile::path(0, 0, size)), hashes),
        ]
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .chain(self.texts.clone())
        .collect();
        for (path, bytes) in &self.replaced {
            match bytes {
                Some(bytes) => files.insert(path.clone(), bytes.clone()),
                None => files.remove(path),
            };
        }
        let files: Vec<_> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let list = Archive::list(&files);
        let seal = Seal {
            origin: "log.example".to_owned(),
            from_ms: self.period.0,
            to_ms: self.period.1,
            made_ms: self.made_ms,
            first,
            last,
            files: files.len() as u64,
            manifest: Digest::of(&[list.as_bytes()]),
        };
        let note = seal.sign(&signer).unwrap();
        let own = [(NOTE, note.as_bytes()), (MANIFEST, list.as_bytes())];
        Archive::of([&own[..], &files].concat()).unwrap().write()
    }

    fn verdict(&self) -> (Verdict, String) {
        verdict(&self.bytes(), &Against::default())
    }

    /// Asserts that the bundle is refused for a reason with these words.
    fn refused(&self, words: &str) {
        let (verdict, text) = self.verdict();
        assert_eq!(verdict, Verdict::Failed, "{text}");
        let failed = text.lines().any(|line| line.starts_with("FAILED ") && line.contains(words));
        assert!(failed, "no `{words}` in {text}");
    }
}

fn verdict(bytes: &[u8], against: &Against<'_>) -> (Verdict, String) {
    let mut report = Report::default();
    check(&mut report, &Made::good().signer().verifier(), bytes, against).unwrap();
    let mut text = Vec::new();
    report.text(&mut text).unwrap();
    (report.verdict(), String::from_utf8(text).unwrap())
}

#[test]
fn a_good_bundle_verifies() {
    let (verdict, text) = Made::good().verdict();
    assert_eq!(verdict, Verdict::Verified, "{text}");
    assert!(text.contains("3 entries of the period are in the tree"), "{text}");
    assert!(text.contains("the operator states kept: P1, P2"), "{text}");
    // The small log is in one bundle of entries, so it is all there.
    assert!(text.contains("keys: 1 made, 1 destroyed"), "{text}");
    let (verdict, text) = Made::whole().verdict();
    assert_eq!(verdict, Verdict::Verified, "{text}");
    assert!(text.contains("keys: 1 made, 1 destroyed"), "{text}");
}

/// A log that continues another has the same key under another name.
#[test]
fn the_same_key_under_another_name_is_a_remark() {
    let other = Made::good().signer().renamed("older.example").unwrap().verifier();
    let mut report = Report::default();
    check(&mut report, &other, &Made::whole().bytes(), &Against::default()).unwrap();
    assert_eq!(report.verdict(), Verdict::Verified);
    assert!(report.json().contains("named after the log older.example"));
}

#[test]
fn another_key_and_another_file_are_refused() {
    let mut made = Made::good();
    made.seed = 2;
    made.refused("no valid signature by `log.example/evidence`");
    let other = Signer::new("other.example", &[3; 32]).unwrap().verifier();
    let failure = check(&mut Report::default(), &other, &made.bytes(), &Against::default());
    assert!(failure.unwrap_err().to_string().contains("from the service `log.example`"));
    for bytes in [&b""[..], b"PK", &[0; 1024]] {
        assert!(check(&mut Report::default(), &other, bytes, &Against::default()).is_err());
    }
}

/// Each byte is changed; the bundle is small.
#[test]
fn no_changed_byte_verifies() {
    let good = Made::good().bytes();
    let service = Made::good().signer().verifier();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        let mut report = Report::default();
        let checked = check(&mut report, &service, &bad, &Against::default());
        assert!(checked.is_err() || report.verdict() == Verdict::Failed, "byte {at}");
    }
}

#[test]
fn signed_files_that_prove_something_else_are_refused() {
    let size = Made::good().entries.len() as u64;
    let bundle = format!("{LOG}{}", tile::bundle_path(0, size));
    let hashes = format!("{LOG}{}", tile::path(0, 0, size));
    for (path, words) in [
        (bundle.as_str(), "tile/entries/000.p/10` is missing"),
        (&hashes, "tile/0/000.p/10` is missing"),
        (path::CHECKPOINT, "log/checkpoint"),
        (path::CLAIMS, "claims.json"),
        (path::STATES, "states.json"),
        (path::PROCESSORS, "processors.json` is missing"),
        ("policies/1-built-in/a.cedar", "do not have the digest"),
    ] {
        let mut made = Made::good();
        made.replaced.push((path.to_owned(), None));
        made.refused(words);
    }
    for path in
        ["log/tile/0/001.p/3", "log/tile/entries/001.p/3", "notes.txt", "policies-2/a", "log/x"]
    {
        let mut made = Made::good();
        made.replaced.push((path.to_owned(), Some(b"more".to_vec())));
        made.refused("belongs to no bundle of this period");
    }
    let mut made = Made::good();
    made.replaced.push(("policies/2-operator/b.cedar".to_owned(), Some(b"".to_vec())));
    made.refused("do not have the digest");
    let mut made = Made::good();
    made.replaced.push((hashes, Some(vec![0; 320])));
    made.refused("is not a part of the tree");
    // The checkpoint of another log, signed by the same key.
    let mut made = Made::good();
    let other = Checkpoint { origin: "old.example".into(), size, root: Digest([1; 32]) };
    let note = other.sign(&made.signer().renamed("old.example").unwrap());
    made.replaced.push((path::CHECKPOINT.to_owned(), Some(note.into_bytes())));
    made.refused("log/checkpoint");
}

/// A change of the claims, with a digest for it, and words of the reason for the refusal.
type Claimed = (fn(&mut Made, String), &'static str);

/// The same for the states.
type Stated = (fn(&mut States), &'static str);

#[test]
fn claims_that_the_entries_contradict_are_refused() {
    let other = || Digest([9; 32]).to_string();
    let start = "the last start in the log names another";
    let cases: &[Claimed] = &[
        (|made, other| made.claims.service.program = other, start),
        (|made, other| made.claims.service.configuration = other, start),
        (|made, _| made.claims.service.entry = 3, start),
        (|made, _| made.claims.service.entry = 99, start),
        (|made, other| made.claims.policies.sha256 = other, "do not have the digest"),
        (|made, _| made.claims.policies.proved_by = Some(1), "does not have the proof"),
        (|made, _| made.claims.policies.proved_by = None, "rests on a proof of the policies"),
        (|made, _| made.claims.egress_entry = Some(3), "list of destinations is another"),
        (|made, _| _ = made.claims.entries.insert("request".to_owned(), 3), "numbers of entries"),
        (|made, _| _ = made.claims.entries.insert("looked".to_owned(), 1), "numbers of entries"),
        (|made, _| made.claims.entries.clear(), "numbers of entries"),
    ];
    for (change, words) in cases {
        let mut made = Made::good();
        change(&mut made, other());
        made.refused(words);
    }
    // A later start and a later change of the list in the period.
    let mut made = Made::good();
    let Event::Started { binary, models, policies, .. } = made.entries[1].event.clone() else {
        panic!()
    };
    let configuration = Digest([9; 32]);
    made.entries[7].event = Event::Started { binary, configuration, models, policies };
    made.refused(start);
    let mut made = Made::good();
    made.entries[7].event = made.entries[2].event.clone();
    made.refused("list of destinations is another");
    // A later proof that refutes the policies.
    let mut made = Made::good();
    let Event::Proved { policies, specifications, report, .. } = made.entries[0].event.clone()
    else {
        panic!()
    };
    made.entries[7].event =
        Event::Proved { policies, specifications, report, outcome: ProofOutcome::Refuted };
    made.refused("a later result differs");
}

#[test]
fn states_that_say_too_much_are_refused() {
    let cases: &[Stated] = &[
        (
            |states| states.promises[2].evidence[0].standing = "broken".to_owned(),
            "P3 is called kept",
        ),
        (
            |states| states.promises[2].evidence[0].standing = "no_answer".to_owned(),
            "P3 is called kept",
        ),
        (|states| states.promises[2].evidence[0].standing = "old".to_owned(), "P3 is called kept"),
        (|states| states.promises[2].evidence[0].standing = "open".to_owned(), "P3 is called kept"),
        (|states| states.promises[2].evidence[0].standing = "fine".to_owned(), "P3 is called kept"),
        (|states| states.promises[2].evidence.clear(), "P3 is called kept"),
        (|states| states.promises[2].evidence[0].checked_ms = Some(u64::MAX), "after the bundle"),
        (|states| states.promises[2].at_end = Some("broken".to_owned()), "the history of P3"),
        (|states| states.promises[2].at_begin = None, "the history of P3"),
        (|states| _ = states.promises.remove(4), "the state of each promise"),
        (|states| states.promises.swap(0, 1), "the state of each promise"),
        (|states| states.at_ms += 1, "the state of each promise"),
    ];
    for (change, words) in cases {
        let mut made = Made::good();
        change(&mut made.states);
        made.refused(words);
    }
    for (at_ms, state) in [(0, "broken"), (START + 9 * DAY, "broken"), (START + 3 * DAY, "kept")] {
        let mut made = Made::good();
        let promise = &mut made.states.promises[0];
        promise.changes.push(Change { at_ms, state: state.to_owned() });
        promise.at_end = Some(state.to_owned());
        made.refused("the history of P1");
    }
    // A promise that was broken for a while is no fault of the bundle.
    let mut made = Made::good();
    let changes = [(START + 3 * DAY, "broken"), (START + 3 * DAY + 1, "kept")];
    made.states.promises[0].changes =
        changes.map(|(at_ms, state)| Change { at_ms, state: state.to_owned() }).to_vec();
    assert_eq!(made.verdict().0, Verdict::Verified);
    // The map of controls has the states of the bundle.
    let mut made = Made::good();
    let controls = json!({"at": rfc3339(made.made_ms / 1000),
        "frameworks": [{"controls": [{"promises": [{"id": "P1", "state": "broken"}]}]}]});
    made.replaced.push((path::CONTROLS.to_owned(), Some(controls.to_string().into())));
    made.refused("other states");
}

/// The log breaks a promise, and the operator calls it kept: a key that is destroyed twice.
#[test]
fn a_promise_that_the_log_breaks_is_not_kept() {
    let mut made = Made::whole();
    made.entries[7].event = made.entries[6].event.clone();
    made.claims.entries =
        [("request", 1), ("key_destroyed", 2)].map(|(kind, count)| (kind.to_owned(), count)).into();
    made.refused("P6 is called kept, and the log has the contrary");
    made.refused("P14 is called kept, and the log has the contrary");
    let (_, text) = made.verdict();
    assert!(!text.contains("P8 is called kept"), "{text}");
}

#[test]
fn an_older_checkpoint_is_compared() {
    let made = Made::good();
    let bytes = made.bytes();
    let mut tree = Frontier::default();
    let mut heads = vec![tree.root()];
    for entry in &made.entries {
        tree.push(leaf_hash(&entry.encode()));
        heads.push(tree.root());
    }
    let older =
        |size: usize, root| Checkpoint { origin: "log.example".into(), size: size as u64, root };
    let verdict_of =
        |older: &Checkpoint| verdict(&bytes, &Against { older: Some(older), ..Against::default() });
    assert_eq!(verdict_of(&older(6, heads[6])).0, Verdict::Verified);
    let (failed, text) = verdict_of(&older(6, heads[5]));
    assert!(failed == Verdict::Failed && text.contains("HISTORY WAS REWRITTEN"), "{text}");
    assert_eq!(verdict_of(&older(11, heads[10])).0, Verdict::Incomplete);
}
