//! Confines the gateway: the process that listens, and that starts workers and the custodian.
//!
//! The gateway needs more than they do, so less is taken away. It reaches the files that it is given
//! and no others, it listens and dials on the ports that it is given and no others, and it makes no
//! system call that looks into other processes or changes the machine. Its children inherit all
//! this, and confine themselves further.
//!
//! What it does not do: keep the gateway from starting its own program, because that is how workers
//! are started again; and from opening the key directory, because the custodian inherits the rules.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit},
    thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities},
};

use super::{
    Unconfined, attempt,
    files::{self, Port, Rule},
    one_thread, step, syscalls,
};
use crate::protocol::Confinement;

/// What the gateway may still reach once it is confined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Folders whose files it reads, writes, makes and removes. They must exist.
    pub own: Vec<PathBuf>,
    /// Files and folders that it reads. What does not exist is left out.
    pub read: Vec<PathBuf>,
    /// TCP ports that it listens on; 0 is a port that the system chooses.
    pub listen: Vec<u16>,
    /// TCP ports that it dials. Where there is none, it can neither dial nor look names up.
    pub dial: Vec<u16>,
}

/// Turns core dumps off, and tracing by processes of the same user. To be called before any secret
/// is read.
///
/// # Errors
/// When the system refuses one of these.
pub fn keep_private() -> Result<(), Unconfined> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(step("turning core dumps off"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("turning tracing off"))
}

/// Confines a process that has only its first thread to what it must reach, and to the files and
/// sockets that it has open. Then it tries to break out.
///
/// # Errors
/// When a path cannot be opened, the system cannot confine the process, or it could still break out.
pub fn gateway(reach: &Reach) -> Result<Confinement, Unconfined> {
    one_thread()?;
    this_thread_to_reach(reach)
}

pub(super) fn this_thread_to_reach(reach: &Reach) -> Result<Confinement, Unconfined> {
    let opened = Opened::of(reach)?;
    drop_capabilities().map_err(step("giving capabilities up"))?;
    let landlock_abi = files::restrict(&opened.rules(), &ports(reach))?;
    drop(opened);
    syscalls::restrict_gateway(!reach.dial.is_empty())?;
    let mut attempts = attempt::all(attempt::OF_THE_GATEWAY)?;
    attempts.extend(attempt::ports(&reach.listen, &reach.dial)?);
    Ok(Confinement { landlock_abi, seccomp: true, memory_locked: false, attempts })
}

fn ports(reach: &Reach) -> Vec<Port> {
    // Long answers of name servers come over TCP.
    let names = reach.dial.first().map(|_| DNS);
    let dial = reach.dial.iter().copied().chain(names).map(Port::Dial);
    reach.listen.iter().copied().map(Port::Listen).chain(dial).collect()
}

/// What files and folders are opened for: a rule is about the opened one, not about its path.
#[derive(Default)]
struct Opened {
    own: Vec<File>,
    read: Vec<File>,
    read_below: Vec<File>,
    run: Vec<File>,
    run_below: Vec<File>,
    devices: Vec<File>,
}

impl Opened {
    fn of(reach: &Reach) -> Result<Self, Unconfined> {
        let mut opened = Self::default();
        for folder in &reach.own {
            opened.own.push(open(folder).map_err(unusable(folder))?);
        }
        let names = if reach.dial.is_empty() { &[][..] } else { &NAMES[..] };
        for path in SYSTEM.iter().chain(names).map(Path::new).chain(reach.read.iter().map(|p| &**p))
        {
            let Some(file) = open_if_there(path)? else { continue };
            let folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
            if folder { &mut opened.read_below } else { &mut opened.read }.push(file);
        }
        opened.run.extend(open_if_there(Path::new(EXECUTABLE))?);
        for loader in LOADERS {
            // Its folder: a newer loader is another file, and workers start after an update, too.
            let Ok(loader) = fs::canonicalize(loader) else { continue };
            if let Some(folder) = loader.parent() {
                opened.run_below.extend(open_if_there(folder)?);
            }
        }
        opened.devices.extend(open_if_there(Path::new("/dev/null"))?);
        Ok(opened)
    }

    fn rules(&self) -> Vec<Rule<'_>> {
        let mut rules: Vec<Rule<'_>> = Vec::new();
        rules.extend(self.own.iter().map(|file| Rule::own(file.as_fd())));
        rules.extend(self.read.iter().map(|file| Rule::read(file.as_fd())));
        rules.extend(self.read_below.iter().map(|file| Rule::read_below(file.as_fd())));
        rules.extend(self.run.iter().map(|file| Rule::run(file.as_fd())));
        rules.extend(self.run_below.iter().map(|file| Rule::run_below(file.as_fd())));
        rules.extend(self.devices.iter().map(|file| Rule::device(file.as_fd())));
        rules
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Not for reading: only to say which one is meant.
    File::options().read(true).custom_flags(libc::O_PATH).open(path)
}

fn open_if_there(path: &Path) -> Result<Option<File>, Unconfined> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        // There can be no rule about it, and nothing to read either.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path)(error)),
    }
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Unconfined {
    move |error| Unconfined::Path { path: path.to_owned(), error: error.to_string() }
}

/// Keeps what files of other owners and low ports need, where the process has it; all that changes
/// the machine or looks into other processes goes.
fn drop_capabilities() -> rustix::io::Result<()> {
    let kept = CapabilitySet::CHOWN
        | CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::DAC_READ_SEARCH
        | CapabilitySet::FOWNER
        | CapabilitySet::FSETID
        | CapabilitySet::KILL
        | CapabilitySet::NET_BIND_SERVICE
        | CapabilitySet::IPC_LOCK
        | CapabilitySet::SYS_NICE
        | CapabilitySet::SYS_RESOURCE;
    let kept = capabilities(None)?.permitted & kept;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable })
}

/// The program itself, from which workers and custodian are started.
const EXECUTABLE: &str = "/proc/self/exe";

/// What starts a program that is linked dynamically.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// What any program reads: libraries, the time zone, what the machine is.
const SYSTEM: [&str; 11] = [
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/lib",
    "/lib64",
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
];

/// What looking names up reads. The whole of `/etc`: tools replace `resolv.conf` by another file.
const NAMES: [&str; 2] = ["/etc", "/run/systemd/resolve"];

/// The port of name servers.
const DNS: u16 = 53;
