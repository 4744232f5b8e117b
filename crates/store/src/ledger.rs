//! The ledger: writes the sealed record, the receipt, the usage and the log entry of each request
//! that ends. They are committed together or not at all, before the last byte of the answer goes
//! out.
//!
//! One thread commits all waiting requests in one transaction, so that they share one write to the
//! disk. A second thread publishes the committed entries as the static files of the log, destroys
//! keys at their deadlines and deletes expired rows. A third thread makes deleted records
//! unrecoverable from copies of the data. A fourth copies committed pages from SQLite's write-ahead
//! log into the database's file. A fifth compares the tables with the log.

mod acts;
mod agree;
mod commit;
mod copy;
mod facts;
mod intact;
mod kept;
mod missing;
pub(crate) mod objects;
mod open;
mod own;
mod receipts;
mod show;
mod shred;
pub(crate) mod subjects;
mod sweep;
mod usage;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use policy::{
    authz::proof::Proof,
    content::ContentBytes,
    id::{KeyId, ResourceId, TenantId},
    retention::{
        Metadata, StoreUntil,
        clock::{Clock, Reading},
    },
    workflow::subject::Subject,
};
use tlog::{
    checkpoint::Checkpoint,
    entry::{Action, Event, Repair},
    note::Signer,
    receipt::{Compact, CompactClaims, Facts, Terms},
};

pub use self::{
    acts::{Act, OwnAct, OwnActs},
    kept::Objects,
    open::{NotOpened, RecordFacts},
    own::{Deleted, NotDeleted, NotListed, OwnRecord, OwnRecords},
    receipts::OwnReceipt,
    subjects::Subjects,
    usage::UsageRow,
};
use self::{
    agree::Agreement, copy::Copier, intact::Intact, show::NotShown, subjects::write::Indexed,
};
pub(crate) use self::{
    receipts::claims,
    usage::{HOUR_MS, outcome_counts},
};
use crate::{
    batches::SealedLine,
    custody::{Client, CustodyError, ListedKey, Named},
    error::StoreError,
    files,
    held::Guard,
    keys::{Expected, failed},
    log::{Append, ReadClock},
    object::{Draft, ObjectError, Row, body, state::State},
    promised, proofs,
    seal::{CannotSeal, PublicKey},
    signed::Rolls,
    sqlite::{Database, Write},
    tiles::{Cosign, LogError, Tiles},
};

/// Most finished requests that may wait for their commit. Each request reserves its place when it
/// begins, so a request that could not be recorded does not run.
pub const WAITING_MAX: usize = 4096;

/// Most requests in one transaction.
const TOGETHER_MAX: usize = 256;

/// Interval at which the log is published and due deadlines are carried out.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// A request that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The terms under which the request was processed.
    pub terms: Arc<Terms>,
    /// Facts of the request. The ledger adds the time at which the request finished, and the key
    /// and deadline of the record, if it stores one.
    pub facts: Facts,
    /// Name of the credential that the caller used.
    pub caller: &'static str,
    /// Tokens of the prompt that the tenant's cache held. They count in usage, and are not in the
    /// receipt.
    pub cached_tokens: u64,
    /// Content to store, if any. Storing content takes a [`StoreUntil`].
    pub keep: Option<(StoreUntil, ContentBytes)>,
    /// Objects that the request makes, in the same transaction.
    pub objects: Vec<Draft>,
    /// The result of a batch's line.
    pub line: Option<SealedLine>,
    /// The data subject that the request names. The record and the objects are indexed by it. The
    /// caller has asked [`Subjects::is_restricted`] before it decided what to keep.
    pub subject: Option<Subject>,
}

/// Error of a request that could not be recorded. Such a request must not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request could not be recorded: {reason}; {help}")]
pub struct NotRecorded {
    /// Description of the failure.
    pub reason: String,
    /// Advice to the operator.
    pub help: String,
}

impl NotRecorded {
    /// The custodian has a key that the log says was destroyed.
    fn came_back(key: KeyId) -> Self {
        Self {
            reason: format!("the custodian has {key}, which the log says was destroyed"),
            help: "its key directory was restored from a copy: delete that key's file in `records/` there"
                .to_owned(),
        }
    }
}

impl From<StoreError> for NotRecorded {
    fn from(error: StoreError) -> Self {
        Self { reason: error.to_string(), help: error.help() }
    }
}

impl From<CustodyError> for NotRecorded {
    fn from(error: CustodyError) -> Self {
        let help = "the custodian is restarted; see its lines in the log for the reason".to_owned();
        Self { reason: error.to_string(), help }
    }
}

impl From<NotShown> for NotRecorded {
    fn from(error: NotShown) -> Self {
        match error {
            NotShown::Log(error) => Self { reason: error.to_string(), help: error.help() },
            NotShown::Custody(error) => error.into(),
        }
    }
}

impl From<ObjectError> for NotRecorded {
    fn from(error: ObjectError) -> Self {
        let help = "look at the disk and at the custodian's lines in the log".to_owned();
        Self { reason: error.to_string(), help }
    }
}

impl From<CannotSeal> for NotRecorded {
    fn from(error: CannotSeal) -> Self {
        Self { reason: error.to_string(), help: "this should not happen: report it".to_owned() }
    }
}

/// Connects to the custodian of a key directory. Called again after the connection breaks.
pub type Connect = Box<dyn Fn(Expected) -> std::io::Result<Client> + Send + Sync>;

/// Identifies the use of a key: the records of one tenant with one deadline, in milliseconds since
/// 1970.
type At = (TenantId, u64);

/// Arguments of [`Ledger::open`].
pub struct Opening {
    /// Signs checkpoints and receipts.
    pub signer: Arc<Signer>,
    /// Reads the machine's clocks.
    pub clock: ReadClock,
    /// Connects to the custodian.
    pub connect: Connect,
    /// The key directory, for messages. Only the custodian opens this directory.
    pub key_directory: PathBuf,
    /// The operator declares that missing keys are lost for good (`--keys-are-lost`).
    pub keys_are_lost: bool,
    /// How long receipts and usage are stored.
    pub metadata: Metadata,
    /// Asks the log's witnesses to sign a checkpoint.
    pub cosign: Cosign,
    /// The log entry of this start.
    pub started: Event,
    /// The proof that comes with the build, if the log must record the proof before the start.
    pub proof: Option<Proof>,
    /// The list of allowed destinations, as text to which the log commits. Empty if there are none.
    pub egress: String,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening(..)")
    }
}

/// The ledger of one data directory. Clones share one ledger, and only one process can hold it.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: mpsc::SyncSender<Job>,
    publish: mpsc::SyncSender<()>,
    shred: mpsc::SyncSender<()>,
    compare: mpsc::SyncSender<()>,
    objects: Objects,
    /// For reading receipts and usage.
    reader: Mutex<Database>,
    /// For reads and deletions by the owners of records.
    owner: Mutex<Database>,
    /// Declared after the connections: dropping the last reference to `Shared` releases the lock of
    /// the data directory.
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger(..)")
    }
}

/// State that the threads share.
pub(crate) struct Shared {
    signer: Arc<Signer>,
    cosign: Cosign,
    metadata: Metadata,
    clock: ReadClock,
    pub(crate) custody: Custody,
    /// The state of the state store.
    pub(crate) objects: Arc<State>,
    /// The keys of the subject index, and the restrictions.
    subjects: subjects::write::Keys,
    tiles: Tiles,
    rolls: Rolls,
    /// The comparison of the tables with the log.
    agreement: Agreement,
    intact: Intact,
    published: Mutex<Published>,
    /// Number of entries that the custodian has read, as far as we know.
    seen: Mutex<u64>,
    /// The error if the log has another history than the custodian has seen, or cannot be read.
    disbelieved: Mutex<Option<String>>,
    /// Reason why the last request could not be recorded, if it could not.
    unrecorded: Mutex<Option<String>>,
    /// Reason why deadlines cannot be carried out, if they cannot.
    overdue: Mutex<Option<String>>,
    /// Reasons why records cannot be sealed, if there are any.
    keyless: Mutex<missing::Keyless>,
    /// Indexes of the entries that say that this log succeeds another.
    successions: Vec<u64>,
    changed: std::sync::Condvar,
    shredding: Mutex<shred::Shredding>,
    shredded: std::sync::Condvar,
    /// Locks out other services until the last connection of this service is closed. Must stay the
    /// last field.
    _lock: File,
}

#[derive(Debug, Clone, Default)]
struct Published {
    size: u64,
    /// Whether the signature of a witness is missing.
    uncosigned: bool,
    /// How often publishing was tried, and the error of the last try.
    tries: u64,
    error: Option<String>,
}

struct Job {
    ended: Ended,
    /// The rows of the objects that the request makes.
    rows: Vec<Row>,
    /// The rows of the subject index, once they are computed.
    indexed: Option<Indexed>,
    answer: Box<dyn FnOnce(Result<Recorded, NotRecorded>) + Send>,
}

/// A request that is on disk.
pub struct Recorded {
    claims: CompactClaims,
    signer: Arc<Signer>,
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorded({})", self.claims.index)
    }
}

impl Recorded {
    /// Returns the number of the request's entry in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.claims.index
    }

    /// Signs the compact receipt of the request.
    #[must_use]
    pub fn compact_receipt(&self) -> Compact {
        Compact::sign(&self.claims, &self.signer)
    }
}

/// Repairs that the ledger made at its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Whether tiles were written again.
    pub tiles: bool,
    /// Keys newly logged as destroyed, such as those whose deadline passed while the service was
    /// off.
    pub keys_destroyed: u64,
    /// Keys whose creation was missing from the log.
    pub keys_untold: u64,
    /// Keys that are lost, as the operator declared.
    pub keys_lost: u64,
    /// Kept objects that were given up: their keys were gone when the database was restored, or are
    /// lost, as the operator declared.
    pub objects_lost: u64,
    /// Kept objects whose keys are missing. They stay, and do not open.
    pub objects_missing: u64,
}

impl Ledger {
    /// Opens the ledger: compares the database, the log and the keys, completes the steps that a
    /// crash interrupted, and logs the start.
    ///
    /// # Errors
    /// When the database, the log and the keys do not belong together, or one of them cannot be
    /// used.
    pub fn open(data: &Path, opening: Opening) -> Result<(Self, Repairs), LogError> {
        let lock = lock(data)?;
        let tiles = Tiles::open(&data.join("log"))?;
        let mut writer = Database::open(data)?;
        let guard = Guard::take(data)?;
        writer.check()?;
        if writer.is_copy()? {
            return Err(StoreError::Backup { path: data.to_owned() }.into());
        }
        let intact = Intact::new(data, guard)?;
        let Opening { signer, clock, metadata, cosign, started, proof, egress, .. } = opening;
        let directory = (&opening.key_directory, opening.keys_are_lost);
        let (signed, tiles_repaired) = tiles.check(&writer, &signer)?;
        let published = Published { size: signed, ..Published::default() };
        let origin = signer.verifier().name().to_owned();
        let shared = Arc::new(Shared {
            signer,
            cosign,
            metadata,
            clock,
            custody: Custody {
                connect: opening.connect,
                expected: Mutex::new(missing::expected(&writer, signed == 0)?),
                client: Mutex::new(None),
            },
            objects: Arc::new(State::new(data.join(body::FOLDER))),
            subjects: subjects::keys(&writer)?,
            rolls: Rolls::new(&origin, tiles.clone()),
            agreement: Agreement::new(&origin, tiles.clone()),
            tiles,
            intact,
            published: Mutex::new(published),
            seen: Mutex::new(0),
            disbelieved: Mutex::new(None),
            unrecorded: Mutex::new(None),
            overdue: Mutex::new(None),
            keyless: Mutex::default(),
            successions: writer.successions()?,
            changed: std::sync::Condvar::new(),
            shredding: Mutex::default(),
            shredded: std::sync::Condvar::new(),
            _lock: lock,
        });
        // Checked before the first write or deletion: keys may be missing, or the custodian may
        // have seen a newer log than this one.
        objects::prepare(shared.objects.folder())?;
        let opened = missing::open(&writer, &shared, directory)?;
        sweep::show_at_start(&shared)?;
        if signed > 0 {
            sweep::ask_at_start(&mut writer, &shared)?;
        }
        // The log is the one that custodian and witnesses know: now the tables must say the same.
        let roll = shared.rolls.current(&writer)?;
        promised::fill(&mut writer, &roll)?;
        agree::compare(&mut writer, &shared)?;
        shared.agreement.check()?;
        let mut repairs = sweep::reconcile(&mut writer, &shared, (directory, opened))?;
        repairs.tiles = tiles_repaired;
        log_start(&mut writer, clock, (proof.as_ref(), started, &egress), &repairs)?;
        let mut publisher = Database::open(data)?;
        sweep::publish(&mut publisher, &shared, false);
        let [reader, owner] = [Database::open(data)?, Database::open(data)?].map(Mutex::new);
        let shredder = Database::open(data)?;
        let copier = Copier::start(&mut writer, Database::open(data)?, &shared)?;
        let (jobs, waiting) = mpsc::sync_channel(WAITING_MAX);
        let committing = Arc::clone(&shared);
        spawn("ledger", move || commit::run(writer, &committing, &copier, &waiting))?;
        let (publish, wanted) = mpsc::sync_channel(1);
        let publishing = Arc::clone(&shared);
        spawn("log", move || sweep::run(publisher, &publishing, &wanted))?;
        let (shred, deleted) = mpsc::sync_channel(1);
        let shredding = Arc::clone(&shared);
        spawn("shred", move || shred::run(shredder, &shredding, &deleted))?;
        let (compare, wanted) = mpsc::sync_channel(1);
        let (comparer, comparing) = (Database::open(data)?, Arc::clone(&shared));
        spawn("compare", move || agree::run(comparer, &comparing, &wanted))?;
        let objects =
            Objects::new(Database::open(data)?, Database::open(data)?, Arc::clone(&shared));
        let inner = Inner { jobs, publish, shred, compare, objects, shared, reader, owner };
        Ok((Self { inner: Arc::new(inner) }, repairs))
    }

    /// Commits the end of a request. Calls `answer` once the request is on disk, or with the error.
    pub fn commit(
        &self,
        mut ended: Ended,
        answer: impl FnOnce(Result<Recorded, NotRecorded>) + Send + 'static,
    ) {
        let rows = match ended.objects.iter_mut().map(Draft::row).collect() {
            Ok(rows) => rows,
            Err(error) => return answer(Err(error.into())),
        };
        let job = Job { ended, rows, indexed: None, answer: Box::new(answer) };
        if let Err(error) = self.inner.jobs.try_send(job) {
            let (mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job)) = error;
            (job.answer)(Err(NotRecorded {
                reason: format!("more than {WAITING_MAX} requests wait to be recorded"),
                help: "the disk is too slow for this load; use a faster one".to_owned(),
            }));
        }
    }

    /// The state store of this ledger.
    #[must_use]
    pub fn objects(&self) -> Objects {
        self.inner.objects.clone()
    }

    /// The log's files.
    #[must_use]
    pub fn tiles(&self) -> &Tiles {
        &self.inner.shared.tiles
    }

    /// How long data without content is kept.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.inner.shared.metadata
    }

    /// Publishes the committed entries up to and including entry `index`, and waits until they are
    /// published. Returns the size of the published log.
    ///
    /// # Errors
    /// When the log cannot be published.
    pub fn publish(&self, index: u64) -> Result<u64, LogError> {
        let shared = &self.inner.shared;
        let mut published = held(&shared.published);
        // A try in progress may have begun before the entry was committed.
        let enough = published.tries.saturating_add(2);
        while published.size <= index {
            if published.tries >= enough {
                let message = published.error.clone().unwrap_or_default();
                let source = std::io::Error::other(message);
                return Err(failed("publish", Path::new("log"), source).into());
            }
            // A full channel means that a request to publish waits already.
            let _ = self.inner.publish.try_send(());
            let waited = shared.changed.wait_timeout(published, PUBLISH_EVERY);
            published = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(published.size)
    }

    /// Returns the number of entries in the published log.
    #[must_use]
    pub fn published(&self) -> u64 {
        held(&self.inner.shared.published).size
    }

    /// Returns the number of all entries, also of those that are not published yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn entries(&self) -> Result<u64, StoreError> {
        self.reader().log_next()
    }

    /// Returns the reason why requests cannot be recorded, deadlines cannot be carried out, deleted
    /// records cannot be shredded or the log cannot be published, if there is one. The service
    /// retries each of them every second.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let shared = &self.inner.shared;
        if let Some(trouble) = shared.intact.trouble().or_else(|| shared.disagreement()) {
            return Some(trouble);
        }
        let troubles = [&shared.unrecorded, &shared.overdue, &shared.disbelieved];
        let trouble = troubles.into_iter().find_map(|trouble| held(trouble).clone());
        trouble
            .or_else(|| shared.keyless())
            .or_else(|| shared.unshredded())
            .or_else(|| held(&shared.published).error.clone())
    }

    /// Logs that the service continues with a new configuration: a start, and the list of
    /// destinations if that list changed. Call this before the new configuration becomes active.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn restarted(&self, started: Event, egress: &str) -> Result<(), LogError> {
        let clock = self.inner.shared.clock;
        log_start(&mut held(&self.inner.owner), clock, (None, started, egress), &Repairs::default())
    }

    /// Logs that a customer withdrew the key-encryption key that it holds, or gave it back.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn key_withheld(&self, tenant: TenantId, withheld: bool) -> Result<(), StoreError> {
        let mut database = held(&self.inner.owner);
        let tx = database.write()?;
        let mut append = Append::begin(&tx, (self.inner.shared.clock)())?;
        append.push(Event::KeyWithheld { tenant, withheld })?;
        append.finish()?;
        tx.commit()?;
        Ok(())
    }

    /// Returns the roll of the log: the roots, keys and promises that follow from its entries.
    #[must_use]
    pub fn rolls(&self) -> &Rolls {
        &self.inner.shared.rolls
    }

    /// Lets the next request start a new custodian, which connects to the key holders again.
    pub fn renew_custodian(&self) {
        *held(&self.inner.shared.custody.client) = None;
    }

    fn reader(&self) -> MutexGuard<'_, Database> {
        held(&self.inner.reader)
    }
}

/// The connection to the custodian, made again when it breaks.
pub(crate) struct Custody {
    connect: Connect,
    expected: Mutex<Expected>,
    client: Mutex<Option<Client>>,
}

impl Custody {
    pub(crate) fn with<T>(
        &self,
        ask: impl Fn(&mut Client) -> Result<T, CustodyError>,
    ) -> Result<T, CustodyError> {
        let mut held = held(&self.client);
        let fresh = held.is_none();
        let mut client = match held.take() {
            Some(client) => client,
            None => self.reach()?,
        };
        match ask(&mut client) {
            Err(CustodyError::Unreachable(_) | CustodyError::Nonsense) if !fresh => {
                // The custodian died since the last request: try once more with a new one.
                let mut client = self.reach()?;
                let answer = ask(&mut client)?;
                *held = Some(client);
                Ok(answer)
            }
            Err(error @ CustodyError::Refused(_)) => {
                *held = Some(client);
                Err(error)
            }
            Err(error) => Err(error),
            Ok(answer) => {
                *held = Some(client);
                Ok(answer)
            }
        }
    }

    fn reach(&self) -> std::io::Result<Client> {
        let expected = *self::held(&self.expected);
        (self.connect)(expected)
    }

    fn public_key(&self, tenant: TenantId, deadline_ms: u64) -> Result<PublicKey, CustodyError> {
        self.with(|client| client.public_key(tenant, deadline_ms))
    }

    fn successor(&self, of: Named) -> Result<PublicKey, CustodyError> {
        self.with(|client| client.successor(of))
    }

    fn destroy_due(&self) -> Result<Vec<ListedKey>, CustodyError> {
        self.with(Client::destroy_due)
    }

    fn keys(&self) -> Result<Vec<ListedKey>, CustodyError> {
        self.with(Client::keys)
    }

    fn destroyed(&self) -> Result<Vec<ListedKey>, CustodyError> {
        self.with(Client::destroyed)
    }
}

fn log_start(
    writer: &mut Database,
    clock: ReadClock,
    (proof, started, egress): (Option<&Proof>, Event, &str),
    repairs: &Repairs,
) -> Result<(), LogError> {
    let tx = writer.write()?;
    let mut append = Append::begin(&tx, clock())?;
    // The proof precedes the start that activates the policies it is about.
    if let Some(proof) = proof {
        proofs::tell(&tx, &mut append, proof)?;
    }
    append.push(started)?;
    tell_egress(&tx, &mut append, egress)?;
    for (repair, count) in [
        (Repair::Tiles, u64::from(repairs.tiles)),
        (Repair::Keys, repairs.keys_destroyed),
        (Repair::KeysUntold, repairs.keys_untold),
    ] {
        if count > 0 {
            append.push(Event::Repaired { repair, count })?;
        }
    }
    append.finish()?;
    tx.commit()?;
    Ok(())
}

/// Logs the list of destinations if it differs from the last logged list. Before the first logged
/// list, the list counts as empty.
fn tell_egress(tx: &Write<'_>, append: &mut Append<'_>, now: &str) -> Result<(), StoreError> {
    let told = tx.egress_list()?;
    if told.as_deref().unwrap_or_default() == now {
        return Ok(());
    }
    let action = if told.is_some() { Action::Updated } else { Action::Created };
    append.changed(tlog::entry::Subject::EgressList, [0; 16], action, now)?;
    tx.set_egress_list(now)
}

/// Returns whether a server runs on a data directory.
///
/// # Errors
/// When the lock file cannot be opened or locked.
pub fn is_served(data: &Path) -> Result<bool, StoreError> {
    let path = data.join("serve.lock");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("open", &path, error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) => Err(failed("lock", &path, error)),
    }
}

/// Locks out a second server from the log's files. The operating system releases the lock when the
/// process ends.
fn lock(data: &Path) -> Result<File, StoreError> {
    files::prepare(data)?;
    let path = data.join("serve.lock");
    let file = files::lock_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked { path: data.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed("lock", &path, error)),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(|e| failed("start the thread of", Path::new(name), e))
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Reads the machine's clocks.
    pub(crate) fn reading(&self) -> Reading {
        (self.clock)()
    }

    /// Checks that the database is still the one that the ledger has open, and that its tables say
    /// what the log says.
    pub(crate) fn check_intact(&self) -> Result<(), StoreError> {
        self.intact.check()?;
        self.agreement.check()
    }

    /// Returns the time by the log's clock, or `None` before the log's first entry.
    pub(crate) fn now_ms(&self, database: &Database) -> Result<Option<u64>, StoreError> {
        let Some(before) = database.log_clock()? else { return Ok(None) };
        Ok(Some(Clock::advance(Some(before), (self.clock)())?.now_ms))
    }

    /// Waits until the published log has entry `index`. Returns false if the time `within` passed
    /// first.
    fn wait_until_published(&self, index: u64, within: Duration) -> bool {
        let waits = |published: &mut Published| published.size <= index;
        let waited = self.changed.wait_timeout_while(held(&self.published), within, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.size > index
    }

    /// Stores whether the last request could be recorded.
    fn note_unrecorded(&self, error: Option<&NotRecorded>) {
        let trouble = error.map(ToString::to_string);
        let mut unrecorded = held(&self.unrecorded);
        if *unrecorded != trouble {
            *unrecorded = trouble;
        }
    }

    fn publish_done(&self, result: Result<(Checkpoint, bool), LogError>) {
        let mut published = held(&self.published);
        published.tries = published.tries.saturating_add(1);
        match result {
            Ok((checkpoint, cosigned)) => {
                published.size = checkpoint.size;
                published.uncosigned = !cosigned;
                published.error = None;
            }
            Err(error) => published.error = Some(format!("{error}; {}", error.help())),
        }
        drop(published);
        self.changed.notify_all();
    }
}

/// Returns whether the request went to `resource`: only callers of that resource see its receipts.
fn is_own(terms: &Terms, resource: ResourceId) -> bool {
    terms.resource == resource
}

#[cfg(test)]
mod tests;
