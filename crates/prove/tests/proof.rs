//! The promises hold, and each counterexample is shown in plain words.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::process::Command;

use policy::authz::{
    policies::{BUILT_IN, File, Policies, SPECIFICATIONS},
    proof::{self, ProofOutcome},
};
use prove::{Error, Proof, Solver, prove, report::report};

async fn proof(policies: &Policies) -> Proof {
    let mut solver = Solver::start(policies.schema()).unwrap();
    prove(&mut solver, policies).await.unwrap()
}

#[tokio::test]
async fn the_built_in_policies_keep_every_promise() {
    let policies = Policies::built_in().unwrap();
    let proof = proof(&policies).await;
    let report = report(&policies, Ok(proof.clone())).unwrap();
    assert!(proof.holds(), "{report}");
    assert_eq!(proof.outcomes.len(), SPECIFICATIONS.len());
    assert!(proof.impossible.is_empty(), "nobody may ever: {:?}", proof.impossible);
    assert!(proof.failing.is_empty(), "fails for some facts: {:?}", proof.failing);
    // All but two promises rest on guards, and hold for any policy that an operator adds.
    let breakable = proof.outcomes.iter().filter(|outcome| !outcome.guarded);
    let breakable: Vec<_> = breakable.map(|outcome| outcome.promise.id.as_str()).collect();
    assert_eq!(breakable, ["known-callers", "subjects"], "{report}");
}

#[tokio::test]
async fn an_operators_policy_that_breaks_a_promise_is_told_in_plain_words() {
    let text = "@id(\"site-billing\")\n\
                permit (principal is Person, action == Action::\"readUsage\", resource);";
    let policies = Policies::with(&[File { name: "site.cedar", text }]).unwrap();
    let proof = proof(&policies).await;
    assert!(!proof.holds());
    let all = proof.outcomes.len();
    let kept = format!("{} of {all} promises proved, for ", all - 1);
    let text = report(&policies, Ok(proof)).unwrap().to_string();
    for told in [
        "BROKEN  P11 known-callers: every action takes one of the roles that are named for it",
        "somebody read usage without a role for it (known-callers-usage)",
        "person A does readUsage on",
        "person A holds no role",
        "permitted by site-billing",
        &kept,
    ] {
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
}

#[tokio::test]
async fn without_a_guard_its_promise_breaks_and_the_facts_that_matter_are_told() {
    let guard = "unless { !context.grant.used && context.now_ms < context.grant.expires_ms };";
    let weaker = "unless { context.now_ms < context.grant.expires_ms };";
    let files: Vec<(&str, String)> =
        BUILT_IN.iter().map(|file| (file.name, file.text.replace(guard, weaker))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| File { name, text }).collect();
    assert_ne!(files, BUILT_IN, "there is such a guard");
    let policies = Policies::of(&files).unwrap();
    let proof = proof(&policies).await;
    let broken: Vec<_> = proof.outcomes.iter().flat_map(|outcome| &outcome.broken).collect();
    let [only] = broken.as_slice() else { panic!("{broken:?}") };
    assert_eq!(only.says, "a grant opened a record twice");
    assert_eq!((only.action.as_str(), only.resource.as_str()), ("openRecord", "record A"));
    assert_eq!(only.permitted_by, ["reviewer-opens-and-decides"]);
    assert!(only.facts.iter().any(|fact| fact == "grant A's used: yes"), "{:?}", only.facts);
    assert!(only.facts.iter().any(|fact| fact == "person A holds Reviewer"), "{:?}", only.facts);
}

/// The counterexample shows the facts of the engine, which are in the context alone.
#[tokio::test]
async fn without_the_guards_of_engines_their_promises_break() {
    let guards = [
        (
            "unless { context.regions.contains(context.region) };",
            "residency-region",
            ["context.region: ", "context.regions: "],
        ),
        (
            "when { context has processor && !context.processors.contains(context.processor) };",
            "processors-allowed",
            ["context.processor: ", "context.processors: "],
        ),
    ];
    for (guard, clause, told) in guards {
        let without = |text: &str| text.replace(guard, "when { context.now_ms < 0 };");
        let files: Vec<(&str, String)> =
            BUILT_IN.iter().map(|file| (file.name, without(file.text))).collect();
        let files: Vec<_> = files.iter().map(|(name, text)| File { name, text }).collect();
        assert_ne!(files, BUILT_IN, "there is such a guard");
        let proof = proof(&Policies::of(&files).unwrap()).await;
        let broken: Vec<_> = proof.outcomes.iter().flat_map(|outcome| &outcome.broken).collect();
        let [only] = broken.as_slice() else { panic!("{broken:?}") };
        assert_eq!((only.clause.as_str(), only.action.as_str()), (clause, "reach"));
        for told in told {
            assert!(only.facts.iter().any(|fact| fact.starts_with(told)), "{:?}", only.facts);
        }
    }
}

#[tokio::test]
async fn a_policy_that_can_fail_and_an_action_that_nobody_may_are_noted() {
    let text = "@id(\"site-late\") forbid (principal, action == Action::\"embed\", resource) \
                when { context.now_ms + 1 > 0 };\n\
                @id(\"site-no-models\") forbid (principal, action == Action::\"writeModel\", resource);";
    let policies = Policies::with(&[File { name: "site.cedar", text }]).unwrap();
    let proof = proof(&policies).await;
    assert!(proof.holds(), "who forbids more breaks nothing");
    assert_eq!(proof.failing, ["site-late"]);
    assert_eq!(proof.impossible, ["writeModel"]);
}

/// An undecided result is reported, so that the log can record it. A missing solver is an error,
/// because it shows nothing about the policies.
#[tokio::test]
async fn what_could_not_be_found_out_is_reported_as_that() {
    let policies = Policies::built_in().unwrap();
    let [environment, said] = ["Person embed Deployment", "timeout"].map(str::to_owned);
    let gave_up = Error::GaveUp { environment, said };
    let undecided = report(&policies, Err(gave_up)).unwrap();
    assert_eq!(undecided.outcome, ProofOutcome::Undecided);
    let text = serde_json::to_string(&undecided).unwrap();
    let read = proof::Proof::read(&text, &policies).unwrap();
    assert_eq!(read.outcome(), ProofOutcome::Undecided);
    assert!(read.report().to_string().starts_with("UNDECIDED  Person embed Deployment: timeout"));
    assert!(report(&policies, Err(Error::NoSolver("none".into()))).is_err());
}

#[test]
fn the_program_says_it_in_json_and_by_its_exit_status() {
    let program = env!("CARGO_BIN_EXE_bailiwick-prove");
    let run = |arguments: &[&str]| Command::new(program).args(arguments).output().unwrap();
    let good = run(&["--json"]);
    assert_eq!(good.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(report["outcome"], "holds");
    let ours = String::from_utf8(good.stdout).unwrap();
    assert_eq!(ours, proof::BUILT_IN, "what is shipped; `make proof` writes it");
    let digest = Policies::built_in().unwrap().digest().to_string();
    assert_eq!(report["digest"], digest, "the digest that the service computes");

    let folder = std::env::temp_dir().join(format!("bailiwick-prove-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = "@id(\"open\") permit (principal, action, resource);";
    let open = write("open.cedar", text);
    let broken = run(&["--json", &open]);
    assert_eq!(broken.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!(report["outcome"], "refuted");
    let policies = Policies::with(&[File { name: "open.cedar", text }]).unwrap();
    let printed = String::from_utf8(broken.stdout.clone()).unwrap();
    let taken = proof::Proof::read(&printed, &policies).unwrap();
    assert_eq!(taken.outcome(), ProofOutcome::Refuted, "as the service reads it");
    assert_ne!(report["digest"], digest);
    let promises = report["promises"].as_array().unwrap();
    let broken: Vec<_> = promises.iter().filter(|promise| promise["proved"] == false).collect();
    assert_eq!(broken.len(), 2, "the two that rest on no guard");
    for promise in broken {
        assert_eq!(promise["counterexamples"][0]["permitted_by"], serde_json::json!(["open"]));
    }

    let wrong = write("wrong.cedar", "permit (principal, action, resource);");
    for (arguments, said) in [
        (vec![wrong.as_str()], "`wrong.cedar`: policy number 1 has no name"),
        (vec!["/nowhere.cedar"], "`/nowhere.cedar` cannot be read"),
        (vec!["--jason"], "usage: bailiwick-prove"),
    ] {
        let output = run(&arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{text}");
    }
    let missing = Command::new(program).env("CVC5", "/nowhere/cvc5").output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(text.contains("cvc5 does not start"), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}
