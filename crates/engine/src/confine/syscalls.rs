//! The seccomp filters of confined processes: a list of allowed system calls, or, for the gateway,
//! of forbidden ones.
//!
//! A forbidden call fails with `EPERM` instead of killing the process, so that libraries can go on
//! without optional calls.
#![expect(unsafe_code, reason = "close_range has no safe binding")]

use std::{collections::BTreeMap, io};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpArgLen::Qword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::{Unconfined, step};

/// Closes all file descriptors from `first` on.
pub(super) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: no memory is touched. The caller runs before this process has opened any file that it
    // still needs, so no live `OwnedFd` is closed.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The part of a graphics card in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Card {
    /// The driver starts: it loads libraries, whose code must be executable.
    Starting,
    /// The driver uses the card.
    Hardware,
    /// The driver computes on the processor, with machine code that it makes as it goes.
    Software,
}

/// Allows only the calls that loading a model needs, and those of the driver of a card.
pub(super) fn restrict_to_loading(card: Option<Card>) -> Result<(), Unconfined> {
    refuse_clone3()?;
    let mut allowed = compute().map_err(step("compiling the filter"))?;
    allowed.extend(load().map_err(step("compiling the filter"))?);
    if let Some(card) = card {
        allowed.extend(driver(card).map_err(step("compiling the filter"))?);
    }
    apply(allowed, ALLOW_LISTED)
}

/// Makes `clone3` fail with `ENOSYS`, so that glibc uses `clone`: a filter cannot check the flags
/// of `clone3`, because they are in memory. This needs its own filter, because a filter has only
/// one answer for all calls that it refuses.
fn refuse_clone3() -> Result<(), Unconfined> {
    apply(BTreeMap::from([(libc::SYS_clone3, vec![])]), REFUSE_CLONE3)
}

/// Allows only the calls that computing, one socket and the files of a folder need. Landlock limits
/// the folder.
pub(super) fn restrict_to_keeping() -> Result<(), Unconfined> {
    refuse_clone3()?;
    let mut allowed = compute().map_err(step("compiling the filter"))?;
    allowed.extend(KEEP.iter().map(|call| (*call, vec![])));
    apply(allowed, ALLOW_LISTED)
}

/// Allows only the calls that computing and one socket need, and those of the driver of a card.
pub(super) fn restrict_to_serving(card: Option<Card>) -> Result<(), Unconfined> {
    let mut allowed = compute().map_err(step("compiling the filter"))?;
    if let Some(card) = card {
        allowed.extend(driver(card).map_err(step("compiling the filter"))?);
    }
    apply(allowed, ALLOW_LISTED)
}

/// Forbids calls that inspect other processes or change the machine, and all sockets except local
/// ones, TCP and, to resolve names (`names`), UDP. All other calls are allowed: Landlock limits
/// files and ports.
pub(super) fn restrict_gateway(names: bool) -> Result<(), Unconfined> {
    refuse_clone3()?;
    let mut refused: Rules = REFUSED.iter().map(|call| (*call, vec![])).collect();
    let compiled = || -> Result<Rules, seccompiler::BackendError> {
        refused.insert(libc::SYS_socket, refused_sockets(names)?);
        refused.insert(libc::SYS_clone, each_bit(0, &NAMESPACES)?);
        // TCP Fast Open connects in the call that sends, which Landlock does not check.
        refused.insert(libc::SYS_sendto, each_bit(3, &[libc::MSG_FASTOPEN])?);
        refused.insert(libc::SYS_sendmsg, each_bit(2, &[libc::MSG_FASTOPEN])?);
        refused.insert(libc::SYS_sendmmsg, each_bit(3, &[libc::MSG_FASTOPEN])?);
        Ok(refused)
    };
    apply(compiled().map_err(step("compiling the filter"))?, REFUSE_LISTED)
}

/// Returns the sockets that the gateway may not make. Landlock covers only TCP, not UDP or other
/// transports.
fn refused_sockets(names: bool) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let differs = |argument: u8, values: &[i32]| -> Result<Vec<_>, seccompiler::BackendError> {
        let differs = |value: &i32| {
            let value = u64::from(value.cast_unsigned());
            SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value)
        };
        values.iter().map(differs).collect()
    };
    let mut families = vec![libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let mut kinds = vec![libc::SOCK_RAW, libc::SOCK_RDM, libc::SOCK_SEQPACKET, SOCK_DCCP];
    let mut protocols = vec![0, libc::IPPROTO_TCP];
    if names {
        families.push(libc::AF_NETLINK);
        protocols.push(libc::IPPROTO_UDP);
    } else {
        kinds.push(libc::SOCK_DGRAM);
    }
    let mut rules = vec![SeccompRule::new(differs(0, &families)?)?];
    for family in [libc::AF_INET, libc::AF_INET6] {
        let family = equal(0, u64::from(family.cast_unsigned()))?;
        for kind in &kinds {
            let kind = masked(1, SOCK_KIND, *kind)?;
            rules.push(SeccompRule::new(vec![family.clone(), kind])?);
        }
        let mut others = differs(2, &protocols)?;
        others.push(family);
        rules.push(SeccompRule::new(others)?);
    }
    Ok(rules)
}

/// Matches calls with any of these bits in an argument.
fn each_bit(argument: u8, bits: &[i32]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    bits.iter().map(|bit| SeccompRule::new(vec![masked(argument, *bit, *bit)?])).collect()
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The answer of a filter to listed calls, and to all other calls.
struct Answers {
    listed: SeccompAction,
    others: SeccompAction,
}

const ALLOW_LISTED: Answers =
    Answers { listed: SeccompAction::Allow, others: SeccompAction::Errno(libc::EPERM as u32) };

const REFUSE_CLONE3: Answers =
    Answers { listed: SeccompAction::Errno(libc::ENOSYS as u32), others: SeccompAction::Allow };

const REFUSE_LISTED: Answers =
    Answers { listed: SeccompAction::Errno(libc::EPERM as u32), others: SeccompAction::Allow };

fn apply(rules: Rules, answers: Answers) -> Result<(), Unconfined> {
    let program: BpfProgram =
        SeccompFilter::new(rules, answers.others, answers.listed, ARCHITECTURE)
            .and_then(BpfProgram::try_from)
            .map_err(step("compiling the filter"))?;
    apply_filter_all_threads(&program).map_err(step("filtering system calls"))
}

/// Calls for open files and the socket, non-executable memory, threads, time and randomness.
fn compute() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = COMPUTE.iter().map(|call| (*call, vec![])).collect();
    let not_executable = masked(2, libc::PROT_EXEC, 0)?;
    rules.insert(libc::SYS_mmap, only(not_executable.clone())?);
    rules.insert(libc::SYS_mprotect, only(not_executable)?);
    // New threads, but no new processes and no namespaces.
    rules.insert(libc::SYS_clone, only(masked(0, CLONE_CHECKED, libc::CLONE_THREAD)?)?);
    // The first filter answers `clone3`; this one must let it pass.
    rules.insert(libc::SYS_clone3, vec![]);
    // `abort` and stack overflows end this process by a signal to itself.
    let own_pid = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, only(equal(0, own_pid)?)?);
    // The names of threads.
    rules.insert(libc::SYS_prctl, only(equal(0, libc::PR_SET_NAME as u64)?)?);
    // glibc reads limits, for the size of stacks. Setting limits stays forbidden.
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![equal(0, 0)?, null(2)?])?]);
    // `send` on the connected socket, but not to another address.
    rules.insert(libc::SYS_sendto, only(null(4)?)?);
    let read_flags = [libc::F_GETFD, libc::F_GETFL];
    rules.insert(libc::SYS_fcntl, any(1, &read_flags.map(|flag| flag as u64))?);
    Ok(rules)
}

/// Calls in addition to [`compute`]: opening files (limited by Landlock), reading metadata, and the
/// next step of confinement.
fn load() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = LOAD.iter().map(|call| (*call, vec![])).collect();
    let prctl = [libc::PR_SET_NAME as u64, libc::PR_SET_NO_NEW_PRIVS as u64];
    rules.insert(libc::SYS_prctl, any(0, &prctl)?);
    let duplicate = [libc::F_GETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC];
    rules.insert(libc::SYS_fcntl, any(1, &duplicate.map(|flag| flag as u64))?);
    Ok(rules)
}

/// Calls in addition to [`compute`] for the driver of a graphics card: control of the card (of other
/// files, such as terminals, it stays forbidden), and memory and events that it shares with it.
fn driver(card: Card) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DRIVE.iter().map(|call| (*call, vec![])).collect();
    let mut control = IOCTL_TYPES
        .iter()
        .map(|kind| SeccompRule::new(vec![masked(1, 0xff00, i32::from(*kind) << 8)?]))
        .collect::<Result<Vec<_>, seccompiler::BackendError>>()?;
    for request in UVM_REQUESTS {
        control.push(SeccompRule::new(vec![equal(1, request)?])?);
    }
    // The other requests of `nvidia-uvm` are small numbers.
    control.push(SeccompRule::new(vec![masked(1, !0xff, 0)?])?);
    rules.insert(libc::SYS_ioctl, control);
    if card != Card::Hardware {
        // An empty list of rules allows the call with all arguments.
        rules.insert(libc::SYS_mmap, vec![]);
        rules.insert(libc::SYS_mprotect, vec![]);
    }
    Ok(rules)
}

fn masked(
    argument: u8,
    mask: i32,
    value: i32,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    let mask = u64::from(mask.cast_unsigned());
    let value = u64::from(value.cast_unsigned());
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(mask), value)
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value)
}

fn null(argument: u8) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Qword, SeccompCmpOp::Eq, 0)
}

fn only(condition: SeccompCondition) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    Ok(vec![SeccompRule::new(vec![condition])?])
}

fn any(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values.iter().map(|value| SeccompRule::new(vec![equal(argument, *value)?])).collect()
}

/// Bits of `clone` that are checked: `CLONE_THREAD` must be set, the others clear.
const CLONE_CHECKED: i32 = libc::CLONE_THREAD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// Bits of `clone` that make namespaces.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The bits of a socket's type that are not flags.
const SOCK_KIND: i32 = 0xf;

/// The datagram congestion control protocol. libc does not define it on all platforms.
const SOCK_DCCP: i32 = 6;

/// Calls that no gateway needs: they inspect processes, change the machine, leave namespaces, load
/// code into the kernel, or make system calls that bypass this filter.
const REFUSED: &[i64] = &[
    // Other processes.
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_userfaultfd,
    // System calls that bypass the filter.
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    // The kernel and its keys.
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    libc::SYS_syslog,
    // Namespaces and mounts.
    libc::SYS_chroot,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // Files without their paths.
    libc::SYS_fanotify_init,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // The machine.
    libc::SYS_acct,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
];

const COMPUTE: &[i64] = &[
    // The socket and standard error.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_shutdown,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    // Memory. `mremap` keeps the protection that a mapping has. `mincore` is for wiping the KV cache.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // Time and randomness.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    // Facts about the process and the machine.
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrusage,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// The kinds of requests to devices: `d` of the kernel's graphics, `F` and `m` of NVIDIA's driver,
/// `b` of shared buffers, `>` of fences.
const IOCTL_TYPES: [u8; 5] = *b"dFmb>";

/// Requests that open and close `nvidia-uvm`.
const UVM_REQUESTS: [u64; 2] = [0x3000_0001, 0x3000_0002];

const DRIVE: &[i64] = &[
    libc::SYS_eventfd2,
    libc::SYS_ftruncate,
    libc::SYS_memfd_create,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_sched_setaffinity,
];

const KEEP: &[i64] = &[
    libc::SYS_fdatasync,
    libc::SYS_fsync,
    libc::SYS_getdents64,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

const LOAD: &[i64] = &[
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_readlinkat,
    libc::SYS_sched_setaffinity,
    libc::SYS_statfs,
    libc::SYS_statx,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    // Locking memory and the next step of confinement.
    libc::SYS_capget,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_mlockall,
    libc::SYS_seccomp,
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;
