use super::*;

fn refused(text: &str) -> BadPolicies {
    Policies::with(&[File { name: "site.cedar", text }]).unwrap_err()
}

#[test]
fn the_built_in_policies_are_valid_and_each_has_a_name() {
    let policies = Policies::built_in().unwrap();
    assert!(policies.set().policies().count() > 40);
    for file in SPECIFICATIONS {
        let set = policies.specification(*file).unwrap();
        let promises = set.policies().filter(|policy| policy.annotation("promise").is_some());
        assert_eq!(promises.count(), 1, "{}: one policy names the promise", file.name);
        let unsaid = set.policies().find(|policy| policy.annotation("says").is_none());
        assert!(unsaid.is_none(), "{}: {unsaid:?} says nothing", file.name);
    }
}

#[test]
fn the_schema_knows_the_actions_of_the_code_and_no_others() {
    let policies = Policies::built_in().unwrap();
    let schema = policies.schema();
    let groups: Vec<_> = schema.action_groups().collect();
    let mut known: Vec<_> = schema
        .actions()
        .filter(|action| !groups.contains(action))
        .map(|action| action.id().unescaped().to_owned())
        .collect();
    known.sort();
    let mut named: Vec<_> = NAMES.iter().copied().chain([SEE]).collect();
    named.sort_unstable();
    assert_eq!(known, named);
}

#[test]
fn an_operators_policies_are_refused_with_the_place_and_what_to_do() {
    let said = refused("\n@id(\"a\")\npermit (principal, action resource);").to_string();
    assert!(said.starts_with("`site.cedar`, line 3: "), "{said}");
    let said = refused("permit (principal, action, resource);").to_string();
    assert!(said.contains("policy number 1 has no name; write @id("), "{said}");
    let said = refused("@id(\"key-sees\") forbid (principal, action, resource);").to_string();
    assert!(said.contains("another policy `key-sees`"), "{said}");
    let said =
        refused("@id(\"a\") permit (principal == ?principal, action, resource);").to_string();
    assert!(said.contains("templates are not used here"), "{said}");
    // An unknown attribute, an unknown role, and a policy that never applies.
    for text in [
        "@id(\"mine\")\nforbid (principal, action, resource) when { principal.colour == \"red\" };",
        "@id(\"mine\")\nforbid (principal in Role::\"Reader\", action, resource);",
        "\n@id(\"mine\") permit (principal is Key, action, resource is Key);",
    ] {
        let error = refused(text);
        assert!(matches!(&error, BadPolicies::Unfit { id, .. } if id == "mine"), "{error}");
        assert!(error.to_string().starts_with("`site.cedar`, line 2: policy `mine` "), "{error}");
    }
}

#[test]
fn the_digest_depends_on_every_text_and_not_on_order_or_line_ends() {
    let one = File { name: "a.cedar", text: "@id(\"a\")\nforbid (principal, action, resource);" };
    let two = File { name: "b.cedar", text: "@id(\"b\")\nforbid (principal, action, resource);" };
    let digest = |files: &[File<'_>]| Policies::with(files).unwrap().digest();
    assert_eq!(digest(&[one, two]), digest(&[two, one]));
    let windows = one.text.replace('\n', "\r\n");
    assert_eq!(digest(&[one]), digest(&[File { name: one.name, text: &windows }]));
    let all = [digest(&[]), digest(&[one]), digest(&[two]), digest(&[one, two])];
    for (index, first) in all.iter().enumerate() {
        assert!(all.iter().skip(index + 1).all(|other| other != first));
    }
}
