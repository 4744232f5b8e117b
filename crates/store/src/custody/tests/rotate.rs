//! Attacks on keys that replace another one: by the requesting server, and by copies made in
//! between.

use super::*;

pub(super) fn named(bench: &Bench) -> Named {
    Named { key: bench.record.key, tenant: TENANT, deadline_ms: bench.record.deadline_ms }
}

pub(super) fn successor(bench: &mut Bench, of: Named) -> Result<KeyId, Refusal> {
    match bench.custodian.handle(Request::Successor(of), at(START_MS + 1)) {
        Response::PublicKey { id, .. } => Ok(id),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn reseal(
    bench: &mut Bench,
    (from, to): (Named, KeyId),
    span: &[u8],
    deleted: &[u32],
) -> Result<Vec<u8>, Refusal> {
    let spans = vec![SpanToReseal { span: span.to_vec(), deleted: deleted.to_vec() }];
    match bench.custodian.handle(Request::Reseal { from, to, spans }, at(START_MS + 1)) {
        Response::Resealed(spans) => Ok(spans[0].to_vec()),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// Returns the proof that the log holds a deletion that requires a key's destruction.
fn deletion(key: KeyId) -> Proven {
    let deleted = Event::OwnerDeleted { request: REQUEST, owner: Digest([8; 32]), key };
    owner::proven(&signer(), START_MS, &deleted)
}

fn destroy(bench: &mut Bench, key: Named, deletion: Proven) -> Result<Vec<KeyId>, Refusal> {
    forget(&mut bench.custodian);
    if let Response::Refused(refusal) = see(&mut bench.custodian, &deletion.checkpoint) {
        return Err(refusal);
    }
    destroy_seen(bench, key, deletion)
}

pub(super) fn destroy_seen(
    bench: &mut Bench,
    key: Named,
    deletion: Proven,
) -> Result<Vec<KeyId>, Refusal> {
    let deletion = Box::new(deletion);
    match bench.custodian.handle(Request::Destroy { key, deletion }, at(START_MS + 1)) {
        Response::Keys(gone) => Ok(gone.into_iter().map(|key| key.id).collect()),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// Returns whether a record of the bench opens with an existing key.
fn opens(bench: &Bench, key: KeyId, span: &[u8], position: u32, sealed: &[u8]) -> bool {
    let deadline_ms = bench.record.deadline_ms;
    let entry = KeyEntry { id: key, tenant: TENANT, deadline_ms };
    let Ok(private) = bench.custodian.keys.private_key(&entry) else { return false };
    let span = SealedSpan { key, tenant: TENANT, deadline_ms, bytes: span.to_vec() };
    let record = SealedRecord { key, deadline_ms, position, bytes: sealed.to_vec() };
    seal::open(&private, &span, &record, &Label { request: REQUEST, resource: RESOURCE }).is_ok()
}

/// A span with the most records allowed, and some of its records.
fn span_of(bench: &mut Bench, positions: &[u32]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let asked = Request::PublicKey { tenant: TENANT, deadline_ms: bench.record.deadline_ms };
    let Response::PublicKey { id, bytes } = bench.custodian.handle(asked, at(START_MS)) else {
        panic!()
    };
    let key = PublicKey { id, tenant: TENANT, deadline_ms: bench.record.deadline_ms, bytes };
    let (mut span, sealed) = Span::begin(&key, START_MS).unwrap();
    let label = Label { request: REQUEST, resource: RESOURCE };
    let rule =
        Rule { tenant: TENANT, days: Days::new(2).unwrap(), content_logging: ContentLogging::ON };
    let mut records = Vec::new();
    for position in 0..seal::SPAN_RECORDS_MAX {
        let RetentionPlan::Store(until) = plan(&rule, START_MS) else { panic!() };
        let record = span.seal(until, &label, b"content", START_MS).unwrap();
        if positions.contains(&position) {
            records.push(record.bytes);
        }
    }
    (sealed.bytes, records)
}

#[test]
fn a_span_that_is_sealed_again_opens_all_but_what_was_deleted() {
    let mut bench = bench();
    let positions = [0, 1, 2, 3, 7, 8, 4094, 4095];
    let (begun, records) = span_of(&mut bench, &positions);
    let mut from = named(&bench);
    let mut span = begun.clone();
    let mut deleted: Vec<u32> = Vec::new();
    // Positions one after the other, forwards and backwards; a position without a record; and some
    // twice.
    for more in [&[][..], &[3], &[1, 0], &[4095], &[3, 8], &[4096, u32::MAX]] {
        let to = successor(&mut bench, from).unwrap();
        span = reseal(&mut bench, (from, to), &span, more).unwrap();
        deleted.extend(more);
        for (position, record) in positions.into_iter().zip(&records) {
            let expected = !deleted.contains(&position);
            assert_eq!(
                opens(&bench, to, &span, position, record),
                expected,
                "{position}, {more:?}"
            );
            // A record does not open at another position of the span either.
            assert!(!opens(&bench, to, &span, position ^ 1, record));
        }
        assert_eq!(destroy(&mut bench, from, deletion(from.key)), Ok(vec![from.key]));
        assert!(!opens(&bench, from.key, &begun, 7, &records[4]), "its key is destroyed");
        from = Named { key: to, ..from };
    }
    // The size of the rest: the keys that the chain does not give any more.
    assert_eq!(span.len(), 1120 + 52 + (4096 - 5) * 36 + 16);
}

#[test]
fn what_is_sealed_again_is_sealed_to_no_other_tenants_and_no_later_key() {
    let mut bench = bench();
    let (from, span) = (named(&bench), bench.record.span.clone());
    let mut other = |tenant, deadline_ms| {
        let asked = Request::PublicKey { tenant, deadline_ms };
        match bench.custodian.handle(asked, at(START_MS)) {
            Response::PublicKey { id, .. } => id,
            other => panic!("{other:?}"),
        }
    };
    let foreign = other(TenantId::from_random([9; 16]), from.deadline_ms);
    let later = other(TENANT, from.deadline_ms + DAY_MS);
    for to in [foreign, later, KeyId::from_random([9; 16])] {
        assert_eq!(reseal(&mut bench, (from, to), &span, &[]), Err(Refusal::Destroyed), "{to}");
    }
    // Under a wrong id, deadline or tenant, no key is found.
    let to = successor(&mut bench, from).unwrap();
    let renamed = [
        Named { tenant: TenantId::from_random([9; 16]), ..from },
        Named { deadline_ms: from.deadline_ms + DAY_MS, ..from },
        Named { key: KeyId::from_random([9; 16]), ..from },
    ];
    for name in renamed {
        assert_eq!(reseal(&mut bench, (name, to), &span, &[]), Err(Refusal::Destroyed));
    }
    // A span that does not open comes back empty, and does not stop the others.
    let mut damaged = span.clone();
    damaged[5] ^= 1;
    for nothing in [&damaged[..], b"", &span[..1167]] {
        assert_eq!(reseal(&mut bench, (from, to), nothing, &[]).as_deref(), Ok(&b""[..]));
    }
    assert!(!reseal(&mut bench, (from, to), &span, &[]).unwrap().is_empty());
}

#[test]
fn there_are_two_keys_of_a_tenant_and_deadline_at_most() {
    let mut bench = bench();
    let first = named(&bench);
    let second = successor(&mut bench, first).unwrap();
    assert_ne!(second, first.key);
    assert_eq!(successor(&mut bench, first), Ok(second), "asked again");
    assert_eq!(successor(&mut bench, Named { key: second, ..first }), Ok(first.key));
    let entries = bench.custodian.keys.entries().unwrap();
    assert_eq!(entries.len(), 2);
    // Both keys end at their deadline, wherever the rotation stopped.
    let due = bench.custodian.handle(Request::DestroyDue, at(first.deadline_ms));
    let Response::Keys(destroyed) = due else { panic!("{due:?}") };
    assert_eq!(destroyed.len(), 2);
    for bad in [START_MS, first.deadline_ms + 1, u64::MAX] {
        let of = Named { deadline_ms: bad, ..first };
        assert_eq!(successor(&mut bench, of), Err(Refusal::BadDeadline), "{bad}");
    }
}

/// An attacker on the server cannot have a key destroyed before its deadline, unless the log holds
/// a deletion that requires exactly that key's destruction.
#[test]
fn no_key_goes_early_without_a_deletion_that_names_it() {
    let mut bench = bench();
    let goes = named(&bench);
    let right = || deletion(goes.key);
    assert_eq!(destroy(&mut bench, goes, right()), Err(Refusal::NoSuccessor));
    // Keys of another day and of another tenant do not count as a replacement.
    for (tenant, deadline_ms) in
        [(TENANT, goes.deadline_ms + DAY_MS), (TenantId::from_random([9; 16]), goes.deadline_ms)]
    {
        let asked = Request::PublicKey { tenant, deadline_ms };
        let made = bench.custodian.handle(asked, at(START_MS + 1));
        assert!(matches!(made, Response::PublicKey { .. }), "{made:?}");
        assert_eq!(destroy(&mut bench, goes, right()), Err(Refusal::NoSuccessor));
    }
    let next = successor(&mut bench, goes).unwrap();

    let proven = |event: &Event| owner::proven(&signer(), START_MS, event);
    let forger = Signer::new("log.example", &[2; 32]).unwrap();
    let taken = |key| Event::OwnerDeleted { request: REQUEST, owner: Digest([8; 32]), key };
    let unproved = {
        let mut deletion = right();
        deletion.entry.path.clear();
        deletion
    };
    let changed = {
        let mut deletion = deletion(next);
        deletion.entry.entry = Entry::new(START_MS, taken(goes.key)).encode();
        deletion
    };
    let read = Event::OwnerRead { request: REQUEST, owner: Digest([8; 32]) };
    let cases = [
        ("its successor's", deletion(next), Refusal::OtherGrant),
        ("a read", proven(&read), Refusal::NotInTheLog),
        ("a destruction", proven(&Event::KeyDestroyed { key: goes.key }), Refusal::NotInTheLog),
        ("a forger's", owner::proven(&forger, START_MS, &taken(goes.key)), Refusal::NotInTheLog),
        ("without a proof", unproved, Refusal::NotInTheLog),
        ("another entry's proof", changed, Refusal::NotInTheLog),
    ];
    for (what, deletion, refusal) in cases {
        assert_eq!(destroy(&mut bench, goes, deletion), Err(refusal), "{what}");
    }
    // A log that the custodian has not seen.
    let looked = owner::proven(&signer(), START_MS, &looked());
    forget(&mut bench.custodian);
    see(&mut bench.custodian, &looked.checkpoint);
    assert_eq!(destroy_seen(&mut bench, goes, right()), Err(Refusal::OtherHistory));
    let there = bench.custodian.keys.entries().unwrap();
    assert_eq!(there.len(), 4, "nothing was destroyed");

    assert_eq!(destroy(&mut bench, goes, right()), Ok(vec![goes.key]));
    assert_eq!(destroy(&mut bench, goes, right()), Ok(vec![]), "asked again");
    // The same deletion does not allow the destruction of another key.
    let next = Named { key: next, ..goes };
    successor(&mut bench, next).unwrap();
    assert_eq!(destroy(&mut bench, next, right()), Err(Refusal::OtherGrant));
}

/// The key directory is copied after each step of an early destruction.
#[test]
fn a_copy_made_at_any_step_of_an_early_destruction_opens_nothing() {
    for stop in [DestroyStep::Overwritten, DestroyStep::Unlinked, DestroyStep::Synced] {
        let mut bench = bench();
        let of = named(&bench);
        let to = successor(&mut bench, of).unwrap();
        let (home, copied) = (bench.folder.path().join("keys"), bench.folder.path().join("copied"));
        drop(bench.custodian);
        let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        let entry = KeyEntry { id: of.key, tenant: of.tenant, deadline_ms: of.deadline_ms };
        assert!(keys.destroy(&entry, &mut |step| step != stop).unwrap());
        copy(&home, &copied);
        let (custodian, _) =
            Custodian::start((&copied, Expected::New(DIRECTORY)), trust(), at(START_MS + 1))
                .unwrap();
        bench.custodian = custodian;
        let refused = open(&mut bench, grant(&signer(), &approved(), &looked()), START_MS + 2);
        assert!(matches!(refused, Err(Refusal::Destroyed | Refusal::Damaged)), "{stop:?}");
        // The copied directory finishes the destruction, exactly once.
        for _ in 0..2 {
            assert!(destroy(&mut bench, of, deletion(of.key)).is_ok());
        }
        let left = bench.custodian.keys.entries().unwrap();
        assert_eq!(left.iter().map(|entry| entry.id).collect::<Vec<_>>(), [to]);
    }
}
