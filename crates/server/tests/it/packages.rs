//! The auditors' packages: `bailiwick-audit`, the wheel for Python and the package for npm, as
//! `scripts/packages.sh` builds and installs them. They must give the same findings as
//! `bailiwick verify`, in the same words.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::{
    process::{bailiwick, project, succeed},
    records::{Auditor, receipt},
    service::{CHAT, chat_path, shared},
};

/// Builds and installs the packages unless that was done before.
pub(crate) fn install() {
    succeed(Command::new(project().join("scripts/packages.sh")).arg("tests"));
}

/// Returns a program and its first arguments.
pub(crate) fn program(name: &str) -> Command {
    let home = project();
    let mut command = match name {
        "bailiwick" => bailiwick(),
        "static" => {
            let name = format!("dist/bailiwick-audit-{}-linux", std::env::consts::ARCH);
            Command::new(home.join(name))
        }
        "python" => Command::new(home.join(".cache/audit/python/bin/bailiwick-audit")),
        _ => {
            let mut node = Command::new(home.join(".cache/venv/bin/node"));
            node.arg(home.join(".cache/audit/npm/node_modules/bailiwick-audit/cli.js"));
            node
        }
    };
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Returns the exit status and outputs of one program.
fn run(name: &str, folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = program(name);
    let Output { status, stdout, stderr } =
        command.current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Copies a file with its middle byte changed.
fn changed(folder: &Path, from: &str, to: &str) {
    let mut bytes = fs::read(folder.join(from)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.join(to), bytes).unwrap();
}

#[test]
fn all_of_them_find_the_same_of_a_real_service_and_say_the_same() {
    install();
    let shared = shared();
    let (caller, auditor) = (&shared.demo, Auditor::new(&shared.service));
    let body = caller.short();
    let reply = caller.post(&chat_path(CHAT), &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    auditor.save("request", body.to_string().as_bytes());
    auditor.save("response", &reply.body);
    let saved = auditor.save("receipt", &receipt(caller, &reply).body);
    let folder = saved.parent().unwrap();
    let url = format!("http://{}", caller.address);
    let mirror = ["mirror", &url, "log", "--service-key", "service.pub"];
    let (status, text, trouble) = run("static", folder, &mirror);
    assert_eq!(status, Some(0), "{text}{trouble}");
    succeed(Command::new("cp").args(["-r", "log", "forged"]).current_dir(folder));
    succeed(Command::new("cp").args(["-r", "log", "cut"]).current_dir(folder));
    let tile = first_bundle(&folder.join("log"));
    changed(folder, &format!("log/{tile}"), &format!("forged/{tile}"));
    fs::remove_file(folder.join("cut").join(&tile)).unwrap();
    changed(folder, "receipt", "forged-receipt");
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let id = reply.header("x-request-id").unwrap();
    let bodies = ["--request", "request", "--response", "response"];
    let cases: [(i32, Vec<&str>); 12] = [
        (0, [&["receipt", "receipt"], &bodies[..]].concat()),
        (0, [&["receipt", "receipt", "--log", "log"], &bodies[..]].concat()),
        (0, vec!["receipt", "receipt", "--json"]),
        (1, vec!["receipt", "receipt", "--request", "response"]),
        (1, vec!["receipt", "receipt", "--log", "forged"]),
        (0, vec!["log", "log", "--request", id, "--older", "log/checkpoint"]),
        (1, vec!["log", "forged"]),
        (3, vec!["log", "cut", "--json"]),
        (2, vec!["receipt", "absent"]),
        (2, vec!["receipt", "request"]),
        (2, vec!["log", "log", "--service-key", other]),
        (2, vec!["log", "absent", "--service-key", "absent.pub"]),
    ];
    let forged = run("bailiwick", folder, &["verify", "receipt", "forged-receipt"]);
    assert!(forged.0 == Some(1) || forged.0 == Some(2), "{forged:?}");
    let forged = (forged.0.unwrap(), vec!["receipt", "forged-receipt"]);
    for (expected, arguments) in cases.into_iter().chain([forged]) {
        let arguments = [&["verify"], &arguments[..]].concat();
        let said = run("bailiwick", folder, &arguments);
        assert_eq!(said.0, Some(expected), "{arguments:?}: {said:?}");
        for name in ["static", "python", "npm"] {
            assert_eq!(run(name, folder, &arguments), said, "{name} {arguments:?}");
        }
    }
}

/// Returns the first bundle of entries in a log's folder, full or partial.
fn first_bundle(log: &Path) -> String {
    let whole = "tile/entries/000";
    if log.join(whole).is_file() {
        return whole.to_owned();
    }
    let part = fs::read_dir(log.join("tile/entries/000.p")).unwrap().next().unwrap().unwrap();
    format!("tile/entries/000.p/{}", part.file_name().to_str().unwrap())
}

#[test]
fn python_judges_the_vectors_as_their_names_say() {
    install();
    let mut python = Command::new(project().join(".cache/audit/python/bin/python"));
    python.current_dir(project().join("tests/audit")).env("PYTHONDONTWRITEBYTECODE", "1");
    succeed(python.args(["-m", "unittest", "test_audit.py"]));
}

#[test]
fn javascript_judges_the_vectors_as_their_names_say() {
    install();
    let package = project().join(".cache/audit/npm/node_modules/bailiwick-audit");
    let mut node = Command::new(project().join(".cache/venv/bin/node"));
    node.current_dir(project().join("tests/audit")).env("BAILIWICK_AUDIT_PACKAGE", package);
    succeed(node.args(["--test", "audit.test.js"]));
}

/// The packages have the program's version, and the documents name their files.
#[test]
fn the_packages_have_the_version_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    let read = |file: &str| fs::read_to_string(project().join(file)).unwrap();
    assert!(read("packages/python/pyproject.toml").contains(&format!("version = \"{version}\"")));
    assert!(read("packages/npm/package.json").contains(&format!("\"version\": \"{version}\"")));
    for document in ["docs/operate/verify.md", "packages/python/README.md"] {
        let wheel = format!("bailiwick_audit-{version}-py3-none-any.whl");
        assert!(read(document).contains(&wheel), "{document}");
    }
    for document in ["docs/operate/verify.md", "packages/npm/README.md"] {
        assert!(read(document).contains(&format!("bailiwick-audit-{version}.tgz")), "{document}");
    }
}

/// The auditors' program uses no shared libraries of the machine, and is small.
#[test]
fn the_program_is_static() {
    install();
    let file = program("static");
    let bytes = fs::read(file.get_program()).unwrap();
    assert!(bytes.len() < 8 * 1024 * 1024, "{} bytes", bytes.len());
    // ELF: no segment names an interpreter (PT_INTERP, 3), which would load shared libraries.
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    assert_eq!(&bytes[..5], b"\x7fELF\x02");
    let start = u64::from_le_bytes(bytes[32..40].try_into().unwrap());
    let (size, count) = (usize::from(number(54)), usize::from(number(56)));
    for at in (0..count).map(|n| usize::try_from(start).unwrap() + n * size) {
        let kind = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_ne!(kind, 3, "it needs an interpreter");
    }
}
