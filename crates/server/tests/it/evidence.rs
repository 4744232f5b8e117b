//! One signed bundle of a running service: verified by the program, by tar, sha256sum and OpenSSL, and
//! refused after changes.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    process::{bailiwick, succeed},
    service::Service,
};

/// Makes bundles beside the running service, and checks them. The texts must not be in them.
pub(crate) fn a_bundle_is_verified_offline(service: &Service, texts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let key = service.files.data().join("service.pub");
    let make = |name: &str, more: &[&str]| {
        let day = &today();
        let mut command = service.files.command();
        command.args(["evidence", "--json", "--from", "2020-01", "--to", day, "--out"]);
        let made = succeed(command.arg(path(name)).args(more));
        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(made["verdict"], "verified", "{made:#}");
    };
    make("evidence.tar", &[]);
    make("whole.tar", &["--whole-log"]);
    for name in ["evidence.tar", "whole.tar"] {
        let (status, text) = verify(&key, &path(name), &[]);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("the operator states kept: P1, P2, P3"), "{text}");
        assert!(text.contains("the operator states stale: P12"), "{text}");
    }
    let (status, text) = verify(&key, &path("whole.tar"), &[]);
    assert!(status == Some(0) && text.contains("none after its deadline"), "{text}");
    // With the log beside it, the rules are checked for the shorter one, too.
    let log = service.files.data().join("log");
    let (status, text) = verify(&key, &path("evidence.tar"), &["--log", log.to_str().unwrap()]);
    assert!(status == Some(0) && text.contains("it continues the older checkpoint"), "{text}");

    // A second way: tar unpacks it, and sha256sum agrees with the list.
    let unpacked = path("unpacked");
    fs::create_dir(&unpacked).unwrap();
    succeed(Command::new("tar").arg("-xf").arg(path("whole.tar")).arg("-C").arg(&unpacked));
    succeed(
        Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "manifest"])
            .current_dir(&unpacked),
    );
    let note = fs::read_to_string(unpacked.join("evidence.note")).unwrap();
    let list = succeed(Command::new("sha256sum").arg("manifest").current_dir(&unpacked));
    assert!(note.contains(&format!("manifest {}", list.split(' ').next().unwrap())), "{note}");
    openssl_verifies(&key, &note, folder.path());
    // The log in it is a log as any other.
    let mut as_log = bailiwick();
    as_log.args(["verify", "--service-key"]).arg(&key).arg("log").arg(unpacked.join("log"));
    succeed(&mut as_log);
    let claims: Value = read(&unpacked.join("claims.json"));
    assert!(claims["entries"]["request"].as_u64().unwrap() > 0, "{claims}");
    // No content, and no key.
    let bytes = fs::read(path("whole.tar")).unwrap();
    for text in texts {
        assert!(!crate::process::contains(&bytes, text.as_bytes()), "{text}");
    }

    are_refused(&key, folder.path(), &bytes);
}

/// OpenSSL checks the note's signature with the service's public key.
fn openssl_verifies(key: &Path, note: &str, folder: &Path) {
    let (text, line) = note.rsplit_once("\n\n").unwrap();
    let key = fs::read_to_string(key).unwrap();
    let (name, encoded) =
        (key.split('+').next().unwrap(), key.trim().splitn(3, '+').nth(2).unwrap());
    let signature = line.trim().strip_prefix(&format!("\u{2014} {name}/evidence ")).unwrap();
    // After the key's id of four bytes. The key has its type before it.
    let signature = STANDARD.decode(signature).unwrap().split_off(4);
    let public = STANDARD.decode(encoded).unwrap().split_off(1);
    let der = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &public].concat();
    fs::write(folder.join("key.der"), der).unwrap();
    fs::write(folder.join("signature"), signature).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]);
    openssl.args(["-inkey", "key.der", "-in", "text", "-sigfile", "signature"]);
    fs::write(folder.join("text"), format!("{text}\nmore\n")).unwrap();
    assert!(!openssl.output().unwrap().status.success());
    fs::write(folder.join("text"), format!("{text}\n")).unwrap();
    succeed(&mut openssl);
}

/// Changes, additions and removals, each with a reason.
fn are_refused(key: &Path, folder: &Path, good: &[u8]) {
    let bad = folder.join("bad.tar");
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&bad, bytes).unwrap();
        let (status, text) = verify(key, &bad, &[]);
        assert!(status == Some(1) && text.contains(words), "{status:?}, no `{words}`: {text}");
    };
    // One byte of each file.
    let mut at = 0;
    while good[at] != 0 {
        let name =
            String::from_utf8(good[at..at + 100].split(|byte| *byte == 0).next().unwrap().to_vec())
                .unwrap();
        let size =
            usize::from_str_radix(std::str::from_utf8(&good[at + 124..at + 135]).unwrap(), 8)
                .unwrap();
        if size > 0 {
            let mut changed = good.to_vec();
            changed[at + 512 + size / 2] ^= 1;
            let words = match name.as_str() {
                "evidence.note" => "evidence",
                "manifest" => "`manifest` is not the list",
                other => &format!("`{other}` is not the file"),
            };
            refused(&changed, words);
            // Without this file.
            let end = at + 512 + size.next_multiple_of(512);
            let gone = [&good[..at], &good[end..]].concat();
            if name == "evidence.note" {
                fs::write(&bad, &gone).unwrap();
                assert_eq!(verify(key, &bad, &[]).0, Some(2));
            } else {
                refused(
                    &gone,
                    if name == "manifest" { "is not in its place" } else { "is missing" },
                );
            }
            // Twice.
            refused(
                &[&good[..end], &good[at..]].concat(),
                "is not in its place, or is there twice",
            );
        }
        at += 512 + size.next_multiple_of(512);
    }
    refused(&good[..good.len() - 512], "belongs to no file of a bundle");
    // The key of another log.
    let other = tlog::note::Signer::new("other.example", &[9; 32]).unwrap().verifier().to_string();
    let key = folder.join("other.pub");
    fs::write(&key, other).unwrap();
    fs::write(&bad, good).unwrap();
    let (status, text) = verify(&key, &bad, &[]);
    assert!(status == Some(2) && text.contains("but the key is from `other.example`"), "{text}");
}

fn verify(key: &Path, bundle: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = bailiwick();
    command.args(["verify", "--service-key"]).arg(key).arg("evidence").arg(bundle).args(more);
    let output = command.output().unwrap();
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn today() -> String {
    let now_s = server::clock::read().wall_ms / 1000;
    audit::rfc3339(now_s)[..10].to_owned()
}
