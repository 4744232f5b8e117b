use serde_json::json;

use crate::person::checks::checked;

#[test]
fn each_sentence_has_its_settings_and_checks() {
    let explanation = json!({
        "object": "explanation", "resource": "acme-prod", "tenant": "acme", "created_at": 1_796_025_600_u64,
        "configuration_sha256": "96a927197e64",
        "sentences": [
            {"id": "kept.records", "step": "kept", "text": "Prompts and answers are stored for 30 days.",
             "because": [{"setting": "retentionDays", "value": "30", "source": "resource"}],
             "check": [{"by": "auditor", "how": "entries `KeyDestroyed` of the log"}, {"by": "new", "how": "else"}]},
            {"id": "personal.off", "step": "personal_data", "text": "Nothing looks for personal data.",
             "because": [], "check": []},
            {"id": "new.one", "step": "a_later_step", "text": "Something new.", "because": [], "check": []},
        ]
    });
    let html = checked("/explain/acme-prod", &[explanation]);
    for text in [
        "What is kept, and for how long",
        "retentionDays = 30",
        "everybody with the log",
        "No setting changes this.",
        "Something new.",
        "2026-11-30 08:00 UTC",
        "id=\"kept.records\"",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    let personal = html.find("What happens to personal data").unwrap();
    assert!(personal < html.find("What is kept").unwrap(), "in the order of the life of a request");
}

#[test]
fn an_explanation_without_sentences_is_a_page() {
    let none = json!({"object": "explanation", "resource": "a", "tenant": "acme", "created_at": 0,
                      "configuration_sha256": "96", "sentences": []});
    checked("/explain/a", &[none]);
}
