//! The files that pages load: one stylesheet, one script, and the checker as WebAssembly. They are in
//! the program. Each name has a part of the file's SHA-256, so that a page never gets another
//! version's file.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its name: `style.0123456789abcdef.css`.
    pub name: String,
    /// Its media type.
    pub kind: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

impl Asset {
    fn of(stem: &str, end: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { name: format!("{stem}.{hash}.{end}"), kind, bytes }
    }

    /// Returns the address, without the server's name.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{FOLDER}{}", self.name)
    }
}

/// The folder of the files in addresses.
pub const FOLDER: &str = "/trust/files/";

/// Returns the file with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Asset> {
    [style(), script(), checker(), sign(), enroll(), reading()]
        .into_iter()
        .find(|asset| asset.name == name)
}

/// The stylesheet of all pages.
pub(crate) fn style() -> &'static Asset {
    static STYLE_FILE: OnceLock<Asset> = OnceLock::new();
    STYLE_FILE
        .get_or_init(|| Asset::of("style", "css", "text/css; charset=utf-8", STYLE.as_bytes()))
}

/// The script of the receipt checker.
pub(crate) fn script() -> &'static Asset {
    static SCRIPT: OnceLock<Asset> = OnceLock::new();
    SCRIPT.get_or_init(|| Asset::of("check", "js", SCRIPT_KIND, script_text().as_bytes()))
}

/// The checker: `audit-wasm`, compressed by gzip. The script unpacks it.
pub(crate) fn checker() -> &'static Asset {
    static CHECKER: OnceLock<Asset> = OnceLock::new();
    CHECKER.get_or_init(|| Asset::of("audit", "wasm.gz", "application/gzip", MODULE))
}

/// The script that signs with a passkey.
pub(crate) fn sign() -> &'static Asset {
    static SIGN: OnceLock<Asset> = OnceLock::new();
    SIGN.get_or_init(|| Asset::of("sign", "js", SCRIPT_KIND, SIGN_SCRIPT.as_bytes()))
}

/// The script that makes a passkey.
pub(crate) fn enroll() -> &'static Asset {
    static ENROLL: OnceLock<Asset> = OnceLock::new();
    ENROLL.get_or_init(|| Asset::of("enroll", "js", SCRIPT_KIND, ENROLL_SCRIPT.as_bytes()))
}

/// The script of the reading view.
pub(crate) fn reading() -> &'static Asset {
    static READING: OnceLock<Asset> = OnceLock::new();
    READING.get_or_init(|| Asset::of("reading", "js", SCRIPT_KIND, READING_SCRIPT.as_bytes()))
}

/// Returns the script: the functions of the npm package that ask the module, and the page's own. One
/// text, because a saved page cannot import another file.
pub(crate) fn script_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{}\n{PAGE_SCRIPT}", CORE.replace("\nexport ", "\n")))
}

/// The text of the stylesheet.
pub(crate) const STYLE: &str = include_str!("assets/style.css");

/// `audit-wasm`, built by `scripts/pages.sh` and compressed.
const MODULE: &[u8] = include_bytes!("assets/audit.wasm.gz");

const SCRIPT_KIND: &str = "text/javascript; charset=utf-8";

const SIGN_SCRIPT: &str = include_str!("assets/sign.js");

const ENROLL_SCRIPT: &str = include_str!("assets/enroll.js");

const READING_SCRIPT: &str = include_str!("assets/reading.js");

const PAGE_SCRIPT: &str = include_str!("assets/check.js");

/// The functions that put a question to the module, as the npm package has them.
const CORE: &str = include_str!("../../../packages/npm/core.js");

/// The policy of a page without a script: nothing but the stylesheet, and forms that lead here.
#[must_use]
pub fn policy() -> String {
    format!("default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; {NO_FRAMES}")
}

/// The policy of the receipt checker: besides, its script, which fetches and runs the checker.
#[must_use]
pub fn policy_with_script() -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; \
         connect-src 'self'; form-action 'none'; {NO_FRAMES}"
    )
}

/// The policy of the pages of signed-in people: our own scripts run, and nothing can be sent elsewhere.
#[must_use]
pub fn policy_of_person() -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; form-action 'self'; \
         {NO_FRAMES}"
    )
}

/// The policy of the playground's answer: that of a signed-in person's page, and its script fetches and
/// runs the receipt checker.
#[must_use]
pub fn policy_of_playground() -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; \
         connect-src 'self'; form-action 'self'; {NO_FRAMES}"
    )
}

/// The policy of the saved page: its own script and style, by hash, and no network.
pub(crate) fn policy_of_saved() -> String {
    format!(
        "default-src 'none'; style-src '{}'; img-src data:; script-src '{}' 'wasm-unsafe-eval'; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(script_text())
    )
}

const NO_FRAMES: &str = "base-uri 'none'; frame-ancestors 'none'";

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn files_are_found_by_their_names_only() {
        for asset in [style(), script(), checker(), sign(), enroll(), reading()] {
            assert_eq!(find(&asset.name).unwrap().bytes, asset.bytes);
        }
        assert!(find("style.css").is_none() && find("../Cargo.toml").is_none());
    }

    #[test]
    fn style_and_script_load_nothing_from_elsewhere() {
        for text in [STYLE, script_text(), SIGN_SCRIPT, READING_SCRIPT] {
            for foreign in ["http:", "https:", "//www", "@import", "url("] {
                assert!(!text.contains(foreign), "{foreign}");
            }
        }
        for code in ["eval(", "innerHTML", "document.write", "localStorage", "import "] {
            for script in [script_text(), SIGN_SCRIPT, READING_SCRIPT] {
                assert!(!script.contains(code), "{code}");
            }
        }
        assert!(!script_text().contains("export "));
    }

    /// A WebAssembly module without imports reaches nothing but its own memory.
    #[test]
    fn the_checker_is_a_module_without_imports() {
        let mut module = Vec::new();
        flate2::read::GzDecoder::new(MODULE).read_to_end(&mut module).unwrap();
        assert!(module.starts_with(b"\0asm\x01\0\0\0"));
        let mut rest = &module[8..];
        while let [kind, after @ ..] = rest {
            let (length, after) = number(after);
            assert_ne!(*kind, 2, "an import section");
            rest = &after[length..];
        }
    }

    /// Reads a number of WebAssembly: LEB128.
    fn number(mut bytes: &[u8]) -> (usize, &[u8]) {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            bytes = &bytes[1..];
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return (value, bytes);
            }
        }
    }
}
