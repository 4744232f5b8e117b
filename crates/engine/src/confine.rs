//! Confines processes: removes their access to files, network and other processes, except for those
//! that they need. For workers, for the custodian, which keeps the keys ([`to_folder`]), and, to a
//! lesser degree, for the gateway, which starts both ([`gateway()`]).
//!
//! A worker is confined in two steps; each returns a value that the next step needs. *Before
//! loading*, because a C++ parser reads the model file, which is foreign input: the worker may read
//! that file, and cannot open other files, make sockets or start processes. *Before serving*,
//! because from then on content of customers is in memory: the worker cannot open any file. After
//! each step the worker really tries to break out, and ends if it succeeds.
//!
//! A worker that uses a graphics card has one step more, *before the driver starts*: the driver may
//! load its libraries and open the device nodes, before the model file is parsed. Later steps take
//! its files away, and leave it the devices that it has open.
//!
//! Not covered: limits on CPU time and memory, and protection of content from the machine's root
//! user.

mod attempt;
mod driver;
mod files;
mod gateway;
mod syscalls;

use std::{
    fs::File,
    io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

pub use self::driver::has_device_node;
pub use self::gateway::{Reach, gateway, keep_private};
use self::{driver::Driver, files::Rule, syscalls::Card};
use crate::{memory, protocol::Confinement};

/// The reason why a process could not be confined. Such a process does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unconfined {
    /// The system refused a step of the confinement.
    #[error("{step} failed ({error}); this process serves only when it is confined")]
    Step {
        /// The step.
        step: &'static str,
        /// Error of the system.
        error: String,
    },
    /// The kernel does not support Landlock, or only an old version.
    #[error(
        "Landlock is missing or too old here ({error}); this needs Linux 6.7 or later with \
         `landlock` among the security modules (kernel parameter `lsm=`), and a container runtime \
         that allows its system calls"
    )]
    Landlock {
        /// Error of the system.
        error: String,
    },
    /// A file or folder that the process needs cannot be opened.
    #[error("`{}` cannot be used ({error}): check that it exists, and its permissions", path.display())]
    Path {
        /// Its path.
        path: PathBuf,
        /// Error of the system.
        error: String,
    },
    /// An attempt to break out was not refused.
    #[error("an attempt to break out was not refused: {attempt} gave {result}")]
    BrokeOut {
        /// Name of the attempt.
        attempt: &'static str,
        /// Its result: `success`, or an error that is not a refusal.
        result: String,
    },
    /// The process has more than one thread. Landlock covers the calling thread and threads that it
    /// starts later, so it must be set up first.
    #[error("the process has {threads} threads already; start it with its own command")]
    Threads {
        /// Number of threads.
        threads: usize,
    },
}

/// Hardens the process; must be called before it opens any file. No core dumps, no tracing by
/// processes of the same user, death together with the gateway, and no open files except standard
/// input, output and error.
///
/// # Errors
/// If the system refuses one of these.
pub fn harden() -> Result<(), Unconfined> {
    keep_private()?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(step("asking to die with the gateway"))?;
    few_files()?;
    memory::allow_locking();
    std::env::set_current_dir("/").map_err(step("changing to /"))?;
    syscalls::close_from(FIRST_INHERITED_FD).map_err(step("closing inherited files"))
}

/// Lowers the limit of open files to the needs of a worker or the custodian. They inherit the
/// higher limit that the gateway sets for its connections.
///
/// # Errors
/// If the system refuses.
pub fn few_files() -> Result<(), Unconfined> {
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
    let few = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Nofile, few).map_err(step("lowering the limit of open files"))
}

/// A process that may only read one model file and compute.
#[derive(Debug)]
pub struct Loading {
    attempts: Vec<(String, String)>,
    card: Option<Card>,
}

/// A process that may only start the driver of a graphics card, read one model file and compute.
#[derive(Debug)]
pub struct Starting {
    attempts: Vec<(String, String)>,
}

/// Confines a process with a single thread to reading `model` and computing.
///
/// # Errors
/// If the process has more threads, the system cannot confine it, or an attempt to break out
/// succeeds.
pub fn before_loading(model: &File) -> Result<Loading, Unconfined> {
    one_thread()?;
    this_thread_before_loading(model)
}

fn one_thread() -> Result<(), Unconfined> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(step("counting threads"))?.count();
    if threads == 1 { Ok(()) } else { Err(Unconfined::Threads { threads }) }
}

fn this_thread_before_loading(model: &File) -> Result<Loading, Unconfined> {
    drop_capabilities().map_err(step("giving capabilities up"))?;
    files::restrict(&[Rule::read(model.as_fd())], &[])?;
    syscalls::restrict_to_loading(None)?;
    Ok(Loading { attempts: attempt::all(attempt::WHILE_LOADING)?, card: None })
}

/// Confines a process with a single thread to starting the driver of a graphics card. The driver
/// may read its own files, load libraries, and use the device nodes.
///
/// # Errors
/// If the process has more threads, the system cannot confine it, or an attempt to break out
/// succeeds.
pub fn before_driver(model: &File) -> Result<Starting, Unconfined> {
    one_thread()?;
    this_thread_before_driver(model)
}

fn this_thread_before_driver(model: &File) -> Result<Starting, Unconfined> {
    drop_capabilities().map_err(step("giving capabilities up"))?;
    let driver = Driver::find()?;
    let mut rules = driver.rules();
    rules.push(Rule::read(model.as_fd()));
    files::restrict(&rules, &[])?;
    syscalls::restrict_to_loading(Some(Card::Starting))?;
    Ok(Starting { attempts: attempt::all(attempt::WHILE_STARTING)? })
}

impl Starting {
    /// Takes the driver's files away: from now on the process may read one model file, use the
    /// device nodes, and compute. With `software`, the driver may still make machine code.
    ///
    /// The driver's threads keep the right to read its files until [`Loading::before_serving`].
    ///
    /// # Errors
    /// If the system cannot confine the process, or an attempt to break out succeeds.
    pub fn before_loading(self, model: &File, software: bool) -> Result<Loading, Unconfined> {
        let card = if software { Card::Software } else { Card::Hardware };
        let nodes = Driver::nodes_alone()?;
        let mut rules = nodes.rules();
        rules.push(Rule::read(model.as_fd()));
        files::restrict(&rules, &[])?;
        syscalls::restrict_to_loading(Some(card))?;
        let mut attempts = self.attempts;
        attempts.extend(attempt::all(attempt::WHILE_LOADING)?);
        Ok(Loading { attempts, card: Some(card) })
    }
}

impl Loading {
    /// Takes the last abilities away from all threads: the process can no longer open any file.
    ///
    /// # Errors
    /// If the system cannot confine the process, or an attempt to break out succeeds.
    pub fn before_serving(self) -> Result<Confinement, Unconfined> {
        let memory_locked = memory::lock();
        // This thread and threads that it starts lose access to the model file. Threads that were
        // started while loading keep the first ruleset, which allows the model file; the filter
        // below forbids `open` to them too.
        let landlock_abi = files::restrict(&[], &[])?;
        syscalls::restrict_to_serving(self.card)?;
        let mut attempts = self.attempts;
        attempts.extend(attempt::all(attempt::WHILE_SERVING)?);
        if self.card != Some(Card::Software) {
            attempts.extend(attempt::all(attempt::MACHINE_CODE)?);
        }
        Ok(Confinement { landlock_abi, seccomp: true, memory_locked, attempts })
    }
}

/// Confines a process with a single thread to one folder, whose files it may read, write, create
/// and remove, and to its open files and sockets. Then it tries to break out.
///
/// # Errors
/// If the process has more threads, the system cannot confine it, or an attempt to break out
/// succeeds.
pub fn to_folder(folder: &Path) -> Result<(), Unconfined> {
    one_thread()?;
    this_thread_to_folder(folder)
}

fn this_thread_to_folder(folder: &Path) -> Result<(), Unconfined> {
    let folder = File::open(folder).map_err(step("opening its folder"))?;
    drop_capabilities().map_err(step("giving capabilities up"))?;
    files::restrict(&[Rule::keep(folder.as_fd())], &[])?;
    drop(folder);
    syscalls::restrict_to_keeping()?;
    attempt::all(attempt::WHILE_KEEPING).map(drop)
}

/// Drops all capabilities except the one to lock memory.
fn drop_capabilities() -> rustix::io::Result<()> {
    let kept = capabilities(None)?.permitted & CapabilitySet::IPC_LOCK;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable })
}

/// Makes a child ignore the signals that ask the service to end or to reload its configuration.
/// They may reach every process of a process group or service, but only the gateway should act on
/// them. Its children serve until it closes their sockets. The child ignores the signals from its
/// first instruction on.
#[expect(unsafe_code, reason = "code that runs between fork and exec")]
pub fn leave_signals_to_parent(command: &mut Command) -> &mut Command {
    let ignore = || -> io::Result<()> {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            // SAFETY: the call sets how this process handles a signal, and touches no memory.
            if unsafe { libc::signal(signal, libc::SIG_IGN) } == libc::SIG_ERR {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: `signal` is async-signal-safe, so a child may call it between fork and exec.
    unsafe { command.pre_exec(ignore) }
}

/// First file descriptor after standard input (the socket), output (unused) and error (a pipe to
/// the gateway).
const FIRST_INHERITED_FD: u32 = 3;
/// Maximum number of open files: a model, a socket, and files that libraries open briefly.
const FILES_MAX: u64 = 256;

fn step<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> Unconfined {
    move |error| Unconfined::Step { step, error: error.to_string() }
}

#[cfg(test)]
mod tests;
