//! The mappings of this process, and the pages of mapped files.
#![expect(unsafe_code, reason = "gives memory back to the system")]

use std::{
    fs::File,
    io::{self, Read as _},
};

/// The list of this process's mappings, opened before the process loses access to it.
#[derive(Debug)]
pub(crate) struct Mappings(File);

impl Mappings {
    /// Opens the list.
    pub(crate) fn open() -> io::Result<Self> {
        File::open("/proc/self/maps").map(Self)
    }

    /// Removes the pages of mapped files from this process's memory. They stay in the system's
    /// cache, and come back one by one when they are used. llama.cpp reads the whole model file into
    /// memory, and then sets up the KV cache: without this, both are at their largest at once. If
    /// the list cannot be read, nothing happens.
    pub(crate) fn release_files(&mut self) {
        let mut list = String::new();
        if self.0.read_to_string(&mut list).is_err() {
            return;
        }
        for (start, length) in list.lines().filter_map(shared_file) {
            // SAFETY: a shared mapping of a file: its bytes are those of the file, with or without
            // pages in this process's memory.
            unsafe {
                libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED);
            }
        }
    }
}

/// Reads one line of the list; returns start and length of a mapping of a file that is shared and
/// read-only.
fn shared_file(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (access, inode) = (fields.next()?, fields.nth(2)?);
    let [start, end] = [start, end].map(|at| usize::from_str_radix(at, 16).ok());
    let (start, end) = (start?, end?);
    (access == "r--s" && inode != "0").then_some((start, end.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shared_read_only_mappings_of_files_are_released() {
        let line = |access: &str, inode: u32| {
            format!("7fd93ffb3000-7fd945bcf000 {access} 001b3000 fe:00 {inode}    /a/model.gguf")
        };
        assert_eq!(shared_file(&line("r--s", 7)), Some((0x7fd9_3ffb_3000, 0x5c1_c000)));
        for (access, inode) in [("r--p", 7), ("rw-s", 7), ("r-xs", 7), ("r--s", 0)] {
            assert_eq!(shared_file(&line(access, inode)), None);
        }
        assert_eq!(shared_file("a b c"), None);
    }
}
