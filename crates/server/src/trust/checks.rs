//! The quick checks: each reads what the service has already.

use std::collections::BTreeMap;

use engine::{protocol::Confinement, supervise};
use pages::trust::{Check, Fact, Found, Outcome};
use tlog::entry::{Event, ProofOutcome};

use crate::{promises::Promises, self_test, services::Services};

/// Makes all quick checks.
pub(super) fn quick(services: &Services, now_ms: u64) -> [Found; 6] {
    let promises = &services.promises;
    let found = |check, (outcome, facts)| Found { check, checked_ms: now_ms, outcome, facts };
    [
        found(Check::Deadlines, deadlines(services)),
        found(Check::Policies, policies(services)),
        found(Check::Confinement, confinement(promises, services)),
        found(Check::Witnesses, witnesses(promises)),
        tables(services, now_ms),
        self_tested(services, now_ms),
    ]
}

type Answer = (Outcome, Vec<Fact>);

/// Whether deadlines are carried out, requests are recorded and the log is published. Trouble is no
/// broken promise yet: the service tries again, and refuses what it cannot record. The replay of the
/// log finds a key that is overdue.
fn deadlines(services: &Services) -> Answer {
    match services.ledger.trouble() {
        None => (Outcome::Holds, vec![Fact::OnTime]),
        Some(_) => (Outcome::Unknown, vec![Fact::Trouble]),
    }
}

/// Whether the log has a proof of the policies that decide now. A later result can refute them: the service
/// goes on with them until its next start, which is refused.
fn policies(services: &Services) -> Answer {
    let policies = services.live.current().identity.policies;
    let digest = policies.digest.to_string();
    match services.store.proof_entry(policies.digest) {
        Ok(Some(Event::Proved { outcome: ProofOutcome::Refuted, .. })) => {
            return (Outcome::Broken, vec![Fact::Refuted { digest }]);
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, help = error.help(), "the proof of the policies cannot be read");
            return (Outcome::Unknown, Vec::new());
        }
    }
    if policies.proved {
        (Outcome::Holds, vec![Fact::Proved { digest }])
    } else {
        (Outcome::Open, vec![Fact::Unproved { digest }])
    }
}

/// Whether this process and each ready worker are confined. A worker that is not ready serves no request.
fn confinement(promises: &Promises, services: &Services) -> Answer {
    let workers = services.fleet.workers();
    let ready = workers.iter().filter_map(|worker| match &worker.state {
        supervise::State::Ready(report) => {
            let name = format!("{}/{}", worker.model, worker.task.name());
            Some((name, &report.confinement))
        }
        _ => None,
    });
    let gateway = ("gateway".to_owned(), &*promises.confinement);
    let (mut processes, mut attempts) = (0_u64, 0_u64);
    let mut loose = Vec::new();
    for (process, confinement) in std::iter::once(gateway).chain(ready) {
        match attempts_of(confinement) {
            Some(made) => {
                processes = processes.saturating_add(1);
                attempts = attempts.saturating_add(made);
            }
            None => loose.push(Fact::Loose { process }),
        }
    }
    if loose.is_empty() {
        (Outcome::Holds, vec![Fact::Confined { processes, attempts }])
    } else {
        (Outcome::Broken, loose)
    }
}

/// Returns the number of refused attempts to break out; `None` if the process is not confined.
fn attempts_of(confinement: &Confinement) -> Option<u64> {
    let active = confinement.landlock_abi > 0 && confinement.seccomp;
    let all_refused = confinement.attempts.iter().all(|(_, error)| !error.is_empty());
    let attempts = u64::try_from(confinement.attempts.len()).ok()?;
    (active && all_refused && attempts > 0).then_some(attempts)
}

/// Whether the tables say what the log says. The service compares them by itself, now and then; the
/// answer has the time of the last comparison. It has kinds and numbers only: names are the customers'.
fn tables(services: &Services, now_ms: u64) -> Found {
    let check = Check::Tables;
    let Some((report, checked_ms)) = services.ledger.compared() else {
        return Found { check, checked_ms: now_ms, outcome: Outcome::Unknown, facts: Vec::new() };
    };
    let mut kinds: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for finding in &report.findings {
        let count = kinds.entry((finding.what.name(), finding.what.stops())).or_default();
        *count = count.saturating_add(1);
    }
    if kinds.is_empty() {
        let facts = vec![Fact::Agrees { rows: report.rows, entries: report.entries }];
        return Found { check, checked_ms, outcome: Outcome::Holds, facts };
    }
    let differs = |((kind, decides), count): ((&str, bool), u64)| Fact::Differs {
        kind: kind.to_owned(),
        count,
        decides,
    };
    let facts = kinds.into_iter().map(differs).collect();
    Found { check, checked_ms, outcome: Outcome::Broken, facts }
}

/// The result of the last self-test.
fn self_tested(services: &Services, now_ms: u64) -> Found {
    let current = services.live.current();
    let program = current.identity.binary.to_string();
    let within = (now_ms, current.config.trust.self_test_days);
    self_test::result::answer(&current.config.data, (&services.promises.key, &program), within)
}

fn witnesses(promises: &Promises) -> Answer {
    let witnesses = promises.witnesses.status();
    if witnesses.is_empty() {
        return (Outcome::Holds, vec![Fact::NoWitness]);
    }
    let all_sign = witnesses.iter().all(|witness| witness.error.is_none());
    let facts = witnesses.into_iter().map(|witness| match witness.error {
        None => Fact::Witnessed { name: witness.name, size: witness.size },
        Some(_) => Fact::Unwitnessed { name: witness.name, size: witness.size },
    });
    (if all_sign { Outcome::Holds } else { Outcome::Unknown }, facts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_confined_if_all_its_attempts_failed() {
        let confined = Confinement {
            landlock_abi: 5,
            seccomp: true,
            memory_locked: true,
            attempts: vec![("open".to_owned(), "EACCES".to_owned())],
        };
        assert_eq!(attempts_of(&confined), Some(1));
        for loose in [
            Confinement { landlock_abi: 0, ..confined.clone() },
            Confinement { seccomp: false, ..confined.clone() },
            Confinement { attempts: Vec::new(), ..confined.clone() },
            Confinement { attempts: vec![("open".to_owned(), String::new())], ..confined },
        ] {
            assert_eq!(attempts_of(&loose), None, "{loose:?}");
        }
    }
}
