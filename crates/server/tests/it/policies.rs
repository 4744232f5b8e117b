//! The operator's own policies. Policies without a proof, or that break a promise, do not become
//! active. If the operator allows unproved policies, every receipt states that.
//!
//! No solver is needed: a small program replaces the prover and prints a report.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Output};

use policy::authz::{
    policies::{self, Policies},
    proof::{BUILT_IN, Counterexample, ProofOutcome, Report},
};
use tempfile::TempDir;

use crate::{
    process::bailiwick,
    records::{Auditor, claims, receipt},
    service::{CHAT, EMBED, Files, Service, chat_path, embeddings_path, free_addresses, shared},
};

/// Keeps every promise: an additional `forbid` breaks none.
const NO_EMBEDDINGS: &str = "// No embeddings at this site.\n@id(\"site-no-embeddings\")\n\
                             forbid (principal, action == Action::\"embed\", resource);\n";

/// Breaks a promise: usage can be read without a role.
const BILLING: &str = "@id(\"site-billing\")\n\
                       permit (principal is Person, action == Action::\"readUsage\", resource);\n";

/// An operator's site: a policy file beside a data directory, and a replacement for the prover.
struct Site {
    data: PathBuf,
    folder: TempDir,
    policies: Policies,
}

impl Site {
    fn new(files: &Files, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.cedar"), text).unwrap();
        let file = policies::File { name: "site.cedar", text };
        Self { data: files.data(), folder, policies: Policies::with(&[file]).unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The setting that names the file of policies.
    fn setting(&self) -> (&'static str, String) {
        ("BAILIWICK_POLICIES__FILES", format!("[{:?}]", self.path("site.cedar")))
    }

    fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        let (name, value) = self.setting();
        let mut command = bailiwick();
        command.env("BAILIWICK_DATA", &self.data).env(name, value);
        command.args(arguments).envs(settings.iter().copied());
        command.output().unwrap()
    }

    /// Returns a report on this site's policies, derived from the built-in report.
    fn report(&self, change: fn(&mut Report)) -> String {
        let mut report: Report = serde_json::from_str(BUILT_IN).unwrap();
        report.digest = self.policies.digest();
        change(&mut report);
        serde_json::to_string(&report).unwrap()
    }

    /// Runs `bailiwick prove` with a prover that prints `report` and exits with `status`; returns
    /// the command's own exit code and its output.
    fn prove(&self, report: &str, status: u8) -> (Option<i32>, String) {
        let (prover, printed) = (self.path("prover"), self.path("report"));
        fs::write(&printed, report).unwrap();
        // Like the real prover, the script receives the operator's files, and prints the reason if
        // it has no result.
        let script = format!(
            "#!/bin/sh\n[ \"$*\" = '--json {}' ] || exit 9\n[ -s {report} ] || echo 'cvc5 does not \
             start' >&2\ncat {report}\nexit {status}\n",
            self.path("site.cedar").display(),
            report = printed.display(),
        );
        fs::write(&prover, script).unwrap();
        fs::set_permissions(&prover, fs::Permissions::from_mode(0o700)).unwrap();
        let output = self.run(&["prove", "--prover", prover.to_str().unwrap()], &[]);
        (output.status.code(), output_text(&output))
    }

    /// Tries to start the service, which must fail; returns the error output.
    fn refused(&self, unproved: &str) -> String {
        let [api, operations] = free_addresses().map(|address| address.to_string());
        let settings = [
            ("BAILIWICK_POLICIES__UNPROVED", unproved),
            ("BAILIWICK_LISTEN__API", &api),
            ("BAILIWICK_LISTEN__OPERATIONS", &operations),
        ];
        let output = self.run(&["serve"], &settings);
        assert_eq!(output.status.code(), Some(1), "{}", output_text(&output));
        output_text(&output)
    }
}

/// Everything that a command printed.
pub(crate) fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Whether a report says `12 of 12 promises proved`, for any number of them.
fn all_proved(text: &str) -> bool {
    text.lines().any(|line| {
        let words: Vec<&str> = line.split(' ').take(5).collect();
        matches!(words[..], [kept, "of", all, "promises", "proved,"] if kept == all)
    })
}

/// Makes a report say that the policies break a promise.
pub(crate) fn refuted(report: &mut Report) {
    let text = |text: &str| text.to_owned();
    report.outcome = ProofOutcome::Refuted;
    let promise = report.promises.iter_mut().find(|promise| promise.id == "known-callers").unwrap();
    promise.proved = false;
    promise.counterexamples.push(Counterexample {
        clause: text("known-callers-usage"),
        says: text("somebody read usage without a role for it"),
        principal: text("person A"),
        action: text("readUsage"),
        resource: text("tenant A"),
        facts: vec![text("person A holds no role")],
        permitted_by: vec![text("site-billing")],
    });
}

/// Refused; served unproved by the operator's setting; proved; served.
#[test]
fn sound_policies_are_served_once_the_log_has_their_proof() {
    let files = Files::new();
    let site = Site::new(&files, NO_EMBEDDINGS);
    let digest = site.policies.digest().to_string();
    let told = site.refused("refuse");
    assert!(told.contains(&digest) && told.contains("run `bailiwick prove`"), "{told}");

    let (name, value) = site.setting();
    let addresses = free_addresses();
    let [unproved, proved] = ["serve", "refuse"]
        .map(|word| [(name, value.as_str()), ("BAILIWICK_POLICIES__UNPROVED", word)]);
    let service = Service::begin(files, addresses, &unproved);
    service.wait_until_ready();
    let (caller, auditor) = (service.caller("site"), Auditor::new(&service));
    let reply = caller.post(&chat_path(CHAT), &caller.short());
    let told = claims(&caller, &reply)["policies"].clone();
    assert_eq!((told["sha256"].as_str().unwrap(), &told["proved"]), (&*digest, &false.into()));
    auditor.save("unproved", &receipt(&caller, &reply).body);
    let log = service.files.data().join("log");
    let log = log.to_str().unwrap();
    let verify = |name: &str| auditor.verify(&["receipt", name, "--log", log]);
    let (good, text) = verify("unproved");
    assert!(good && text.contains("NOT proved") && text.contains(&digest), "{text}");
    assert!(text.contains("note     entry") && text.contains("came into force unproved"), "{text}");
    assert!(
        service.files.log().contains("the log has no proof that the policies keep the promises")
    );
    // The policy itself is active.
    let embed = serde_json::json!({"input": "hi"});
    caller.post(&embeddings_path(EMBED), &embed).error(404);

    // The proof runs beside the running service.
    let (code, text) = site.prove(&site.report(|_| ()), 0);
    assert_eq!(code, Some(0), "{text}");
    assert!(all_proved(&text) && text.contains(&digest), "{text}");
    let service = Service::begin(service.into_files(), addresses, &proved);
    service.wait_until_ready();
    let reply = caller.post(&chat_path(CHAT), &caller.short());
    assert_eq!(claims(&caller, &reply)["policies"]["proved"], true);
    auditor.save("proved", &receipt(&caller, &reply).body);
    let (good, text) = verify("proved");
    assert!(good && text.contains(&format!("{digest}, proved to keep the promises")), "{text}");
    assert!(text.contains("a successful proof of them exists"), "{text}");
    // The earlier receipt is still valid.
    let (good, text) = verify("unproved");
    assert!(good && text.contains("unproved, as the receipt says"), "{text}");
    let (good, text) = auditor.verify(&["log", log]);
    assert!(good && text.matches("policies since ").count() == 2, "{text}");
}

#[test]
fn policies_that_break_a_promise_are_refused_whatever_the_configuration_says() {
    let files = Files::new();
    let site = Site::new(&files, BILLING);
    let (code, text) = site.prove(&site.report(refuted), 1);
    assert_eq!(code, Some(1), "{text}");
    for told in ["BROKEN  P11 known-callers", "person A holds no role", "permitted by site-billing"]
    {
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
    for unproved in ["refuse", "serve"] {
        let told = site.refused(unproved);
        assert!(told.contains("break a promise, as a proof has shown"), "{unproved}: {told}");
    }
}

/// An inconclusive result is logged, and proves nothing.
#[test]
fn what_could_not_be_found_out_is_no_proof() {
    let files = Files::new();
    let site = Site::new(&files, NO_EMBEDDINGS);
    let undecided = |report: &mut Report| {
        report.outcome = ProofOutcome::Undecided;
        report.promises.clear();
        report.undecided = Some("Person embed Deployment: timeout".to_owned());
    };
    let (code, text) = site.prove(&site.report(undecided), 2);
    assert!(code == Some(2) && text.contains("UNDECIDED  Person embed"), "{text}");
    assert!(site.refused("refuse").contains("could not decide"));
}

/// A prover that reports on other policies, contradicts itself, fails or is missing changes
/// nothing.
#[test]
fn a_report_that_cannot_be_relied_on_is_not_taken() {
    let files = Files::new();
    let site = Site::new(&files, NO_EMBEDDINGS);
    let all_is_well = site.report(|_| ());
    let contradiction = site.report(|report| report.promises[0].proved = false);
    for (report, status, expected) in [
        (BUILT_IN, 0, "no entry was added to the log"),
        (&contradiction, 0, "contradicts its own results"),
        (&all_is_well, 1, "its report has another result"),
        ("proved!", 0, "make prove"),
        ("", 2, "cvc5 does not start"),
    ] {
        let (code, text) = site.prove(report, status);
        assert!(code == Some(2) && text.contains(expected), "{expected:?}: {code:?} {text}");
    }
    let missing = site.run(&["prove", "--prover", "/nowhere/prover"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    let text = output_text(&missing);
    assert!(text.contains("/nowhere/prover") && text.contains("make prove"), "{text}");
    let nothing = site.run(&["prove", "--data", "/nowhere/data"], &[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(output_text(&nothing).contains("there is no Bailiwick data in `/nowhere/data`"));
    assert!(site.refused("refuse").contains("the log has no proof"));
}

#[test]
fn what_is_no_policy_is_refused_with_file_line_and_what_to_do() {
    let files = Files::new();
    let site = Site::new(&files, NO_EMBEDDINGS);
    let write = |text: &str| fs::write(site.path("site.cedar"), text).unwrap();
    for (text, expected) in [
        ("\n@id(\"a\")\npermit (principal, action resource);", "`site.cedar`, line 3: "),
        (
            "\n@id(\"a\")\nforbid (principal, action == Action::\"fly\", resource);",
            "line 3: policy `a`",
        ),
        ("forbid (principal, action, resource);", "write @id(\"…\") above it"),
        ("@id(\"key-sees\") forbid (principal, action, resource);", "another policy `key-sees`"),
    ] {
        write(text);
        for command in [&["serve", "--check"][..], &["serve"], &["prove"]] {
            let output = site.run(command, &[]);
            let told = output_text(&output);
            assert_eq!(output.status.code(), Some(64), "{command:?}: {told}");
            assert!(told.contains("`policies.files`: ") && told.contains(expected), "{told}");
        }
    }
    fs::remove_file(site.path("site.cedar")).unwrap();
    let told = output_text(&site.run(&["serve", "--check"], &[]));
    assert!(told.contains("site.cedar`, which `policies.files` lists"), "{told}");
    write(NO_EMBEDDINGS);
    // The policies are readable. A start accepts them once they are proved, or if unproved policies
    // are allowed.
    let unproved = site.run(&["serve", "--check"], &[]);
    assert!(
        !unproved.status.success() && output_text(&unproved).contains("prove"),
        "{}",
        output_text(&unproved)
    );
    let served = site.run(&["serve", "--check"], &[("BAILIWICK_POLICIES__UNPROVED", "serve")]);
    assert!(served.status.success(), "{}", output_text(&served));
}

/// Bailiwick's own policies need no solver at the operator's site: their proof is bundled with the
/// build, and is logged before they become active.
#[test]
fn the_built_in_policies_come_with_their_proof() {
    let shared = shared();
    let reply = shared.demo.post(&chat_path(CHAT), &shared.demo.short());
    let told = claims(&shared.demo, &reply)["policies"].clone();
    let digest = Policies::built_in().unwrap().digest().to_string();
    assert_eq!((told["sha256"].as_str().unwrap(), &told["proved"]), (&*digest, &true.into()));
    let auditor = Auditor::new(&shared.service);
    auditor.save("receipt", &receipt(&shared.demo, &reply).body);
    let (good, text) = auditor.verify(&["receipt", "receipt"]);
    assert!(good && text.contains(&format!("{digest}, proved to keep the promises")), "{text}");
}
