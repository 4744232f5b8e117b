//! A backup while the service runs, requests in between, the loss of the data directory, and a
//! restore: the old log ends, its successor continues, and customers, auditors and the witness can
//! follow.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::Request,
    process::{bailiwick, eventually, succeed},
    records::{Auditor, claims, receipt},
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses},
    witness::Witness,
};

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn command(files: &Files, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command: Command = files.command();
    command.args(arguments).envs(settings.iter().copied()).output().unwrap()
}

fn refused(files: &Files, settings: &[(&str, &str)]) -> String {
    let [api, operations] = free_addresses().map(|address| address.to_string());
    let listen = [("BAILIWICK_LISTEN__API", &*api), ("BAILIWICK_LISTEN__OPERATIONS", &*operations)];
    let output = command(files, &[&listen[..], settings].concat(), &["serve"]);
    assert!(!output.status.success(), "{}", output_text(&output));
    output_text(&output)
}

fn checkpoint(service: &Service) -> Vec<u8> {
    Request::get("/log/checkpoint").send(service.api).body
}

fn copy(from: &Path, to: &Path) {
    succeed(Command::new("cp").arg("-a").args([from, to]));
}

#[test]
fn a_restored_service_goes_on_as_the_successor_of_the_log_that_ended() {
    let home = TempDir::with_prefix("bailiwick-").unwrap();
    let service = Service::start(&[]);
    let caller = service.caller("restored");
    let auditor = Auditor::new(&service);
    let files = service.into_files();
    let witness = Witness::start(home.path(), &files.data().join("service.pub"));
    let settings = witness.settings();
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let service = Service::begin(files, free_addresses(), &settings);
    service.wait_until_ready();
    let caller = Caller { address: service.api, ..caller };
    let kept = caller.post(&chat_path(CHAT), &caller.short());
    auditor.save("kept", &receipt(&caller, &kept).body);
    auditor.save("common", &checkpoint(&service));
    let backup = home.path().join("backup");
    let folder = backup.to_str().unwrap();
    let made = command(&service.files, &[], &["backup", folder]);
    assert!(made.status.success() && output_text(&made).contains("not in it: the key directory"));
    let again = command(&service.files, &[], &["backup", folder]);
    assert!(
        !again.status.success() && output_text(&again).contains("is not empty"),
        "{}",
        output_text(&again)
    );

    let lost = caller.post(&chat_path(CHAT), &caller.short());
    auditor.save("lost", &receipt(&caller, &lost).body);
    let head = checkpoint(&service);
    auditor.save("head", &head);
    let mirror = home.path().join("mirror");
    let public =
        auditor.save("mirrored.pub", &fs::read(service.files.data().join("service.pub")).unwrap());
    mirrored(&service, &mirror, &public);
    let files = service.into_files();
    let (data, old) = (files.data(), files.data().with_extension("old"));
    fs::rename(&data, &old).unwrap();
    // A copy by hand: the service starts neither with the backup nor with its database.
    copy(&backup, &data);
    assert!(refused(&files, &settings).contains("bailiwick restore"));
    fs::remove_file(data.join("manifest.json")).unwrap();
    assert!(refused(&files, &settings).contains("bailiwick restore"));
    fs::remove_dir_all(&data).unwrap();

    let log = old.join("log");
    let restore =
        ["restore", folder, "--reason", "the disk is dead", "--log", log.to_str().unwrap()];
    let (keys, aside) = (files.keys(), files.keys().with_extension("aside"));
    fs::rename(&keys, &aside).unwrap();
    let output = command(&files, &settings, &restore);
    assert!(!output.status.success() && output_text(&output).contains(keys.to_str().unwrap()));
    assert!(!data.exists(), "nothing is restored by half");
    fs::rename(&aside, &keys).unwrap();
    let output = command(&files, &settings, &restore);
    assert!(output.status.success(), "{}", output_text(&output));
    assert!(output_text(&output).contains("lost: 1 receipts"), "{}", output_text(&output));

    let service = Service::begin(files, free_addresses(), &settings);
    service.wait_until_ready();
    let caller = Caller { address: service.api, ..caller };
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    assert_eq!(claims(&caller, &kept)["outcome"], "answered");
    assert_eq!(receipt(&caller, &lost).status, 404);
    the_witness_follows(&service);
    // A mirror of the old log follows with the old key, and preserves the entries that the
    // successor lacks.
    assert!(mirrored(&service, &mirror, &public).contains("the log that ended is stored in"));
    let ended = fs::read_dir(mirror.join("ended")).unwrap().next().unwrap().unwrap().path();
    let signed =
        |note: &[u8]| note.split(|byte| *byte == b'\n').take(3).collect::<Vec<_>>().concat();
    assert_eq!(signed(&fs::read(ended.join("checkpoint")).unwrap()), signed(&head));
    assert!(mirrored(&service, &mirror, &public).contains("VERIFIED"));
    assert!(!mirror.join("evidence").exists());
    // With the old public key: both receipts, and the log, from earlier checkpoints and from its
    // head.
    let folder = data.join("log");
    let folder = folder.to_str().unwrap();
    for name in ["kept", "lost"] {
        let (good, text) = auditor.verify(&["receipt", name]);
        assert!(good, "{text}");
    }
    let (good, text) = auditor.verify(&["receipt", "kept", "--log", folder]);
    assert!(good, "{text}");
    for (older, says) in [("common", "it continues the older"), ("head", "names it as its head")] {
        let (good, text) =
            auditor.verify(&["log", folder, "--older", older, "--witness", &witness.key]);
        assert!(good && text.contains(says), "{text}");
        assert!(text.contains("restored from a backup"), "{text}");
    }
    // With the new key, too.
    fs::copy(data.join("service.pub"), auditor.save("service.pub", b"")).unwrap();
    auditor.save("again", &receipt(&caller, &kept).body);
    for arguments in [&["receipt", "again", "--log", folder][..], &["log", folder]] {
        let (good, text) = auditor.verify(arguments);
        assert!(good, "{text}");
    }
}

/// Mirrors the log of a service; returns the command's output.
fn mirrored(service: &Service, folder: &Path, key: &Path) -> String {
    let url = format!("http://{}", service.api);
    let output = bailiwick()
        .args(["mirror", &url])
        .arg(folder)
        .arg("--service-key")
        .arg(key)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output_text(&output));
    output_text(&output)
}

fn the_witness_follows(service: &Service) {
    eventually("the witness follows", || {
        let reply = Request::get("/readyz").send(service.operations);
        let json: Value = serde_json::from_slice(&reply.body).unwrap();
        let witness = &json["witnesses"][0];
        (witness["size"].as_u64() > Some(0) && witness["error"].is_null()).then_some(())
    });
}
