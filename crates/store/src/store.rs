//! Opens the database, and keeps the current [`Directory`] at hand.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use policy::{
    id::{ApprovalId, DeploymentId, ModelId, ResourceId, TenantId},
    meter::Limits,
    network::{DefaultAction, NetworkRules, PublicNetworkAccess},
    principal::{KeyDigest, ResourceKeys},
    retention::{
        ContentLogging, Days, Rule,
        clock::{Clock, Reading},
    },
    task::Task,
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, types::FromSql};

use crate::{
    directory::{Deployment, Directory, Model, ModelFactsRow, Resource, Sku, Tenant},
    error::StoreError,
    files,
    held::Held,
    ledger::{UsageRow, usage},
    log::ReadClock,
    people, schema, workflow,
};

/// How long a writer waits for another process's transaction to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The store of one data directory. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    clock: ReadClock,
    /// The folder of the log's files.
    log: PathBuf,
    /// None for one that was opened to look at only.
    files: Option<Held>,
    writer: Mutex<Connection>,
    /// A connection that never writes.
    reader: Mutex<Reader>,
}

pub(crate) struct Reader {
    pub(crate) connection: Connection,
    /// The picture, and its version: none before the first change.
    current: Option<(Option<u64>, Arc<Directory>)>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// Opens the store in `data`, and creates directory and database if they are not there. `clock`
    /// is read for each change, so that the log says when it was.
    ///
    /// # Errors
    /// When the directory or the database cannot be used; says what to do.
    pub fn open(data: &Path, clock: ReadClock) -> Result<Self, StoreError> {
        let writer = connect(data)?;
        let connection = connect(data)?;
        connection.pragma_update(None, "query_only", true)?;
        let reader = Mutex::new(Reader { connection, current: None });
        let (log, files, writer) = (data.join("log"), Some(Held::of(data)?), Mutex::new(writer));
        Ok(Self { inner: Arc::new(Inner { clock, log, files, writer, reader }) })
    }

    /// Opens the store in `data` to look at it, beside a service that may run: nothing is made, written
    /// or brought to this program's format. None where there is no store, or one of an older format.
    ///
    /// # Errors
    /// When it cannot be read, or a newer program wrote it.
    pub fn look(data: &Path, clock: ReadClock) -> Result<Option<Self>, StoreError> {
        if !Self::is_at(data) {
            return Ok(None);
        }
        let open = || -> Result<Connection, StoreError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(files::database(data), flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        let (writer, connection) = (open()?, open()?);
        if !schema::is_current(&connection)? {
            return Ok(None);
        }
        let reader = Mutex::new(Reader { connection, current: None });
        let (log, writer) = (data.join("log"), Mutex::new(writer));
        Ok(Some(Self { inner: Arc::new(Inner { clock, log, files: None, writer, reader }) }))
    }

    /// Whether there is a store in `data` already.
    #[must_use]
    pub fn is_at(data: &Path) -> bool {
        files::database(data).is_file()
    }

    /// The picture of everything as it is now.
    ///
    /// Each call asks the database whether anything was changed since the last one (some
    /// microseconds) and loads again only then. So a key that was rotated, or a deployment that was
    /// deleted, stops working with the next request, also when another process did it.
    ///
    /// Every change is logged in its own transaction, so the number of the last logged change is
    /// the picture's version: requests that are recorded leave it alone.
    ///
    /// # Errors
    /// When the database cannot be read, or its files are not those that are open any more: what
    /// another process changes would not be seen.
    pub fn directory(&self) -> Result<Arc<Directory>, StoreError> {
        self.in_place()?;
        let mut reader = self.reader();
        // Asked before loading: a commit in between makes the next call load once more, instead
        // of being missed.
        let version: Option<u64> = reader
            .connection
            .prepare_cached("SELECT max(idx) FROM log_opening")?
            .query_row([], |row| row.get(0))?;
        if let Some((loaded, directory)) = &reader.current
            && *loaded == version
        {
            return Ok(Arc::clone(directory));
        }
        let directory = Arc::new(load(&mut reader.connection)?);
        reader.current = Some((version, Arc::clone(&directory)));
        Ok(directory)
    }

    /// The latest time that the log has seen; none before its first entry.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn clock(&self) -> Result<Option<Clock>, StoreError> {
        let reader = lock(&self.inner.reader);
        let mut statement = reader.connection.prepare_cached("SELECT clock FROM log_head")?;
        let bytes: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
        let clock = |bytes: Vec<u8>| {
            Clock::from_bytes(&bytes).ok_or(StoreError::Damaged { what: "log_head.clock" })
        };
        bytes.map(clock).transpose()
    }

    /// Usage by hour, of one resource or of all, in some hours since 1970.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn usage(
        &self,
        resource: Option<ResourceId>,
        hours: Range<u64>,
    ) -> Result<Vec<UsageRow>, StoreError> {
        usage::of(&self.reader().connection, resource, hours)
    }

    /// Whether the database's files are where they were when they were opened.
    pub(crate) fn in_place(&self) -> Result<(), StoreError> {
        self.inner.files.as_ref().map_or(Ok(()), Held::check)
    }

    /// Reads the machine's clocks.
    pub(crate) fn reading(&self) -> Reading {
        (self.inner.clock)()
    }

    pub(crate) fn reader(&self) -> MutexGuard<'_, Reader> {
        lock(&self.inner.reader)
    }

    /// The folder of the log's files.
    pub(crate) fn log(&self) -> &Path {
        &self.inner.log
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        lock(&self.inner.writer)
    }
}

/// A connection to the database of a data directory, in the current format.
pub(crate) fn connect(data: &Path) -> Result<Connection, StoreError> {
    // Before it is touched: a backup that was written to cannot be restored any more.
    if data.join(crate::backup::MANIFEST).is_file() {
        return Err(StoreError::Backup { path: data.to_owned() });
    }
    files::prepare(data)?;
    let mut connection = files::open(data)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Full: what was committed must not be undone by a power cut. The checkpoint, in pages: the
    // longer the log of writes, the fewer times a page that changes again and again is copied.
    // Temporary tables in memory: the service may write nowhere but below its own directories.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut connection)?;
    // A transaction that would be written where no other process finds it is not committed.
    let files = Held::of(data)?;
    connection.commit_hook(Some(move || files.check().is_err()))?;
    Ok(connection)
}

/// A panic in one caller leaves the connection whole (SQLite rolls back), so others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads everything, in one transaction and so of one moment.
fn load(connection: &mut Connection) -> Result<Directory, StoreError> {
    let transaction = connection.transaction()?;
    let all = |sql: &str| -> Result<_, StoreError> { Ok(transaction.prepare_cached(sql)?) };
    let tenants = rows(&mut all("SELECT * FROM tenant")?, tenant)?;
    let resources = rows(&mut all("SELECT * FROM resource")?, resource)?;
    let models = rows(&mut all("SELECT * FROM model")?, model)?;
    let deployments = rows(&mut all("SELECT * FROM deployment")?, deployment)?;
    let people = people::load(&transaction, &resources, &deployments)?;
    let penalties = workflow::penalties(&transaction)?;
    Ok(Directory::new(tenants, resources, models, deployments, (people, penalties)))
}

fn rows<T>(
    statement: &mut rusqlite::CachedStatement<'_>,
    read: fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = statement.query([])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(read(row)?);
    }
    Ok(items)
}

fn tenant(row: &Row<'_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId::from_random(column(row, "id")?),
        name: column(row, "name")?,
        created_at: column(row, "created_at")?,
    })
}

fn resource(row: &Row<'_>) -> Result<Resource, StoreError> {
    let id = ResourceId::from_random(column(row, "id")?);
    let tenant = TenantId::from_random(column(row, "tenant")?);
    let keys = ResourceKeys {
        tenant,
        resource: id,
        key1: KeyDigest::from_bytes(column(row, "key1")?),
        key2: KeyDigest::from_bytes(column(row, "key2")?),
        disabled: column(row, "disable_local_auth")?,
    };
    Ok(Resource {
        id,
        tenant,
        name: column(row, "name")?,
        region: column(row, "region")?,
        keys,
        key1_created_at: column(row, "key1_created_at")?,
        key2_created_at: column(row, "key2_created_at")?,
        prefix_cache: column(row, "prefix_cache")?,
        network: network(row)?,
        lockbox: column(row, "lockbox")?,
        retention: Rule {
            tenant,
            days: Days::new(column(row, "retention_days")?)
                .map_err(|_| StoreError::Damaged { what: "resource.retention_days" })?,
            content_logging: ContentLogging {
                enabled: column(row, "content_logging")?,
                since_ms: column(row, "content_logging_since_ms")?,
                approval: column::<Option<[u8; 16]>>(row, "content_logging_approval")?
                    .map(ApprovalId::from_random),
                until_ms: column(row, "content_logging_until_ms")?,
            },
        },
        created_at: column(row, "created_at")?,
    })
}

pub(crate) fn network(row: &Row<'_>) -> Result<NetworkRules, StoreError> {
    let (public, default): (String, String) =
        (column(row, "public_network_access")?, column(row, "network_default_action")?);
    let rules: String = column(row, "ip_rules")?;
    Ok(NetworkRules {
        public: PublicNetworkAccess::from_name(&public)
            .ok_or(StoreError::Damaged { what: "resource.public_network_access" })?,
        default_action: DefaultAction::from_name(&default)
            .ok_or(StoreError::Damaged { what: "resource.network_default_action" })?,
        ip_rules: rules
            .lines()
            .map(|rule| rule.parse().map_err(|_| StoreError::Damaged { what: "resource.ip_rules" }))
            .collect::<Result<_, _>>()?,
    })
}

fn model(row: &Row<'_>) -> Result<Model, StoreError> {
    use std::os::unix::ffi::OsStringExt as _;
    let path: Vec<u8> = column(row, "path")?;
    Ok(Model {
        id: ModelId::from_random(column(row, "id")?),
        name: column(row, "name")?,
        path: std::ffi::OsString::from_vec(path).into(),
        sha256: column(row, "sha256")?,
        size_bytes: column(row, "size_bytes")?,
        facts: ModelFactsRow {
            architecture: column(row, "architecture")?,
            name: column(row, "model_name")?,
            parameters: column(row, "parameters")?,
            context_train: column(row, "context_train")?,
            embedding_length: column(row, "embedding_length")?,
            vocabulary: column(row, "vocabulary")?,
            generates: column(row, "generates")?,
            chat_template: column(row, "chat_template")?,
        },
        created_at: column(row, "created_at")?,
    })
}

fn deployment(row: &Row<'_>) -> Result<Deployment, StoreError> {
    let task: String = column(row, "task")?;
    let sku: String = column(row, "sku")?;
    Ok(Deployment {
        id: DeploymentId::from_random(column(row, "id")?),
        resource: ResourceId::from_random(column(row, "resource")?),
        name: column(row, "name")?,
        model: ModelId::from_random(column(row, "model")?),
        task: [Task::Chat, Task::Embeddings]
            .into_iter()
            .find(|known| known.name() == task)
            .ok_or(StoreError::Damaged { what: "deployment.task" })?,
        sku: Sku::from_name(&sku).ok_or(StoreError::Damaged { what: "deployment.sku" })?,
        limits: Limits {
            tokens_per_minute: column(row, "tokens_per_minute")?,
            requests_per_minute: column(row, "requests_per_minute")?,
        },
        created_at: column(row, "created_at")?,
    })
}

fn column<T: FromSql>(row: &Row<'_>, name: &'static str) -> Result<T, StoreError> {
    row.get(name).map_err(|_| StoreError::Damaged { what: name })
}
