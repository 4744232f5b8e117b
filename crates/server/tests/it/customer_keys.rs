//! A customer holds the key-encryption key of its tenant, and withdraws it: nothing of the tenant opens
//! or runs any more, and nothing of another tenant is affected.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    client::Request,
    process::{Process, bailiwick, eventually, succeed},
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses, say},
};

/// A running key holder; dropping it stops it.
struct Holder {
    process: Option<Process>,
    folder: PathBuf,
    options: Vec<String>,
    settings: Vec<(String, String)>,
}

impl Holder {
    fn start(folder: &Path, options: &[&str], settings: &[(&str, &str)]) -> Self {
        let own = |text: &str| text.to_owned();
        let mut holder = Self {
            process: None,
            folder: folder.to_owned(),
            options: options.iter().map(|text| own(text)).collect(),
            settings: settings.iter().map(|(name, value)| (own(name), own(value))).collect(),
        };
        holder.give_back();
        holder
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("holder.sock")
    }

    fn record(&self) -> PathBuf {
        self.folder.join("holder.log")
    }

    fn give_back(&mut self) {
        let mut command = bailiwick();
        command.arg("key-holder").arg("--socket").arg(self.socket()).args(&self.options);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::start(&command, &self.record()));
        eventually("the key holder listens", || {
            let said = fs::read_to_string(self.record()).unwrap();
            said.contains("holding the key").then_some(())
        });
    }

    fn withdraw(&mut self) {
        self.process = None;
    }
}

fn get(caller: &Caller, path: &str) -> crate::client::Reply {
    Request::get(path).key(&caller.key1).send(caller.address)
}

/// Keeps a chat completion, and returns its path.
fn kept(caller: &Caller) -> String {
    let mut body = say("Say hello.");
    (body["store"], body["max_tokens"]) = (json!(true), json!(8));
    let id = caller.post(&chat_path(CHAT), &body).ok()["id"].as_str().unwrap().to_owned();
    format!("/openai/v1/chat/completions/{id}")
}

fn withdraw_and_give_back(files: Files, mut holder: Holder) {
    let addresses = free_addresses();
    let contoso = files.chat_caller("contoso", addresses[0], &[]);
    let fabrikam = files.chat_caller("fabrikam", addresses[0], &[]);
    let socket = holder.socket();
    let configuration = holder.folder.join("bailiwick.toml");
    let text = format!("[[customer_keys]]\ntenant = \"contoso\"\nsocket = {socket:?}\n");
    fs::write(&configuration, text).unwrap();
    let options = ["--config", configuration.to_str().unwrap()];
    let service = Service::begin_with(files, addresses, &options, &[]);
    service.wait_until_ready();
    let (ours, theirs) = (kept(&contoso), kept(&fabrikam));
    assert_eq!(get(&contoso, &ours).ok()["object"], "chat.completion");

    // While an answer streams.
    let mut body = say("Count to a thousand, one number after the other.");
    (body["stream"], body["max_tokens"]) = (json!(true), json!(900));
    body["logit_bias"] = json!({"2": -100});
    let streaming = Request::post(&chat_path(CHAT), &body).key(&contoso.key1);
    let answer = streaming.open(contoso.address);
    holder.withdraw();
    let text = answer.finish().text();
    assert!(text.contains("CustomerKeyWithdrawn"), "the stream went on to its end");
    assert!(!text.contains("[DONE]"));

    for path in [&ours, "/openai/v1/inventory", "/openai/v1/models"] {
        assert_eq!(get(&contoso, path).error(403)["code"], "CustomerKeyWithdrawn", "{path}");
    }
    let refused = contoso.post(&chat_path(CHAT), &say("Hello"));
    assert_eq!(refused.error(403)["code"], "CustomerKeyWithdrawn");
    get(&fabrikam, &theirs).ok();
    fabrikam.post(&chat_path(CHAT), &fabrikam.short()).ok();

    holder.give_back();
    eventually("the key is in force again", || (get(&contoso, &ours).status == 200).then_some(()));
    // The holder has a line for the key that it unwrapped, and the log has both changes.
    let record = fs::read_to_string(holder.record()).unwrap();
    assert!(record.contains(" unwrapped obj_"), "{record}");
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();
    let log = service.files.data().join("log");
    let key = service.files.data().join("service.pub");
    eventually("the log is published", || {
        let mut verify = service.files.command();
        verify.args(["verify", "--service-key"]).arg(&key).arg("log").arg(&log);
        verify.output().unwrap().status.success().then_some(())
    });
    drop(service);
}

#[test]
fn a_key_in_a_file_is_withdrawn_while_an_answer_streams() {
    let files = Files::new();
    let folder = files.data().parent().unwrap().join("customer");
    fs::create_dir(&folder).unwrap();
    let key = folder.join("contoso.key");
    fs::write(&key, [7; 32]).unwrap();
    let holder = Holder::start(&folder, &["--file", key.to_str().unwrap()], &[]);
    withdraw_and_give_back(files, holder);
}

/// SoftHSM 2, Debian's implementation of PKCS#11 without hardware.
#[test]
fn a_key_in_a_token_is_withdrawn_while_an_answer_streams() {
    let files = Files::new();
    let folder = files.data().parent().unwrap().join("customer");
    let tokens = folder.join("tokens");
    fs::create_dir_all(&tokens).unwrap();
    let configuration = folder.join("softhsm2.conf");
    fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    let (key, pin) = (folder.join("contoso.aes"), folder.join("contoso.pin"));
    fs::write(&key, [9; 32]).unwrap();
    fs::write(&pin, "1234\n").unwrap();
    let softhsm = |arguments: &[&str]| {
        let mut command = Command::new("softhsm2-util");
        succeed(command.env("SOFTHSM2_CONF", &configuration).args(arguments));
    };
    let token =
        ["--init-token", "--free", "--label", "contoso", "--pin", "1234", "--so-pin", "5678"];
    softhsm(&token);
    let import = ["--import", key.to_str().unwrap(), "--aes", "--token", "contoso"];
    softhsm(&[&import[..], &["--label", "bailiwick", "--id", "01", "--pin", "1234"]].concat());
    fs::remove_file(&key).unwrap();
    let module =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    let module = module.into_iter().find(|path| Path::new(path).exists()).unwrap();
    let options = ["--pkcs11", module, "--token", "contoso", "--key", "bailiwick", "--pin-file"];
    let options = [&options[..], &[pin.to_str().unwrap()]].concat();
    let settings = [("SOFTHSM2_CONF", configuration.to_str().unwrap())];
    let holder = Holder::start(&folder, &options, &settings);
    withdraw_and_give_back(files, holder);
}

#[test]
fn a_tenant_that_does_not_exist_is_a_refusal_to_start() {
    let files = Files::new();
    let configuration = files.data().parent().unwrap().join("bailiwick.toml");
    let text = "[[customer_keys]]\ntenant = \"contsoo\"\nsocket = \"/run/none.sock\"\n";
    fs::write(&configuration, text).unwrap();
    let output = files.command().args(["serve", "--config"]).arg(&configuration).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`contsoo`, which does not exist"), "{said}");
}
