use std::{
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU64, Ordering},
};

use policy::{
    authz::{
        context::{Enrolling, Looking, Moment, Opening as OpeningRecord, WorkstationFacts},
        facts::{ApprovalFacts, GrantFacts, RecordFacts, ResourceFacts, Service, SignatureFacts},
        policies::Policies,
        role::Role,
    },
    id::{GrantId, PersonId, RequestId, TeamId},
    retention::{ContentLogging, DAY_MS, Days, RetentionPlan, Rule, clock::Reading, plan},
    workflow::{review, workstation},
};
use tlog::{
    canon::Digest,
    entry::{ENTRY_BYTES_MAX, Entry},
    note::Note,
    receipt::{
        Attempt, AttemptFailure, Category, Check, ContentFilter, Detector, EngineKind, Filter,
        Finding, Outcome, Ran, Screened, Side,
    },
    tree,
    verify::{Replay, Report},
    witness::AddCheckpoint,
};

use super::*;
use crate::{
    Store,
    custody::{self, Custodian, Trust},
    people_for_tests::{OPERATOR, authority, permit, person, statement},
    tiles::{Cosigned, Unpublished, unwitnessed},
    workflow::{NotStepped, Review, Workstation},
};

const TENANT: TenantId = TenantId::from_random([1; 16]);
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const START_MS: u64 = 20_000 * DAY_MS + 5;

/// A clock for one test. The ledger takes a plain function, so the time is in a static.
macro_rules! clock {
    ($name:ident) => {
        static NOW: AtomicU64 = AtomicU64::new(START_MS);
        fn $name() -> Reading {
            let now = NOW.load(Ordering::SeqCst);
            Reading { wall_ms: now, boot: [1; 16], boottime_ms: now - START_MS }
        }
    };
}

mod abuse;
mod history;
mod intact;
mod missing;
mod objects;
mod own;
mod restore;
mod subjects;

fn signer() -> Arc<Signer> {
    Arc::new(Signer::new("log.example", &[1; 32]).unwrap())
}

fn trust() -> Trust {
    Trust { log: signer().verifier(), witnesses: Vec::new() }
}

/// A custodian in a thread, instead of a process.
fn custodian(keys: &Path, clock: ReadClock, trust: Trust) -> Connect {
    let keys = keys.to_owned();
    Box::new(move |expected| {
        let (ours, mut theirs) = UnixStream::pair()?;
        match Custodian::start((&keys, expected), trust.clone(), clock()) {
            Ok((mut custodian, _)) => {
                std::thread::spawn(move || custody::serve(&mut custodian, &mut theirs, clock));
            }
            Err(error) => {
                let refusal = error.refusal();
                std::thread::spawn(move || custody::decline(&mut theirs, refusal));
            }
        }
        Ok(Client::new(ours))
    })
}

fn open(home: &Path, clock: ReadClock) -> Result<(Ledger, Repairs), LogError> {
    open_with(home, clock, unwitnessed())
}

fn open_with(home: &Path, clock: ReadClock, cosign: Cosign) -> Result<(Ledger, Repairs), LogError> {
    open_as(home, clock, (cosign, trust(), ""), None)
}

/// Opens the ledger and declares that missing keys are lost.
fn open_lost(home: &Path, clock: ReadClock) -> Result<(Ledger, Repairs), LogError> {
    let opening = opening(home, clock, (unwitnessed(), trust(), ""), None);
    Ledger::open(&home.join("data"), Opening { keys_are_lost: true, ..opening })
}

fn open_as(
    home: &Path,
    clock: ReadClock,
    outside: (Cosign, Trust, &str),
    proof: Option<Proof>,
) -> Result<(Ledger, Repairs), LogError> {
    Ledger::open(&home.join("data"), opening(home, clock, outside, proof))
}

fn opening(
    home: &Path,
    clock: ReadClock,
    (cosign, trust, egress): (Cosign, Trust, &str),
    proof: Option<Proof>,
) -> Opening {
    let started = Event::Started {
        binary: Digest([1; 32]),
        configuration: Digest([2; 32]),
        models: Vec::new(),
        policies: None,
    };
    Opening {
        signer: signer(),
        clock,
        connect: custodian(&home.join("keys"), clock, trust),
        key_directory: home.join("keys"),
        keys_are_lost: false,
        metadata: Metadata::DEFAULT,
        cosign,
        started,
        proof,
        egress: egress.to_owned(),
    }
}

fn terms() -> Arc<Terms> {
    Arc::new(Terms {
        tenant: TENANT,
        resource: RESOURCE,
        deployment: None,
        region_processed: "local".into(),
        region_stored: "local".into(),
        engine: "embedded".into(),
        model: None,
        binary: Digest([1; 32]),
        configuration: Digest([2; 32]),
        filter: Filter::None,
        retention_days: 2,
        policies: None,
        ran: None,
        content_filter: None,
        adapter: None,
        personal: None,
        customer: None,
    })
}

/// Content that is long enough for pieces.
fn content() -> Vec<u8> {
    b"content".repeat(500)
}

fn ended(n: u8, keep: bool, now_ms: u64) -> Ended {
    let content_logging = ContentLogging {
        enabled: keep,
        since_ms: 0,
        approval: None,
        until_ms: None,
        keeps: policy::object::Classes::NONE,
    };
    let rule = Rule { tenant: TENANT, days: Days::new(2).unwrap(), content_logging };
    let keep = match plan(&rule, now_ms) {
        RetentionPlan::Store(until) => Some((until, ContentBytes::new(content()))),
        RetentionPlan::Zero(_) => None,
    };
    let facts = Facts {
        request: RequestId::from_random([n; 16]),
        started_ms: now_ms,
        finished_ms: 0,
        status: 200,
        outcome: Outcome::Answered,
        request_sha256: Digest::of(&[b"request"]),
        response_sha256: Digest::of(&[b"response"]),
        prompt_tokens: 3,
        completion_tokens: 2,
        stored: None,
        no_effect: None,
        attempts: None,
        screened: None,
        objects: None,
        personal: None,
    };
    Ended {
        terms: terms(),
        facts,
        caller: "Key1",
        cached_tokens: 1,
        keep,
        objects: Vec::new(),
        line: None,
        subject: None,
    }
}

fn commit(ledger: &Ledger, ended: Ended) -> Result<u64, NotRecorded> {
    let (told, answer) = mpsc::channel();
    ledger.commit(ended, move |result| told.send(result.map(|done| done.index())).unwrap());
    answer.recv().unwrap()
}

/// Audits the whole log by its published files alone.
fn audit(ledger: &Ledger) -> Report {
    let tiles = ledger.tiles();
    let note = tiles.checkpoint().unwrap().unwrap();
    let checkpoint = Checkpoint::verify(&note, &signer().verifier()).unwrap();
    let mut replay = Replay::default();
    for index in 0..checkpoint.size {
        replay.push(&tiles.entry(index, checkpoint.size).unwrap());
    }
    replay.finish(&checkpoint, None)
}

#[test]
fn a_request_leaves_a_receipt_that_verifies_and_its_own_caller_gets() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, repairs) = open(home.path(), clock).unwrap();
    assert_eq!(repairs, Repairs::default());
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    let request = RequestId::from_random([1; 16]);
    let own = ledger.receipt(RESOURCE, request).unwrap().unwrap();
    let verified = own.receipt.verify(&signer().verifier()).unwrap();
    assert_eq!((verified.index, &verified.claims), (index, &own.claims));
    let stored = verified.claims.facts.stored.unwrap();
    assert_eq!(stored.deadline_ms, 20_002 * DAY_MS);
    let other = ResourceId::from_random([9; 16]);
    assert!(ledger.receipt(other, request).unwrap().is_none(), "another resource's");
    assert!(ledger.receipt(RESOURCE, RequestId::from_random([9; 16])).unwrap().is_none());
    assert_eq!(audit(&ledger).findings, vec![]);
}

#[test]
fn a_receipt_names_the_content_filter_and_what_it_found() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let mut terms = Terms::clone(&terms());
    terms.filter = Filter::Named;
    terms.content_filter = Some(ContentFilter {
        name: "Microsoft.DefaultV2".into(),
        policy: Digest([3; 32]),
        detectors: [Detector { layer: "encoder".into(), digest: Digest([4; 32]) }].into(),
    });
    let (side, category) = (Side::Completion, Category::ProtectedMaterialText);
    let blocked = Finding { side, category, severity: None, filtered: true };
    let terms = Arc::new(terms);
    for (n, findings) in [(1, vec![]), (2, vec![blocked])] {
        let (prompt, completion) = (Check::Filtered, Check::FilteredLater);
        let mut ended = Ended { terms: Arc::clone(&terms), ..ended(n, true, START_MS) };
        ended.facts.screened = Some(Screened { prompt, completion, findings });
        let screened = ended.facts.screened.clone();
        commit(&ledger, ended).unwrap();
        let request = RequestId::from_random([n; 16]);
        let own = ledger.receipt(RESOURCE, request).unwrap().unwrap();
        let verified = own.receipt.verify(&signer().verifier()).unwrap();
        assert_eq!(verified.claims.terms, *terms);
        assert_eq!(verified.claims.facts.screened, screened);
        assert_eq!(verified.breaches(), vec![]);
    }
}

/// The size includes the receipt, usage, log entry, keys and indexes. docs/benchmarks.md says where
/// the bytes go.
#[test]
fn a_record_costs_no_more_than_its_size_and_400_bytes() {
    clock!(clock);
    for (least, most) in [(500, 2000), (4000, 12_000), (500, 500)] {
        let home = tempfile::tempdir().unwrap();
        let (ledger, _) = open(home.path(), clock).unwrap();
        ledger.publish(0).unwrap();
        let database = Database::open(&home.path().join("data")).unwrap();
        let bytes = || {
            // Free pages do not count because they are used again: log entries were there until
            // they went into their bundle.
            let pages = database.bytes_used();
            pages + folder_bytes(&home.path().join("data/log"))
        };
        let before = bytes();
        let (told, answers) = mpsc::channel();
        let mut content_bytes = 0;
        for n in 0..1500_u16 {
            let size = least + usize::from(n) * 7919 % (most - least + 1);
            content_bytes += u64::try_from(size).unwrap();
            let [high, low] = n.to_be_bytes();
            let mut ended = ended(1, true, START_MS);
            let random = [high, low, 1, 2, 3, 4, 5, 6, 7, 8];
            ended.facts.request = RequestId::at(START_MS - u64::from(n) % 700, random);
            ended.facts.prompt_tokens = 300;
            ended.facts.completion_tokens = 200;
            let (prompt, completion) = (Check::Filtered, Check::Filtered);
            ended.facts.screened = Some(Screened { prompt, completion, findings: Vec::new() });
            ended.keep = ended.keep.map(|(until, _)| (until, ContentBytes::new(vec![7; size])));
            let told = told.clone();
            ledger.commit(ended, move |result| told.send(result.map(|done| done.index())).unwrap());
        }
        let last = answers.iter().take(1500).map(Result::unwrap).max().unwrap();
        ledger.publish(last).unwrap();
        let each = (bytes() - before - content_bytes) / 1500;
        assert!(each <= 400, "{least} to {most}: {each}");
    }
}

fn folder_bytes(folder: &Path) -> u64 {
    let bytes = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() { folder_bytes(&entry.path()) } else { metadata.len() }
    };
    std::fs::read_dir(folder).unwrap().map(bytes).sum()
}

/// A new row format does not rewrite existing rows.
#[test]
fn receipts_of_earlier_versions_are_given_as_they_were() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let request = RequestId::from_random([1; 16]);
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    let now = ledger.receipt(RESOURCE, request).unwrap().unwrap();
    let database = Database::open(&home.path().join("data")).unwrap();
    let first = tlog::canon::encode(&now.claims.facts);
    let earlier = facts::encode_earlier(&now.claims.facts);
    for bytes in [first, earlier] {
        let sql = "UPDATE receipt SET facts = ?1 WHERE idx = ?2";
        assert_eq!(database.tamper(sql, (bytes, index)), 1);
        let then = ledger.receipt(RESOURCE, request).unwrap().unwrap();
        assert_eq!(then.claims, now.claims);
        assert_eq!(then.receipt.verify(&signer().verifier()).unwrap().index, index);
    }
}

#[test]
fn usage_adds_up_to_the_requests_in_the_log() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..40 {
        NOW.fetch_add(600_000, Ordering::SeqCst);
        let now = NOW.load(Ordering::SeqCst);
        commit(&ledger, ended(n, n % 2 == 0, now)).unwrap();
    }
    let rows = ledger.usage(Some(RESOURCE)).unwrap();
    assert!(rows.len() > 5, "by hour: {}", rows.len());
    let requests: u64 = rows.iter().map(|row| row.requests).sum();
    let tokens: u64 = rows.iter().map(|row| row.prompt_tokens + row.completion_tokens).sum();
    assert_eq!((requests, tokens), (40, 200));
    ledger.publish(41).unwrap();
    assert_eq!(audit(&ledger).requests, 40);
    assert_eq!(ledger.usage(Some(ResourceId::from_random([9; 16]))).unwrap(), vec![]);
}

/// Refused and failed requests do not count as served, and every request is counted once.
#[test]
fn refused_and_failed_requests_are_counted_apart() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let outcomes = [Outcome::Answered, Outcome::HungUp, Outcome::Refused, Outcome::Failed];
    for (n, outcome) in (0..).zip(outcomes.into_iter().chain([Outcome::Refused])) {
        let mut ended = ended(n, true, START_MS);
        ended.facts.outcome = outcome;
        commit(&ledger, ended).unwrap();
    }
    let rows = ledger.usage(Some(RESOURCE)).unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.requests, row.refused, row.failed, row.cached_tokens), (2, 2, 1, 5));
    ledger.publish(6).unwrap();
    assert_eq!(audit(&ledger).requests, row.requests + row.refused + row.failed);
}

/// A request counts once for each processor that got it, also if another engine answered it.
#[test]
fn requests_are_counted_for_each_processor_that_got_them() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let ran = |processor: Option<&str>| Ran {
        kind: EngineKind::Azure,
        processor: processor.map(str::to_owned),
        country: processor.map(|_| "SE".to_owned()),
        destination: Some("https://sweden.openai.example".into()),
        model: Some("gpt-4.1".into()),
        sku: "Standard".into(),
        regions: ["local".to_owned()].into(),
        processors: ["adatum", "contoso"].map(str::to_owned).into(),
    };
    let attempt = |processor: Option<&str>, failure| Attempt {
        engine: "engine".into(),
        region: "local".into(),
        failure,
        processor: processor.map(str::to_owned),
    };
    let (busy, absent) = (AttemptFailure::Busy, AttemptFailure::Unreachable);
    let requests = [
        (ran(Some("contoso")), vec![]),
        (ran(Some("contoso")), vec![attempt(Some("contoso"), busy), attempt(None, busy)]),
        (ran(Some("contoso")), vec![attempt(Some("adatum"), busy)]),
        (ran(None), vec![attempt(Some("adatum"), busy), attempt(Some("contoso"), absent)]),
        (ran(None), vec![]),
    ];
    for (n, (ran, attempts)) in (0..).zip(requests) {
        let mut ended = ended(n, false, START_MS);
        ended.terms = Arc::new(Terms { ran: Some(ran), ..Terms::clone(&terms()) });
        ended.facts.attempts = (!attempts.is_empty()).then_some(attempts);
        commit(&ledger, ended).unwrap();
    }
    commit(&ledger, ended(9, false, START_MS)).unwrap();
    let counted = ledger.reader().processor_requests().unwrap();
    let count = |processor: &str, requests| {
        (processor.to_owned(), crate::ProcessorRequests { resource: RESOURCE, requests })
    };
    assert_eq!(counted, [count("adatum", 2), count("contoso", 3)]);
}

#[test]
fn under_zero_retention_there_is_a_receipt_and_no_record() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    commit(&ledger, ended(1, false, START_MS)).unwrap();
    let own = ledger.receipt(RESOURCE, RequestId::from_random([1; 16])).unwrap().unwrap();
    assert_eq!(own.claims.facts.stored, None);
    let database = Database::open(&home.path().join("data")).unwrap();
    for table in ["record", "record_piece", "span", "record_key", "stored"] {
        assert_eq!(database.count(table), 0, "{table}");
    }
    assert_eq!(std::fs::read_dir(home.path().join("keys/records")).unwrap().count(), 0);
}

#[test]
fn at_the_deadline_the_key_goes_then_the_log_says_so_then_the_rows_go() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..5 {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
    }
    drop(ledger);
    NOW.fetch_add(2 * DAY_MS, Ordering::SeqCst);
    let (ledger, repairs) = reopen(home.path(), clock);
    assert_eq!(repairs.keys_destroyed, 1);
    let report = audit(&ledger);
    assert_eq!((report.findings, report.keys_destroyed), (vec![], 1));
    let database = Database::open(&home.path().join("data")).unwrap();
    for table in ["record", "record_piece", "span"] {
        assert_eq!(database.count(table), 0, "{table}");
    }
    // The receipts stay, because they hold no content. The owner of the request can therefore still
    // see the access requests for it.
    let request = RequestId::from_random([3; 16]);
    assert!(ledger.receipt(RESOURCE, request).unwrap().is_some());
    assert_eq!(ledger.record(request).unwrap(), None);
    assert_eq!(ledger.resource(request).unwrap(), Some(RESOURCE));
    assert_eq!(ledger.resource(RequestId::from_random([9; 16])).unwrap(), None);
}

#[test]
fn the_log_is_never_signed_twice_in_two_ways() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let (ledger, _) = open(home.path(), clock).unwrap();
    commit(&ledger, ended(1, true, START_MS)).unwrap();
    ledger.publish(0).unwrap();
    drop(ledger);
    let (ledger, _) = reopen(home.path(), clock);
    drop(ledger);
    settle(home.path());
    let backup = home.path().join("backup.db");
    let database = Database::open(&data).unwrap();
    database.copy_into(backup.to_str().unwrap()).unwrap();
    drop(database);
    let (ledger, _) = reopen(home.path(), clock);
    let index = commit(&ledger, ended(2, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    drop(ledger);
    settle(home.path());
    // The database is restored from a backup, and the log is newer.
    for file in ["bailiwick.db", "bailiwick.db-wal", "bailiwick.db-shm"] {
        let _ = std::fs::remove_file(data.join(file));
    }
    std::fs::copy(backup, data.join("bailiwick.db")).unwrap();
    assert!(matches!(open(home.path(), clock), Err(LogError::Behind { .. })));
}

/// The whole data directory is restored from a copy, with a database and log that match each other.
/// Continuing would sign other entries under indexes that are taken, and the custodian has seen the
/// original entries.
#[test]
fn a_whole_data_directory_from_a_backup_is_not_gone_on_with() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let [data, backup] = ["data", "backup"].map(|name| home.path().join(name));
    drop(open(home.path(), clock).unwrap());
    settle(home.path());
    let copy = |from: &Path, to: &Path| {
        let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
        assert!(copied.unwrap().success());
    };
    copy(&data, &backup);
    let (ledger, _) = reopen(home.path(), clock);
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    drop(ledger);
    settle(home.path());
    // At the next start the custodian sees the checkpoint that was published since.
    drop(reopen(home.path(), clock));
    settle(home.path());
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    let refused = open(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::TwoHistories(_)), "{refused}");
}

#[test]
fn the_log_tells_of_each_list_of_destinations_once() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let lists = ["", "https://a.example\n", "https://a.example\n", "", "https://b.example\n"];
    for (list, told) in lists.into_iter().zip([0, 1, 1, 2, 3]) {
        let (ledger, _) =
            open_as(home.path(), clock, (unwitnessed(), trust(), list), None).unwrap();
        let report = audit(&ledger);
        assert_eq!((report.egress_lists, report.findings), (told, vec![]), "{list:?}");
        drop(ledger);
        settle(home.path());
    }
}

/// A reload logs the same as a start: the configuration, and the list of destinations if it
/// changed.
#[test]
fn the_log_tells_of_a_configuration_that_was_loaded_again() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let starts = audit(&ledger).starts;
    for (list, lists) in [("https://a.example\n", 1), ("https://a.example\n", 1), ("", 2)] {
        let started = Event::Started {
            binary: Digest([1; 32]),
            configuration: Digest([3; 32]),
            models: Vec::new(),
            policies: None,
        };
        let size = Checkpoint::verify(
            &ledger.tiles().checkpoint().unwrap().unwrap(),
            &signer().verifier(),
        );
        ledger.restarted(started, list).unwrap();
        ledger.publish(size.unwrap().size).unwrap();
        assert_eq!(audit(&ledger).egress_lists, lists, "{list:?}");
    }
    let report = audit(&ledger);
    assert_eq!((report.starts, report.findings), (starts + 3, vec![]));
}

/// Any user that can open the lock's file can hold the lock.
#[test]
fn the_locks_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let mode = || {
        let file = std::fs::metadata(home.path().join("data/serve.lock")).unwrap();
        file.permissions().mode() & 0o777
    };
    drop(open(home.path(), clock).unwrap());
    settle(home.path());
    assert_eq!(mode(), 0o600);
    // The mode that an earlier version used.
    let everyone = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(home.path().join("data/serve.lock"), everyone).unwrap();
    drop(open(home.path(), clock).unwrap());
    settle(home.path());
    assert_eq!(mode(), 0o600);
}

#[test]
fn damaged_and_missing_tiles_are_written_again_from_the_database() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    drop(ledger);
    settle(home.path());
    let folder = home.path().join("data/log/tile/0/000.p");
    for file in std::fs::read_dir(&folder).unwrap() {
        std::fs::write(file.unwrap().path(), b"half").unwrap();
    }
    let (ledger, repairs) = reopen(home.path(), clock);
    assert!(repairs.tiles);
    assert_eq!(audit(&ledger).findings, vec![]);
}

#[test]
fn a_long_log_moves_out_of_the_database_and_stays_whole() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let (told, answers) = mpsc::channel();
    for n in 0..700_u64 {
        let mut ended = ended(0, n % 3 == 0, START_MS);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        ended.facts.request = RequestId::from_random(id);
        let told = told.clone();
        ledger.commit(ended, move |result| told.send(result.map(|done| done.index())).unwrap());
    }
    let last = (0..700).map(|_| answers.recv().unwrap().unwrap()).max().unwrap();
    ledger.publish(last).unwrap();
    let database = Database::open(&home.path().join("data")).unwrap();
    let rows = database.count("log_entry");
    assert!(rows < 256, "{rows}");
    let report = audit(&ledger);
    assert_eq!((report.requests, report.findings), (700, vec![]));
    for n in [0_u64, 255, 256, 511, 699] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let own = ledger.receipt(RESOURCE, RequestId::from_random(id)).unwrap().unwrap();
        assert!(own.receipt.verify(&signer().verifier()).is_ok(), "{n}");
    }
    assert!(ledger.tiles().file("../data/bailiwick.db").unwrap().is_none());
    assert!(ledger.tiles().file("tile/../../bailiwick.db").unwrap().is_none());
}

#[test]
fn what_has_ended_cannot_be_printed() {
    let printed = format!("{:?}", ended(1, true, START_MS));
    assert!(printed.contains("ContentBytes(3500 bytes)"), "{printed}");
    // The content is printed neither as text nor as a list of bytes.
    assert!(!printed.contains("\"content\"") && !printed.contains("[99, 111, 110"), "{printed}");
}

/// `trouble` reports a key that cannot be destroyed.
#[test]
fn deadlines_that_cannot_be_carried_out_are_told_until_they_are() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    commit(&ledger, ended(1, true, START_MS)).unwrap();
    assert_eq!(ledger.trouble(), None);
    let (records, aside) = (home.path().join("keys/records"), home.path().join("aside"));
    std::fs::rename(&records, &aside).unwrap();
    let told = within_a_minute(|| ledger.trouble());
    assert!(told.contains("deadlines cannot be carried out"), "{told}");
    std::fs::rename(&aside, &records).unwrap();
    within_a_minute(|| ledger.trouble().is_none().then_some(()));
}

/// Polls for up to a minute. The sweeper thread wakes every second, and it is the only thing here
/// to wait for.
fn within_a_minute<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        if let Some(found) = probe() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    panic!("not within a minute");
}

#[test]
fn a_second_server_is_kept_away() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (_ledger, _) = open(home.path(), clock).unwrap();
    let second = open(home.path(), clock);
    assert!(matches!(second, Err(LogError::Store(StoreError::Locked { .. }))));
}

#[test]
fn an_entry_always_fits_a_bundle() {
    let models = (0..200).map(|n| Digest([n; 32])).collect();
    let started = Event::Started {
        binary: Digest([1; 32]),
        configuration: Digest([2; 32]),
        models,
        policies: Some(Digest([3; 32])),
    };
    assert!(Entry::new(u64::MAX, started).encode().len() < ENTRY_BYTES_MAX);
}

/// The log records the proof before the start that depends on it, so that a replay finds the proof
/// in time.
#[test]
fn a_proof_that_comes_with_the_build_is_told_before_the_start() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let policies = Policies::built_in().unwrap();
    let proof = Proof::built_in(&policies).unwrap();
    let event = proof.event();
    let opened = open_as(home.path(), clock, (unwitnessed(), trust(), ""), Some(proof));
    let (ledger, _) = opened.unwrap();
    let size = ledger.publish(1).unwrap();
    let entry = |index| Entry::decode(&ledger.tiles().entry(index, size).unwrap()).unwrap().event;
    assert_eq!(entry(0), event);
    assert!(matches!(entry(1), Event::Started { .. }));
    let store = Store::open(&home.path().join("data"), clock).unwrap();
    assert_eq!(store.proof_entry(policies.digest()).unwrap(), Some(event));
}

/// Waits for the threads of a dropped ledger to end: the lock is free once no thread can write any
/// more.
fn settle(home: &Path) {
    let path = home.join("data/serve.lock");
    File::options().write(true).open(path).unwrap().lock().unwrap();
}

fn reopen(home: &Path, clock: ReadClock) -> (Ledger, Repairs) {
    settle(home);
    open(home, clock).unwrap()
}

#[test]
fn receipts_and_usage_are_kept_for_their_own_time_and_the_log_stays_whole() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let days = u64::from(Metadata::DEFAULT.receipts_days);
    let request = |n: u8| RequestId::from_random([n; 16]);
    let mut entries = 0;
    for n in 0..3 {
        let (ledger, _) = open(home.path(), clock).unwrap();
        let now = NOW.load(Ordering::SeqCst);
        entries = commit(&ledger, ended(n, true, now)).unwrap();
        drop(ledger);
        settle(home.path());
        NOW.fetch_add(days / 2 * DAY_MS, Ordering::SeqCst);
    }
    // A start carries out due deadlines, too. The first request is 600 days old, the second 400.
    let (ledger, _) = reopen(home.path(), clock);
    assert!(ledger.receipt(RESOURCE, request(0)).unwrap().is_none());
    assert!(ledger.receipt(RESOURCE, request(1)).unwrap().is_some(), "its last day");
    assert!(ledger.receipt(RESOURCE, request(2)).unwrap().is_some());
    assert_eq!(ledger.usage(None).unwrap().iter().map(|row| row.requests).sum::<u64>(), 2);
    drop(ledger);
    settle(home.path());
    NOW.fetch_add(DAY_MS, Ordering::SeqCst);
    let (ledger, _) = reopen(home.path(), clock);
    assert!(ledger.receipt(RESOURCE, request(1)).unwrap().is_none());
    ledger.publish(entries).unwrap();
    assert_eq!(audit(&ledger).requests, 3);
}

/// A witness in the test: signs each checkpoint that continues the last one it signed.
struct Witness {
    signer: Signer,
    seen: Mutex<Option<Checkpoint>>,
}

impl Witness {
    fn new() -> Arc<Self> {
        let signer = Signer::new("witness.example", &[2; 32]).unwrap();
        Arc::new(Self { signer, seen: Mutex::default() })
    }

    fn cosign(self: &Arc<Self>) -> Cosign {
        let witness = Arc::clone(self);
        Box::new(move |unpublished: &Unpublished<'_>| {
            let mut seen = held(&witness.seen);
            let old = seen.as_ref().map_or(0, |seen| seen.size).min(unpublished.size);
            let proof = unpublished.proof(old)?;
            let asked = AddCheckpoint { old, proof, note: &unpublished.note };
            let new = asked
                .check(&signer().verifier(), seen.as_ref())
                .map_err(|refusal| LogError::TwoHistories(refusal.to_string()))?;
            let lines = witness.signer.cosign(&new.text(), 1);
            *seen = Some(new);
            Ok(Cosigned { lines, by_all: true })
        })
    }
}

#[test]
fn a_checkpoint_is_witnessed_before_it_is_published() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let witness = Witness::new();
    let (ledger, _) = open_with(home.path(), clock, witness.cosign()).unwrap();
    for n in 0..3 {
        let index = commit(&ledger, ended(n, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        let note = ledger.tiles().checkpoint().unwrap().unwrap();
        let note = Note::parse(&note).unwrap();
        note.verify(&signer().verifier()).unwrap();
        note.verify(&witness.signer.witness_verifier()).unwrap();
    }
}

/// Proofs in the published checkpoint stay valid until the next one is published, although a tile
/// that was filled meanwhile is stored whole and no longer as a partial tile.
#[test]
fn an_older_checkpoint_is_proved_from_tiles_that_were_filled_since() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let index = commit(&ledger, ended(0, true, START_MS)).unwrap();
    let size = ledger.publish(index).unwrap();
    let tiles = ledger.tiles();
    let root = Checkpoint::verify(&tiles.checkpoint().unwrap().unwrap(), &signer().verifier())
        .unwrap()
        .root;
    let mut last = index;
    for _ in size..300 {
        last = commit(&ledger, ended(1, false, START_MS)).unwrap();
    }
    ledger.publish(last).unwrap();
    for n in 0..size {
        let path = tree::inclusion_proof(&tiles.nodes(size), n, size).unwrap();
        let leaf = tree::leaf_hash(&tiles.entry(n, size).unwrap());
        assert!(tree::includes(leaf, n, size, &path, &root), "{n}");
    }
}

/// The attack: the data directory is copied, and both copies go on under one key.
#[test]
fn two_services_that_share_a_log_are_caught_by_the_witness() {
    clock!(clock);
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let witness = Witness::new();
    let (ledger, _) = open_with(homes[0].path(), clock, witness.cosign()).unwrap();
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    drop(ledger);
    settle(homes[0].path());
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([homes[0].path().join("data"), homes[0].path().join("keys")])
        .arg(homes[1].path())
        .status();
    assert!(copied.unwrap().success());

    // The first service continues, and the witness signs its log.
    let (first, _) = open_with(homes[0].path(), clock, witness.cosign()).unwrap();
    let index = commit(&first, ended(2, true, START_MS)).unwrap();
    first.publish(index).unwrap();
    // The second service has the older copy: it does not start, and the error gives the remedy.
    let refused = open_with(homes[1].path(), clock, witness.cosign()).unwrap_err();
    assert!(matches!(refused, LogError::TwoHistories(_)), "{refused}");
    assert!(refused.help().contains("bailiwick restore"), "{}", refused.help());
    settle(homes[1].path());
    // If the witness is late at the start, the second service records requests, but does not
    // publish the fork.
    let (late, asked) = (Arc::new(std::sync::atomic::AtomicBool::new(true)), witness.cosign());
    let is_late = Arc::clone(&late);
    let cosign: Cosign = Box::new(move |unpublished| match is_late.load(Ordering::SeqCst) {
        true => Ok(Cosigned { lines: String::new(), by_all: false }),
        false => asked(unpublished),
    });
    let (second, _) = open_with(homes[1].path(), clock, cosign).unwrap();
    let before = second.tiles().checkpoint().unwrap();
    late.store(false, Ordering::SeqCst);
    let index = commit(&second, ended(3, true, START_MS)).unwrap();
    let refused = second.publish(index).unwrap_err().to_string();
    assert!(refused.contains("two histories"), "{refused}");
    assert!(second.trouble().unwrap().contains("fork"), "{:?}", second.trouble());
    assert_eq!(second.tiles().checkpoint().unwrap(), before);
}

/// A whole access request: flagged, requested, approved by the manager, opened once.
#[test]
fn a_record_is_opened_for_an_approved_look_and_only_once() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let store = Store::open(&home.path().join("data"), clock).unwrap();
    commit(&ledger, ended(1, true, START_MS)).unwrap();
    let request = RequestId::from_random([1; 16]);
    let facts = ledger.record(request).unwrap().unwrap();
    assert_eq!((facts.tenant, facts.resource, facts.region.as_str()), (TENANT, RESOURCE, "local"));
    assert!(ledger.record(RequestId::from_random([9; 16])).unwrap().is_none());

    let (grant, team) = (GrantId::from_random([6; 16]), TeamId::from_random([5; 16]));
    let (reviewer, manager) = (person(OPERATOR, [3; 16]), person(OPERATOR, [7; 16]));
    let held = [(&reviewer, Role::Reviewer), (&manager, Role::ReviewManager)];
    let authority = authority(&held, Some(team));
    let now = Moment { now_ms: START_MS };
    let workstation = Digest([8; 32]);
    let operator = person(OPERATOR, [2; 16]);
    let enrolling = Enrolling { now_ms: START_MS, owner: PersonId::from_random([9; 16]) };
    let candidate = workstation::Candidate {
        workstation,
        name: "desk 1".into(),
        region: "local".into(),
        expires_ms: START_MS + 300 * DAY_MS,
    };
    let permit = permit(&operator, Role::Operator, &Service, &enrolling);
    store.step::<Workstation>(workstation::Allowed::enrol(permit, candidate, [1; 16])).unwrap();
    let seated = || {
        let state = store.state::<Workstation>(workstation).unwrap();
        workstation::admit(&state, workstation, START_MS).unwrap()
    };
    let seat = WorkstationFacts {
        enrolled: true,
        fingerprint: workstation.to_string(),
        region: "local".into(),
    };
    let record = |flagged| RecordFacts {
        of: ResourceFacts { tenant: TENANT, resource: RESOURCE },
        record: request,
        region: "local".into(),
        lockbox: false,
        flagged,
    };
    let step = |allowed| store.step::<Review>(allowed).unwrap();
    let flag = authority.authorize(&reviewer, &record(false), &now).unwrap();
    step(review::Allowed::flag(flag, review::Category::Jailbreak, [2; 16]).unwrap());
    let looking = Looking { now_ms: START_MS, workstation: seat.clone() };
    let ask = authority.authorize(&reviewer, &record(true), &looking).unwrap();
    let why = statement("looks like a jailbreak");
    step(review::Allowed::request_look(ask, grant, team, seated(), why).unwrap());
    let asked = GrantFacts {
        grant,
        record: record(true),
        reviewer: PersonId::from_random([3; 16]),
        team,
        workstation: workstation.to_string(),
        approval: None,
        consented: false,
        expires_ms: START_MS + 1,
        used: false,
        signatures: SignatureFacts::default(),
    };
    let approve = authority.authorize(&manager, &asked, &now).unwrap();
    step(review::Allowed::approve(approve, team, review::Minutes::DEFAULT).unwrap());
    let manager = PersonId::from_random([7; 16]);
    let approved = GrantFacts { approval: Some(ApprovalFacts { manager, team }), ..asked };
    let look = || {
        let opening =
            OpeningRecord { now_ms: START_MS, workstation: seat.clone(), grant: approved.clone() };
        let open = authority.authorize(&reviewer, &record(true), &opening).unwrap();
        review::Allowed::open(open, team, seated()).unwrap()
    };
    let mut opened = step(look());
    let (_, effect) = opened.effects.pop().unwrap();
    let review::Effect::Open(permission) = effect else { panic!("{effect:?}") };
    assert_eq!(ledger.open_record(permission).unwrap().reveal(), content());
    let again = store.step::<Review>(look()).unwrap_err();
    assert!(matches!(again, NotStepped::Refused(review::Refused::Used)), "{again}");
    let report = audit(&ledger);
    assert_eq!((report.looks, report.findings), (1, vec![]));
}
