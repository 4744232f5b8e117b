use super::*;
use crate::authz::policies::File;

const MINE: File<'static> = File {
    name: "site.cedar",
    text: "@id(\"site\")\nforbid (principal, action == Action::\"embed\", resource);",
};

fn built_in() -> Policies {
    Policies::built_in().unwrap()
}

fn mine() -> Policies {
    Policies::with(&[MINE]).unwrap()
}

/// A report on these policies, derived from the built-in one.
fn report(policies: &Policies, change: impl FnOnce(&mut Report)) -> String {
    let mut report: Report = serde_json::from_str(BUILT_IN).unwrap();
    report.digest = policies.digest();
    report.specifications = policies.specifications();
    change(&mut report);
    serde_json::to_string(&report).unwrap()
}

fn refuted(report: &mut Report) {
    report.outcome = ProofOutcome::Refuted;
    report.promises[0].proved = false;
}

fn undecided(report: &mut Report) {
    report.outcome = ProofOutcome::Undecided;
    report.promises.clear();
    report.undecided = Some("cvc5 gave up".to_owned());
}

/// The bundled proof covers the bundled policies: after an edit of a policy, the schema or a
/// specification, the proof must be made again.
#[test]
fn the_proof_of_this_build_is_of_its_policies() {
    let proof = Proof::read(BUILT_IN, &built_in()).unwrap_or_else(|error| {
        panic!("{error}; the policies were edited since they were proved: run `make proof`")
    });
    assert_eq!(proof.outcome(), ProofOutcome::Holds);
    assert_eq!(Proof::built_in(&built_in()), Some(proof));
    assert_eq!(Proof::built_in(&mine()), None, "it proves nothing of others");
}

#[test]
fn a_report_on_other_policies_is_not_taken() {
    let ours = mine().digest();
    let told = built_in().digest();
    let refused = Proof::read(BUILT_IN, &mine()).unwrap_err();
    assert_eq!(refused, BadReport::OtherPolicies { told, ours });
    let other = report(&mine(), |report| report.specifications = Digest([0; 32]));
    assert!(matches!(Proof::read(&other, &mine()), Err(BadReport::OtherPolicies { .. })));
}

#[test]
fn a_report_that_contradicts_itself_is_not_taken() {
    let changes: [fn(&mut Report); 9] = [
        |report| report.promises[0].proved = false,
        |report| drop(report.promises.pop()),
        |report| report.promises.clear(),
        // One promise many times, and one that does not exist.
        |report| report.promises = vec![report.promises[0].clone(); report.promises.len()],
        |report| report.promises[0].id.push('s'),
        |report| report.undecided = Some("gave up".to_owned()),
        |report| report.outcome = ProofOutcome::Refuted,
        |report| report.outcome = ProofOutcome::Undecided,
        |report| {
            let [says, clause] = ["a look without a grant", "clause"].map(str::to_owned);
            let [principal, action, resource] = ["a", "b", "c"].map(str::to_owned);
            let (facts, permitted_by) = (Vec::new(), Vec::new());
            report.promises[0].counterexamples.push(Counterexample {
                clause,
                says,
                principal,
                action,
                resource,
                facts,
                permitted_by,
            });
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let refused = Proof::read(&report(&mine(), change), &mine());
        assert!(matches!(refused, Err(BadReport::Contradiction { .. })), "{index}: {refused:?}");
    }
    for text in ["", "{}", "true", &report(&mine(), |_| ()).replacen('{', "{\"more\": 1,", 1)] {
        assert!(matches!(Proof::read(text, &mine()), Err(BadReport::Malformed { .. })), "{text}");
    }
}

#[test]
fn only_a_proof_of_these_very_policies_lets_them_decide() {
    let proof = |change: fn(&mut Report)| Proof::read(&report(&mine(), change), &mine()).unwrap();
    let digest = mine().digest();
    let check = |logged: Option<&Event>, unproved| {
        InForce::check(mine(), logged, unproved).map(|in_force| in_force.policy_set().proved)
    };
    let holds = proof(|_| ()).event();
    let (refuted, undecided) = (proof(refuted).event(), proof(undecided).event());
    let other = Proof::built_in(&built_in()).unwrap().event();
    let mut older = holds.clone();
    let Event::Proved { specifications, .. } = &mut older else { panic!("{older:?}") };
    *specifications = Digest([0; 32]);

    use Unproved::{Refuse, Serve};
    let unasked = Err(NotProved::Unasked { digest });
    for logged in [None, Some(&other), Some(&older)] {
        assert_eq!(check(logged, Refuse), unasked, "{logged:?}");
        assert_eq!(check(logged, Serve), Ok(false), "{logged:?}");
    }
    assert_eq!(check(Some(&undecided), Refuse), Err(NotProved::Undecided { digest }));
    assert_eq!(check(Some(&undecided), Serve), Ok(false));
    for unproved in [Refuse, Serve] {
        assert_eq!(check(Some(&holds), unproved), Ok(true));
        // Policies that break a promise are never served, in any configuration.
        assert_eq!(check(Some(&refuted), unproved), Err(NotProved::Broken { digest }));
    }
}

#[test]
fn a_report_is_told_in_plain_words() {
    let told = |change: fn(&mut Report)| {
        Proof::read(&report(&mine(), change), &mine()).unwrap().report().to_string()
    };
    let digest = mine().digest();
    let built_in: Report = serde_json::from_str(BUILT_IN).unwrap();
    let all = built_in.promises.len();
    assert!(told(|_| ()).contains(&format!("{all} of {all} promises proved, for")));
    assert!(told(|_| ()).ends_with(&format!("digest {digest}\n")));
    assert!(told(refuted).starts_with("BROKEN  "), "{}", told(refuted));
    assert!(told(undecided).starts_with("UNDECIDED  cvc5 gave up\n"), "{}", told(undecided));
}
