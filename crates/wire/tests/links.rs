//! `wire` links a short list of packages: no HTTP, no database, no model runtime, no async runtime,
//! no system calls. So its tests and fuzz targets build in seconds, and a parser of foreign bytes
//! has nothing to attack but memory-safe code without I/O.

use std::{collections::BTreeSet, process::Command};

/// Every package that `wire` links, Bailiwick's own first.
const LINKED: &str = "
    wire engine policy
    serde serde_core serde_derive serde_json serde_path_to_error itoa memchr zmij
    utoipa utoipa-gen indexmap equivalent hashbrown foldhash
    thiserror thiserror-impl proc-macro2 quote syn unicode-ident
    base64 bytes zeroize
    flate2 miniz_oxide adler2 simd-adler32 crc32fast cfg-if
    ruzstd twox-hash
    sha2 digest block-buffer crypto-common hybrid-array typenum const-oid cpufeatures
";

#[test]
fn nothing_else_is_linked() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--offline", "--package", "wire", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let found: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let listed: BTreeSet<&str> = LINKED.split_whitespace().collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "{new:?}: does `wire` need it, and is it pure? then list it here");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "{gone:?} is no longer linked; remove it here");
}
