//! The results of a batch's lines: written with their receipts, once each, and bound to their places.

use super::*;
use crate::batches::{LineCounts, NewLine, SealedLine};

const UNFINISHED: [u32; 1] = [1];

fn seal(user: &User, objects: &Objects, batch: &Object, line: u32, failed: bool) -> SealedLine {
    let new = NewLine { line, failed, tokens: [5, 1, 3, 2] };
    let content = ContentBytes::new([CANARY, &line.to_be_bytes()].concat());
    objects.seal_line(user.may::<WriteObject>(&batch.facts).unwrap(), new, &content).unwrap()
}

fn end(ledger: &Ledger, request: u8, line: SealedLine) {
    let ended = Ended { line: Some(line), ..ended(request, false, START_MS) };
    commit(ledger, ended).unwrap();
}

#[test]
fn results_are_written_with_their_receipts_and_forgotten_with_their_batch() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let user = User::new(4);
    let batch = {
        let (ledger, _) = open(home.path(), now).unwrap();
        let objects = ledger.objects();
        let batch = user.keep(&objects, Class::Batch, 0);
        end(&ledger, 1, seal(&user, &objects, &batch, 2, false));
        end(&ledger, 2, seal(&user, &objects, &batch, 1, true));
        end(&ledger, 3, seal(&user, &objects, &batch, 7, false));
        // Sealed and never committed: it has not run.
        drop(seal(&user, &objects, &batch, 8, false));
        batch
    };
    settle(home.path());
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, id) = (ledger.objects(), batch.facts.object);
    let mut done = objects.lines_done(id).unwrap();
    done.sort_unstable();
    assert_eq!(done, [1, 2, 7]);
    let counts = LineCounts { completed: 2, failed: 1, tokens: [15, 3, 9, 6] };
    assert_eq!(objects.line_counts(id).unwrap(), counts);
    let read = || user.may::<ReadObject>(&batch.facts).unwrap();
    let first = objects.lines(read(), None, 2).unwrap();
    let next = objects.lines(read(), Some(2), 2).unwrap();
    let found: Vec<_> = first.iter().chain(&next).map(|one| (one.line, one.failed)).collect();
    assert_eq!(found, [(1, true), (2, false), (7, false)]);
    for one in first.iter().chain(&next) {
        assert_eq!(one.content.reveal(), [CANARY, &one.line.to_be_bytes()].concat());
    }
    // A line has one result.
    end(&ledger, 4, seal(&user, &objects, &batch, 7, true));
    assert_eq!(objects.line_counts(id).unwrap(), counts);
    objects.forget_lines(&UNFINISHED).unwrap();
    assert_eq!(objects.line_counts(id).unwrap(), counts, "its state is one of these");
    user.delete(&objects, &batch.facts).unwrap();
    objects.forget_lines(&UNFINISHED).unwrap();
    assert_eq!(objects.line_counts(id).unwrap(), LineCounts::default());
    assert_eq!(objects.lines_done(id).unwrap(), Vec::<u32>::new());
}

#[test]
fn results_that_were_moved_do_not_open() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let [batch, other] = [(); 2].map(|()| user.keep(&objects, Class::Batch, 0));
    end(&ledger, 1, seal(&user, &objects, &batch, 1, false));
    let database = Database::open(&home.path().join("data")).unwrap();
    let ids = [&batch, &other].map(|one| one.facts.object);
    for (sql, of) in [
        ("UPDATE batch_line SET line = 2 WHERE batch = ?1 AND ?2 IS NOT NULL", &batch),
        ("UPDATE batch_line SET line = 1, failed = 1 WHERE batch = ?1 AND ?2 IS NOT NULL", &batch),
        ("UPDATE batch_line SET failed = 0, batch = ?2 WHERE batch = ?1", &other),
    ] {
        database.tamper(sql, [ids[0].as_bytes(), ids[1].as_bytes()]);
        let permit = user.may::<ReadObject>(&of.facts).unwrap();
        assert!(objects.lines(permit, None, 9).is_err(), "{sql}");
    }
    let back = "UPDATE batch_line SET batch = ?1 WHERE batch = ?2";
    database.tamper(back, [ids[0].as_bytes(), ids[1].as_bytes()]);
    let permit = user.may::<ReadObject>(&batch.facts).unwrap();
    assert_eq!(objects.lines(permit, None, 9).unwrap().len(), 1);
    let permit = User::new(5).may::<ReadObject>(&batch.facts);
    assert!(permit.is_none(), "another principal gets no permit");
}
