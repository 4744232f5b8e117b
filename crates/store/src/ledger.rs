//! The ledger: one transaction for each request that ends, with its sealed record, its receipt, its
//! usage and its log entry. All of them or none, and before the last byte of the answer goes out.
//!
//! One thread commits whatever waits, together, so that many requests share one write to the disk.
//! Another publishes what was committed as the log's static files, and destroys what is due. A third
//! makes unrecoverable what owners delete.

mod acts;
mod commit;
mod facts;
mod intact;
mod missing;
mod open;
mod own;
mod pieces;
mod receipts;
mod show;
mod shred;
mod sweep;
pub(crate) mod usage;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use policy::{
    authz::proof::Proof,
    content::ContentBytes,
    id::{DeploymentId, KeyId, ResourceId, TenantId},
    retention::{Metadata, StoreUntil},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use tlog::{
    checkpoint::Checkpoint,
    entry::{Action, Event, Repair, Subject},
    note::Signer,
    receipt::{Facts, Terms},
};

pub use self::{
    acts::{Act, OwnAct, OwnActs},
    open::{NotOpened, RecordFacts},
    own::{Deleted, NotDeleted, NotListed, OwnRecord, OwnRecords},
    receipts::OwnReceipt,
    usage::UsageRow,
};
use self::{intact::Intact, show::NotShown};
use crate::{
    backup,
    custody::{Client, CustodyError, ListedKey, Named},
    error::StoreError,
    files,
    held::Guard,
    keys::{Expected, failed},
    log::{Append, ReadClock},
    proofs, schema,
    seal::{CannotSeal, PublicKey},
    store::connect,
    tiles::{Cosign, LogError, Tiles},
};

/// Requests whose end may wait to be committed. Each request reserves its place when it begins, so
/// none runs that could not be recorded.
pub const WAITING_MAX: usize = 4096;

/// Requests that are committed together, at most.
const TOGETHER_MAX: usize = 256;

/// How often the log is published, and looked for what is due.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// A request that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The terms that it was processed under.
    pub terms: Arc<Terms>,
    /// What is known of it; the ledger adds where it is stored, and when it was finished.
    pub facts: Facts,
    /// Which credential called, by its name.
    pub caller: &'static str,
    /// Tokens of the prompt that the tenant's cache held; for usage, the receipt does not tell them.
    pub cached_tokens: u64,
    /// What is to be stored of it, if anything: nothing can be without a [`StoreUntil`].
    pub keep: Option<(StoreUntil, ContentBytes)>,
}

/// Why a request could not be recorded: it must not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request could not be recorded: {reason}; {help}")]
pub struct NotRecorded {
    /// What failed.
    pub reason: String,
    /// What to do.
    pub help: String,
}

impl NotRecorded {
    /// There is a key that should not be.
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

impl From<rusqlite::Error> for NotRecorded {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<CustodyError> for NotRecorded {
    fn from(error: CustodyError) -> Self {
        let help = "the custodian is started again; its own lines in the log say more".to_owned();
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

impl From<CannotSeal> for NotRecorded {
    fn from(error: CannotSeal) -> Self {
        Self { reason: error.to_string(), help: "this should not happen: report it".to_owned() }
    }
}

/// How the custodian of a key directory is reached: called again when it was lost.
pub type Connect = Box<dyn Fn(Expected) -> std::io::Result<Client> + Send + Sync>;

/// What a key is for: a tenant's records of one deadline.
type At = (TenantId, u64);

/// What the ledger is opened with.
pub struct Opening {
    /// Signs the log and receipts.
    pub signer: Arc<Signer>,
    /// Reads the machine's clocks.
    pub clock: ReadClock,
    /// Reaches the custodian.
    pub connect: Connect,
    /// The key directory, for messages: only the custodian opens it.
    pub key_directory: PathBuf,
    /// Somebody says that missing keys are lost for good.
    pub keys_are_lost: bool,
    /// How long receipts and usage are kept.
    pub metadata: Metadata,
    /// Asks the log's witnesses.
    pub cosign: Cosign,
    /// What the log says of this start.
    pub started: Event,
    /// The proof that comes with the build, where the log is to be told of it first.
    pub proof: Option<Proof>,
    /// The destinations that may be dialed, as the log's commitment to them opens: empty for none.
    pub egress: String,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening(..)")
    }
}

/// The ledger of one data directory; clones are the same one. Only one process holds it.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: mpsc::SyncSender<Job>,
    publish: mpsc::SyncSender<()>,
    shred: mpsc::SyncSender<()>,
    /// For reading receipts and usage.
    reader: Mutex<Connection>,
    /// For what owners do with their records.
    owner: Mutex<Connection>,
    /// After the connections: with the last one goes the lock of the data directory.
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger(..)")
    }
}

/// What the threads share.
pub(crate) struct Shared {
    signer: Arc<Signer>,
    cosign: Cosign,
    metadata: Metadata,
    clock: ReadClock,
    custody: Custody,
    tiles: Tiles,
    intact: Intact,
    published: Mutex<Published>,
    /// Entries in the newest checkpoint that the custodian has seen, as far as we know.
    seen: Mutex<u64>,
    /// Why the custodian does not believe the log, where it does not.
    disbelieved: Mutex<Option<String>>,
    /// Why the last request could not be recorded, where it could not.
    unrecorded: Mutex<Option<String>>,
    /// Why deadlines cannot be carried out, where they cannot.
    overdue: Mutex<Option<String>>,
    /// Why nothing can be sealed, where that is so.
    keyless: Mutex<missing::Keyless>,
    /// The entries that say that this log succeeds another.
    successions: Vec<u64>,
    changed: std::sync::Condvar,
    shredding: Mutex<shred::Shredding>,
    shredded: std::sync::Condvar,
    /// Keeps other services away, until the last connection of this one is closed: the last field.
    _lock: File,
}

#[derive(Debug, Clone, Default)]
struct Published {
    size: u64,
    /// Whether a witness has not signed it.
    uncosigned: bool,
    /// How often publishing was tried, and what the last try said.
    tries: u64,
    error: Option<String>,
}

struct Job {
    ended: Ended,
    answer: Box<dyn FnOnce(Result<u64, NotRecorded>) + Send>,
}

/// What was found and made whole at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Tiles were written again.
    pub tiles: bool,
    /// Keys that were due while the service was off.
    pub keys_destroyed: u64,
    /// Keys that the log did not know.
    pub keys_untold: u64,
    /// Keys that are lost, because somebody said so.
    pub keys_lost: u64,
}

impl Ledger {
    /// Opens the ledger: compares database, log and keys, makes whole what a crash left half done,
    /// and logs the start.
    ///
    /// # Errors
    /// When they do not belong together, or cannot be used.
    pub fn open(data: &Path, opening: Opening) -> Result<(Self, Repairs), LogError> {
        let lock = lock(data)?;
        let tiles = Tiles::open(&data.join("log"))?;
        let mut writer = connect(data)?;
        let guard = Guard::take(data)?;
        schema::check(&writer)?;
        if backup::is_copy(&writer)? {
            return Err(StoreError::Backup { path: data.to_owned() }.into());
        }
        let intact = Intact::new(data, guard)?;
        let Opening { signer, clock, metadata, cosign, started, proof, egress, .. } = opening;
        let directory = (&opening.key_directory, opening.keys_are_lost);
        let (signed, tiles_repaired) = tiles.check(&writer, &signer)?;
        let published = Published { size: signed, ..Published::default() };
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
            tiles,
            intact,
            published: Mutex::new(published),
            seen: Mutex::new(0),
            disbelieved: Mutex::new(None),
            unrecorded: Mutex::new(None),
            overdue: Mutex::new(None),
            keyless: Mutex::default(),
            successions: backup::successions(&writer)?,
            changed: std::sync::Condvar::new(),
            shredding: Mutex::default(),
            shredded: std::sync::Condvar::new(),
            _lock: lock,
        });
        // Before anything is written or deleted: the keys may be missing, and the custodian may know
        // that this log is an old one.
        let opened = missing::open(&writer, &shared, directory)?;
        sweep::show_at_start(&shared)?;
        if signed > 0 {
            sweep::ask_at_start(&mut writer, &shared)?;
        }
        let mut repairs = sweep::reconcile(&mut writer, &shared, (directory, opened))?;
        repairs.tiles = tiles_repaired;
        log_start(&mut writer, clock, (proof.as_ref(), started, &egress), &repairs)?;
        let mut publisher = connect(data)?;
        sweep::publish(&mut publisher, &shared, false);
        let [reader, owner] = [connect(data)?, connect(data)?].map(Mutex::new);
        let shredder = connect(data)?;
        let (jobs, waiting) = mpsc::sync_channel(WAITING_MAX);
        let committing = Arc::clone(&shared);
        spawn("ledger", move || commit::run(writer, &committing, &waiting))?;
        let (publish, wanted) = mpsc::sync_channel(1);
        let publishing = Arc::clone(&shared);
        spawn("log", move || sweep::run(publisher, &publishing, &wanted))?;
        let (shred, deleted) = mpsc::sync_channel(1);
        let shredding = Arc::clone(&shared);
        spawn("shred", move || shred::run(shredder, &shredding, &deleted))?;
        let inner = Inner { jobs, publish, shred, shared, reader, owner };
        Ok((Self { inner: Arc::new(inner) }, repairs))
    }

    /// Commits the end of a request. `answer` is called once it is on disk, with its place in the
    /// log, or with why it is not.
    pub fn commit(
        &self,
        ended: Ended,
        answer: impl FnOnce(Result<u64, NotRecorded>) + Send + 'static,
    ) {
        let job = Job { ended, answer: Box::new(answer) };
        if let Err(error) = self.inner.jobs.try_send(job) {
            let (mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job)) = error;
            (job.answer)(Err(NotRecorded {
                reason: format!("more than {WAITING_MAX} requests wait to be recorded"),
                help: "the disk is too slow for this load".to_owned(),
            }));
        }
    }

    /// The log's files.
    #[must_use]
    pub fn tiles(&self) -> &Tiles {
        &self.inner.shared.tiles
    }

    /// Publishes what is committed, up to and with entry `index`, and waits for it.
    ///
    /// # Errors
    /// When it cannot be published.
    pub fn publish(&self, index: u64) -> Result<u64, LogError> {
        let shared = &self.inner.shared;
        let mut published = held(&shared.published);
        // The try that is under way may have begun before the entry was committed.
        let enough = published.tries.saturating_add(2);
        while published.size <= index {
            if published.tries >= enough {
                let message = published.error.clone().unwrap_or_default();
                let source = std::io::Error::other(message);
                return Err(failed("publish", Path::new("log"), source).into());
            }
            // Full means that somebody asked already.
            let _ = self.inner.publish.try_send(());
            let waited = shared.changed.wait_timeout(published, PUBLISH_EVERY);
            published = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(published.size)
    }

    /// Why requests cannot be recorded, deadlines not be carried out, deleted records not be shredded
    /// or the log not be published, where that is so. All are tried again every second.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let shared = &self.inner.shared;
        if let Some(trouble) = shared.intact.trouble() {
            return Some(trouble);
        }
        let troubles = [&shared.unrecorded, &shared.overdue, &shared.disbelieved];
        let trouble = troubles.into_iter().find_map(|trouble| held(trouble).clone());
        trouble
            .or_else(|| shared.keyless())
            .or_else(|| shared.unshredded())
            .or_else(|| held(&shared.published).error.clone())
    }

    /// Logs that the service goes on with another configuration: a start, and the list of
    /// destinations where it is another one. To be called before the new configuration is in force.
    ///
    /// # Errors
    /// When it cannot be logged.
    pub fn restarted(&self, started: Event, egress: &str) -> Result<(), LogError> {
        let clock = self.inner.shared.clock;
        log_start(&mut held(&self.inner.owner), clock, (None, started, egress), &Repairs::default())
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        held(&self.inner.reader)
    }
}

/// The line to the custodian, drawn again when it breaks.
struct Custody {
    connect: Connect,
    expected: Mutex<Expected>,
    client: Mutex<Option<Client>>,
}

impl Custody {
    fn with<T>(
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
                // It died since it was last asked: once more, with a new one.
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
    writer: &mut Connection,
    clock: ReadClock,
    (proof, started, egress): (Option<&Proof>, Event, &str),
    repairs: &Repairs,
) -> Result<(), LogError> {
    let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut append = Append::begin(&tx, clock())?;
    // Before the start that brings into force what it is about.
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

/// Logs the list of destinations, where it is another one than the log told of last. Before it told
/// of any, there was none to tell of.
fn tell_egress(tx: &Transaction<'_>, append: &mut Append<'_>, now: &str) -> Result<(), StoreError> {
    let told: Option<String> = tx
        .prepare_cached("SELECT state FROM egress_list")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if told.as_deref().unwrap_or_default() == now {
        return Ok(());
    }
    let action = if told.is_some() { Action::Updated } else { Action::Created };
    append.changed(Subject::EgressList, [0; 16], action, now)?;
    tx.prepare_cached("INSERT OR REPLACE INTO egress_list (one, state) VALUES (1, ?1)")?
        .execute([now])?;
    Ok(())
}

/// Whether a server runs on a data directory.
///
/// # Errors
/// When that cannot be found out.
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

/// Keeps a second server away from the log's files; the system lets go when the process ends.
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
    /// Waits until the published log has an entry. False: it was not published in this time.
    fn wait_until_published(&self, index: u64, within: Duration) -> bool {
        let waits = |published: &mut Published| published.size <= index;
        let waited = self.changed.wait_timeout_while(held(&self.published), within, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.size > index
    }

    /// Notes whether requests can be recorded, as far as the last one shows.
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

/// The key of a usage row: no deployment is sixteen zeros.
fn deployment_bytes(deployment: Option<DeploymentId>) -> [u8; 16] {
    deployment.map_or([0; 16], |id| *id.as_bytes())
}

/// Only a resource's own callers see its receipts.
fn is_own(terms: &Terms, resource: ResourceId) -> bool {
    terms.resource == resource
}

#[cfg(test)]
mod tests;
