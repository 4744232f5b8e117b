//! The command line, as people and scripts use it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::tempdir;
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    id::{KeyId, RequestId, TenantId},
    note::Signer,
    tile,
    tree::{Frontier, leaf_hash},
};

use crate::{
    client::Request,
    process::{Process, bailiwick, eventually, model, signal, succeed},
    service::{CHAT, Service, free_addresses, shared},
};

/// The command line with its own data directory.
fn on(data: &Path, line: &str) -> Command {
    let mut command = bailiwick();
    command.env("BAILIWICK_DATA", data).args(line.split(' '));
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The command prints the settings and roles that a person changed.
#[test]
fn what_was_switched_or_assigned_is_printed() {
    let folder = tempdir().unwrap();
    let run = |line: &str| succeed(&mut on(folder.path(), line));
    run("tenant create ops");
    run("resource create prod --tenant ops");
    assert!(run("resource show prod").contains("lockbox"));
    let on_now = run("resource update prod --lockbox on");
    assert!(
        on_now.lines().any(|line| line.contains("lockbox") && line.contains("on: ")),
        "{on_now}"
    );
    // The administrator cannot turn the lockbox off, neither alone nor with another field.
    for more in ["", " --prefix-cache off"] {
        let line = format!("resource update prod --lockbox off{more}");
        let refused = on(folder.path(), &line).output().unwrap();
        let told = text(&refused.stderr);
        assert!(!refused.status.success() && told.contains("/admin/v1/resources/prod"), "{told}");
    }
    let shown = run("resource show prod --json");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["lockbox"], &shown["prefixCache"]), (&json!(true), &json!(true)), "{shown}");
    // So is what other engines get; a contradiction is refused.
    let on_now = run("resource update prod --forward metadata --forward safety_identifier");
    assert!(on_now.contains("safety_identifier,metadata"), "{on_now}");
    assert!(run("resource list").contains("safety_identifier,metadata"));
    let both = on(folder.path(), "resource update prod --forward none --forward user").output();
    let both = both.unwrap();
    assert!(!both.status.success() && text(&both.stderr).contains("--forward none"));
    assert!(run("resource update prod --forward none").contains("none: other engines get no"));
    // Changing one part of the network rules does not change the others.
    run("resource network prod --default-action deny --ip-rule 10.0.0.1");
    let network = run("resource network prod --public-access on");
    assert!(network.contains("10.0.0.1"), "{network}");

    let who = "--tenant ops --object 0e2f6a1c-0000-4000-8000-000000000001";
    let teams = run(&format!("role team north {who}"));
    assert!(
        teams.starts_with("TEAM") && teams.contains("north") && teams.contains("per_"),
        "{teams}"
    );
    let listed = run(&format!("role assign Reviewer --service {who}"));
    assert!(listed.contains("per_") && listed.contains("north"), "{listed}");
}

#[test]
fn things_are_created_listed_shown_and_deleted() {
    let folder = tempdir().unwrap();
    let run = |line: &str| succeed(&mut on(folder.path(), line));
    let json =
        |line: &str| -> Value { serde_json::from_str(&run(&format!("{line} --json"))).unwrap() };
    run("tenant create acme");
    let other =
        on(folder.path(), "resource create acme-eu --tenant acme --region eu-west").output();
    let refused = String::from_utf8(other.unwrap().stderr).unwrap();
    assert!(refused.contains("this service stores data in `local`"), "{refused}");
    let mut create = on(folder.path(), "resource create acme-eu --tenant acme --region eu-west");
    let shown = succeed(create.env("BAILIWICK_REGIONS__HERE", "eu-west"));
    let keys: Vec<_> = shown.split_whitespace().filter(|word| word.len() == 64).collect();
    assert_eq!(keys.len(), 2, "two keys, shown once: {shown}");
    succeed(on(folder.path(), "model add --name small --in-place").arg(model()));
    run("deployment create talk --resource acme-eu --model small");
    run("deployment create embed --resource acme-eu --model small --task embeddings");

    assert_eq!(json("tenant list")[0]["name"], "acme");
    let resource = json("resource show acme-eu");
    assert_eq!(resource["region"], "eu-west");
    assert_eq!(resource["deployments"], json!(["embed", "talk"]));
    let model = json("model list")[0].clone();
    assert_eq!(model["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(json("deployment list --resource acme-eu").as_array().map(Vec::len), Some(2));
    assert_eq!(json("deployment show talk --resource acme-eu")["task"], "chat");
    let listed = run("key list acme-eu") + &run("resource show acme-eu") + &resource.to_string();
    assert!(!listed.contains(keys[0]) && !listed.contains(keys[1]), "keys are shown once");
    assert!(listed.starts_with("KEY   CREATED\n"), "{listed}");
    for line in ["authentication      keys and tokens\n", "Key1 created"] {
        assert!(listed.contains(line), "{listed}");
    }
    // The output for people is a table of the same data.
    assert!(run("deployment list").contains("talk"));

    // Objects in use cannot be deleted.
    for line in ["tenant delete acme", "resource delete acme-eu", "model delete small"] {
        let output = on(folder.path(), line).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{line}");
    }
    for line in [
        "deployment delete talk --resource acme-eu",
        "deployment delete embed --resource acme-eu",
        "resource delete acme-eu",
        "tenant delete acme",
        "model delete small",
    ] {
        run(line);
    }
    assert_eq!(json("tenant list"), json!([]));
}

/// Every refusal names the next step, on standard error, without a stack trace.
#[test]
fn refusals_say_what_to_do() {
    let folder = tempdir().unwrap();
    let junk = folder.path().join("junk.gguf");
    fs::write(&junk, "this is no model").unwrap();
    let add = format!("model add {} --name junk", junk.display());
    let cut = folder.path().join("cut.gguf");
    fs::write(&cut, &fs::read(model()).unwrap()[..1 << 20]).unwrap();
    let data = folder.path().join("data");
    succeed(&mut on(&data, "tenant create acme"));
    let add_cut = format!("model add {} --name cut", cut.display());
    for (line, code, hints) in [
        ("resource create r --tenant absent", 1, &["absent", "tenant list"][..]),
        ("deployment create d --resource absent --model m", 1, &["absent", "resource"]),
        ("tenant create UPPER/CASE", 1, &["UPPER/CASE"]),
        ("model add /absent.gguf --name m", 1, &["/absent.gguf"]),
        (&add, 1, &["junk.gguf", "GGUF"]),
        (&add_cut, 1, &["cut.gguf"]),
        ("tenant crate x", 2, &["crate", "create"]),
        ("tenant create", 2, &["Usage"]),
    ] {
        let Output { status, stdout, stderr } = on(&data, line).output().unwrap();
        let message = text(&stderr);
        assert_eq!(status.code(), Some(code), "{line}: {message}");
        assert!(stdout.is_empty(), "{line}");
        for hint in hints {
            assert!(message.contains(hint), "{line}: no `{hint}` in: {message}");
        }
        assert!(!message.contains("panicked"), "{message}");
    }
}

#[test]
fn help_version_and_completions_are_there() {
    let help = succeed(bailiwick().arg("--help"));
    for word in ["serve", "quickstart", "chat", "tenant", "resource", "deployment", "key", "model"]
    {
        assert!(help.contains(word), "{word}");
    }
    assert!(succeed(bailiwick().arg("--version")).starts_with("bailiwick "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(succeed(bailiwick().args(["completions", shell])).contains("quickstart"));
    }
}

/// One question on the command line, answered by a running service.
#[test]
fn chat_asks_one_question() {
    let caller = shared().service.caller("cli-chat");
    let mut command = bailiwick();
    command.env("BAILIWICK_URL", format!("http://{}", caller.address));
    command.env("BAILIWICK_API_KEY", &caller.key1).env("BAILIWICK_DEPLOYMENT", CHAT);
    let answer = succeed(command.args(["chat", "--max-tokens", "8", "Say hello."]));
    assert!(!answer.trim().is_empty());

    command.env("BAILIWICK_API_KEY", "wrong");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("key"), "{}", text(&output.stderr));
}

/// The demo of `make run`: the first start creates everything, the second finds it.
#[test]
fn quickstart_makes_a_demo_that_works_as_printed() {
    let folder = tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("service.log"));
    let [api, operations] = free_addresses();
    let mut command = bailiwick();
    command.args(["quickstart", "--listen", &api.to_string()]).arg("--data").arg(&data);
    command.args(["--operations", &operations.to_string()]).arg("--model").arg(model());
    let file = data.join("quickstart.env");
    let mut made = Vec::new();
    for _ in 0..2 {
        let mut process = Process::start(&command, &log);
        let printed = eventually("quickstart prints its lines", || {
            assert!(process.is_running(), "{}", fs::read_to_string(&log).unwrap());
            let printed = fs::read_to_string(&log).unwrap();
            let ready =
                Service::answers(operations, "/readyz") && printed.contains("bailiwick chat");
            ready.then_some(printed)
        });
        assert!(printed.contains("curl ") && printed.contains("from openai import"), "{printed}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let env = fs::read_to_string(&file).unwrap();
        let value = |name: &str| {
            let line = env.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {name} in quickstart.env"))
                .trim_matches(['"', '\''])
                .to_owned()
        };
        assert_eq!(value("BAILIWICK_URL"), format!("http://{api}"));
        assert_eq!(value("BAILIWICK_DEPLOYMENT"), "smollm2");
        let body = json!({"model": "smollm2", "max_tokens": 4, "messages": [{"role": "user", "content": "hi"}]});
        let request = Request::post("/openai/v1/chat/completions", &body);
        request.key(&value("BAILIWICK_API_KEY")).send(api).ok();
        made.push(env.clone());

        signal("INT", process.pid);
        assert_eq!(process.wait().code(), Some(0), "{}", fs::read_to_string(&log).unwrap());
    }
    assert_eq!(made[0], made[1], "the second start made new keys");
}

/// With the ids of their requests, owners can watch them in the log alone. They also see a read
/// that no other list shows, logged in the owner's name by an attacker in control of the gateway.
#[test]
fn what_was_done_with_records_is_told_by_the_log_alone() {
    let folder = tempdir().unwrap();
    let [seen, untouched] = [1, 2].map(|n| RequestId::from_random([n; 16]));
    let (owner, time_ms) = (Digest([0; 32]), 1_795_491_985_000);
    let started =
        Event::Started { binary: owner, configuration: owner, models: Vec::new(), policies: None };
    let read = Event::OwnerRead { request: seen, owner };
    let (key, tenant) = (KeyId::from_random([9; 16]), TenantId::from_random([8; 16]));
    let created = Event::KeyCreated { key, tenant, deadline_ms: time_ms + 86_400_000 };
    let deleted = Event::OwnerDeleted { request: seen, owner, key };
    let events = [started, created, read.clone(), read, deleted];
    let entries = events.map(|event| Entry::new(time_ms, event).encode());
    let signer = Signer::new("log.example", &[3; 32]).unwrap();
    publish(folder.path(), &entries, &signer);
    let verify = |words: &[&str]| {
        let mut verify = bailiwick();
        verify.args(["verify", "--service-key", &signer.verifier().to_string(), "log"]);
        let output = verify.arg(folder.path()).args(words).output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let [seen, untouched] = [seen, untouched].map(|request| request.to_string());

    let (status, told) = verify(&["--request", &seen, "--request", &untouched]);
    assert_eq!(status, Some(0), "nothing is wrong by itself: {told}");
    let at = "2026-11-24T03:46:25Z";
    let expected = [
        format!("{seen}: 0 looks by reviewers, 2 reads and 1 deletion by its owner, by this log"),
        format!("{seen}: entry 2, {at}: read by its owner"),
        format!("{seen}: entry 3, {at}: read by its owner"),
        format!("{seen}: entry 4, {at}: deleted by its owner"),
        format!("{untouched}: no access to its record is in this log"),
    ];
    let lines: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("note     ")).collect();
    assert_eq!(lines, expected, "{told}");
    assert!(!told.contains("whether there were others"), "{told}");
    // The report covers only the requested ids.
    assert!(!verify(&[]).1.contains("req_"));
    assert_eq!(verify(&["--request", "req_1"]).0, Some(2), "this is no id");

    // Removed entries are noticed, and the remaining entries do not count as complete.
    let bundle = folder.path().join(tile::bundle_path(0, 5));
    publish(folder.path(), &[0; 5].map(|first: usize| entries[first].clone()), &signer);
    let without = fs::read(&bundle).unwrap();
    publish(folder.path(), &entries, &signer);
    fs::write(&bundle, without).unwrap();
    let (status, told) = verify(&["--request", &seen]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("not checked  whether there were others"), "{told}");
}

/// Writes a log of a few entries in its published form.
fn publish(folder: &Path, entries: &[Vec<u8>], signer: &Signer) {
    let (mut bundle, mut tile, mut tree) = (Vec::new(), Vec::new(), Frontier::default());
    for entry in entries {
        let hash = leaf_hash(entry);
        tile::push_entry(&mut bundle, entry);
        tile.extend(hash.0);
        tree.push(hash);
    }
    let (size, root) = (tree.size(), tree.root());
    let checkpoint =
        Checkpoint { origin: signer.verifier().name().to_owned(), size, root }.sign(signer);
    for (path, bytes) in [
        (tile::bundle_path(0, size), bundle),
        (tile::path(0, 0, size), tile),
        ("checkpoint".to_owned(), checkpoint.into_bytes()),
    ] {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}
