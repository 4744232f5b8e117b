//! Takes a process's abilities away: files, network, processes, everything but compute and one
//! socket. For workers, for the process that keeps the keys ([`to_folder`]), and, as far as it can do
//! without, for the gateway that starts them both ([`gateway()`]).
//!
//! For a worker, two steps, each a value that the next needs. *Before loading*, because a model file is foreign
//! input to a C++ parser: that one file may be read, nothing else may be opened, and there are no
//! sockets and no processes. *Before serving*, because from then on customers' content is in
//! memory: nothing may be opened at all. After each step the worker tries to break out, for real,
//! and does not go on if it can.
//!
//! What it does not do: limit CPU time or memory, and hide the content from the machine's root.

mod attempt;
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

use self::files::Rule;
pub use self::gateway::{Reach, gateway, keep_private};
use crate::{memory, protocol::Confinement};

/// Why a process could not be confined. It then does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unconfined {
    /// A system call that confines was refused.
    #[error("{step} failed ({error}); this process serves only when it is confined")]
    Step {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        error: String,
    },
    /// The kernel has no Landlock, or an old one.
    #[error(
        "Landlock is missing or too old here ({error}); this needs Linux 6.7 or later with \
         `landlock` among the security modules (kernel parameter `lsm=`), and a container runtime \
         that allows its system calls"
    )]
    Landlock {
        /// What the system said.
        error: String,
    },
    /// A file or folder that must be reached cannot be.
    #[error("`{}` cannot be used ({error}): check that it exists, and its permissions", path.display())]
    Path {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// Something that must fail did not.
    #[error("an attempt to break out was not refused: {attempt} gave {result}")]
    BrokeOut {
        /// What was tried.
        attempt: &'static str,
        /// `success`, or an error that is not a refusal.
        result: String,
    },
    /// Landlock covers a thread and those it starts, so it must come before any other thread.
    #[error("the process has {threads} threads already; start it by its own command")]
    Threads {
        /// How many.
        threads: usize,
    },
}

/// First of all, before any file is opened: no core dumps, no tracing by processes of the same
/// user, death with the gateway, and no open files but standard input, output and error.
///
/// # Errors
/// When the system refuses one of these.
pub fn harden() -> Result<(), Unconfined> {
    keep_private()?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(step("asking to die with the gateway"))?;
    few_files()?;
    memory::allow_locking();
    std::env::set_current_dir("/").map_err(step("changing to /"))?;
    syscalls::close_from(FIRST_INHERITED_FD).map_err(step("closing inherited files"))
}

/// Lowers the limit of open files to what a worker or the custodian needs: the gateway raises its own
/// for its connections, and its children inherit that.
///
/// # Errors
/// When the system refuses.
pub fn few_files() -> Result<(), Unconfined> {
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
    let few = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Nofile, few).map_err(step("lowering the limit of open files"))
}

/// A process that may read one model file and compute.
#[derive(Debug)]
pub struct Loading {
    attempts: Vec<(String, String)>,
}

/// Confines a process that has only its first thread to reading `model` and computing.
///
/// # Errors
/// When the system cannot confine it, or it could still break out.
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
    syscalls::restrict_to_loading()?;
    Ok(Loading { attempts: attempt::all(attempt::WHILE_LOADING)? })
}

impl Loading {
    /// Takes the rest away, from all threads of the process: nothing can be opened any more.
    ///
    /// # Errors
    /// When the system cannot confine the process, or it could still break out.
    pub fn before_serving(self) -> Result<Confinement, Unconfined> {
        let memory_locked = memory::lock();
        // This thread and those it starts lose the model file. Threads that loading started keep
        // the first ruleset, with the model file in it; the filter below takes `open` from them.
        let landlock_abi = files::restrict(&[], &[])?;
        syscalls::restrict_to_serving()?;
        let mut attempts = self.attempts;
        attempts.extend(attempt::all(attempt::WHILE_SERVING)?);
        Ok(Confinement { landlock_abi, seccomp: true, memory_locked, attempts })
    }
}

/// Confines a process that has only its first thread to the files in one folder, which it may read,
/// write, make and remove, and to the files and sockets that it has open. Then it tries to break
/// out.
///
/// # Errors
/// When the system cannot confine it, or it could still break out.
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

/// Keeps only the right to lock memory, where the process has it.
fn drop_capabilities() -> rustix::io::Result<()> {
    let kept = capabilities(None)?.permitted & CapabilitySet::IPC_LOCK;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable })
}

/// Lets a child ignore the signals that ask the service to end or to read its configuration again.
/// They may reach every process of a group or of a service: the gateway alone acts on them, and its
/// children serve on until it hangs up. The child ignores them from its first instruction on.
#[expect(unsafe_code, reason = "code that runs between fork and exec")]
pub fn leave_signals_to_parent(command: &mut Command) -> &mut Command {
    let ignore = || -> io::Result<()> {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            // SAFETY: it sets how this process takes a signal, and touches no memory.
            if unsafe { libc::signal(signal, libc::SIG_IGN) } == libc::SIG_ERR {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: `signal` is one of the functions that may be called in a child that was just forked.
    unsafe { command.pre_exec(ignore) }
}

/// Standard input is the socket, output goes nowhere, error is the gateway's pipe.
const FIRST_INHERITED_FD: u32 = 3;
/// A model, a socket, and what libraries open for a moment.
const FILES_MAX: u64 = 256;

fn step<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> Unconfined {
    move |error| Unconfined::Step { step, error: error.to_string() }
}

#[cfg(test)]
mod tests;
