mod objects;
mod owner;
mod rotate;
mod signed;
mod subjects;

use std::{
    cell::RefCell, collections::HashMap, convert::Infallible, io::Write as _, time::Duration,
};

use minicbor::bytes::ByteVec;
use policy::{
    id::{GrantId, PersonId},
    retention::{ContentLogging, DAY_MS, Days, RetentionPlan, Rule, plan},
};
use tlog::{
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    note::Signer,
    tree::{self, Frontier, Nodes, leaf_hash},
};

use super::*;
use crate::{
    keys::DIRECTORY,
    seal::{PublicKey, Span},
};

const TENANT: TenantId = TenantId::from_random([1; 16]);
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const REQUEST: RequestId = RequestId::from_random([3; 16]);
const REVIEWER: PersonId = PersonId::from_random([4; 16]);
const MANAGER: PersonId = PersonId::from_random([5; 16]);
const GRANT: GrantId = GrantId::from_random([6; 16]);
const WORKSTATION: Digest = Digest([7; 32]);
const START_MS: u64 = 20_000 * DAY_MS + 5;

fn at(now_ms: u64) -> Reading {
    Reading { wall_ms: now_ms, boot: [1; 16], boottime_ms: now_ms - START_MS }
}

fn signer() -> Signer {
    Signer::new("log.example", &[1; 32]).unwrap()
}

fn trust() -> Trust {
    Trust { log: signer().verifier(), witnesses: Vec::new() }
}

struct Bench {
    folder: tempfile::TempDir,
    custodian: Custodian,
    record: RecordToOpen,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let (mut custodian, destroyed) =
        Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(START_MS)).unwrap();
    assert_eq!(destroyed, vec![]);
    let rule =
        Rule { tenant: TENANT, days: Days::new(2).unwrap(), content_logging: ContentLogging::ON };
    let RetentionPlan::Store(until) = plan(&rule, START_MS) else { panic!() };
    let deadline_ms = until.deadline_ms();
    let asked = Request::PublicKey { tenant: TENANT, deadline_ms };
    let Response::PublicKey { id, bytes } = custodian.handle(asked, at(START_MS)) else { panic!() };
    let key = PublicKey { id, tenant: TENANT, deadline_ms, bytes };
    let (mut span, sealed) = Span::begin(&key, START_MS).unwrap();
    let label = Label { request: REQUEST, resource: RESOURCE };
    let record = span.seal(until, &label, b"a prompt and an answer", START_MS).unwrap();
    let record = RecordToOpen {
        tenant: TENANT,
        resource: RESOURCE,
        request: REQUEST,
        key: id,
        deadline_ms,
        span: sealed.bytes,
        position: record.position,
        record: record.bytes,
    };
    Bench { folder, custodian, record }
}

fn approved_with(request: RequestId, reviewer: PersonId, manager: PersonId) -> Event {
    Event::Approved {
        grant: GRANT,
        request,
        reviewer,
        manager,
        expires_ms: START_MS + 60_000,
        workstation: WORKSTATION,
        lockbox: false,
    }
}

fn approved() -> Event {
    approved_with(REQUEST, REVIEWER, MANAGER)
}

fn looked() -> Event {
    looked_by(REVIEWER, WORKSTATION)
}

fn looked_by(reviewer: PersonId, workstation: Digest) -> Event {
    Event::Looked { grant: GRANT, request: REQUEST, reviewer, workstation }
}

thread_local! {
    /// The entries of the logs that a test made, by their roots: the custodian reads all of them.
    static LOGS: RefCell<HashMap<Digest, Vec<Vec<u8>>>> = RefCell::default();
}

/// The leaves of a log in memory.
struct Leaves(Vec<Digest>);

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Digest, Infallible> {
        let width = 1_usize << level;
        let first = usize::try_from(index).unwrap() * width;
        let mut tree = Frontier::default();
        self.0[first..first + width].iter().for_each(|leaf| tree.push(*leaf));
        Ok(tree.root())
    }
}

/// Returns the checkpoint of a log of these entries, and keeps the entries for [`see`].
fn checkpoint(signer: &Signer, entries: &[Vec<u8>]) -> String {
    let mut tree = Frontier::default();
    entries.iter().for_each(|entry| tree.push(leaf_hash(entry)));
    LOGS.with_borrow_mut(|logs| logs.insert(tree.root(), entries.to_vec()));
    let size = entries.len() as u64;
    Checkpoint { origin: "log.example".into(), size, root: tree.root() }.sign(signer)
}

/// Returns an entry with the proof that the log of these entries has it.
fn logged(entries: &[Vec<u8>], index: usize) -> Logged {
    let leaves = Leaves(entries.iter().map(|entry| leaf_hash(entry)).collect());
    let (size, at) = (entries.len() as u64, index as u64);
    let Ok(path) = tree::inclusion_proof(&leaves, at, size);
    Logged { entry: entries[index].clone(), index: at, path }
}

/// A log of two entries with its checkpoint.
fn grant(signer: &Signer, first: &Event, second: &Event) -> ProvenGrant {
    let entries = [first, second].map(|event| Entry::new(START_MS, event.clone()).encode());
    ProvenGrant {
        approved: logged(&entries, 0),
        looked: logged(&entries, 1),
        checkpoint: checkpoint(signer, &entries),
        consented: None,
    }
}

/// Lets the custodian forget the log: each case uses its own log.
fn forget(custodian: &mut Custodian) {
    (custodian.read, custodian.reading) = (Reader::new("log.example"), None);
}

fn open(bench: &mut Bench, grant: ProvenGrant, now_ms: u64) -> Result<Vec<u8>, Refusal> {
    forget(&mut bench.custodian);
    let seen = see(&mut bench.custodian, &grant.checkpoint);
    if let Response::Refused(refusal) = seen {
        return Err(refusal);
    }
    open_seen(bench, grant, now_ms)
}

/// Opens a record without showing the checkpoint first.
fn open_seen(bench: &mut Bench, grant: ProvenGrant, now_ms: u64) -> Result<Vec<u8>, Refusal> {
    let (grant, record) = (Box::new(grant), Box::new(bench.record.clone()));
    match bench.custodian.handle(Request::Open { grant, record }, at(now_ms)) {
        Response::Opened { content } => Ok(content.to_vec()),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// Shows a checkpoint, and the entries that the custodian has not read.
fn see(custodian: &mut Custodian, checkpoint: &str) -> Response {
    let read = custodian.reading.as_deref().unwrap_or(&custodian.read).size();
    custodian.handle(Request::See(shown(read, checkpoint)), at(START_MS + 1))
}

/// A checkpoint, with the entries of its log from one on.
fn shown(from: u64, checkpoint: &str) -> Shown {
    let (text, _) = checkpoint.split_once("\n\n").unwrap();
    let root = Checkpoint::parse(&format!("{text}\n")).unwrap().root;
    let entries = LOGS.with_borrow(|logs| logs[&root].clone());
    let rest = entries.into_iter().skip(usize::try_from(from).unwrap());
    let entries = rest.map(ByteVec::from).collect();
    Shown { from, entries, checkpoint: checkpoint.to_owned() }
}

#[test]
fn a_proven_grant_opens_its_record_once() {
    let mut bench = bench();
    let grant = grant(&signer(), &approved(), &looked());
    let opened = open(&mut bench, grant.clone(), START_MS + 1);
    assert_eq!(opened.as_deref(), Ok(&b"a prompt and an answer"[..]));
    assert_eq!(open(&mut bench, grant.clone(), START_MS + 2), Err(Refusal::Used));
    // A restarted custodian refuses as well.
    let home = bench.folder.path().join("keys");
    drop(bench.custodian);
    bench.custodian =
        Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(START_MS + 3)).unwrap().0;
    assert_eq!(open(&mut bench, grant, START_MS + 4), Err(Refusal::Used));
}

#[test]
fn a_grant_that_is_not_this_one_opens_nothing() {
    let other_request = RequestId::from_random([9; 16]);
    let other_person = PersonId::from_random([9; 16]);
    let with = approved_with;
    let other_look = looked_by(other_person, WORKSTATION);
    let other_place = looked_by(REVIEWER, Digest([9; 32]));
    let forger = Signer::new("log.example", &[2; 32]).unwrap();
    let no_log = {
        let mut grant = grant(&signer(), &approved(), &looked());
        grant.looked.path.clear();
        grant
    };
    let swapped = {
        let mut grant = grant(&signer(), &looked(), &approved());
        std::mem::swap(&mut grant.approved, &mut grant.looked);
        grant
    };
    let signer = signer();
    let cases = [
        (grant(&forger, &approved(), &looked()), Refusal::NotInTheLog),
        (no_log, Refusal::NotInTheLog),
        (grant(&signer, &approved(), &approved()), Refusal::NotInTheLog),
        (swapped, Refusal::OtherGrant),
        (grant(&signer, &with(other_request, REVIEWER, MANAGER), &looked()), Refusal::OtherGrant),
        (grant(&signer, &with(REQUEST, other_person, MANAGER), &looked()), Refusal::OtherGrant),
        (grant(&signer, &approved(), &other_look), Refusal::OtherGrant),
        (grant(&signer, &approved(), &other_place), Refusal::OtherGrant),
        (grant(&signer, &with(REQUEST, REVIEWER, REVIEWER), &looked()), Refusal::SelfApproved),
    ];
    let mut bench = bench();
    for (grant, refusal) in cases {
        assert_eq!(open(&mut bench, grant, START_MS + 1), Err(refusal));
    }
    let expired = grant(&signer, &approved(), &looked());
    assert_eq!(open(&mut bench, expired, START_MS + 60_000), Err(Refusal::Expired));
    let long = with_lockbox(false, START_MS + 60 * 60_000 + 1);
    let long = grant(&signer, &long, &looked());
    assert_eq!(open(&mut bench, long, START_MS + 1), Err(Refusal::TooLong));
}

fn with_lockbox(on: bool, until_ms: u64) -> Event {
    let mut event = approved();
    if let Event::Approved { lockbox, expires_ms, .. } = &mut event {
        (*lockbox, *expires_ms) = (on, until_ms);
    }
    event
}

/// For how long an approval waits for a consent in these tests.
const LOCKBOX_MS: u64 = 100_000;

/// An approval, a consent and an opening, each at its time, in a log of four entries.
fn consented(consent: Event, times_ms: [u64; 3]) -> ProvenGrant {
    let events = [with_lockbox(true, START_MS + LOCKBOX_MS), consent, looked()];
    let mut entries: Vec<_> = events
        .into_iter()
        .zip(times_ms)
        .map(|(e, time_ms)| Entry::new(time_ms, e).encode())
        .collect();
    entries.push(another(1));
    ProvenGrant {
        approved: logged(&entries, 0),
        looked: logged(&entries, 2),
        checkpoint: checkpoint(&signer(), &entries),
        consented: Some(logged(&entries, 1)),
    }
}

/// An entry that the service writes by itself.
fn another(n: u8) -> Vec<u8> {
    let event = Event::KeyLost { key: KeyId::from_random([n; 16]) };
    Entry::new(START_MS, event).encode()
}

#[test]
fn with_lockbox_on_nothing_opens_without_the_customers_consent() {
    let consent = |grant, person| Event::Consented { grant, person, expires_ms: START_MS + 60_000 };
    let customer = PersonId::from_random([8; 16]);
    let in_time = [START_MS, START_MS + 5, START_MS + 6];
    let good = || consented(consent(GRANT, customer), in_time);
    let late = [START_MS, START_MS + LOCKBOX_MS, START_MS + LOCKBOX_MS];
    let until = |expires_ms| Event::Consented { grant: GRANT, person: customer, expires_ms };
    let without = ProvenGrant { consented: None, ..good() };
    let twice = ProvenGrant { consented: Some(good().looked), ..good() };
    let forged = {
        let mut grant = good();
        grant.consented.as_mut().unwrap().path.pop();
        grant
    };
    let cases = [
        (without, Refusal::NoConsent),
        (twice, Refusal::NoConsent),
        (forged, Refusal::NotInTheLog),
        (consented(looked(), in_time), Refusal::NoConsent),
        (consented(consent(GrantId::from_random([9; 16]), customer), in_time), Refusal::NoConsent),
        (consented(consent(GRANT, REVIEWER), in_time), Refusal::SelfApproved),
        (consented(consent(GRANT, MANAGER), in_time), Refusal::SelfApproved),
        (consented(until(START_MS + 2 * DAY_MS), late), Refusal::Expired),
        (consented(until(START_MS + 6), in_time), Refusal::Expired),
        (consented(until(START_MS + 5 + 60 * 60_000 + 1), in_time), Refusal::TooLong),
    ];
    let mut bench = bench();
    for (n, (grant, refusal)) in cases.into_iter().enumerate() {
        assert_eq!(open(&mut bench, grant, START_MS + 7), Err(refusal), "{n}");
    }
    // The refused attempts did not use up the permission.
    assert!(open(&mut bench, good(), START_MS + 7).is_ok());
}

/// A thief of `service.key` signs a log in which an access request was approved. The custodian has
/// seen the real log, and gets everything that such a thief could show.
#[test]
fn a_private_log_signed_with_the_stolen_key_opens_nothing() {
    let mut bench = bench();
    let signer = signer();
    let real = [1, 2, 3].map(another);
    let history = Response::Refused(Refusal::OtherHistory);
    let (two, three) = (checkpoint(&signer, &real[..2]), checkpoint(&signer, &real));
    assert_eq!(see(&mut bench.custodian, &two), Response::Seen(2));
    let seen_at = |custodian: &mut Custodian, from, checkpoint: &str, entries: &[Vec<u8>]| {
        let entries = entries.iter().cloned().map(ByteVec::from).collect();
        let shown = Shown { from, entries, checkpoint: checkpoint.to_owned() };
        custodian.handle(Request::See(shown), at(START_MS + 1))
    };
    assert_eq!(seen_at(&mut bench.custodian, 2, &three, &[]), Response::Seen(2), "no entries");
    assert_eq!(seen_at(&mut bench.custodian, 0, &three, &real), Response::Seen(2), "read before");
    assert_eq!(seen_at(&mut bench.custodian, 2, &three, &[another(9)]), history, "another one");
    let too_many = seen_at(&mut bench.custodian, 2, &three, &[another(3), another(4)]);
    assert_eq!(too_many, Response::Refused(Refusal::Unreadable));
    let unreadable = seen_at(&mut bench.custodian, 2, &three, &[b"no entry".to_vec()]);
    assert_eq!(unreadable, Response::Refused(Refusal::Unreadable));
    assert_eq!(see(&mut bench.custodian, &three), Response::Seen(3));
    // Shown again, also by a server that does not know the custodian's place.
    assert_eq!(see(&mut bench.custodian, &three), Response::Seen(3));
    assert_eq!(seen_at(&mut bench.custodian, 0, &three, &[]), Response::Seen(3));
    // An earlier checkpoint of the same log does not replace the newest.
    assert_eq!(seen_at(&mut bench.custodian, 2, &two, &[]), Response::Seen(3));

    let private = grant(&signer, &approved(), &looked());
    let refused = Err(Refusal::OtherHistory);
    assert_eq!(open_seen(&mut bench, private.clone(), START_MS + 1), refused, "unseen");
    // Forged logs as large as the real one, and larger.
    let fork = checkpoint(&signer, &[1, 2, 9].map(another));
    assert_eq!(see(&mut bench.custodian, &fork), history);
    assert_eq!(seen_at(&mut bench.custodian, 0, &fork, &[]), history, "from any place");
    let larger = checkpoint(&signer, &[1, 2, 9, 4].map(another));
    assert_eq!(see(&mut bench.custodian, &larger), history);
    assert_eq!(seen_at(&mut bench.custodian, 0, &private.checkpoint, &[]), Response::Seen(3));
    // A restarted custodian refuses it as well: the checkpoint is on disk.
    let home = bench.folder.path().join("keys");
    drop(bench.custodian);
    bench.custodian =
        Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(START_MS + 3)).unwrap().0;
    assert_eq!(see(&mut bench.custodian, &larger), history);
    assert_eq!(open_seen(&mut bench, private, START_MS + 4), refused);
    // A damaged file stops the start: the history is unknown.
    drop(bench.custodian);
    let whole = std::fs::read(home.join("history")).unwrap();
    let start = || Custodian::start((&home, Expected::Known(DIRECTORY)), trust(), at(START_MS + 5));
    for damaged in [&whole[..whole.len() - 1], &whole[..32], &[]] {
        std::fs::write(home.join("history"), damaged).unwrap();
        assert!(start().is_err(), "{} bytes", damaged.len());
    }
    for at in [0, 33, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(home.join("history"), damaged).unwrap();
        assert!(start().is_err(), "byte {at}");
    }
    std::fs::write(home.join("history"), whole).unwrap();
    assert!(start().is_ok());
    std::fs::remove_file(home.join("history")).unwrap();
    assert!(start().is_err(), "missing");
}

/// The same thief, before the custodian has seen a checkpoint: the witnesses have not signed.
#[test]
fn nothing_opens_that_a_witness_has_not_signed() {
    let witnesses = [2, 3].map(|n| Signer::new("witness.example", &[n; 32]).unwrap());
    let mut bench = bench();
    bench.custodian.trust.witnesses = witnesses.iter().map(Signer::witness_verifier).collect();
    let with = |lines: &[String]| {
        let mut grant = grant(&signer(), &approved(), &looked());
        grant.checkpoint += &lines.concat();
        grant
    };
    let (text, _) = with(&[])
        .checkpoint
        .split_once("\n\n")
        .map(|(t, s)| (format!("{t}\n"), s.to_owned()))
        .unwrap();
    let [first, second] = witnesses.each_ref().map(|witness| witness.cosign(&text, 5));
    let other = witnesses[1].cosign("log.example\n3\nroot\n", 5);
    let plain = witnesses[1].sign(&text).rsplit("\n\n").next().unwrap().to_owned();
    let cases: [&[String]; 5] = [
        &[],
        std::slice::from_ref(&first),
        std::slice::from_ref(&second),
        &[first.clone(), other],
        &[first.clone(), plain],
    ];
    for lines in cases {
        let refused = Err(Refusal::NotWitnessed);
        assert_eq!(open(&mut bench, with(lines), START_MS + 1), refused, "{lines:?}");
        // The same after an earlier custodian with fewer witnesses has accepted the checkpoint.
        let witnesses = std::mem::take(&mut bench.custodian.trust.witnesses);
        assert_eq!(see(&mut bench.custodian, &with(&[]).checkpoint), Response::Seen(2));
        bench.custodian.trust.witnesses = witnesses;
        assert_eq!(open_seen(&mut bench, with(lines), START_MS + 1), refused, "{lines:?}");
    }
    assert!(open(&mut bench, with(&[first, second]), START_MS + 1).is_ok());
}

#[test]
fn after_the_deadline_nothing_opens_whatever_the_clock_says() {
    let mut bench = bench();
    let grant = grant(&signer(), &approved(), &looked());
    let deadline = bench.record.deadline_ms;
    let Response::Keys(destroyed) = bench.custodian.handle(Request::DestroyDue, at(deadline))
    else {
        panic!()
    };
    assert_eq!(destroyed.len(), 1);
    // The wall clock is set back; the kernel's clock goes on.
    let back = Reading { wall_ms: START_MS + 1, boot: [1; 16], boottime_ms: deadline - START_MS };
    let (grant, record) = (Box::new(grant), Box::new(bench.record.clone()));
    see(&mut bench.custodian, &grant.checkpoint);
    let asked = Request::Open { grant, record };
    assert_eq!(bench.custodian.handle(asked, back), Response::Refused(Refusal::Expired));
    let Response::Keys(left) = bench.custodian.handle(Request::Keys, back) else { panic!() };
    assert_eq!(left, vec![]);
}

/// The data, the log's key and the gateway's memory of the span, copied before the deadline; with
/// the key directory from after the deadline.
#[test]
fn a_backup_of_the_data_opens_nothing_after_the_deadline() {
    let mut bench = bench();
    let (home, deadline) = (bench.folder.path().join("keys"), bench.record.deadline_ms);
    bench.custodian.handle(Request::DestroyDue, at(deadline));
    // A custodian on another machine whose clock shows the day before.
    let restored = bench.folder.path().join("restored");
    copy(&home, &restored);
    std::fs::remove_file(restored.join("clock")).unwrap();
    let (custodian, _) =
        Custodian::start((&restored, Expected::New(DIRECTORY)), trust(), at(START_MS + 1)).unwrap();
    bench.custodian = custodian;
    let grant = grant(&signer(), &approved(), &looked());
    assert_eq!(open(&mut bench, grant, START_MS + 2), Err(Refusal::Destroyed));
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}

#[test]
fn no_key_is_made_for_the_past_or_for_more_than_thirty_days() {
    let mut bench = bench();
    let not_midnight = START_MS / DAY_MS * DAY_MS + DAY_MS + 1;
    for deadline_ms in [0, START_MS, START_MS + 30 * DAY_MS + 1, u64::MAX, not_midnight] {
        let asked = Request::PublicKey { tenant: TENANT, deadline_ms };
        let refused = bench.custodian.handle(asked, at(START_MS));
        assert_eq!(refused, Response::Refused(Refusal::BadDeadline), "{deadline_ms}");
    }
}

#[test]
fn messages_are_read_as_they_were_written_and_no_others_are() {
    let request = Request::PublicKey { tenant: TENANT, deadline_ms: 5 };
    let mut bytes = Vec::new();
    write(&mut bytes, &request).unwrap();
    assert_eq!(read::<Request>(&mut bytes.as_slice()).unwrap(), Some(request));
    assert_eq!(read::<Request>(&mut [].as_slice()).unwrap(), None);
    for cut in 1..bytes.len() {
        assert!(read::<Request>(&mut &bytes[..cut]).is_err(), "{cut}");
    }
    let huge = [0xff, 0xff, 0xff, 0xff, 0];
    assert!(read::<Request>(&mut huge.as_slice()).is_err());
}

#[test]
fn the_line_carries_questions_and_answers() {
    let Bench { folder: _folder, mut custodian, record } = bench();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let serving = std::thread::spawn(move || {
        serve(&mut custodian, &mut theirs, || at(START_MS + 1)).unwrap();
    });
    let mut client = Client::new(ours);
    assert_eq!(client.keys().unwrap().len(), 1);
    assert!(client.destroy_due().unwrap().is_empty());
    let grant = grant(&signer(), &approved(), &looked());
    let unseen = client.open(grant.clone(), record.clone());
    assert!(matches!(unseen, Err(CustodyError::Refused(Refusal::OtherHistory))));
    assert_eq!(client.see(shown(0, &grant.checkpoint)).unwrap(), 2);
    let content = client.open(grant.clone(), record.clone()).unwrap();
    assert_eq!(content.as_slice(), b"a prompt and an answer");
    let again = client.open(grant, record);
    assert!(matches!(again, Err(CustodyError::Refused(Refusal::Used))));
    drop(client);
    serving.join().unwrap();
}

/// The key directory is copied after each step of a destruction, with all data, and given to a
/// custodian whose clock is still before the deadline.
#[test]
fn a_copy_made_at_any_step_of_a_destruction_opens_nothing() {
    for stop in [DestroyStep::Overwritten, DestroyStep::Unlinked, DestroyStep::Synced] {
        let bench = bench();
        let (home, copied) = (bench.folder.path().join("keys"), bench.folder.path().join("copied"));
        drop(bench.custodian);
        let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        keys.destroy_due(bench.record.deadline_ms, &mut |step| step != stop).unwrap();
        copy(&home, &copied);
        std::fs::remove_file(copied.join("clock")).unwrap();
        let (custodian, _) =
            Custodian::start((&copied, Expected::New(DIRECTORY)), trust(), at(START_MS + 1))
                .unwrap();
        let mut bench = Bench { custodian, ..bench };
        let refused = open(&mut bench, grant(&signer(), &approved(), &looked()), START_MS + 2);
        assert!(matches!(refused, Err(Refusal::Destroyed | Refusal::Damaged)), "{stop:?}");
    }
}

/// The clock file cannot be written, as on a full disk. Due keys are destroyed all the same; the
/// custodian starts nothing new.
#[test]
fn a_full_disk_keeps_no_key_alive() {
    let mut bench = bench();
    std::fs::create_dir(bench.folder.path().join("keys/clock.new")).unwrap();
    let deadline = bench.record.deadline_ms;
    let Response::Keys(destroyed) = bench.custodian.handle(Request::DestroyDue, at(deadline))
    else {
        panic!()
    };
    assert_eq!(destroyed.len(), 1);
    let asked = Request::PublicKey { tenant: TENANT, deadline_ms: deadline + DAY_MS };
    let refused = bench.custodian.handle(asked, at(deadline + 1));
    assert_eq!(refused, Response::Refused(Refusal::Keys));
}

/// Otherwise the next request would get the answer to this one: another tenant's key.
#[test]
fn after_an_answer_that_is_late_or_makes_no_sense_the_line_is_closed() {
    let gone = |error: CustodyError| match error {
        CustodyError::Unreachable(error) => assert_eq!(error.kind(), io::ErrorKind::NotConnected),
        other => panic!("{other}"),
    };
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut client = Client::patient(ours, Duration::from_millis(10));
    assert!(matches!(client.public_key(TENANT, DAY_MS), Err(CustodyError::Unreachable(_))), "late");
    let late = Response::PublicKey { id: KeyId::from_random([8; 16]), bytes: vec![] };
    assert!(write(&mut &theirs, &late).is_err(), "the client has closed the connection");
    gone(client.public_key(TENANT, DAY_MS).unwrap_err());

    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut client = Client::new(ours);
    write(&mut &theirs, &Response::Keys(vec![])).unwrap();
    assert!(matches!(client.public_key(TENANT, DAY_MS), Err(CustodyError::Nonsense)));
    gone(client.keys().unwrap_err());

    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut client = Client::new(ours);
    (&theirs).write_all(&[0, 0, 0, 1, 0xff]).unwrap();
    assert!(matches!(client.keys(), Err(CustodyError::Unreachable(_))), "not a message");
    gone(client.keys().unwrap_err());
}

#[test]
fn a_refusal_leaves_the_line_open() {
    let Bench { folder: _folder, mut custodian, .. } = bench();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let serving = std::thread::spawn(move || {
        serve(&mut custodian, &mut theirs, || at(START_MS + 1)).unwrap();
    });
    let mut client = Client::new(ours);
    let refused = client.public_key(TENANT, 0);
    assert!(matches!(refused, Err(CustodyError::Refused(Refusal::BadDeadline))));
    assert_eq!(client.keys().unwrap().len(), 1);
    drop(client);
    serving.join().unwrap();
}

/// Every byte of every part of the stored record.
#[test]
fn a_record_that_was_tampered_with_is_refused() {
    let bench = bench();
    let entry =
        KeyEntry { id: bench.record.key, tenant: TENANT, deadline_ms: bench.record.deadline_ms };
    let private = bench.custodian.keys.private_key(&entry).unwrap();
    let opens = |record: &RecordToOpen| {
        let RecordToOpen { tenant, resource, request, key, deadline_ms, span, position, record } =
            record.clone();
        let span = SealedSpan { key, tenant, deadline_ms, bytes: span };
        let record = SealedRecord { key, deadline_ms, position, bytes: record };
        seal::open(&private, &span, &record, &Label { request, resource }).is_ok()
    };
    assert!(opens(&bench.record));
    let flip = |bytes: &mut [u8], at: usize| bytes[at] ^= 0x10;
    for at in 0..bench.record.span.len() {
        let mut record = bench.record.clone();
        flip(&mut record.span, at);
        assert!(!opens(&record), "span, byte {at}");
    }
    for at in 0..bench.record.record.len() {
        let mut record = bench.record.clone();
        flip(&mut record.record, at);
        assert!(!opens(&record), "record, byte {at}");
    }
    for cut in [0, 1, 15, 16, bench.record.record.len() - 1] {
        let mut record = bench.record.clone();
        record.record.truncate(cut);
        assert!(!opens(&record), "record of {cut} bytes");
    }
    for cut in [0, 1119, 1120, 1167] {
        let mut record = bench.record.clone();
        record.span.truncate(cut);
        assert!(!opens(&record), "span of {cut} bytes");
    }
    let changes: [fn(&mut RecordToOpen); 6] = [
        |record| record.tenant = TenantId::from_random([9; 16]),
        |record| record.resource = ResourceId::from_random([9; 16]),
        |record| record.request = RequestId::from_random([9; 16]),
        |record| record.key = KeyId::from_random([9; 16]),
        |record| record.deadline_ms += 1,
        |record| record.position = u32::MAX,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut record = bench.record.clone();
        change(&mut record);
        assert!(!opens(&record), "change {n}");
    }
}

#[test]
fn the_next_custodian_waits_for_the_last_one_to_end() {
    let bench = bench();
    let home = bench.folder.path().join("keys");
    std::thread::scope(|scope| {
        let next = scope
            .spawn(|| Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(START_MS)));
        drop(bench.custodian);
        assert!(next.join().unwrap().is_ok());
    });
}
