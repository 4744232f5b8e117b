//! `bailiwick serve --check`: finds out whether a start would succeed, without changing anything.

use std::{
    fmt, fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use policy::authz::policies::Policies;
use rustix::fs::{Access, access};
use sha2::{Digest as _, Sha256};
use store::{Directory, ModelFile, Store, ledger};
use tlog::canon::Digest;

use super::{confine, placed, policies};
use crate::{
    clock,
    config::Config,
    manage::{SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE, key_in},
    outward,
    telemetry::Telemetry,
};

/// A result of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A start would fail, or a model would not be served. The text names the remedy.
    Problem(String),
    /// The check was not possible; the text gives the reason.
    Unchecked(String),
    /// A start would succeed; the text is additional information.
    Note(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(text) => write!(f, "problem: {text}"),
            Self::Unchecked(text) => write!(f, "not checked: {text}"),
            Self::Note(text) => write!(f, "note: {text}"),
        }
    }
}

/// Checks everything that a start needs. `file` is the configuration file. At the end this process
/// is confined like the service and cannot do other work.
#[must_use]
pub(crate) fn check(config: &Config, file: Option<&Path>, policies: Policies) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    found.certificates(config);
    found.outward(config);
    let served = found.folders(config);
    match Store::look(&config.data, clock::read) {
        Ok(Some(store)) => {
            found.rows(config, &store);
            found.store(config, &store, policies, file);
        }
        Ok(None) if Store::is_at(&config.data) => found.0.push(Finding::Unchecked(format!(
            "the database in `{}` has an older format, which a start upgrades; its models and \
             policies were not checked",
            config.data.display()
        ))),
        Ok(None) => found.0.push(Finding::Note(format!(
            "`{}` holds no data yet; a start creates it",
            config.data.display()
        ))),
        Err(error) => found.problem(format!("{error}; {}", error.help())),
    }
    found.ports(config, served);
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn problem(&mut self, text: impl Into<String>) {
        self.0.push(Finding::Problem(text.into()));
    }

    fn certificates(&mut self, config: &Config) {
        // One by one: each bad certificate gets its own finding.
        for (_, tls) in config.certificates() {
            if let Err(error) = crate::tls::acceptor(tls) {
                self.problem(error.to_string());
            }
        }
        if let Some(review) = &config.review
            && let Err(error) = crate::tls::of_workstations(review)
        {
            self.problem(error.to_string());
        }
        if config.operations_tls().is_none() && !config.listen.operations.ip().is_loopback() {
            self.0.push(Finding::Note(format!(
                "operations at {} speak plain HTTP to other machines; set `certificate` and `key` in \
                 the section `operations`",
                config.listen.operations
            )));
        }
        let review = config.review.as_ref().map(|review| &review.certificate);
        let own = config.certificates().into_iter().map(|(_, tls)| &tls.certificate);
        for path in own.chain(review) {
            if let Some(text) = crate::tls::out_of_date(path, clock::read().wall_ms / 1000) {
                self.problem(text);
            }
        }
    }

    /// Compares the database with the log, as a start does.
    fn rows(&mut self, config: &Config, store: &Store) {
        let key = config.data.join(SERVICE_KEY_FILE);
        let Ok(key) = key_in(&key) else { return };
        match store.doctor(key.verifier().name(), config.retention.metadata()) {
            Ok(report) => {
                for finding in report.stopping() {
                    self.problem(format!("{finding}; {}", finding.what.help()));
                }
            }
            Err(error) => self.problem(format!("{error}; {}", error.help())),
        }
    }

    fn outward(&mut self, config: &Config) {
        let egress = match outward::egress(config) {
            Ok(egress) => egress,
            Err(error) => return self.problem(error.to_string()),
        };
        let problems = [
            outward::witnesses(config, &egress).err(),
            outward::providers(config, &egress).err(),
            outward::listed(config).err(),
            outward::hub(config, &egress).err(),
            outward::notices(config, &egress).err(),
        ];
        if let Err(error) = Telemetry::check(&config.telemetry, &egress) {
            self.problem(error.to_string());
        }
        for error in problems.into_iter().flatten() {
            self.problem(error.to_string());
        }
    }

    /// Checks that the data and key directories exist or can be created, belong to this user, and
    /// are closed to others. Returns whether a service runs on them.
    fn folders(&mut self, config: &Config) -> bool {
        let (data, keys) = (&config.data, config.key_directory());
        for (what, folder) in [("the data directory", &**data), ("the key directory", &*keys)] {
            if let Err(problem) = usable(folder) {
                self.problem(format!("{what} `{}` {problem}", folder.display()));
            }
        }
        // A start itself closes a data directory that is open to others; it refuses such a key
        // directory.
        if let Some(mode) = open_to_others(&keys) {
            self.problem(format!(
                "others can enter the key directory `{}` (mode {mode:o}): chmod 700 it",
                keys.display()
            ));
        }
        if data.join("log/checkpoint").exists() && is_empty(&keys) {
            self.problem(format!(
                "`{}` has data, and its key directory `{}` is missing or empty: mount or restore it \
                 before you start",
                data.display(),
                keys.display()
            ));
        }
        for file in [SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE] {
            let path = data.join(file);
            let needed = data.join("log/checkpoint").exists() && file == SERVICE_KEY_FILE;
            match fs::read_to_string(&path) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => {}
                Err(error) => self.problem(format!(
                    "cannot read `{}`: {error}; put it back from a backup, and check its permissions",
                    path.display()
                )),
            }
        }
        match ledger::is_served(data) {
            Ok(served) => served,
            Err(error) => {
                self.problem(format!("{error}; {}", error.help()));
                false
            }
        }
    }

    fn store(&mut self, config: &Config, store: &Store, policies: Policies, file: Option<&Path>) {
        if let Err(error) = policies::in_force(store, policies, config.policies.unproved) {
            self.problem(error.to_string());
        }
        let directory = match store.directory() {
            Ok(directory) => directory,
            Err(error) => return self.problem(format!("{error}; {}", error.help())),
        };
        if let Some(name) = &config.identity.operator
            && directory.tenant_by_name(name).is_none()
        {
            let text = format!("`identity.operator` names `{name}`: no such tenant yet");
            self.0.push(Finding::Note(text));
        }
        for contradiction in placed::contradictions(config, &directory) {
            self.0.push(Finding::Note(contradiction));
        }
        for model in directory.models() {
            if let Some(file) = &model.file
                && let Err(problem) = intact(file)
            {
                self.problem(format!("the model `{}`: {problem}", model.name));
            }
        }
        self.confinement(config, &directory, file);
    }

    /// Confines this process as a start would. Skipped unless both directories exist, because a
    /// check creates no files.
    fn confinement(&mut self, config: &Config, directory: &Directory, file: Option<&Path>) {
        if config.key_directory().is_dir()
            && let Err(error) = confine(config, file, directory, None)
        {
            self.problem(error.to_string());
        }
    }

    fn ports(&mut self, config: &Config, served: bool) {
        let listen = &config.listen;
        let review = config.review.as_ref().map(|review| review.listen);
        for (field, address) in [
            ("listen.api", Some(listen.api)),
            ("listen.private", listen.private),
            ("listen.operations", Some(listen.operations)),
            ("listen.desk", listen.desk),
            ("review.listen", review),
        ] {
            let Some(address) = address else { continue };
            self.port(field, address, served);
        }
    }

    fn port(&mut self, field: &str, address: SocketAddr, served: bool) {
        match TcpListener::bind(address) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && served => {
                self.0.push(Finding::Unchecked(format!(
                    "{address} (`{field}`): the service is running and may itself listen there"
                )));
            }
            Err(error) => self.problem(format!(
                "cannot listen on {address} (`{field}`): {error}; choose another address, or stop \
                 the program that uses it"
            )),
        }
    }
}

/// Checks that a folder is usable: it exists as a directory, or can be created.
fn usable(folder: &Path) -> Result<(), String> {
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            Err("is not a directory: name another one, or move the file away".to_owned())
        }
        Ok(_) => {
            access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
                format!("cannot be read and written ({error}): give it to the service's user")
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            match parent {
                Some(parent) => usable(parent).map_err(|problem| {
                    format!("is missing and cannot be created: `{}` {problem}", parent.display())
                }),
                None => Ok(()),
            }
        }
        Err(error) => Err(format!("cannot be checked ({error}): check its path")),
    }
}

fn open_to_others(folder: &Path) -> Option<u32> {
    let mode = fs::metadata(folder).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Checks that a model's file is the file that was added.
fn intact(model: &ModelFile) -> Result<(), String> {
    let path = model.path.display();
    let mut file = fs::File::open(&model.path).map_err(|error| {
        format!("cannot open `{path}`: {error}; check its path and permissions")
    })?;
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut Hashing(&mut hasher))
        .map_err(|error| format!("cannot read `{path}`: {error}; check the disk"))?;
    let digest = Digest(hasher.finalize().into()).to_string();
    if digest == model.sha256 {
        return Ok(());
    }
    Err(format!(
        "`{path}` has SHA-256 {digest}, not {}: put the original file back, or add this file as a \
         separate model",
        model.sha256
    ))
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
