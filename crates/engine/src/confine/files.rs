//! Landlock rules: the files and ports that a process can reach. A worker reaches one model file,
//! and later no file; the custodian reaches the folder of its keys.
//!
//! The kernel enforces the rules below the level of system calls. So they also apply to calls that
//! the filter of [`super::syscalls`] allows.

use std::os::fd::BorrowedFd;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    NetPort, PathBeneath, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope,
};

use super::Unconfined;

/// The allowed access to one file, or to the content of one folder.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    beneath: BorrowedFd<'a>,
    access: BitFlags<AccessFs>,
}

impl<'a> Rule<'a> {
    /// Allows reading a file.
    pub(super) fn read(file: BorrowedFd<'a>) -> Self {
        Self { beneath: file, access: AccessFs::ReadFile.into() }
    }

    /// Allows reading, writing, creating and removing regular files in a folder. Not allowed:
    /// links, devices, running programs, and moving files to another folder.
    pub(super) fn keep(folder: BorrowedFd<'a>) -> Self {
        let access = AccessFs::ReadFile
            | AccessFs::ReadDir
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::RemoveFile;
        Self { beneath: folder, access }
    }

    /// Allows reading the content of a folder.
    pub(super) fn read_below(folder: BorrowedFd<'a>) -> Self {
        Self { beneath: folder, access: AccessFs::ReadFile | AccessFs::ReadDir }
    }

    /// Allows running a program.
    pub(super) fn run(file: BorrowedFd<'a>) -> Self {
        Self { beneath: file, access: AccessFs::ReadFile | AccessFs::Execute }
    }

    /// Allows running programs in a folder, and reading its content.
    pub(super) fn run_below(folder: BorrowedFd<'a>) -> Self {
        let access = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
        Self { beneath: folder, access }
    }

    /// Allows reading and writing a device.
    pub(super) fn device(file: BorrowedFd<'a>) -> Self {
        Self { beneath: file, access: AccessFs::ReadFile | AccessFs::WriteFile }
    }

    /// Allows reading, writing and controlling a device (`ioctl`).
    pub(super) fn control(file: BorrowedFd<'a>) -> Self {
        let access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        Self { beneath: file, access }
    }

    /// Allows reading, writing, creating, moving and removing regular files and folders below a
    /// folder. Not allowed: links, devices, sockets, and running programs.
    pub(super) fn own(folder: BorrowedFd<'a>) -> Self {
        let access = AccessFs::ReadFile
            | AccessFs::ReadDir
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
            | AccessFs::Refer;
        Self { beneath: folder, access }
    }
}

/// A TCP port, and its allowed use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// The process may listen on it; 0 stands for a port that the system chooses.
    Listen(u16),
    /// The process may dial it.
    Dial(u16),
}

/// Denies every access that this kernel's Landlock knows, except for `rules` and `ports`. Returns
/// the active version of Landlock.
///
/// Applies to the calling thread and to threads that it starts later.
pub(super) fn restrict(rules: &[Rule<'_>], ports: &[Port]) -> Result<u32, Unconfined> {
    let failed = |error: RulesetError| Unconfined::Landlock { error: error.to_string() };
    let mut ruleset = deny_everything().map_err(failed)?;
    for Rule { beneath, access } in rules {
        ruleset = ruleset.add_rule(PathBeneath::new(*beneath, *access)).map_err(failed)?;
    }
    for port in ports {
        let rule = match *port {
            Port::Listen(port) => NetPort::new(port, AccessNet::BindTcp),
            Port::Dial(port) => NetPort::new(port, AccessNet::ConnectTcp),
        };
        ruleset = ruleset.add_rule(rule).map_err(failed)?;
    }
    let status = ruleset.restrict_self().map_err(failed)?;
    match (status.ruleset, status.landlock) {
        (
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            LandlockStatus::Available { effective_abi, .. },
        ) if effective_abi >= OLDEST && status.no_new_privs => Ok(effective_abi as u32),
        (ruleset, landlock) => {
            Err(Unconfined::Landlock { error: format!("{ruleset:?}, {landlock:?}") })
        }
    }
}

fn deny_everything() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(OLDEST))?
        .handle_access(AccessNet::from_all(OLDEST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

/// The first version that covers TCP.
const OLDEST: ABI = ABI::V4;

/// The newest version that the crate knows. The worker needs no ability that it can deny.
const NEWEST: ABI = ABI::V10;
