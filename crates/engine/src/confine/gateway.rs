//! Confines the gateway, the process that listens and that starts workers and the custodian.
//!
//! The gateway needs more abilities than they do, so it loses fewer. It reaches only the files that
//! [`Reach`] lists, listens on and dials only the ports listed there, and cannot make system calls
//! that inspect other processes or change the machine. Its children inherit all this, and confine
//! themselves further.
//!
//! Not prevented: the gateway can start its own program, because it restarts workers in this way;
//! and it can open the key directory, because the custodian inherits its rules.

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
    driver::Driver,
    files::{self, Port, Rule},
    one_thread, step, syscalls,
};
use crate::protocol::Confinement;

/// The files and ports that the gateway may use once it is confined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Folders whose files it reads, writes, creates and removes. They must exist.
    pub own: Vec<PathBuf>,
    /// Files and folders that it reads. Missing ones are ignored.
    pub read: Vec<PathBuf>,
    /// TCP ports that it listens on; 0 stands for a port that the system chooses.
    pub listen: Vec<u16>,
    /// TCP ports that it dials. If empty, it can neither dial nor resolve names.
    pub dial: Vec<u16>,
    /// Whether its workers use graphics cards. A worker inherits the gateway's rules, so the
    /// gateway may use the device nodes and read the driver's files, too.
    pub gpu: bool,
}

/// Turns off core dumps and tracing by processes of the same user. Must be called before any secret
/// is read.
///
/// # Errors
/// If the system refuses one of these.
pub fn keep_private() -> Result<(), Unconfined> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(step("turning core dumps off"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("turning tracing off"))
}

/// Confines a process with a single thread to `reach`, and to its open files and sockets. Then it
/// tries to break out.
///
/// # Errors
/// If the process has more threads, a path cannot be opened, the system cannot confine the process,
/// or an attempt to break out succeeds.
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
    // Name servers send long answers over TCP.
    let names = reach.dial.first().map(|_| DNS);
    let dial = reach.dial.iter().copied().chain(names).map(Port::Dial);
    reach.listen.iter().copied().map(Port::Listen).chain(dial).collect()
}

/// The opened files and folders, by their use. A rule applies to the opened file, not to its path.
#[derive(Default)]
struct Opened {
    own: Vec<File>,
    read: Vec<File>,
    read_below: Vec<File>,
    run: Vec<File>,
    run_below: Vec<File>,
    devices: Vec<File>,
    driver: Driver,
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
            // Allow its folder: an update replaces the file, and workers must still start after it.
            let Ok(loader) = fs::canonicalize(loader) else { continue };
            if let Some(folder) = loader.parent() {
                opened.run_below.extend(open_if_there(folder)?);
            }
        }
        opened.devices.extend(open_if_there(Path::new("/dev/null"))?);
        if reach.gpu {
            opened.driver = Driver::find()?;
        }
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
        rules.extend(self.driver.rules());
        rules
    }
}

fn open(path: &Path) -> io::Result<File> {
    // `O_PATH`: the file only identifies a path in a rule, and is not read.
    File::options().read(true).custom_flags(libc::O_PATH).open(path)
}

fn open_if_there(path: &Path) -> Result<Option<File>, Unconfined> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        // A missing file needs no rule.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path)(error)),
    }
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Unconfined {
    move |error| Unconfined::Path { path: path.to_owned(), error: error.to_string() }
}

/// Drops the capabilities that change the machine or inspect other processes. Those for files of
/// other owners, signals, low ports, locked memory, priorities and limits stay, if the process has
/// them.
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

/// The program itself; workers and the custodian are started from it.
const EXECUTABLE: &str = "/proc/self/exe";

/// Loaders of dynamically linked programs.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// Files that any program reads: libraries, the time zone, facts about the machine.
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

/// Folders for resolving names. All of `/etc`, because tools replace `resolv.conf` by another file.
const NAMES: [&str; 2] = ["/etc", "/run/systemd/resolve"];

/// The port of name servers.
const DNS: u16 = 53;
