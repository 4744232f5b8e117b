//! The access matrix: every role, every action and every kind of thing in one table,
//! crates/policy/tests/access-matrix.txt. Every change of a permission shows up in that file.
//!
//! The facts are the most favourable ones: the grant is approved and fresh, the workstation
//! enrolled, the application decided, the engine allowed. A request refused here is always refused.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use super::{
    super::{
        context::{
            self, Assigning, Deciding, Enrolling, Locking, Looking, Opening, Processing, Retaining,
        },
        facts::{ApplicationFacts, GrantFacts, ObjectFacts, Scope, Service, TenantFacts},
        policies::SEE,
        question::Question,
        role::{Holder, Role},
        *,
    },
    fixtures::*,
};
use crate::object::Owner;

/// One line: an action on a kind of thing.
struct Row {
    action: &'static str,
    kind: &'static str,
    #[expect(clippy::type_complexity, reason = "things and contexts are of many types")]
    ask: Box<dyn Fn(&Authority, &Principal) -> char>,
}

/// `A`llowed, `f`orbidden, or a dot for hidden.
fn row<T: Thing + 'static, C: context::Facts + 'static>(
    action: &'static str,
    kind: &'static str,
    thing: T,
    context: C,
) -> Row {
    let ask = move |authority: &Authority, who: &Principal| {
        let roles = authority.roles_of(who, &thing);
        match Question::new(authority, who, roles, action, &thing, &context) {
            Some(question) if question.allowed() => 'A',
            Some(question) if question.seen() => 'f',
            Some(_) | None => '.',
        }
    };
    Row { action, kind, ask: Box::new(ask) }
}

fn rows() -> Vec<Row> {
    let now_ms = NOW.now_ms;
    let customer = Scope::Tenant(TenantFacts { tenant: tenant(CUSTOMER) });
    let (resource, deployment) = (resource(CUSTOMER, 1), deployment(CUSTOMER, 1));
    let (file, record, grant) = (file(CUSTOMER), record(CUSTOMER), grant(CUSTOMER));
    let owner = Owner::Person(person_id(98));
    let unshared = ObjectFacts { owner, shared: false, ..object(CUSTOMER) };
    let asked = GrantFacts { approval: None, ..grant.clone() };
    let looked = GrantFacts { used: true, ..grant.clone() };
    let approved = application(CUSTOMER);
    let applied = ApplicationFacts { first: None, second: None, ..approved.clone() };
    let workstation = workstation();
    let scopes = [
        ("Service", Scope::Service),
        ("Tenant", customer),
        ("Resource", Scope::Resource(resource)),
        ("Deployment", Scope::Deployment(deployment)),
    ];
    let on = |action, kinds: std::ops::Range<usize>| {
        scopes[kinds].iter().map(move |(kind, scope)| row(action, kind, *scope, NOW))
    };
    let other = Holder::Person(person_id(99));
    let assign = |role| Assigning { now_ms, role, to: other };

    let mut rows = vec![];
    rows.extend(on("complete", 3..4));
    rows.extend(on("embed", 3..4));
    rows.push(row("reach", "Deployment", deployment, reaching()));
    rows.extend(on("listModels", 2..3));
    rows.extend(on("readReceipt", 2..3));
    rows.extend(
        ["createObject", "readInventory", "fineTune"]
            .map(|does| row(does, "Resource", resource, NOW)),
    );
    for (kind, object) in [("Object, shared", object(CUSTOMER)), ("Object, of others", unshared)] {
        for action in ["readObject", "writeObject", "deleteObject"] {
            rows.push(row(action, kind, object.clone(), NOW));
        }
    }
    rows.push(row("trainOn", "File", file.clone(), NOW));
    rows.extend(on("readUsage", 0..3));
    rows.extend(on("readTenant", 1..2));
    rows.extend(on("readModels", 0..1));
    rows.extend(on("readResource", 2..3));
    rows.extend(on("writeResource", 1..3));
    rows.extend(on("deleteResource", 2..3));
    rows.extend(on("listKeys", 2..3));
    rows.extend(on("regenerateKey", 2..3));
    rows.extend(on("writeNetworkRules", 2..3));
    for (kind, enabled) in [("Resource, off", false), ("Resource, on", true)] {
        rows.push(row("writeLockbox", kind, resource, Locking { now_ms, enabled }));
    }
    rows.extend(on("writeDeployment", 2..4));
    rows.extend(on("deleteDeployment", 3..4));
    rows.extend(on("createTenant", 0..1));
    rows.extend(on("writeTenant", 1..2));
    rows.extend(on("deleteTenant", 1..2));
    rows.extend(on("writeModel", 0..1));
    rows.extend(on("readEngines", 0..1));
    rows.extend(on("writeEngine", 0..1));
    for (kind, scope) in scopes {
        rows.push(row("assignRole", kind, scope, assign(Role::OpenAiUser)));
    }
    rows.push(row("assignRole", "Service, Reviewer", Scope::Service, assign(Role::Reviewer)));
    let officer = assign(Role::DataProtectionOfficer);
    rows.push(row("assignRole", "Service, Officer", Scope::Service, officer));
    rows.push(row("assignRole", "Tenant, Officer", customer, officer));
    let enrolling = Enrolling { now_ms, owner: person_id(99) };
    rows.push(row("enrollWorkstation", "Service", Service, enrolling));
    rows.extend(on("listOwnRecords", 2..3));
    rows.push(row("readOwnRecord", "Record", record.clone(), NOW));
    rows.push(row("deleteOwnRecord", "Record", record.clone(), NOW));
    for action in ["findSubject", "eraseSubject", "restrictSubject", "exportSubject"] {
        rows.extend(on(action, 1..2));
    }
    rows.push(row("flagRecord", "Record", record.clone(), NOW));
    rows.extend(on("listReviewQueue", 0..1));
    let looking = Looking { now_ms, workstation: workstation.clone() };
    rows.push(row("requestLook", "Record", record.clone(), looking));
    rows.push(row("approveLook", "Grant", asked.clone(), NOW));
    rows.push(row("consentLook", "Grant", asked.clone(), NOW));
    let opening = Opening { now_ms, workstation, grant };
    rows.push(row("openRecord", "Record", record.clone(), opening));
    let deciding = Deciding { now_ms, grant: looked };
    rows.push(row("decideFlag", "Record", record.clone(), deciding));
    rows.extend(on("suspendResource", 2..3));
    rows.extend(on("appealPenalty", 2..3));
    rows.extend(on("applyExemption", 2..3));
    for (kind, allowed) in [("Resource, off", false), ("Resource, on", true)] {
        let processing = Processing { now_ms, processor: "contoso".into(), allowed };
        rows.push(row("allowProcessor", kind, resource, processing));
    }
    rows.push(row("decideExemption", "Application", applied.clone(), NOW));
    rows.push(row("withdrawExemption", "Application", approved.clone(), NOW));
    for (kind, enabled) in [("Resource, off", false), ("Resource, on", true)] {
        let application = (!enabled).then(|| approved.clone());
        let retaining = Retaining { now_ms, enabled, application };
        rows.push(row("setContentLogging", kind, resource, retaining));
    }
    rows.extend(on("readLog", 0..2));
    rows.extend(on("readEvidence", 0..2));
    rows.extend(on(SEE, 0..4));
    rows.push(row(SEE, "Object", object(CUSTOMER), NOW));
    rows.push(row(SEE, "File", file, NOW));
    rows.push(row(SEE, "Record", record, NOW));
    rows.push(row(SEE, "Grant", asked, NOW));
    rows.push(row(SEE, "Application", applied, NOW));
    rows
}

/// The columns of one table: the principal and its roles, which hold everywhere.
fn columns(who: &dyn Fn() -> Principal) -> Vec<(String, Principal, Vec<Role>)> {
    let one = |(index, role): (usize, Role)| (format!("{}", index + 1), who(), vec![role]);
    let mut columns: Vec<_> = Role::ALL.into_iter().enumerate().map(one).collect();
    columns.push(("3+4".into(), who(), vec![Role::Contributor, Role::UsagesReader]));
    columns.push(("5+9".into(), who(), vec![Role::Reviewer, Role::Operator]));
    columns.push(("none".into(), who(), vec![]));
    columns
}

fn table(text: &mut String, title: &str, columns: &[(String, Principal, Vec<Role>)]) {
    let _ = writeln!(text, "\n{title}\n");
    let _ = write!(text, "{:<19}{:<19}", "action", "on");
    for (name, ..) in columns {
        let _ = write!(text, "{name:>5}");
    }
    text.push('\n');
    let authorities: Vec<_> = columns
        .iter()
        .map(|(_, who, roles)| {
            let held: Vec<_> = roles.iter().map(|role| (who, *role, Scope::Service)).collect();
            authority(&held)
        })
        .collect();
    for row in rows() {
        let _ = write!(text, "{:<19}{:<19}", row.action, row.kind);
        for ((_, who, _), authority) in columns.iter().zip(&authorities) {
            let _ = write!(text, "{:>5}", (row.ask)(authority, who));
        }
        text.push('\n');
    }
}

fn matrix() -> String {
    let mut text = String::from(
        "Who may do what, as the built-in policies decide. Written by a test of `policy`; after a\n\
         change of the policies: UPDATE_MATRIX=1 cargo test -p policy matrix\n\n\
         A  allowed\n\
         f  forbidden: 403, with the action's name and the role that it takes\n\
         .  hidden: 404, as if there were no such thing\n\n\
         Roles are held on the whole service, and all other facts are in order: grants approved and\n\
         fresh, workstations enrolled, applications decided, engines allowed. What is refused here is\n\
         always refused.\n\n",
    );
    for (index, role) in Role::ALL.into_iter().enumerate() {
        let _ = writeln!(text, "{:>5}  {role}", index + 1);
    }
    text.push_str("  3+4  both of these; 5+9 likewise\n none  no role\n");
    // Each person could be the grant's reviewer or its manager. The better of both results counts.
    let title = "A person of the tenant whose thing it is";
    table(&mut text, title, &favourable(CUSTOMER));
    table(&mut text, "A person of the operator's own tenant", &favourable(OPERATOR));
    table(&mut text, "A person of another customer's tenant", &favourable(OTHER));
    let program = || workload(CUSTOMER, 1);
    table(&mut text, "A program of the tenant whose thing it is", &columns(&program));
    table(&mut text, "A program of the operator's own tenant", &columns(&|| workload(OPERATOR, 1)));
    let keys = [
        ("own".to_owned(), key(CUSTOMER, 1), vec![]),
        ("next".to_owned(), key(CUSTOMER, 2), vec![]),
        ("else".to_owned(), key(OTHER, 1), vec![]),
    ];
    let title =
        "A key: of the resource itself, of another resource of the tenant, of another tenant";
    table(&mut text, title, &keys);
    text
}

/// Each column, decided once as the grant's reviewer and once as its manager.
fn favourable(of: u8) -> Vec<(String, Principal, Vec<Role>)> {
    let mut columns = columns(&|| person(of, REVIEWER));
    for (_, who, roles) in &mut columns {
        if roles.contains(&Role::ReviewManager) {
            *who = person(of, MANAGER);
        }
    }
    columns
}

#[test]
fn the_matrix_is_the_one_that_was_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/access-matrix.txt");
    let now = matrix();
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let read = std::fs::read_to_string(&path).unwrap_or_default();
    let changed = now.lines().zip(read.lines()).find(|(now, read)| now != read);
    let (now_lines, read_lines) = (now.lines().count(), read.lines().count());
    assert!(
        now == read,
        "the policies decide otherwise than tests/access-matrix.txt says, first in {changed:?} \
         ({now_lines} lines, not {read_lines}); read the change, then UPDATE_MATRIX=1",
    );
}

#[test]
fn the_matrix_has_a_row_for_every_action_and_kind() {
    let policies = Policies::built_in().unwrap();
    let wanted: BTreeSet<_> = policies
        .schema()
        .request_envs()
        .map(|env| {
            let action = env.action().id().unescaped().to_owned();
            (action, env.resource().to_string())
        })
        .collect();
    let kind = |kind: &str| kind.split(',').next().unwrap_or_default().to_owned();
    let have: BTreeSet<_> =
        rows().iter().map(|row| (row.action.to_owned(), kind(row.kind))).collect();
    assert_eq!(have, wanted);
}

#[test]
fn to_another_customer_nothing_exists() {
    for (_, who, roles) in favourable(OTHER) {
        let held: Vec<_> = roles.iter().map(|role| (&who, *role, Scope::Service)).collect();
        let authority = authority(&held);
        for row in rows() {
            assert_eq!((row.ask)(&authority, &who), '.', "{} on {}", row.action, row.kind);
        }
    }
}
