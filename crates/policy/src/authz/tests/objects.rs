//! Attacks on kept objects: another principal of the same resource, another tenant, people who run
//! or audit the service, and training on files that no one uploaded for it.

use super::{
    super::{
        facts::{FileFacts, ObjectFacts, Scope},
        role::Role,
        *,
    },
    fixtures::*,
};
use crate::{
    id::ObjectId,
    object::{Class, Owner},
    permit::{
        CreateObject, DeleteObject, FineTune, ReadInventory, ReadObject, TrainOn, WriteObject,
    },
    principal::KeyName,
    training::{NotForTraining, TrainingSet},
};

/// An object that belongs to one principal alone.
fn of(owner: Owner) -> ObjectFacts {
    ObjectFacts { owner, shared: false, ..object(CUSTOMER) }
}

fn shared(owner: Owner) -> ObjectFacts {
    ObjectFacts { shared: true, ..of(owner) }
}

/// Whether a principal may read, write and delete an object.
fn may(authority: &Authority, who: &Principal, object: &ObjectFacts) -> [bool; 3] {
    [
        authorize::<ReadObject>(authority, who, object, &NOW).is_ok(),
        authorize::<WriteObject>(authority, who, object, &NOW).is_ok(),
        authorize::<DeleteObject>(authority, who, object, &NOW).is_ok(),
    ]
}

#[test]
fn an_object_belongs_to_the_principal_that_made_it() {
    let (alice, bob, program) = (person(CUSTOMER, 1), person(CUSTOMER, 2), workload(CUSTOMER, 1));
    let authority = authority(&[
        (&alice, Role::OpenAiUser, Scope::Service),
        (&bob, Role::OpenAiContributor, Scope::Service),
        (&program, Role::OpenAiUser, Scope::Service),
    ]);
    let all = [&key(CUSTOMER, 1), &alice, &bob, &program];
    for (number, owner) in all.into_iter().enumerate() {
        let own = Owner::of(owner);
        for (other, who) in all.into_iter().enumerate() {
            let mine = number == other;
            assert_eq!(may(&authority, who, &of(own)), [mine; 3], "{who:?} with {own:?}'s");
            assert_eq!(may(&authority, who, &shared(own)), [true, true, mine], "shared");
        }
    }
    // Keys are principals, too.
    let second = Owner::Key(KeyName::Key2);
    assert_eq!(may(&authority, &key(CUSTOMER, 1), &of(second)), [false; 3]);
    // The person whose id has the bytes of a program's id is another principal.
    assert_eq!(may(&authority, &alice, &of(Owner::of(&program))), [false; 3]);
}

#[test]
fn nobody_of_another_tenant_or_resource_reaches_an_object() {
    let mut held = Vec::new();
    let strangers = [person(OTHER, 1), workload(OTHER, 1), person(OPERATOR, 1)];
    for who in &strangers {
        held.extend(Role::ALL.map(|role| (who, role, Scope::Service)));
    }
    let authority = authority(&held);
    let keys = [key(OTHER, 1), key(CUSTOMER, 2)];
    for who in strangers.iter().chain(&keys) {
        // Even if the row says that it is theirs, and that it is shared.
        for object in [of(Owner::of(who)), shared(Owner::of(who))] {
            assert_eq!(may(&authority, who, &object), [false; 3], "{who:?}");
        }
        let place = resource(CUSTOMER, 1);
        assert!(authorize::<CreateObject>(&authority, who, &place, &NOW).is_err(), "{who:?}");
        assert!(authorize::<ReadInventory>(&authority, who, &place, &NOW).is_err(), "{who:?}");
        assert!(authorize::<FineTune>(&authority, who, &place, &NOW).is_err(), "{who:?}");
    }
}

#[test]
fn an_officer_lists_and_deletes_and_reads_nothing() {
    let officer = person(CUSTOMER, 1);
    let authority = authority(&[(&officer, Role::DataProtectionOfficer, Scope::Service)]);
    let key = Owner::Key(KeyName::Key1);
    assert_eq!(may(&authority, &officer, &of(key)), [false, false, true]);
    assert_eq!(may(&authority, &officer, &shared(key)), [false, false, true]);
    let place = resource(CUSTOMER, 1);
    assert!(authorize::<ReadInventory>(&authority, &officer, &place, &NOW).is_ok());
    assert!(authorize::<CreateObject>(&authority, &officer, &place, &NOW).is_err());
}

#[test]
fn who_runs_or_audits_the_service_reads_no_object_of_the_own_either() {
    for role in [Role::Operator, Role::Auditor] {
        let who = person(OPERATOR, 1);
        let own = ObjectFacts { of: resource(OPERATOR, 1), ..of(Owner::of(&who)) };
        let user = (&who, Role::OpenAiUser, Scope::Service);
        assert!(may(&authority(&[user]), &who, &own)[0]);
        let both = authority(&[user, (&who, role, Scope::Service)]);
        assert!(!may(&both, &who, &own)[0], "{role}");
    }
}

#[test]
fn training_reads_the_own_and_the_shared_files_for_it() {
    let trainer = person(CUSTOMER, 1);
    let authority = authority(&[
        (&trainer, Role::OpenAiContributor, Scope::Service),
        (&person(CUSTOMER, 2), Role::OpenAiUser, Scope::Service),
    ]);
    let train = |who: &Principal, object: ObjectFacts, purpose: &str| {
        let file = FileFacts { object, purpose: purpose.into() };
        authorize::<TrainOn>(&authority, who, &file, &NOW).map(TrainingSet::of)
    };
    let own = of(Owner::of(&trainer));
    let key = Owner::Key(KeyName::Key1);
    let set = train(&trainer, own.clone(), "fine-tune").unwrap().unwrap();
    assert_eq!(set.file(), &own);
    assert!(train(&trainer, shared(key), "fine-tune").is_ok());
    assert!(train(&trainer, of(key), "fine-tune").is_err(), "another principal's");
    for purpose in ["batch", "batch_output", "fine-tune-results", "assistants", "", "Fine-tune"] {
        assert!(train(&trainer, own.clone(), purpose).is_err(), "{purpose}");
    }
    let user = person(CUSTOMER, 2);
    let file = of(Owner::of(&user));
    assert!(train(&user, file, "fine-tune").is_err(), "a user does not train");
    // The second look: every object that calls itself a file with the purpose.
    for class in Class::ALL {
        let object = ObjectFacts { class, object: ObjectId::from_random([2; 16]), ..own.clone() };
        let set = train(&trainer, object.clone(), "fine-tune").unwrap();
        assert_eq!(set.map(drop) == Err(NotForTraining), class != Class::File, "{class}");
        assert_eq!(FileFacts::of(&object, "fine-tune").is_some(), class == Class::File);
    }
}
