use serde_json::{Value, json};

use crate::{
    format::Query,
    person::{
        Answer, Desk,
        checks::{NOW, checked, page},
        find,
    },
    words::Lang,
};

pub(in crate::person) fn resource() -> Value {
    json!({
        "id": "res_2b8f4c0a", "name": "acme-prod", "tenant": "acme", "region": "germanywestcentral",
        "prefixCache": true, "forward": ["user"], "disableLocalAuth": false,
        "publicNetworkAccess": "Enabled",
        "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]},
        "lockbox": true, "storedCompletionsDisabled": false, "subjectHeader": null, "retentionDays": 30,
        "capabilities": [{"name": "ContentLogging", "value": "true", "since": "2026-10-01T07:00:00Z"}],
        "abusePenalty": {"action": "Throttle", "rateLimitPercentage": 50, "expiration": "2026-12-01T00:00:00Z"},
        "keys": [
            {"keyName": "Key1", "createdAt": "2026-10-01T07:00:00Z"},
            {"keyName": "Key2", "createdAt": "2026-11-29T07:00:00Z"},
        ],
        "deployments": ["chat", "embed"], "createdAt": "2026-10-01T07:00:00Z"
    })
}

pub(in crate::person) fn deployments() -> Value {
    json!([
        {"id": "dep_1", "name": "chat", "resource": "acme-prod", "model": "qwen3", "task": "chat",
         "sku": "Standard", "limits": {"tokensPerMinute": 1_000_000, "requestsPerMinute": 6000},
         "spilloverDeploymentName": "chat-2", "raiPolicyName": "Microsoft.DefaultV2",
         "createdAt": "2026-10-01T07:00:00Z",
         "worker": {"model": "qwen3", "task": "chat", "state": "loading", "loaded": 0.25, "reason": "why"}},
        {"id": "dep_2", "name": "embed", "resource": "acme-prod", "model": "bge", "task": "embeddings",
         "sku": "GlobalStandard", "limits": {"tokensPerMinute": 1000, "requestsPerMinute": 6},
         "raiPolicyName": "strict", "createdAt": "2026-10-01T07:00:00Z"},
    ])
}

fn usage(period: &str, deployment: &str, requests: u64) -> Value {
    json!({"period": period, "tenant": "acme", "resource": "acme-prod", "deployment": deployment,
           "caller": "Key1", "requests": requests, "refused": 2, "failed": 1, "promptTokens": 100,
           "cachedTokens": 50, "completionTokens": 20})
}

pub(in crate::person) fn filters() -> Value {
    json!([{
        "name": "Microsoft.DefaultV2", "resource": "acme-prod",
        "properties": {
            "type": "SystemManaged", "mode": "Blocking", "basePolicyName": "Microsoft.DefaultV2",
            "whenDown": "refuse",
            "contentFilters": [
                {"name": "Hate", "enabled": true, "severityThreshold": "Medium", "blocking": true, "source": "Prompt"},
                {"name": "Jailbreak", "enabled": true, "blocking": true, "source": "Prompt"},
            ],
            "customBlocklists": [{"blocklistName": "rivals", "blocking": false, "source": "Completion"}],
        },
        "digest": "ab12", "inForce": false, "deployments": ["chat"],
    }])
}

/// The errors of an hour, with rows of deployment, status, code and count.
fn errors(rows: &[(Option<&str>, u16, &str, u64)]) -> Value {
    let row = |(deployment, status, code, count): &(Option<&str>, u16, &str, u64)| {
        json!({"deployment": deployment, "status": status, "code": code, "count": count,
               "lastAt": "2026-11-30T07:58:12Z"})
    };
    let data: Vec<_> = rows.iter().map(row).collect();
    json!({"from": "2026-11-30T07:01:00Z", "to": "2026-11-30T08:00:00Z", "minutes": 60,
           "sinceStart": false, "data": data, "othersCount": 0})
}

const ADDRESS: &str = "/build/acme-prod";

fn values(usage: Value) -> [Value; 5] {
    let errors = errors(&[(Some("chat"), 429, "429", 12), (None, 404, "DeploymentNotFound", 3)]);
    [resource(), deployments(), usage, filters(), errors]
}

#[test]
fn the_overview_has_everything_that_an_application_needs() {
    let now = "2026-11-30T08:00:00Z";
    let rows = json!([
        usage(now, "chat", 7),
        usage("2026-11-30T03:00:00Z", "chat", 30),
        usage(now, "", 0)
    ]);
    let html = checked(ADDRESS, &values(rows));
    for text in [
        "acme-prod",
        "qwen3",
        "203.0.113.0/24",
        "50 %",
        "2026-12-01 00:00 UTC",
        "25\u{202f}%",
        "served by engines",
        "GlobalStandard",
        "(60 days ago)",
        "Replace Key1",
        "text:keyName",
        "POST /admin/v1/resources/acme-prod/regenerateKey",
        "Not in force",
        "Blocklist rivals",
        ">7 <",
        ">37 <",
        "Calls of the last 60 minutes",
        "<code>DeploymentNotFound</code>",
        "retry-after",
        ">12 <",
        "2026-11-30 07:58 UTC",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

#[test]
fn an_empty_resource_has_an_overview() {
    let html =
        checked(ADDRESS, &[resource(), json!([]), json!([]), json!([filters()[0]]), errors(&[])]);
    assert!(html.contains("has no deployment yet") && html.contains("No requests."));
    assert!(html.contains("No errors."));
    assert!(html.contains("&quot;DEPLOYMENT&quot;"), "the code names what to fill in");
}

#[test]
fn use_is_asked_for_today() {
    let view = find(Desk::Operations, ADDRESS, &Query::default()).unwrap();
    let asked = view.asks_at(NOW);
    assert!(asked.contains(
        &"/admin/v1/usage?resource=acme-prod&by=hour&from=2026-11-30&to=2026-11-30".to_owned()
    ));
    // Without the time, months: few rows, of which this month's are shown.
    assert!(view.asks().contains(&"/admin/v1/usage?resource=acme-prod&by=month".to_owned()));
    let rows = json!([usage("2026-11", "chat", 7), usage("2026-10", "chat", 30)]);
    let html = checked(ADDRESS, &values(rows));
    assert!(html.contains("This month") && html.contains(">7 <") && !html.contains(">37 <"));
    assert!(find(Desk::Review, ADDRESS, &Query::default()).is_none());
}

#[test]
fn the_code_calls_the_chosen_deployment() {
    let html = checked(&format!("{ADDRESS}?deployment=embed"), &values(json!([])));
    for code in [
        "/openai/v1/embeddings",
        "client.embeddings.create(model=&quot;embed&quot;",
        "GetEmbeddingClient(&quot;embed&quot;)",
        "embeddings.create({ model: &quot;embed&quot;",
    ] {
        assert!(html.contains(code), "{code}");
    }
    let html = checked(&format!("{ADDRESS}?deployment=none"), &values(json!([])));
    assert!(html.contains("GetChatClient(&quot;chat&quot;)"));
}

/// The page says honestly which period the errors are of, and that some kinds have no row.
#[test]
fn errors_are_of_an_hour_or_since_the_start() {
    let mut young = values(json!([]));
    young[4]["sinceStart"] = true.into();
    young[4]["from"] = "2026-11-30T07:45:30Z".into();
    young[4]["othersCount"] = 4321.into();
    let html = checked(ADDRESS, &young);
    assert!(html.contains("since the service started at") && html.contains("2026-11-30 07:45 UTC"));
    assert!(!html.contains("Calls of the last"));
    assert!(html.contains("of other kinds: 4\u{202f}321"), "{html}");
}

/// The advice is by code; a code that the page does not know stands alone.
#[test]
fn each_well_known_code_has_its_next_step() {
    for (status, code, advice) in [
        (400, "missing_required_parameter", "message and param"),
        (400, "unsupported_value", "message and param"),
        (400, "personal_data_blocked", "what to remove"),
        (408, "408", "lower max_tokens or n"),
        (499, "ClientClosedRequest", "check its time limit"),
        (503, "no_engine_in_region", "names the rule"),
        (503, "content_filter_unavailable", "Not available for a moment"),
        (503, "ModelFailed", "ask the operator"),
    ] {
        let mut answers = values(json!([]));
        answers[4] = errors(&[(None, status, code, 1)]);
        let html = checked(ADDRESS, &answers);
        assert!(html.contains(advice), "{code}\n{html}");
    }
    let mut answers = values(json!([]));
    answers[4] = errors(&[(None, 418, "teapot", 1)]);
    let html = checked(ADDRESS, &answers);
    assert!(html.contains("<th scope=\"row\"><code>teapot</code></th>"), "{html}");
}

/// A name that the API would not allow must not become code.
#[test]
fn a_hostile_name_does_not_get_into_code() {
    let mut hostile = deployments();
    hostile[0]["name"] = "$(reboot)\"".into();
    let answers = values(json!([]));
    let mut answers: Vec<_> = answers.into_iter().map(Answer::Value).collect();
    answers[1] = Answer::Value(hostile);
    let html = page(ADDRESS, &answers, Lang::En);
    assert!(
        !html.contains("model&quot;: &quot;$(reboot)") && html.contains("&quot;DEPLOYMENT&quot;")
    );
}
