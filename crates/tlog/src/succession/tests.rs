use super::*;
use crate::tree::empty_root;

fn signer(name: &str) -> Signer {
    Signer::new(name, &[1; 32]).unwrap()
}

fn succession() -> Succession {
    let mark = |size| Mark { size, root: Digest([u8::try_from(size).unwrap(); 32]) };
    let head = |source, size| Head { source, origin: "log.example".into(), mark: mark(size) };
    Succession {
        old: "log.example".into(),
        new: "log.example~2".into(),
        cut: mark(5),
        heads: alloc::vec![head(Source::Backup, 5), head(Source::Custodian, 7)],
        reason: Digest([9; 32]),
        lost: None,
    }
}

#[test]
fn an_end_is_read_as_it_was_signed_by_the_log_that_ended_alone() {
    let (old, succession) = (signer("log.example"), succession());
    let note = succession.note(&old.verifier(), &succession.sign(&old)).unwrap();
    let ended = Ended::verify(&note, &old.verifier()).unwrap();
    assert_eq!(ended, succession.ended());
    let seen = |size, root| Checkpoint { origin: "log.example".into(), size, root };
    assert!(ended.names(&seen(7, Digest([7; 32]))));
    assert!(!ended.names(&seen(7, empty_root())) && !ended.names(&seen(6, Digest([6; 32]))));
    // The next name has the same key, and has not ended.
    let other = signer("log.example~2");
    assert!(succession.note(&other.verifier(), &succession.sign(&other)).is_none());
    let forger = Signer::new("log.example", &[2; 32]).unwrap();
    assert!(succession.note(&old.verifier(), &succession.sign(&forger)).is_none());
    assert!(Ended::verify(&note.replace("cut 5", "cut 6"), &old.verifier()).is_err());
    // An end does not pass for a checkpoint, nor a checkpoint for an end.
    assert!(Checkpoint::verify(&note, &old.verifier()).is_err());
    let checkpoint = seen(7, Digest([7; 32])).sign(&old);
    assert_eq!(Ended::verify(&checkpoint, &old.verifier()), Err(BadEnd::Malformed));
}

#[test]
fn an_end_has_one_text() {
    let text = succession().ended().text();
    assert_eq!(Ended::parse(&text), Some(succession().ended()));
    for (from, to) in [
        ("v1", "v2"),
        ("cut 5", "cut 05"),
        ("cut 5", "cut"),
        ("backup", "somebody"),
        ("\ncustodian", "\n\ncustodian"),
        ("log.example\n", "\n"),
    ] {
        let other = text.replacen(from, to, 1);
        assert!(other != text && Ended::parse(&other).is_none(), "{other}");
    }
    assert!(Ended::parse(text.trim_end()).is_none());
}

#[test]
fn the_first_name_of_a_log_is_found() {
    for (name, first) in [
        ("log.example", "log.example"),
        ("log.example~0a0b0c0d", "log.example"),
        ("log~example", "log~example"),
        ("log.example~0a0b0c0D", "log.example~0a0b0c0D"),
        ("log.example~0a0b0c0", "log.example~0a0b0c0"),
    ] {
        assert_eq!(first_name(name), first);
    }
}
