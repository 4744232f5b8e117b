use tlog::{
    note::Note,
    tree::{Frontier, leaf_hash},
};

use super::*;

fn note(signer: &Signer, size: u64, other: bool) -> String {
    let mut tree = Frontier::default();
    (0..size).for_each(|n| tree.push(leaf_hash(&[n.to_le_bytes()[0], u8::from(other)])));
    Checkpoint { origin: signer.verifier().name().into(), size, root: tree.root() }.sign(signer)
}

/// The witness accepts the end of a log only if it contains all that the witness signed, and only
/// once.
#[test]
fn a_log_is_followed_to_one_successor() {
    use tlog::{
        canon::Digest,
        succession::{Head, Mark, Source, Succession},
    };
    let home = tempfile::tempdir().unwrap();
    let log = Signer::new("log.example", &[1; 32]).unwrap();
    let own = Signer::new("witness.example", &[2; 32]).unwrap();
    let witness = Witness::open(home.path(), own, vec![log.verifier()]).unwrap();
    let checkpoint = |size| {
        let note = note(&log, size, false);
        Checkpoint::verify(&note, &log.verifier()).unwrap()
    };
    let mark = |size| Mark { size, root: checkpoint(size).root };
    let end = |new: &str, cut, heads: &[u64]| {
        let head = |size: &u64| Head {
            source: Source::Witness,
            origin: "log.example".into(),
            mark: mark(*size),
        };
        let succession = Succession {
            old: "log.example".into(),
            new: new.into(),
            cut: mark(cut),
            heads: heads.iter().map(head).collect(),
            reason: Digest([0; 32]),
            lost: None,
        };
        let note = succession.note(&log.verifier(), &succession.sign(&log)).unwrap();
        AddCheckpoint { old: 0, proof: Vec::new(), note: &note }.encode()
    };
    witness.sign(&ask(&note(&log, 5, false)), 7).unwrap();
    let stranger = witness.follow(&end("log.example~1", 3, &[4])).unwrap_err();
    assert!(
        matches!(stranger, NotSigned::Contradicted { refusal: Refusal::Inconsistent, .. }),
        "a head is left out"
    );
    let early = witness.follow(&end("log.example~1", 6, &[])).unwrap_err();
    assert!(matches!(early, NotSigned::Refused(Refusal::Size { signed: 5 })), "not proved");
    witness.follow(&end("log.example~1", 3, &[3, 5])).unwrap();
    witness.follow(&end("log.example~1", 3, &[3, 5])).unwrap();
    let second = witness.follow(&end("log.example~2", 3, &[3, 5])).unwrap_err();
    assert!(matches!(second, NotSigned::Contradicted { .. }), "another end");
    let ended = witness.sign(&ask(&note(&log, 6, false)), 8).unwrap_err();
    assert!(matches!(ended, NotSigned::Refused(Refusal::Ended { .. })));
    // The successor begins at the cut.
    let new = log.renamed("log.example~1").unwrap();
    let first = note(&new, 3, false);
    let asked = AddCheckpoint { old: 3, proof: Vec::new(), note: &first }.encode();
    witness.sign(&asked, 9).unwrap();
    let unknown = note(&log.renamed("log.example~2").unwrap(), 3, false);
    let asked = AddCheckpoint { old: 3, proof: Vec::new(), note: &unknown }.encode();
    let unknown = witness.sign(&asked, 9).unwrap_err();
    assert!(matches!(unknown, NotSigned::Refused(Refusal::UnknownLog)));
}

/// The paths of C2SP tlog-witness, an origin with a slash among them.
#[test]
fn each_path_has_its_answer() {
    let home = tempfile::tempdir().unwrap();
    let log = Signer::new("log.example/a", &[1; 32]).unwrap();
    let own = Signer::new("witness.example", &[2; 32]).unwrap();
    let witness = Witness::open(home.path(), own, vec![log.verifier()]).unwrap();
    let get = |path: &str| witness.answer(("GET", path), "", 7);
    assert_eq!(get("/checkpoint/log.example/a").status, 404);
    let body = ask(&note(&log, 3, false));
    let signed = witness.answer(("POST", "/add-checkpoint"), &body, 7);
    assert_eq!(signed.status, 200);
    assert_eq!(signed.remark.unwrap().text, "signed 3 entries of `log.example/a`");
    for path in ["/checkpoint/log.example/a", "/checkpoint/log.example%2Fa"] {
        assert!(get(path).body.starts_with("log.example/a\n3\n"), "{path}");
    }
    assert_eq!(get("/healthz").status, 200);
    assert_eq!((get("/add-checkpoint").status, get("/%zz").status), (405, 404));
    assert_eq!(witness.answer(("POST", "/add-checkpoint"), "hello", 7).status, 400);
    assert_eq!(decoded("a%2Fb%c3%bcc%2"), "a/büc%2");
}

fn ask(note: &str) -> String {
    AddCheckpoint { old: 0, proof: Vec::new(), note }.encode()
}

#[test]
fn what_was_signed_is_remembered_and_what_contradicts_it_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let own = || Signer::new("witness.example", &[2; 32]).unwrap();
    let log = Signer::new("log.example", &[1; 32]).unwrap();
    let witness = Witness::open(home.path(), own(), vec![log.verifier()]).unwrap();
    assert_eq!(witness.newest("log.example", 7).unwrap(), None);
    let first = note(&log, 3, false);
    let (_, line) = witness.sign(&ask(&first), 7).unwrap();
    let signed = format!("{first}{line}");
    Note::parse(&signed).unwrap().verify(&own().witness_verifier()).unwrap();
    assert_eq!(witness.newest("log.example", 7).unwrap(), Some(signed));

    // After a restart, too.
    drop(witness);
    let witness = Witness::open(home.path(), own(), vec![log.verifier()]).unwrap();
    let refused = witness.sign(&ask(&note(&log, 5, false)), 8).unwrap_err();
    assert!(matches!(refused, NotSigned::Refused(Refusal::Size { signed: 3 })));
    let fork = note(&log, 3, true);
    let asked = AddCheckpoint { old: 3, proof: Vec::new(), note: &fork }.encode();
    let refused = witness.sign(&asked, 8).unwrap_err();
    let reply = refused.reply();
    assert_eq!((reply.status, reply.content_type, reply.body.as_str()), (409, SIZE_TYPE, "3\n"));
    assert!(reply.remark.is_some_and(|remark| remark.is_trouble));
    let kept: Vec<_> = std::fs::read_dir(home.path().join("evidence")).unwrap().collect();
    assert_eq!(kept.len(), 1);

    let stranger = Signer::new("other.example", &[3; 32]).unwrap();
    let refused = witness.sign(&ask(&note(&stranger, 1, false)), 8).unwrap_err();
    assert!(matches!(refused, NotSigned::Refused(Refusal::UnknownLog)));
}
