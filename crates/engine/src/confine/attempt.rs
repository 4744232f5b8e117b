//! Tries to break out of the confinement, with the very system calls that an intruder would use.
//!
//! A filter that was loaded wrongly, or a kernel that ignores it, shows here and not in a review.
#![expect(unsafe_code, reason = "raw system calls: safe wrappers would try more than one thing")]

use std::io;

use super::Unconfined;

/// Something that must be refused.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    name: &'static str,
    call: fn() -> io::Result<()>,
}

/// Tried before the model file is parsed: Landlock refuses other files, the filter the rest.
pub(super) const WHILE_LOADING: &[Attempt] = &[
    Attempt { name: "open while loading", call: open },
    Attempt { name: "socket while loading", call: socket_inet },
    Attempt { name: "exec while loading", call: exec },
    Attempt { name: "fork while loading", call: fork },
];

/// Tried before the first request is taken.
pub(super) const WHILE_SERVING: &[Attempt] = &[
    Attempt { name: "socket", call: socket_inet },
    Attempt { name: "socket unix", call: socket_unix },
    Attempt { name: "open", call: open },
    Attempt { name: "exec", call: exec },
    Attempt { name: "fork", call: fork },
    Attempt { name: "ptrace", call: ptrace },
    Attempt { name: "executable memory", call: executable_memory },
];

/// Tried by a process that keeps a folder's files: Landlock refuses other files, the filter the rest.
pub(super) const WHILE_KEEPING: &[Attempt] = &[
    Attempt { name: "open outside the folder", call: open },
    Attempt { name: "socket", call: socket_inet },
    Attempt { name: "socket unix", call: socket_unix },
    Attempt { name: "connect", call: connect },
    Attempt { name: "exec", call: exec },
    Attempt { name: "fork", call: fork },
    Attempt { name: "ptrace", call: ptrace },
    Attempt { name: "executable memory", call: executable_memory },
];

/// Makes the attempts and reports the error that each met.
///
/// # Errors
/// When one of them was not refused: it succeeded, or failed for a reason of its own, which says
/// nothing about the confinement.
pub(super) fn all(attempts: &[Attempt]) -> Result<Vec<(String, String)>, Unconfined> {
    attempts
        .iter()
        .map(|attempt| {
            let error = (attempt.call)().err();
            match error.as_ref().and_then(io::Error::raw_os_error) {
                Some(libc::EPERM) => Ok((attempt.name.to_owned(), "EPERM".to_owned())),
                Some(libc::EACCES) => Ok((attempt.name.to_owned(), "EACCES".to_owned())),
                _ => Err(Unconfined::BrokeOut {
                    attempt: attempt.name,
                    result: error.map_or_else(|| "success".to_owned(), |error| error.to_string()),
                }),
            }
        })
        .collect()
}

fn socket_inet() -> io::Result<()> {
    call(libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0, 0])
}

fn socket_unix() -> io::Result<()> {
    call(libc::SYS_socket, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, 0])
}

fn open() -> io::Result<()> {
    // Never the model file, which may be read while it is loaded.
    let path = c"/";
    let here = libc::AT_FDCWD as usize;
    call(libc::SYS_openat, [here, path.as_ptr() as usize, libc::O_RDONLY as usize, 0])
}

/// Of no socket: whoever may connect would be told that it is none.
fn connect() -> io::Result<()> {
    call(libc::SYS_connect, [usize::MAX, 0, 0, 0])
}

/// If this succeeds, the worker is `/bin/true` from then on, which never says that it is ready.
fn exec() -> io::Result<()> {
    let path = c"/bin/true";
    let nothing: [usize; 1] = [0];
    let list = nothing.as_ptr() as usize;
    call(libc::SYS_execve, [path.as_ptr() as usize, list, list, 0])
}

fn fork() -> io::Result<()> {
    call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0])
}

/// Takes hold of the gateway; if it succeeds, the worker's end lets go again.
fn ptrace() -> io::Result<()> {
    let gateway = std::os::unix::process::parent_id() as usize;
    call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, gateway, 0, 0])
}

fn executable_memory() -> io::Result<()> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    call(libc::SYS_mmap, [0, 4096, protection, flags])
}

/// One system call. A pointer among the arguments must outlive the call.
fn call(number: libc::c_long, [a, b, c, d]: [usize; 4]) -> io::Result<()> {
    // SAFETY: the callers above pass numbers, and pointers to NUL-terminated strings and lists
    // that live until the call returns; the kernel only reads them. A forked child (0 from
    // `clone`, which no other of these calls returns without having opened something) does
    // nothing but end.
    unsafe {
        match libc::syscall(number, a, b, c, d, usize::MAX, 0_usize) {
            -1 => Err(io::Error::last_os_error()),
            0 if number == libc::SYS_clone => {
                libc::syscall(libc::SYS_exit_group, 1);
                Ok(())
            }
            _opened => Ok(()),
        }
    }
}
