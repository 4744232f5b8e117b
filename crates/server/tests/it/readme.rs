//! The commands of the README and of docs/promises.md, pasted into a shell in their order; and the
//! SDKs with `quickstart.env` loaded as its first line says.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    process::{Process, bailiwick, eventually, model, project, succeed},
    service::{Service, free_addresses},
};

/// Commands that are not pasted here, each with the reason. Each of them must stand in the README.
const NOT_RUN: [(&str, &str); 12] = [
    ("git clone REPOSITORY bailiwick && cd bailiwick", "there is no repository to clone from"),
    ("make run", "the test starts the same service, with ports of its own"),
    ("make help", "it only lists the others"),
    ("make build NATIVE=0", "it builds for minutes"),
    ("make build CPU=x86-64-v3", "it builds for minutes"),
    ("make dist", "it builds for an hour; the tests in release.rs run its scripts"),
    ("make packages", "the tests in packages.rs run its script"),
    ("make prove", "it needs the solver; CI runs it beside these tests"),
    ("make test", "this test is a part of it"),
    ("make lint", "CI runs it beside these tests"),
    ("make bench", "it measures for minutes"),
    ("bailiwick model add FILE --name NAME", "it needs another model"),
];

/// A folder in the state after `make run`, with its service running.
struct Quickstart {
    folder: TempDir,
    url: String,
    _process: Process,
}

impl Quickstart {
    fn start() -> Self {
        let folder = TempDir::with_prefix("bailiwick-").unwrap();
        let [api, operations] = free_addresses();
        let mut command = bailiwick();
        command.args(["quickstart", "--listen", &api.to_string()]);
        command.args(["--operations", &operations.to_string()]).arg("--model").arg(model());
        command.arg("--data").arg(folder.path().join("data"));
        let log = folder.path().join("service.log");
        let process = Process::start(&command, &log);
        eventually("quickstart is ready", || {
            let printed = fs::read_to_string(&log).unwrap();
            assert!(process.is_running(), "{printed}");
            let ready =
                printed.contains("Bailiwick is ready") && printed.contains("bailiwick chat");
            (ready && Service::answers(operations, "/readyz")).then_some(())
        });
        // The place where `make` puts the program.
        let program = PathBuf::from(bailiwick().get_program());
        let built = folder.path().join("target/release");
        fs::create_dir_all(&built).unwrap();
        std::os::unix::fs::symlink(program, built.join("bailiwick")).unwrap();
        Self { folder, url: format!("http://{api}"), _process: process }
    }

    fn shell(&self, script: &str) -> (bool, String) {
        let mut shell = Command::new("bash");
        for (name, _) in std::env::vars() {
            if name.starts_with("BAILIWICK_") || name.contains("OPENAI") {
                shell.env_remove(name);
            }
        }
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(self.folder.path());
        shell.envs([("NO_PROXY", "*"), ("no_proxy", "*")]).stdin(Stdio::null());
        let output = shell.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}

fn readme() -> String {
    fs::read_to_string(project().join("README.md")).unwrap()
}

/// The commands that check the promises, to be pasted after the README's.
fn promises() -> String {
    fs::read_to_string(project().join("docs/promises.md")).unwrap()
}

/// The blocks between lines of three back-ticks, each with its language.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        found.push((language.to_owned(), block.join("\n")));
    }
    found
}

/// Returns the commands in back-ticks, in the text and in its tables.
fn inline(text: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut is_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            outside.push_str(line);
            outside.push(' ');
        }
    }
    let spans = outside.split('`').skip(1).step_by(2);
    let starts = ["bailiwick ", "curl ", "make "];
    let is_command = |span: &&str| starts.iter().any(|start| span.starts_with(start));
    spans.filter(is_command).map(str::to_owned).collect()
}

/// Every command of the README, and then of docs/promises.md, runs when it is pasted, in the order of
/// the page, and has the result that the page describes.
#[test]
fn every_command_of_the_readme_can_be_pasted() {
    let text = readme();
    let is_run = |command: &str| !NOT_RUN.iter().any(|(other, _)| *other == command.trim());
    for (command, why) in NOT_RUN {
        assert!(text.contains(command), "`{command}` ({why}) is not in the README any more");
    }
    let service = Quickstart::start();
    let blocks = blocks(&text);
    assert!(blocks.iter().all(|(kind, _)| kind == "sh" || kind == "text"), "commands or output");
    let commands: Vec<_> = blocks
        .iter()
        .filter(|(kind, _)| kind == "sh")
        .map(|(_, block)| block.lines().filter(|line| is_run(line)).collect::<Vec<_>>().join("\n"))
        .collect();
    // One shell for all of them, as when a reader pastes them.
    let mut script = String::new();
    for (number, block) in commands.iter().enumerate() {
        script.push_str(&format!("{block}\necho done-{number}\n"));
    }
    for (number, command) in inline(&text).iter().filter(|command| is_run(command)).enumerate() {
        script.push_str(&format!("{command}\necho done-inline-{number}\n"));
    }
    for (_, block) in self::blocks(&promises()).iter().filter(|(kind, _)| kind == "sh") {
        script.push_str(&format!("{block}\necho done-promises\n"));
    }
    // The service of the test has an address of its own.
    let script = script.replace("http://127.0.0.1:8080", &service.url);
    let (good, printed) = service.shell(&script);
    assert!(good, "{script}\n\n{printed}");
    assert!(commands.iter().filter(|block| !block.is_empty()).count() >= 2, "{commands:?}");
    assert!(printed.contains("done-promises"), "docs/promises.md has no commands: {printed}");
    // A receipt as it came and from files; the log as it was copied, twice, and where it lies.
    assert_eq!(printed.matches("VERIFIED: ").count(), 5, "{printed}");
    for told in ["signed the receipt", "is the request's body", "is the response's body"] {
        assert!(printed.contains(told), "{told}: {printed}");
    }
    for (name, wanted) in [("check", 0o700), ("check/request", 0o600), ("check/response", 0o600)] {
        let found = fs::metadata(service.folder.path().join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, wanted, "{name}: others could read it");
    }
}

/// The output shown in the README equals the real output.
#[test]
fn the_readme_shows_what_is_printed() {
    let service = Quickstart::start();
    let log = fs::read_to_string(service.folder.path().join("service.log")).unwrap();
    let text = readme();
    for line in
        ["Bailiwick is ready. It runs on this machine and nowhere else.", "The model is a toy"]
    {
        assert!(text.contains(line) && log.contains(line), "{line}:\n{log}");
    }
    // The printed commands can be pasted, too, except those that need a terminal.
    let lines = log.lines().filter(|line| line.starts_with("(. ") || line.contains(" --verify "));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 2, "{log}");
    for line in lines {
        let (good, printed) = service.shell(line);
        assert!(good, "{line}\n{printed}");
    }
}

/// `set -a; . data/quickstart.env; set +a`, and then `OpenAI()` and `AzureOpenAI()` without arguments.
#[test]
fn the_sdks_work_with_the_env_file_alone() {
    let service = Quickstart::start();
    let file = service.folder.path().join("data/quickstart.env");
    let first = fs::read_to_string(&file).unwrap().lines().next().unwrap().to_owned();
    let load = first.split_once("with: ").unwrap().1.replace("FILE", file.to_str().unwrap());
    succeed(&mut Command::new(project().join("scripts/sdk.sh")));
    let programs = project().join(".cache/venv/bin");
    for (program, script) in [("python", "python/env.py"), ("node", "js/env.js")] {
        let program = programs.join(program);
        let script = project().join("tests/sdk").join(script);
        let line = format!("{load}; {} {}", program.display(), script.display());
        let (good, printed) = service.shell(&line);
        assert!(good, "{line}\n{printed}");
        assert_eq!(printed.matches(" works").count(), 2, "{printed}");
    }
}

#[test]
fn the_list_of_what_is_not_run_is_short_and_exact() {
    let text = readme();
    let all: Vec<_> = inline(&text);
    for command in all.iter().filter(|command| command.starts_with("make ")) {
        assert!(NOT_RUN.iter().any(|(other, _)| other == command), "`{command}`");
    }
}
