use policy::{authz::role::Role, content::Content, guard::blocklist::Term};
use serde_json::{Value, json};
use store::StoreError;

use super::*;
use crate::manage::{
    DeploymentUpdate,
    tests::people::{People, everybody},
};

/// A term that must appear in no answer but that of the items.
const CANARY: &str = "zanzibarquux";

fn body(value: Value) -> PolicyBody {
    serde_json::from_value(value).unwrap()
}

/// A body that blocks hate from low, and annotates violence in completions.
fn strict() -> Value {
    json!({"properties": {
        "mode": "Asynchronous_filter",
        "basePolicyName": "Microsoft.Default",
        "contentFilters": [
            {"name": "Hate", "enabled": true, "severityThreshold": "Low", "blocking": true,
             "source": "Prompt"},
            {"name": "hate", "severityThreshold": "low", "source": "Completion"},
            {"name": "Indirect Attack", "enabled": true, "blocking": true, "source": "Prompt"},
            {"name": "Jailbreak", "enabled": false},
        ],
        "customBlocklists": [{"blocklistName": "words", "blocking": true, "source": "Prompt"}],
        "whenDown": "unfiltered",
    }})
}

fn words(acting: &Acting, resource: &str) -> Result<BlocklistView, ManageError> {
    acting.write_blocklist(resource, "words", "ours", Expect::Either)?;
    let term = Term::Exact(Content::new(CANARY.into()));
    let items = vec![BlocklistItem { name: "one".into(), term }];
    acting.change_blocklist(resource, "words", ItemsChange::Add(items))
}

fn put(acting: &Acting, resource: &str, value: Value) -> Result<(bool, PolicyView), ManageError> {
    acting.write_filter_body(resource, "own", &body(value), Expect::Either)
}

fn point(acting: &Acting, resource: &str, name: Value) -> Result<String, ManageError> {
    let update = json!({"raiPolicyName": name});
    let update: DeploymentUpdate = serde_json::from_value(update).unwrap();
    acting.update_deployment(resource, "chat", update).map(|view| view.rai_policy_name)
}

#[test]
fn azures_json_becomes_a_filter_and_comes_back() {
    let people = People::new();
    let acting = &people.administrator;
    words(acting, "acme-prod").unwrap();
    let (created, view) = put(acting, "acme-prod", strict()).unwrap();
    assert!(created && view.in_force);
    let shown = serde_json::to_value(&view).unwrap();
    let properties = &shown["properties"];
    assert_eq!(
        (&properties["mode"], &properties["whenDown"], &properties["basePolicyName"]),
        (&json!("Asynchronous_filter"), &json!("unfiltered"), &json!("Microsoft.DefaultV2"))
    );
    let rules = properties["contentFilters"].as_array().unwrap();
    assert_eq!(rules.len(), 14, "each category on each of its sides");
    let rule = |name: &str, source: &str| {
        let same = |rule: &&Value| rule["name"] == name && rule["source"] == source;
        rules.iter().find(same).unwrap().clone()
    };
    assert_eq!(
        rule("Hate", "Completion"),
        json!({"name": "Hate", "enabled": true, "severityThreshold": "Low", "blocking": true,
            "source": "Completion"})
    );
    assert_eq!(
        rule("Jailbreak", "Prompt"),
        json!({"name": "Jailbreak", "enabled": false, "blocking": false, "source": "Prompt"})
    );
    assert_eq!(rule("Sexual", "Prompt")["severityThreshold"], "Medium", "from the base");
    assert_eq!(
        properties["customBlocklists"],
        json!([{"blocklistName": "words", "blocking": true, "source": "Prompt"}])
    );
    // An answer that is sent back changes nothing.
    let (created, again) = put(acting, "acme-prod", shown).unwrap();
    assert!(!created);
    assert_eq!(again.digest, view.digest);

    assert_eq!(point(acting, "acme-prod", json!("own")).unwrap(), "own");
    assert_eq!(acting.filter("acme-prod", "own").unwrap().deployments, ["chat"]);
    assert_eq!(acting.blocklist("acme-prod", "words").unwrap().filters, ["own"]);
    for built_in in [json!("microsoft.default"), json!(null)] {
        assert_eq!(point(acting, "acme-prod", built_in).unwrap(), "Microsoft.DefaultV2");
    }
    let unknown = point(acting, "acme-prod", json!("other")).unwrap_err();
    assert!(matches!(unknown, ManageError::Store(StoreError::NotFound { kind: Kind::Filter, .. })));
    let names: Vec<_> =
        acting.filters("acme-prod").unwrap().into_iter().map(|view| view.name).collect();
    assert_eq!(names, ["Microsoft.DefaultV2", "own"]);
}

#[test]
fn every_wrong_field_is_named() {
    let people = People::new();
    let wrong = json!({"propertees": 1, "properties": {
        "mode": "fast",
        "whenDown": true,
        "basePolicyName": "Contoso.Default",
        "contentFilters": [
            {"name": "Hate", "source": "Prompt", "severityThreshold": "Extreme"},
            {"name": "Rudeness", "source": "Prompt"},
            {"name": "Jailbreak", "source": "Completion"},
            {"name": "Sexual"},
            {"name": "Violence", "source": "Prompt", "blocking": "yes"},
            {"name": "Violence", "source": "Completion"},
            {"name": "Violence", "source": "Completion"},
            7,
        ],
        "customBlocklists": [{"blocklistName": "a b", "source": "Prompt", "weight": 1}],
    }});
    let refused = put(&people.administrator, "acme-prod", wrong).unwrap_err().to_string();
    for expected in [
        "the body has 13 wrong fields",
        "propertees: is unknown",
        "properties.mode: write one of: Default, Blocking, Deferred, Asynchronous_filter",
        "properties.whenDown: write one of: refuse, unfiltered",
        "properties.basePolicyName: write one of: Microsoft.DefaultV2, Microsoft.Default",
        "properties.contentFilters[0].severityThreshold: write one of: Low, Medium, High",
        "properties.contentFilters[1].name: write one of: Hate, Sexual,",
        "properties.contentFilters[2]: the filter `Jailbreak` has no source `Completion`",
        "properties.contentFilters[3].source: is missing; write one of: Prompt, Completion",
        "properties.contentFilters[4].blocking: must be true or false",
        "properties.contentFilters[6]: repeats an earlier entry",
        "properties.contentFilters[7]: must be an object",
        "properties.customBlocklists[0].weight: is unknown",
        "properties.customBlocklists[0].blocklistName: write one of: 1 to 64 letters",
    ] {
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    assert!(people.administrator.filter("acme-prod", "own").is_err());
}

/// Each point is named, and nothing is stored.
#[test]
fn a_filter_below_the_floor_is_refused_with_its_points() {
    let people = People::new();
    let weak = json!({"properties": {"contentFilters": [
        {"name": "Violence", "source": "Prompt", "blocking": false},
        {"name": "Selfharm", "source": "Completion", "enabled": false},
        {"name": "Hate", "source": "Prompt", "severityThreshold": "High"},
    ]}});
    for acting in [&people.administrator, &people.acting("ops", 90, &[Role::Operator])] {
        let error = put(acting, "acme-prod", weak.clone()).unwrap_err();
        let told = format!("{error}; {}", error.help());
        assert!(matches!(error, ManageError::TooWeak(_)), "{told}");
        for expected in [
            "`Violence` for `Prompt` is only annotated, and must be blocked from `High`",
            "`Selfharm` for `Completion` is off, and must be blocked from `High`",
            "bailiwick desk apply --for content-filter",
        ] {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert!(!told.contains("Hate"), "{told}");
    }
    assert!(people.administrator.filter("acme-prod", "own").is_err());
}

/// Who may change the deployments of a resource may change its filters; no other caller may.
#[test]
fn each_role_may_write_filters_exactly_if_it_may_write_deployments() {
    let people = People::new();
    let (mut may, mut may_not) = (0, 0);
    for (who, acting) in everybody(&people) {
        let limits = json!({"tokensPerMinute": 7});
        let deploys = acting
            .update_deployment("acme-prod", "chat", serde_json::from_value(limits).unwrap())
            .is_ok();
        words(&people.administrator, "acme-prod").unwrap();
        let before = people.administrator.filters("acme-prod").unwrap().len();
        let answers = [
            words(&acting, "acme-prod").map(|_| ()),
            put(&acting, "acme-prod", strict()).map(|_| ()),
            put(&acting, "acme-prod", json!({"properties": {"mode": "wrong"}})).map(|_| ()),
            acting.blocklist_items("acme-prod", "words").map(|_| ()),
            acting.delete_filter("acme-prod", "own"),
            acting.delete_blocklist("acme-prod", "words"),
        ];
        let after = people.administrator.filters("acme-prod").unwrap().len();
        assert_eq!(before, after, "{who}");
        if deploys {
            let told: Vec<_> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(told, [true, true, false, true, true, true], "{who}: {answers:?}");
            may += 1;
        } else {
            for answer in &answers {
                let refused = matches!(
                    answer,
                    Err(ManageError::Forbidden(_)
                        | ManageError::Store(StoreError::NotFound { kind: Kind::Resource, .. }))
                );
                assert!(refused, "{who}: {answer:?}");
            }
            let list = people.administrator.blocklist("acme-prod", "words").unwrap();
            assert_eq!(list.terms, 1, "{who}");
            may_not += 1;
        }
        // No view of a list has a term.
        let views = serde_json::to_string(&acting.blocklists("acme-prod").ok()).unwrap();
        assert!(!views.contains(CANARY), "{who}");
    }
    assert!(may >= 4 && may_not > 20, "{may} {may_not}");
}

/// A filter and its terms are of one customer.
#[test]
fn another_tenants_contributor_reaches_nothing() {
    let people = People::new();
    words(&people.administrator, "acme-prod").unwrap();
    put(&people.administrator, "acme-prod", strict()).unwrap();
    point(&people.administrator, "acme-prod", json!("own")).unwrap();
    let other = people.acting("else", 91, &Role::ALL);
    words(&other, "else-prod").unwrap();
    let hidden = |answer: Result<(), ManageError>| {
        let error = answer.unwrap_err();
        let told = error.to_string();
        assert!(told.contains("there is no resource `acme-prod`"), "{told}");
    };
    hidden(other.filters("acme-prod").map(|_| ()));
    hidden(other.filter("acme-prod", "own").map(|_| ()));
    hidden(put(&other, "acme-prod", strict()).map(|_| ()));
    hidden(other.delete_filter("acme-prod", "own"));
    hidden(other.blocklists("acme-prod").map(|_| ()));
    hidden(other.blocklist("acme-prod", "words").map(|_| ()));
    hidden(other.blocklist_items("acme-prod", "words").map(|_| ()));
    hidden(words(&other, "acme-prod").map(|_| ()));
    hidden(other.delete_blocklist("acme-prod", "words"));
    hidden(point(&other, "acme-prod", json!(null)).map(|_| ()));
    // Their deployment cannot borrow the filter.
    let borrowed = point(&other, "else-prod", json!("own")).unwrap_err();
    assert!(matches!(
        borrowed,
        ManageError::Store(StoreError::NotFound { kind: Kind::Filter, .. })
    ));
    assert_eq!(people.administrator.filter("acme-prod", "own").unwrap().deployments, ["chat"]);
}
