//! A key directory that is not mounted, at the start and while the service runs: no data is
//! deleted.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{
    client::Request,
    process::{eventually, signal},
    records::{Auditor, claims},
    service::{CHAT, Files, Service, chat_path, free_addresses},
};

/// Starts the service, which must fail; returns its error output.
fn refused(files: &Files, options: &[&str]) -> String {
    let mut command: Command = files.command();
    command.arg("serve").args(options);
    for (name, address) in ["API", "OPERATIONS"].iter().zip(free_addresses()) {
        command.env(format!("BAILIWICK_LISTEN__{name}"), address.to_string());
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn readiness(service: &Service) -> (u16, String) {
    let reply = Request::get("/readyz").send(service.operations);
    let json: Value = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, json["trouble"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_key_directory_that_is_not_mounted_at_boot_is_a_refusal_that_says_what_to_do() {
    let service = Service::start(&[]);
    let caller = service.caller("unmounted");
    let reply = caller.post(&chat_path(CHAT), &caller.short());
    let key = claims(&caller, &reply)["retention"]["key"].clone();
    let files = service.into_files();
    let (keys, aside) = (files.keys(), files.keys().with_extension("aside"));
    fs::rename(&keys, &aside).unwrap();
    let text = refused(&files, &[]);
    for part in [keys.to_str().unwrap(), "1 keys", "mount it", "serve --keys-are-lost"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // An empty directory is not a key directory: it only exists because a confinement rule needs a
    // path.
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 0, "nothing is made in its place");
    fs::rename(&aside, &keys).unwrap();

    // The directory is back with all keys; `--keys-are-lost` is refused because no key is missing.
    let text = refused(&files, &["--keys-are-lost"]);
    assert!(text.contains("no key is missing"), "{text}");
    let service = Service::begin(files, free_addresses(), &[]);
    service.wait_until_ready();
    let caller = crate::service::Caller { address: service.api, ..caller };
    assert_eq!(claims(&caller, &reply)["retention"]["key"], key);
    assert!(service.files.keys().join("records").read_dir().unwrap().count() == 1);
    let auditor = Auditor::new(&service);
    let log = service.files.data().join("log");
    let (good, text) = auditor.verify(&["log", log.to_str().unwrap()]);
    assert!(good && text.contains("keys: 1 made, 0 destroyed"), "{text}");
}

#[test]
fn keys_that_are_lost_for_good_are_said_to_be_lost_in_the_log() {
    let service = Service::start(&[]);
    let caller = service.caller("lost");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let files = service.into_files();
    fs::remove_dir_all(files.keys()).unwrap();
    let service = Service::begin_with(files, free_addresses(), &["--keys-are-lost"], &[]);
    service.wait_until_ready();
    let caller = crate::service::Caller { address: service.api, ..caller };
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let auditor = Auditor::new(&service);
    let log = service.files.data().join("log");
    eventually("the log says that a key was lost", || {
        let (good, text) = auditor.verify(&["log", log.to_str().unwrap()]);
        (good && text.contains("1 key was lost, not destroyed")).then_some(())
    });
}

#[test]
fn a_key_directory_that_goes_while_the_service_runs_is_told_and_nothing_is_deleted() {
    let service = Service::start(&[]);
    let caller = service.caller("unplugged");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let (keys, aside) = (service.files.keys(), service.files.keys().with_extension("aside"));
    fs::rename(&keys, &aside).unwrap();
    eventually("it is told", || {
        let (status, told) = readiness(&service);
        (status == 503 && told.contains("key directory")).then_some(())
    });
    caller.post(&chat_path(CHAT), &caller.short()).error(503);
    // The custodian is restarted, and finds an empty mount point.
    fs::create_dir(&keys).unwrap();
    let custodian = crate::records::custodian_of(&service);
    signal("KILL", custodian);
    caller.post(&chat_path(CHAT), &caller.short()).error(503);
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 0, "nothing is made in an empty mount point");
    fs::remove_dir(&keys).unwrap();
    fs::rename(&aside, &keys).unwrap();
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    eventually("it notices by itself", || (readiness(&service).0 == 200).then_some(()));
    assert_eq!(fs::read_dir(keys.join("records")).unwrap().count(), 1);
}

/// Every request of one tenant gets a 503: the service is not ready, and names the tenant by its
/// id.
#[test]
fn a_tenant_whose_key_is_damaged_is_named_by_its_id() {
    let service = Service::start(&[]);
    let caller = service.caller("damaged");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let kek = fs::read_dir(service.files.keys().join("tenants")).unwrap().next().unwrap().unwrap();
    let tenant = kek.file_name().into_string().unwrap();
    let tenant = tenant.strip_suffix(".kek").unwrap();
    let kept = fs::read(kek.path()).unwrap();
    fs::write(kek.path(), [7; 32]).unwrap();
    let files = service.into_files();
    let service = Service::begin(files, free_addresses(), &[]);
    let caller = crate::service::Caller { address: service.api, ..caller };
    eventually("it is told", || {
        Service::answers(service.operations, "/healthz").then_some(())?;
        let (status, told) = readiness(&service);
        (status == 503 && told.contains(tenant) && !told.contains("damaged tenant")).then_some(())
    });
    eventually("the worker is there", || {
        let reply = caller.post(&chat_path(CHAT), &caller.short());
        (reply.status == 503).then_some(())
    });
    let (status, told) = readiness(&service);
    assert!(status == 503 && told.contains(tenant), "{told}");
    fs::write(kek.path(), kept).unwrap();
    service.wait_until_ready();
    caller.post(&chat_path(CHAT), &caller.short()).ok();
}
