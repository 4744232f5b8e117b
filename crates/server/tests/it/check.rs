//! `bailiwick serve --check` accepts a configuration only if a start would succeed; otherwise it
//! names each bad file and the remedy.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::{
    process::{bailiwick, eventually},
    service::{Files, Service, free_addresses},
};

/// Checks `text`; returns the exit code and the output.
fn check(folder: &Path, text: &str) -> (i32, String) {
    let file = folder.join("bailiwick.toml");
    fs::write(&file, text).unwrap();
    let output = bailiwick().args(["serve", "--check", "--config"]).arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

fn listen() -> String {
    let [api, operations] = free_addresses();
    format!("[listen]\napi = '{api}'\noperations = '{operations}'\n")
}

/// Certificates: one valid pair, and all kinds of invalid ones.
struct Pems(TempDir);

impl Pems {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in ["good", "other"] {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            write(&format!("{name}.pem"), &certificate.self_signed(&key).unwrap().pem());
            write(&format!("{name}-key.pem"), &key.serialize_pem());
        }
        let mut old = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        old.not_before = rcgen::date_time_ymd(2020, 1, 1);
        old.not_after = rcgen::date_time_ymd(2021, 1, 1);
        let key = KeyPair::generate().unwrap();
        write("old.pem", &old.self_signed(&key).unwrap().pem());
        write("old-key.pem", &key.serialize_pem());
        write("empty.pem", "");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn section(&self, section: &str, certificate: &str, key: &str) -> String {
        let (certificate, key) = (self.path(certificate), self.path(key));
        format!("[{section}]\ncertificate = '{certificate}'\nkey = '{key}'\n")
    }
}

#[test]
fn what_would_fail_at_a_start_fails_the_check_by_name() {
    let (folder, pems) = (TempDir::new().unwrap(), Pems::new());
    let data = folder.path().join("data");
    let base = format!("data = '{}'\n{}", data.display(), listen());
    let (code, said) = check(folder.path(), &base);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the configuration is good"), "{said}");
    assert!(!data.exists(), "a check made something");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (address, taken)).unwrap();
    let review = |ca: &str| {
        let [address, _] = free_addresses();
        pems.section("review", "good.pem", "good-key.pem")
            + &format!("listen = '{address}'\nworkstation_ca = '{}'\n", pems.path(ca))
    };
    let cases = [
        (pems.section("tls", "absent.pem", "good-key.pem"), vec!["absent.pem"]),
        (pems.section("tls", "good.pem", "absent-key.pem"), vec!["absent-key.pem"]),
        (pems.section("tls", "empty.pem", "good-key.pem"), vec!["empty.pem"]),
        (pems.section("tls", "good.pem", "other-key.pem"), vec!["other-key.pem"]),
        (pems.section("tls", "old.pem", "old-key.pem"), vec!["old.pem", "expired", "renew"]),
        (pems.section("operations", "good.pem", "other-key.pem"), vec!["other-key.pem"]),
        (review("empty.pem"), vec!["empty.pem"]),
        (review("absent.pem"), vec!["absent.pem"]),
        (
            format!("[[egress]]\nurl = 'https://a.example'\nca_file = '{}'\n", pems.path("no.pem")),
            vec!["no.pem", "egress"],
        ),
        (
            "[identity]\nissuers = [{ issuer = 'https://login.example', audiences = ['a'], tenants = \
             { '72f988bf-86f1-41af-91ab-2d7cd011db47' = 'x' } }]\n"
                .to_owned(),
            vec!["https://login.example", "[[egress]]"],
        ),
    ];
    for (text, named) in cases {
        let (code, said) = check(folder.path(), &(base.clone() + &text));
        assert_ne!(code, 0, "{text}: {said}");
        assert!(!said.contains("is good"), "{said}");
        for name in named {
            assert!(said.contains(name), "{name}: {text}: {said}");
        }
        // A start must fail as well.
        let file = folder.path().join("bailiwick.toml");
        if !text.contains("old.pem") {
            let start = bailiwick().args(["serve", "--config"]).arg(&file).output().unwrap();
            assert_ne!(start.status.code(), Some(0), "{text}");
        }
        let _ = fs::remove_dir_all(&data);
        let _ = fs::remove_dir_all(folder.path().join("data-keys"));
    }
    // All problems at once; each is named.
    let all = base.replace(&base[base.find("api = ").unwrap()..], "")
        + &format!("api = '{}'\noperations = '192.0.2.1:9'\n", taken.0)
        + &pems.section("tls", "good.pem", "other-key.pem")
        + &pems.section("operations", "empty.pem", "good-key.pem");
    let (code, said) = check(folder.path(), &all);
    assert_ne!(code, 0);
    for name in ["listen.api", "listen.operations", "192.0.2.1:9", "other-key.pem", "empty.pem"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    let plain = all.split("[tls]").next().unwrap();
    let (_, said) = check(folder.path(), plain);
    assert!(said.contains("plain HTTP to other machines"), "{said}");
}

#[test]
fn directories_models_and_keys_are_looked_at() {
    let files = Files::new();
    let folder = TempDir::new().unwrap();
    let base = format!("data = '{}'\n{}", files.data().display(), listen());
    let (code, said) = check(folder.path(), &base);
    assert_eq!(code, 0, "{said}");

    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let (code, said) = check(folder.path(), &format!("data = '{}'\n", file.display()));
    assert_ne!(code, 0);
    assert!(said.contains("a file") && said.contains("not a directory"), "{said}");

    let keys = files.keys();
    fs::create_dir(&keys).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
    let (code, said) = check(folder.path(), &base);
    assert_ne!(code, 0);
    assert!(said.contains(keys.to_str().unwrap()) && said.contains("chmod 700"), "{said}");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();

    // A changed model, and a missing one.
    let models = folder.path().join("models");
    fs::create_dir(&models).unwrap();
    let model = models.join("m.gguf");
    fs::copy(crate::process::model(), &model).unwrap();
    files.cli(&["model", "add", model.to_str().unwrap(), "--name", "second", "--in-place"]);
    assert_eq!(check(folder.path(), &base).0, 0);
    fs::OpenOptions::new().append(true).open(&model).unwrap().set_len(1 << 20).unwrap();
    let (code, said) = check(folder.path(), &base);
    assert_ne!(code, 0);
    assert!(said.contains("m.gguf") && said.contains("SHA-256"), "{said}");
    fs::remove_file(&model).unwrap();
    symlink("/nowhere", &model).unwrap();
    let (code, said) = check(folder.path(), &base);
    assert_ne!(code, 0);
    assert!(said.contains("`second`") && said.contains("cannot open"), "{said}");
    fs::remove_file(&model).unwrap();
    files.cli(&["model", "delete", "second"]);
}

#[test]
fn a_check_beside_the_running_service_says_what_it_could_not_look_at() {
    let (files, addresses) = (Files::new(), free_addresses());
    let service = Service::begin(files, addresses, &[]);
    eventually("it listens", || service.files.log().contains("listening").then_some(()));
    let folder = TempDir::new().unwrap();
    let [api, operations] = addresses;
    let text = format!(
        "data = '{}'\n[listen]\napi = '{api}'\noperations = '{operations}'\n",
        service.files.data().display()
    );
    let (code, said) = check(folder.path(), &text);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not checked") && said.contains(&api.to_string()), "{said}");
    assert!(service.is_ready(), "{}", service.files.log());
    let mut service = service;
    crate::process::signal("TERM", service.process.pid);
    service.process.wait();
    // The key directory is not mounted.
    let keys = service.files.keys();
    fs::rename(&keys, keys.with_extension("away")).unwrap();
    let (code, said) = check(folder.path(), &text);
    assert_ne!(code, 0);
    assert!(said.contains(keys.to_str().unwrap()) && said.contains("mount"), "{said}");
}
