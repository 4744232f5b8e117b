//! Landlock: which files and ports a process can reach. A worker: one model file, then none. Who
//! keeps the keys: their folder.
//!
//! Rules are enforced by the kernel beneath system calls, so they hold even where the filter of
//! [`super::syscalls`] lets a call pass.

use std::os::fd::BorrowedFd;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    NetPort, PathBeneath, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope,
};

use super::Unconfined;

/// What may be done with one file, or with what is in one folder.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    beneath: BorrowedFd<'a>,
    access: BitFlags<AccessFs>,
}

impl<'a> Rule<'a> {
    /// A file may be read.
    pub(super) fn read(file: BorrowedFd<'a>) -> Self {
        Self { beneath: file, access: AccessFs::ReadFile.into() }
    }

    /// Plain files in a folder may be read, written, made and removed. No links, no devices, no
    /// programs, and nothing is moved out.
    pub(super) fn keep(folder: BorrowedFd<'a>) -> Self {
        let access = AccessFs::ReadFile
            | AccessFs::ReadDir
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::RemoveFile;
        Self { beneath: folder, access }
    }

    /// What is in a folder may be read.
    pub(super) fn read_below(folder: BorrowedFd<'a>) -> Self {
        Self { beneath: folder, access: AccessFs::ReadFile | AccessFs::ReadDir }
    }

    /// A program may be started.
    pub(super) fn run(file: BorrowedFd<'a>) -> Self {
        Self { beneath: file, access: AccessFs::ReadFile | AccessFs::Execute }
    }

    /// Programs in a folder may be started, and what they are linked to read.
    pub(super) fn run_below(folder: BorrowedFd<'a>) -> Self {
        let access = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
        Self { beneath: folder, access }
    }

    /// A device may be read and written.
    pub(super) fn device(file: BorrowedFd<'a>) -> Self {
        Self { beneath: file, access: AccessFs::ReadFile | AccessFs::WriteFile }
    }

    /// Plain files and folders below a folder may be read, written, made, moved and removed. No
    /// links, devices, sockets or programs.
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

/// A TCP port, and whether it may be listened on or dialed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// It may be listened on; 0 is a port that the system chooses.
    Listen(u16),
    /// It may be dialed.
    Dial(u16),
}

/// Denies every access that this kernel's Landlock knows, but for `rules` and `ports`; returns the
/// version of Landlock in force.
///
/// It holds for the calling thread and the threads it starts from then on.
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

/// The newest version that the crate knows: the worker needs none of what it can deny.
const NEWEST: ABI = ABI::V10;
