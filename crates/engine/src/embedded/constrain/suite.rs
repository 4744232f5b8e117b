//! Generates random texts for each schema of the JSON-Schema-Test-Suite, and validates them with a
//! second library.

use std::path::PathBuf;

use serde_json::Value;

use crate::embedded::rehearse::{Outcome, Rehearsal};

/// Texts generated for each schema.
const TEXTS: u32 = 200;

/// Returns every schema of the suite, named by its file and description.
fn schemas() -> Vec<(String, Value)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/json-schema-test-suite");
    let mut all = Vec::new();
    for (edition, uri) in [
        ("draft7", "http://json-schema.org/draft-07/schema#"),
        ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
        ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
    ] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(edition))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let groups: Vec<Value> = serde_json::from_str(&text).unwrap();
            for group in groups {
                let mut schema = group["schema"].clone();
                if let Some(schema) = schema.as_object_mut() {
                    schema.entry("$schema").or_insert_with(|| uri.into());
                    let name = file.file_name().unwrap().to_string_lossy().into_owned();
                    all.push((
                        format!("{edition}/{name}: {}", group["description"]),
                        Value::Object(schema.clone()),
                    ));
                }
            }
        }
    }
    all
}

#[test]
fn what_is_drawn_under_the_suites_schemas_matches_them() {
    let rehearsal = Rehearsal::new().unwrap();
    let (mut taken, mut complete, mut bad) = (0, 0, Vec::new());
    let all = schemas();
    for (name, schema) in &all {
        if let Outcome::Taken(drawn) = rehearsal.try_schema(&schema.to_string(), true, TEXTS, 1) {
            taken += 1;
            complete += drawn.complete;
            assert!(drawn.promised, "{name}");
            assert_eq!((drawn.dead, drawn.costly), (0, 0), "{name}");
            if let Some(text) = drawn.wrong.first() {
                bad.push(format!("{name}: {text}"));
            }
        }
    }
    assert!(bad.is_empty(), "{} of {taken}:\n{}", bad.len(), bad.join("\n"));
    // The guarantee would be worth little if most schemas were refused.
    assert!(taken * 100 > all.len() * 70, "{taken} of {} schemas are taken", all.len());
    assert!(complete > 10_000, "{complete} texts");
}
