//! OpenAI's own libraries against the running service; the tests themselves are in `tests/sdk`.

use std::process::Command;

use crate::{
    process::{project, succeed},
    service::{CHAT, Caller, DeploymentLimits, EMBED, shared},
};

/// A caller with a deployment limited to two requests a minute, for the tests of retries.
fn caller(name: &str) -> Caller {
    let caller = shared().service.caller(name);
    let limits = DeploymentLimits { requests: 2, tokens: 100_000 };
    shared().service.deployment(&caller, "limited", "chat", Some(limits));
    caller
}

/// A program of the installed environment, with the service's address in its environment.
pub(crate) fn program(name: &str, url: &str, caller: &Caller) -> Command {
    let project = project();
    succeed(&mut Command::new(project.join("scripts/sdk.sh")));
    let mut command = Command::new(project.join(".cache/venv/bin").join(name));
    command
        .current_dir(project.join("tests/sdk"))
        .env("BAILIWICK_URL", url)
        .env("BAILIWICK_API_KEY", &caller.key1)
        .env("BAILIWICK_DEPLOYMENT", CHAT)
        .env("BAILIWICK_EMBED_DEPLOYMENT", EMBED)
        .env("BAILIWICK_LIMITED_DEPLOYMENT", "limited")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs([("NO_PROXY", "*"), ("no_proxy", "*")]);
    // The tests name their service; the shell's settings for another service must not leak in.
    for name in [
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_ENDPOINT",
        "OPENAI_API_VERSION",
    ] {
        command.env_remove(name);
    }
    command
}

#[test]
fn python() {
    let caller = caller("sdk-python");
    let url = format!("http://{}", caller.address);
    succeed(program("python", &url, &caller).args(["-m", "unittest", "python/test_sdk.py"]));
}

#[test]
fn filter() {
    let caller = caller("sdk-filter");
    let url = format!("http://{}", caller.address);
    succeed(program("python", &url, &caller).args(["-m", "unittest", "python/test_filter.py"]));
}

#[test]
fn javascript() {
    let caller = caller("sdk-javascript");
    let url = format!("http://{}", caller.address);
    succeed(program("node", &url, &caller).args(["--test", "js/sdk.test.js"]));
}

#[test]
fn python_files() {
    let caller = caller("sdk-python-files");
    let url = format!("http://{}", caller.address);
    succeed(program("python", &url, &caller).args(["-m", "unittest", "python/test_files.py"]));
}

#[test]
fn javascript_files() {
    let caller = caller("sdk-javascript-files");
    let url = format!("http://{}", caller.address);
    succeed(program("node", &url, &caller).args(["--test", "js/files.test.js"]));
}

/// OpenAI's Agents SDK, LangChain and pydantic-ai over the Responses API.
#[test]
fn clients() {
    let caller = caller("sdk-clients");
    let url = format!("http://{}", caller.address);
    succeed(program("python", &url, &caller).args(["-m", "unittest", "python/test_clients.py"]));
}

#[test]
fn conversations() {
    let caller = caller("sdk-conversations");
    let url = format!("http://{}", caller.address);
    let tests = ["-m", "unittest", "python/test_conversations.py"];
    succeed(program("python", &url, &caller).args(tests));
}

/// The AI SDK with its Azure provider.
#[test]
fn ai() {
    let caller = caller("sdk-ai");
    let url = format!("http://{}", caller.address);
    succeed(program("node", &url, &caller).args(["--test", "js/ai.test.js"]));
}
