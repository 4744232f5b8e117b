//! Compares `/openapi.json` with the service: schemathesis generates valid and invalid requests
//! from the document, and checks the answers against it. tests/sdk/openapi has the details.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::{client::Request, process::succeed, sdk::program, service::shared};

/// Minimum percentage of valid requests answered with 200. The others may name missing objects.
const ACCEPTED_MIN: u64 = 95;

#[test]
fn the_document_describes_exactly_what_is_served() {
    let caller = shared().service.caller("schemathesis");
    let url = format!("http://{}", caller.address);
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("counts.json");
    let asked = caller.post("/v1/chat/completions", &with_model(caller.short()));
    let receipt = asked.header("x-bailiwick-receipt").unwrap().rsplit('/').next().unwrap();
    succeed(
        program("schemathesis", &url, &caller)
            .current_dir(crate::process::project().join("tests/sdk/openapi"))
            .args(["--config-file", "schemathesis.toml", "run", &format!("{url}/openapi.json")])
            .args(["--no-color", "--header", &format!("api-key: {}", caller.key1)])
            .env("BAILIWICK_COUNTS", &counts)
            .env("BAILIWICK_REQUEST", receipt),
    );
    let counts: BTreeMap<String, u64> = serde_json::from_slice(&fs::read(counts).unwrap()).unwrap();
    for operation in ["chat/completions", "/completions", "embeddings"] {
        // A line is `positive POST /v1/embeddings 200`.
        let of = |mode: &str, status: &str| -> u64 {
            let lines = counts.iter().filter(|(line, _)| {
                let mut words = line.split(' ');
                let path = line.split(' ').nth(2).unwrap();
                let same = path.ends_with(operation)
                    && path.contains("chat/") == operation.contains("chat/");
                words.next() == Some(mode) && same && line.ends_with(status)
            });
            lines.map(|(_, count)| count).sum()
        };
        let (valid, accepted) = (of("positive", ""), of("positive", " 200"));
        assert!(valid >= 30, "{operation}: {valid} valid requests: {counts:#?}");
        assert!(
            accepted * 100 >= valid * ACCEPTED_MIN,
            "{operation}: {accepted} of {valid} valid requests were accepted: {counts:#?}"
        );
        let refused = of("negative", " 400");
        assert!(refused >= 50, "{operation}: {refused} invalid requests were refused: {counts:#?}");
    }
    // The service still works after all this.
    Request::get("/openai/v1/models").key(&caller.key1).send(caller.address).ok();
}

fn with_model(mut body: Value) -> Value {
    body["model"] = crate::service::CHAT.into();
    body
}
