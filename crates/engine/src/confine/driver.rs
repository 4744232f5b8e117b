//! The files that the driver of a graphics card needs.
//!
//! The gateway may use them, because a worker inherits its rules. A worker may read the driver's
//! files until the driver has started, and use the device nodes until it serves.

use std::{
    fs::File,
    io,
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{Unconfined, files::Rule};

/// The driver's files that exist here, opened as paths only.
#[derive(Debug, Default)]
pub(super) struct Driver {
    folders: Vec<File>,
    files: Vec<File>,
    nodes: Vec<File>,
}

impl Driver {
    /// Finds all files of drivers.
    ///
    /// # Errors
    /// If one is there, but cannot be opened.
    pub(super) fn find() -> Result<Self, Unconfined> {
        let mut found = Self::nodes_alone()?;
        for path in READ {
            let Some(file) = open(Path::new(path))? else { continue };
            let folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
            if folder { &mut found.folders } else { &mut found.files }.push(file);
        }
        Ok(found)
    }

    /// Finds the device nodes.
    ///
    /// # Errors
    /// If one is there, but cannot be opened.
    pub(super) fn nodes_alone() -> Result<Self, Unconfined> {
        let mut found = Self::default();
        for path in candidates() {
            found.nodes.extend(open(&path)?);
        }
        Ok(found)
    }

    /// Returns the rules that allow them.
    pub(super) fn rules(&self) -> Vec<Rule<'_>> {
        let folders = self.folders.iter().map(|file| Rule::read_below(file.as_fd()));
        let files = self.files.iter().map(|file| Rule::read(file.as_fd()));
        let nodes = self.nodes.iter().map(|file| Rule::control(file.as_fd()));
        folders.chain(files).chain(nodes).collect()
    }
}

/// Returns whether this machine has a device node of a graphics card.
#[must_use]
pub fn has_device_node() -> bool {
    candidates().any(|path| path.exists())
}

/// The names that kernels give to device nodes for computing. Not those for screens (`card0`), and
/// no listing of `/dev`, which a confined process cannot read.
fn candidates() -> impl Iterator<Item = PathBuf> {
    let render = (128..192).map(|number| format!("/dev/dri/renderD{number}"));
    let nvidia = (0..32).map(|number| format!("/dev/nvidia{number}"));
    let caps = (0..32).map(|number| format!("/dev/nvidia-caps/nvidia-cap{number}"));
    let fixed = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"];
    let fixed = fixed.into_iter().map(str::to_owned);
    render.chain(nvidia).chain(caps).chain(fixed).map(PathBuf::from)
}

fn open(path: &Path) -> Result<Option<File>, Unconfined> {
    match File::options().read(true).custom_flags(libc::O_PATH).open(path) {
        Ok(file) => Ok(Some(file)),
        // A missing file needs no rule.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unconfined::Path { path: path.to_owned(), error: error.to_string() }),
    }
}

/// Libraries, descriptions of drivers, and facts about cards. Nothing of other processes: of `/proc`
/// only facts about the machine.
const READ: &[&str] = &[
    // The loader and the libraries of drivers.
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/cuda",
    "/usr/local/lib",
    // Descriptions and settings of drivers.
    "/etc/drirc",
    "/etc/nvidia",
    "/etc/vulkan",
    "/usr/local/share/vulkan",
    "/usr/share/drirc.d",
    "/usr/share/libdrm",
    "/usr/share/nvidia",
    "/usr/share/vulkan",
    // Facts about the machine and its cards. `/dev/dri` can be listed, but only its render nodes
    // can be opened for writing.
    "/dev/dri",
    "/proc/cpuinfo",
    "/proc/devices",
    "/proc/driver/nvidia",
    "/proc/meminfo",
    "/proc/modules",
    "/sys/bus/pci/devices",
    "/sys/class/drm",
    "/sys/dev/char",
    "/sys/devices",
    "/sys/module/nvidia",
];
