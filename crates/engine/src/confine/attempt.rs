//! Tries to break out of the confinement, with the system calls that an intruder would use.
//!
//! This finds a filter that was not loaded correctly, or a kernel that ignores it. A review cannot.
#![expect(unsafe_code, reason = "raw system calls: safe wrappers would try more than one thing")]

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use super::Unconfined;

/// A system call that must be refused.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    name: &'static str,
    call: fn() -> io::Result<()>,
}

/// Attempts before the driver of a graphics card starts.
pub(super) const WHILE_STARTING: &[Attempt] = &[
    Attempt { name: "open while starting the driver", call: open },
    Attempt { name: "socket while starting the driver", call: socket_inet },
    Attempt { name: "exec while starting the driver", call: exec },
    Attempt { name: "fork while starting the driver", call: fork },
];

/// Attempts before the model file is parsed. Landlock refuses other files, the filter all else.
pub(super) const WHILE_LOADING: &[Attempt] = &[
    Attempt { name: "open while loading", call: open },
    Attempt { name: "socket while loading", call: socket_inet },
    Attempt { name: "exec while loading", call: exec },
    Attempt { name: "fork while loading", call: fork },
];

/// Attempts before the first request is accepted.
pub(super) const WHILE_SERVING: &[Attempt] = &[
    Attempt { name: "socket", call: socket_inet },
    Attempt { name: "socket unix", call: socket_unix },
    Attempt { name: "open", call: open },
    Attempt { name: "exec", call: exec },
    Attempt { name: "fork", call: fork },
    Attempt { name: "ptrace", call: ptrace },
];

/// The attempt that a driver without a card, which computes on the processor, cannot be refused.
pub(super) const MACHINE_CODE: &[Attempt] =
    &[Attempt { name: "executable memory", call: executable_memory }];

/// Attempts of a process that is confined to one folder. Landlock refuses other files, the filter
/// all else.
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

/// Attempts of the gateway before it listens. Landlock refuses files, the filter all else.
pub(super) const OF_THE_GATEWAY: &[Attempt] = &[
    Attempt { name: "open another folder", call: open },
    Attempt { name: "ptrace", call: ptrace },
    Attempt { name: "process_vm_readv", call: read_process },
    Attempt { name: "pidfd_getfd", call: steal_file },
    Attempt { name: "perf_event_open", call: perf },
    Attempt { name: "bpf", call: bpf },
    Attempt { name: "io_uring", call: io_uring },
    Attempt { name: "keyctl", call: keyctl },
    Attempt { name: "kexec_load", call: kexec },
    Attempt { name: "mount", call: mount },
    Attempt { name: "setns", call: setns },
    Attempt { name: "unshare", call: unshare },
    Attempt { name: "socket packet", call: socket_packet },
    Attempt { name: "socket raw", call: socket_raw },
];

/// Tries to listen on and to dial a port that is not allowed.
///
/// # Errors
/// If one of the two is not refused.
pub(super) fn ports(listen: &[u16], dial: &[u16]) -> Result<Vec<(String, String)>, Unconfined> {
    let foreign = |known: &[u16]| PORTS.into_iter().find(|port| !known.contains(port)).unwrap_or(1);
    [
        ("listen elsewhere", libc::SYS_bind, foreign(listen)),
        ("dial elsewhere", libc::SYS_connect, foreign(dial)),
    ]
    .into_iter()
    .map(|(name, number, port)| refused(name, at_port(number, port)))
    .collect()
}

/// Ports that services rarely use.
const PORTS: [u16; 8] = [9, 19, 7009, 7019, 7029, 7039, 7049, 7059];

/// Binds a socket to a port of this machine, or connects it to one.
fn at_port(number: libc::c_long, port: u16) -> io::Result<()> {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(std::net::Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    };
    // SAFETY: the call makes a file descriptor and touches no memory.
    let made = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(made) };
    let (pointer, length) = (&raw const address as usize, size_of_val(&address));
    let number_of_socket = usize::try_from(socket.as_raw_fd()).unwrap_or(usize::MAX);
    call(number, [number_of_socket, pointer, length, 0])
}

/// Makes the attempts and returns the error of each.
///
/// # Errors
/// If an attempt is not refused: it succeeded, or failed for another reason, which proves no
/// confinement.
pub(super) fn all(attempts: &[Attempt]) -> Result<Vec<(String, String)>, Unconfined> {
    attempts.iter().map(|attempt| refused(attempt.name, (attempt.call)())).collect()
}

fn refused(name: &'static str, tried: io::Result<()>) -> Result<(String, String), Unconfined> {
    let error = tried.err();
    match error.as_ref().and_then(io::Error::raw_os_error) {
        Some(libc::EPERM) => Ok((name.to_owned(), "EPERM".to_owned())),
        Some(libc::EACCES) => Ok((name.to_owned(), "EACCES".to_owned())),
        _ => Err(Unconfined::BrokeOut {
            attempt: name,
            result: error.map_or_else(|| "success".to_owned(), |error| error.to_string()),
        }),
    }
}

fn socket_packet() -> io::Result<()> {
    call(libc::SYS_socket, [libc::AF_PACKET as usize, libc::SOCK_RAW as usize, 0, 0])
}

fn socket_raw() -> io::Result<()> {
    let icmp = libc::IPPROTO_ICMP as usize;
    call(libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_RAW as usize, icmp, 0])
}

/// This attempt and the next ones have invalid arguments. If the call itself is not refused, it
/// fails with another error, which counts as not refused.
fn read_process() -> io::Result<()> {
    call(libc::SYS_process_vm_readv, [std::process::id() as usize, 0, 0, 0])
}

fn steal_file() -> io::Result<()> {
    call(libc::SYS_pidfd_getfd, [usize::MAX, 0, 0, 0])
}

fn perf() -> io::Result<()> {
    call(libc::SYS_perf_event_open, [0, 0, usize::MAX, usize::MAX])
}

fn bpf() -> io::Result<()> {
    call(libc::SYS_bpf, [usize::MAX, 0, 0, 0])
}

fn io_uring() -> io::Result<()> {
    call(libc::SYS_io_uring_setup, [1, 0, 0, 0])
}

fn keyctl() -> io::Result<()> {
    call(libc::SYS_keyctl, [usize::MAX, 0, 0, 0])
}

fn kexec() -> io::Result<()> {
    call(libc::SYS_kexec_load, [0, usize::MAX, 0, usize::MAX])
}

fn mount() -> io::Result<()> {
    call(libc::SYS_mount, [0, 0, 0, 0])
}

fn setns() -> io::Result<()> {
    call(libc::SYS_setns, [usize::MAX, 0, 0, 0])
}

fn unshare() -> io::Result<()> {
    call(libc::SYS_unshare, [libc::CLONE_NEWUSER as usize, 0, 0, 0])
}

fn socket_inet() -> io::Result<()> {
    call(libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0, 0])
}

fn socket_unix() -> io::Result<()> {
    call(libc::SYS_socket, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, 0])
}

fn open() -> io::Result<()> {
    // Not the model file, which may be read while it is loaded.
    let path = c"/";
    let here = libc::AT_FDCWD as usize;
    call(libc::SYS_openat, [here, path.as_ptr() as usize, libc::O_RDONLY as usize, 0])
}

/// Connects a descriptor that does not exist. If `connect` is allowed, the error is `EBADF`.
fn connect() -> io::Result<()> {
    call(libc::SYS_connect, [usize::MAX, 0, 0, 0])
}

/// If this succeeds, the worker becomes `/bin/true`, which never reports that it is ready.
fn exec() -> io::Result<()> {
    let path = c"/bin/true";
    let nothing: [usize; 1] = [0];
    let list = nothing.as_ptr() as usize;
    call(libc::SYS_execve, [path.as_ptr() as usize, list, list, 0])
}

fn fork() -> io::Result<()> {
    call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0])
}

/// Attaches to the gateway. If this succeeds, the worker ends, and that detaches it.
fn ptrace() -> io::Result<()> {
    let gateway = std::os::unix::process::parent_id() as usize;
    call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, gateway, 0, 0])
}

fn executable_memory() -> io::Result<()> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    call(libc::SYS_mmap, [0, 4096, protection, flags])
}

/// Makes one system call. Pointers among the arguments must outlive the call.
fn call(number: libc::c_long, [a, b, c, d]: [usize; 4]) -> io::Result<()> {
    // SAFETY: the callers above pass numbers, and pointers to NUL-terminated strings and lists
    // that live until the call returns; the kernel only reads them. A forked child (0 from
    // `clone`) ends at once.
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
