use super::*;

#[test]
fn what_the_log_commits_to_names_the_owner_again() {
    let person = PersonId::from_random([3; 16]);
    let object: Guid = "0e2f6a1c-0000-4000-8000-000000000011".parse().unwrap();
    let owner = Owner::new(person, object, [4; 16]);
    let text = owner.0.text().to_owned();
    assert_eq!(text, format!("person={person} object={object}"));
    assert_eq!(Owner::named(&text), Some((person, object)));
    for other in [
        "",
        "looks like a jailbreak",
        &format!("person={person}"),
        &format!("object={object} person={person}"),
        &format!("person={person} object={object} "),
        &format!("person={object} object={person}"),
    ] {
        assert_eq!(Owner::named(other), None, "{other}");
    }
}
