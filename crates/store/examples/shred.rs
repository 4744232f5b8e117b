//! Measures the cost of records:
//!
//! - the growth of the data directory for each record,
//! - the time to destroy the key of a day, which must not grow with the number of records,
//! - the time that the custodian takes to replace the key of a day when a record is deleted.
//!
//! `cargo run --release -p store --example shred -- 1000 30000 1000000`. A record's content has 500
//! bytes; `CONTENT_BYTES=2000` sets another size, `CONTENT_BYTES=500-2000` a range of sizes.
#![expect(clippy::print_stdout, reason = "the measurement is what this prints")]

use std::{
    error::Error,
    fs,
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Instant,
};

use policy::{
    content::ContentBytes,
    id::{DeploymentId, KeyDirectoryId, RequestId, ResourceId, TenantId},
    retention::{
        ContentLogging, DAY_MS, Days, Metadata, RetentionPlan, Rule, clock::Reading, plan,
    },
};
use store::{
    custody::{self, Client, Custodian, Named, SpanToReseal, Trust},
    keys::Expected,
    ledger::{Ended, Ledger, Opening},
    seal::{SPAN_RECORDS_MAX, Span},
    tiles::unwitnessed,
};
use tlog::{
    canon::Digest,
    entry::Event,
    note::Signer,
    receipt::{Facts, Filter, Outcome, PolicySet, Terms},
};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let counts = std::env::args().skip(1).map(|count| count.parse());
    let mut counts: Vec<u64> = counts.collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![1000, 30_000, 1_000_000];
    }
    let sizes = Sizes::parse(&std::env::var("CONTENT_BYTES").unwrap_or_else(|_| "500".into()))?;
    for count in counts {
        let home = tempfile::tempdir()?;
        measure(home.path(), (count, sizes))?;
    }
    replace(&tempfile::tempdir()?.path().join("keys"))
}

/// Measures the replacement of a day's key: without deleted records, and with one deleted record in
/// each span.
fn replace(keys: &Path) -> Result<(), Failed> {
    NOW_MS.store(START_MS, Ordering::SeqCst);
    let mut client = custodian(keys, Expected::New(KeyDirectoryId::from_random([1; 16])))?;
    let deadline_ms = (START_MS / DAY_MS + 2) * DAY_MS;
    let key = client.public_key(TENANT, deadline_ms)?;
    let from = Named { key: key.id, tenant: TENANT, deadline_ms };
    let begin = |_| Span::begin(&key, START_MS).map(|(_, sealed)| sealed.bytes);
    let spans: Vec<_> = (0..SPANS).map(begin).collect::<Result<_, _>>()?;
    for deleted in [vec![], vec![SPAN_RECORDS_MAX - 1]] {
        let to_reseal =
            |span: &Vec<u8>| SpanToReseal { span: span.clone(), deleted: deleted.clone() };
        let started = Instant::now();
        let to = client.successor(from)?.id;
        for some in spans.chunks(64) {
            client.reseal(from, to, some.iter().map(to_reseal).collect())?;
        }
        let (seconds, each) = (started.elapsed().as_secs_f64(), deleted.len());
        println!("{SPANS} spans sealed again in {seconds:.2} s, with {each} deleted in each");
    }
    Ok(())
}

/// Sizes of the records' content, in bytes.
#[derive(Clone, Copy)]
struct Sizes {
    least: u64,
    most: u64,
}

impl Sizes {
    fn parse(text: &str) -> Result<Self, Failed> {
        let (least, most) = text.split_once('-').unwrap_or((text, text));
        let sizes = Self { least: least.parse()?, most: most.parse()? };
        if sizes.least > sizes.most { Err("CONTENT_BYTES=LEAST-MOST".into()) } else { Ok(sizes) }
    }

    /// Returns the size of one record. The sizes are spread evenly and come in no order (Knuth's
    /// multiplicative hash).
    fn of(self, record: u64) -> u64 {
        let spread = self.most - self.least + 1;
        self.least + (record.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % spread
    }

    fn sum(self, records: u64) -> u64 {
        (0..records).map(|record| self.of(record)).sum()
    }
}

/// Records requests of one tenant and day through the ledger, as the service does. Then the day
/// ends, and the custodian destroys the key.
fn measure(home: &Path, (count, sizes): (u64, Sizes)) -> Result<(), Failed> {
    NOW_MS.store(START_MS, Ordering::SeqCst);
    let (data, keys) = (home.join("data"), home.join("keys"));
    drop(open(&data, &keys)?);
    let before = size(&data)?;
    let ledger = open(&data, &keys)?;
    let started = Instant::now();
    record(&ledger, (count, sizes))?;
    let recorded = started.elapsed();
    drop(ledger);
    let each = |bytes: u64| bytes as f64 / count as f64;
    let beyond = each(size(&data)?.saturating_sub(before)) - each(sizes.sum(count));

    let id = fs::read_to_string(keys.join("identity"))?.trim().parse()?;
    let mut client = custodian(&keys, Expected::Known(id))?;
    let there = client.keys()?.len();
    NOW_MS.store(START_MS + 3 * DAY_MS, Ordering::SeqCst);
    let started = Instant::now();
    let destroyed = client.destroy_due()?.len();
    let shredded = started.elapsed();
    if (there, destroyed) != (1, 1) {
        return Err(format!("{there} keys, {destroyed} destroyed: both must be 1").into());
    }
    let Sizes { least, most } = sizes;
    let seconds = recorded.as_secs_f64();
    println!("{count} records of {least} to {most} bytes, recorded in {seconds:.1} s");
    println!("  their key destroyed in {:.2} ms", shredded.as_secs_f64() * 1000.0);
    println!("  the data directory grew by {beyond:.0} bytes a record beyond its content:");
    for (name, bytes) in tables(&data)? {
        println!("  {:>8.1} in {name}", each(bytes));
    }
    println!("  {:>8.1} in log/", each(size(&data.join("log"))?));
    Ok(())
}

fn record(ledger: &Ledger, (count, sizes): (u64, Sizes)) -> Result<(), Failed> {
    let digest = Digest::of(&[b"example"]);
    let terms = Arc::new(Terms {
        tenant: TENANT,
        resource: ResourceId::from_random([2; 16]),
        deployment: Some(DeploymentId::from_random([3; 16])),
        region_processed: "local".into(),
        region_stored: "local".into(),
        engine: "embedded".into(),
        model: Some(digest),
        binary: digest,
        configuration: digest,
        filter: Filter::None,
        retention_days: 2,
        policies: Some(PolicySet { digest, proved: true }),
        ran: None,
        content_filter: None,
        adapter: None,
        personal: None,
        customer: None,
    });
    let content_logging = ContentLogging::ON;
    let rule = Rule { tenant: TENANT, days: Days::new(2)?, content_logging };
    let (told, answers) = mpsc::channel();
    for n in 0..count {
        let now_ms = START_MS + n / EACH_MS;
        NOW_MS.store(now_ms, Ordering::SeqCst);
        // Requests take different times, so they do not end in the order in which they began.
        let started_ms = now_ms - TOOK_MS.of(n);
        let facts = Facts {
            request: RequestId::at(started_ms, store::random()?),
            started_ms,
            finished_ms: 0,
            status: 200,
            outcome: Outcome::Answered,
            request_sha256: digest,
            response_sha256: digest,
            prompt_tokens: 300,
            completion_tokens: 200,
            stored: None,
            no_effect: None,
            attempts: None,
            screened: None,
            objects: None,
            personal: None,
        };
        let RetentionPlan::Store(until) = plan(&rule, now_ms) else {
            return Err("the retention plan does not store the record".into());
        };
        let keep = Some((until, ContentBytes::new(vec![7; usize::try_from(sizes.of(n))?])));
        let ended = Ended {
            terms: Arc::clone(&terms),
            facts,
            caller: "Key1",
            cached_tokens: 1,
            keep,
            objects: Vec::new(),
            subject: None,
            line: None,
        };
        let told = told.clone();
        ledger.commit(ended, move |result| drop(told.send(result.map(|done| done.index()))));
        // The ledger refuses records if too many wait.
        if n >= AT_ONCE {
            answers.recv()??;
        }
    }
    let mut last = 0;
    for _ in 0..count.min(AT_ONCE) {
        last = answers.recv()??;
    }
    ledger.publish(last)?;
    Ok(())
}

fn open(data: &Path, keys: &Path) -> Result<Ledger, Failed> {
    let folder = keys.to_owned();
    let digest = Digest([1; 32]);
    let opening = Opening {
        signer: Arc::new(Signer::new("log.example", &[1; 32])?),
        clock,
        connect: Box::new(move |expected| {
            custodian(&folder, expected).map_err(std::io::Error::other)
        }),
        key_directory: keys.to_owned(),
        keys_are_lost: false,
        metadata: Metadata::DEFAULT,
        cosign: unwitnessed(),
        started: Event::Started {
            binary: digest,
            configuration: digest,
            models: Vec::new(),
            policies: None,
        },
        proof: None,
        egress: String::new(),
    };
    Ok(Ledger::open(data, opening)?.0)
}

/// Starts a custodian in a thread, instead of a process.
fn custodian(keys: &Path, expected: Expected) -> Result<Client, String> {
    let (ours, mut theirs) = UnixStream::pair().map_err(|error| error.to_string())?;
    let signer = Signer::new("log.example", &[1; 32]).map_err(|error| error.to_string())?;
    let trust = Trust { log: signer.verifier(), witnesses: Vec::new() };
    let started = Custodian::start((keys, expected), trust, clock());
    let (mut custodian, _) = started.map_err(|error| error.to_string())?;
    std::thread::spawn(move || custody::serve(&mut custodian, &mut theirs, clock));
    Ok(Client::new(ours))
}

fn clock() -> Reading {
    let wall_ms = NOW_MS.load(Ordering::SeqCst);
    Reading { wall_ms, boot: [1; 16], boottime_ms: wall_ms.saturating_sub(START_MS) }
}

/// Returns the bytes of all files in a folder. For a data directory, first waits until no process
/// serves it, and moves the write-ahead log into the database.
fn size(folder: &Path) -> Result<u64, Failed> {
    let lock = folder.join("serve.lock");
    if lock.exists() {
        fs::File::options().write(true).open(lock)?.lock()?;
        let database = rusqlite::Connection::open(folder.join("bailiwick.db"))?;
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        let (path, metadata) = file.and_then(|file| Ok((file.path(), file.metadata()?)))?;
        bytes += if metadata.is_dir() { size(&path)? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Returns the bytes of the free pages, and of the largest tables and indexes if SQLite was built
/// with `dbstat`.
fn tables(data: &Path) -> Result<Vec<(String, u64)>, Failed> {
    let database = rusqlite::Connection::open(data.join("bailiwick.db"))?;
    let free = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";
    let free = database.query_row(free, [], |row| row.get(0))?;
    let mut all = vec![("free pages".to_owned(), free)];
    let sql = "SELECT name, sum(pgsize) AS b FROM dbstat GROUP BY name ORDER BY b DESC LIMIT 6";
    if let Ok(mut statement) = database.prepare(sql) {
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        all.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

static NOW_MS: AtomicU64 = AtomicU64::new(START_MS);

const TENANT: TenantId = TenantId::from_random([1; 16]);
const START_MS: u64 = 20_000 * DAY_MS + 60 * 60 * 1000;

/// Requests that end in each millisecond: as many as a busy service answers.
const EACH_MS: u64 = 16;

/// Durations of the requests, in milliseconds.
const TOOK_MS: Sizes = Sizes { least: 20, most: 4000 };

/// Number of spans in the replaced day. A day with a request in each minute has 1440.
const SPANS: usize = 1000;

/// Most records that wait to be committed at the same time.
const AT_ONCE: u64 = 2000;
