use std::collections::BTreeSet;

use engine::request::{Role, Tool, ToolCall};
use policy::{
    engine::Processor,
    forward::{CallerLabels, Forward, Label},
    id::{EngineId, TenantId},
};
use serde_json::{Value, json};

use super::*;

fn text(text: &str) -> Text {
    Text::from(text.to_owned())
}

fn said(role: Role, content: &str) -> Message {
    Message {
        role,
        name: None,
        content: text(content),
        parts: Vec::new(),
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

fn defaults() -> Sampling {
    Sampling {
        temperature: 1.0,
        top_p: 1.0,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        logit_bias: Vec::new(),
        seed: 7,
        top_k: 0,
        min_p: 0.0,
        repeat_penalty: 1.0,
    }
}

fn generate(prompt: Prompt) -> Generate {
    Generate {
        prompt,
        choices: 1,
        tokens_max: None,
        stop: Vec::new(),
        sampling: defaults(),
        logprobs: None,
        constraint: Constraint::Free,
        extras: Extras::default(),
    }
}

fn hello() -> Generate {
    generate(Prompt::Chat { messages: vec![said(Role::User, "hi")], tools: Vec::new() })
}

const SALT: &str = "5a17";
const V1: Api = Api::Azure { version: None };

fn engine() -> Engine {
    Engine {
        id: EngineId::from_random([1; 16]),
        name: "one".to_owned(),
        api: Api::OpenAi,
        address: "https://one.example/v1".to_owned(),
        region: "local".to_owned(),
        processor: None,
        models: Vec::new(),
        capabilities: BTreeSet::new(),
        prefix_cache: PrefixCache::None,
        concurrency: 1,
        weight: 1,
        first_byte_ms: 1,
        silence_ms: 1,
        serving: true,
        created_at: 0,
    }
}

fn all() -> BTreeSet<Capability> {
    Capability::ALL.into_iter().collect()
}

/// Returns path and JSON for an engine of this API with these abilities.
fn sent(
    generate: Generate,
    api: &Api,
    prefix_cache: PrefixCache,
    capabilities: &BTreeSet<Capability>,
) -> Result<(String, Value), Unfit> {
    let target = Target { api, served: "m", prefix_cache, capabilities };
    let body =
        request(&Work::Generate(Box::new(generate)), &target, Some(SALT), &Labels::default())?;
    Ok((body.path, serde_json::from_slice(&body.json).unwrap()))
}

fn plain(generate: Generate, api: &Api) -> Value {
    let some = Capability::ALL.into_iter().filter(|one| *one != Capability::Reasoning).collect();
    sent(generate, api, PrefixCache::None, &some).unwrap().1
}

#[test]
fn a_plain_request_says_only_what_it_must() {
    let openai = json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "hi" }],
        "stream": true,
        "stream_options": { "include_usage": true },
        "temperature": 1.0,
        "top_p": 1.0,
        "store": false,
    });
    assert_eq!(plain(hello(), &Api::OpenAi), openai);
    let mut azure = openai.clone();
    for default in ["temperature", "top_p"] {
        azure.as_object_mut().unwrap().remove(default);
    }
    assert_eq!(plain(hello(), &V1), azure, "Azure has the same defaults");
    let reasons = sent(hello(), &Api::OpenAi, PrefixCache::None, &all()).unwrap().1;
    assert_eq!(reasons, azure, "reasoning models refuse the fields");
    for field in ["model", "store"] {
        azure.as_object_mut().unwrap().remove(field);
    }
    let classic = Api::Azure { version: Some("2024-10-21".to_owned()) };
    assert_eq!(plain(hello(), &classic), azure, "the path has the name");
}

#[test]
fn paths_are_those_of_each_api() {
    let path = |api: &Api, served: &str, work: &Work| {
        let target = Target { api, served, prefix_cache: PrefixCache::None, capabilities: &all() };
        request(work, &target, None, &Labels::default()).unwrap().path
    };
    let chat = || Work::Generate(Box::new(hello()));
    let plain = || Work::Generate(Box::new(generate(Prompt::Text(text("once")))));
    let embed = || Work::Embed(Embed { inputs: vec![EmbedInput::Text(text("a"))] });
    assert_eq!(path(&Api::OpenAi, "a/b", &chat()), "/chat/completions");
    assert_eq!(path(&Api::OpenAi, "a/b", &plain()), "/completions");
    assert_eq!(path(&Api::OpenAi, "a/b", &embed()), "/embeddings");
    assert_eq!(path(&V1, "a/b", &chat()), "/openai/v1/chat/completions");
    let classic = Api::Azure { version: Some("2024-10-21&x".to_owned()) };
    assert_eq!(
        path(&classic, "my gpt/../4?", &chat()),
        "/openai/deployments/my%20gpt%2F..%2F4%3F/chat/completions?api-version=2024-10-21%26x"
    );
}

#[test]
fn settings_that_differ_from_the_defaults_are_sent_exactly() {
    let mut asked = hello();
    asked.choices = 2;
    asked.tokens_max = Some(64);
    asked.stop = vec![text("\n"), text("END")];
    asked.logprobs = Some(3);
    asked.extras.seeded = true;
    asked.sampling = Sampling {
        temperature: 0.7,
        top_p: 0.9,
        frequency_penalty: 0.1,
        presence_penalty: -0.2,
        logit_bias: vec![(50, -100.0), (7, 0.3)],
        seed: u64::MAX,
        ..defaults()
    };
    let body = plain(asked, &V1);
    let expected = json!({
        "n": 2,
        "max_completion_tokens": 64,
        "stop": ["\n", "END"],
        "logprobs": true,
        "top_logprobs": 3,
        "seed": 9_007_199_254_740_991_u64,
        "temperature": 0.7,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.2,
        "logit_bias": { "7": 0.3, "50": -100.0 },
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(body.get(field), Some(value), "{field}");
    }
    assert_eq!(body.get("max_tokens"), None);
    let mut asked = hello();
    asked.tokens_max = Some(64);
    let body = plain(asked, &Api::OpenAi);
    assert_eq!((&body["max_tokens"], body.get("max_completion_tokens")), (&json!(64), None));
    assert_eq!(body.get("seed"), None, "the gateway's own seed stays here");
}

#[test]
fn tools_and_turns_have_openais_form() {
    let mut asked = hello();
    asked.prompt = Prompt::Chat {
        messages: vec![
            said(Role::System, "be brief"),
            Message {
                tool_calls: vec![ToolCall {
                    id: text("call_1"),
                    name: text("f"),
                    arguments: text("{}"),
                }],
                ..said(Role::Assistant, "")
            },
            Message { tool_call_id: Some(text("call_1")), ..said(Role::Tool, "42") },
            Message {
                name: Some(text("ann")),
                parts: vec![
                    Part::Text(text("look")),
                    Part::Image { url: text("data:image/png;base64,AA=="), detail: Some("low") },
                    Part::Audio { data: text("AA=="), format: "wav" },
                ],
                ..said(Role::User, "look")
            },
        ],
        tools: vec![Tool {
            name: "f".to_owned(),
            description: Some(text("does f")),
            parameters: text(r#"{"type":"object","maximum":123456789012345678901234567890}"#),
            strict: true,
        }],
    };
    asked.constraint = Constraint::Tools {
        choice: ToolChoice::Named("f".to_owned()),
        parallel: false,
        answer: Answer::Free,
    };
    let target = Target {
        api: &Api::OpenAi,
        served: "m",
        prefix_cache: PrefixCache::None,
        capabilities: &all(),
    };
    let sent =
        request(&Work::Generate(Box::new(asked)), &target, None, &Labels::default()).unwrap();
    let exact = r#""parameters":{"type":"object","maximum":123456789012345678901234567890}"#;
    assert!(String::from_utf8(sent.json.clone()).unwrap().contains(exact), "byte by byte");
    let body: Value = serde_json::from_slice(&sent.json).unwrap();
    assert_eq!(
        body["messages"],
        json!([
            { "role": "system", "content": "be brief" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{}" } }
            ] },
            { "role": "tool", "content": "42", "tool_call_id": "call_1" },
            { "role": "user", "name": "ann", "content": [
                { "type": "text", "text": "look" },
                { "type": "image_url",
                  "image_url": { "url": "data:image/png;base64,AA==", "detail": "low" } },
                { "type": "input_audio", "input_audio": { "data": "AA==", "format": "wav" } },
            ] },
        ])
    );
    assert_eq!(body["tools"][0]["type"], "function");
    assert_eq!(body["tools"][0]["function"]["strict"], true);
    assert_eq!(body["tool_choice"], json!({ "type": "function", "function": { "name": "f" } }));
    assert_eq!(body["parallel_tool_calls"], false);
}

#[test]
fn formats_and_extras_have_openais_form() {
    let mut asked = hello();
    asked.constraint =
        Constraint::JsonSchema { schema: text(r#"{"type":"object"}"#), strict: true };
    asked.extras = Extras {
        reasoning_effort: Some("low"),
        verbosity: Some("high"),
        prediction: Some(text("perhaps")),
        service_tier: Some("flex"),
        seeded: false,
    };
    let body = sent(asked, &V1, PrefixCache::None, &all()).unwrap().1;
    let schema = json!({ "name": "answer", "schema": { "type": "object" }, "strict": true });
    assert_eq!(body["response_format"], json!({ "type": "json_schema", "json_schema": schema }));
    assert_eq!(body["reasoning_effort"], "low");
    assert_eq!(body["verbosity"], "high");
    assert_eq!(body["prediction"], json!({ "type": "content", "content": "perhaps" }));
    assert_eq!(body["service_tier"], "flex");
    let mut asked = hello();
    asked.constraint = Constraint::JsonObject;
    assert_eq!(plain(asked, &V1)["response_format"], json!({ "type": "json_object" }));
}

#[test]
fn the_prefix_cache_gets_a_salt_or_is_switched_off() {
    let cache = |prefix_cache| {
        let body = sent(hello(), &Api::OpenAi, prefix_cache, &all()).unwrap().1;
        (body.get("cache_salt").cloned(), body.get("cache_prompt").cloned())
    };
    assert_eq!(cache(PrefixCache::Salted), (Some(json!(SALT)), None));
    assert_eq!(cache(PrefixCache::Off), (None, Some(json!(false))));
    assert_eq!(cache(PrefixCache::None), (None, None));
    assert_eq!(cache(PrefixCache::Shared(TenantId::from_random([1; 16]))), (None, None));
}

#[test]
fn labels_are_in_the_body_in_the_form_for_the_engine() {
    let content = |text: &str| policy::content::Content::new(text.to_owned());
    let sent = CallerLabels {
        user: Some(content("alice")),
        safety_identifier: Some(content("a1")),
        metadata: vec![(content("who"), content("alice")), (content("what"), content("\"{}"))],
    };
    let forwarded = Forward::from_iter(Label::ALL).of(&sent);
    let classic = Api::Azure { version: Some("2024-10-21".to_owned()) };
    let metadata = json!({ "who": "alice", "what": "\"{}" });
    let processor = Processor {
        name: "contoso".to_owned(),
        country: "SE".to_owned(),
        contract: "C-1".to_owned(),
    };
    let own = [Some(json!("alice")), Some(json!("a1")), Some(metadata.clone())];
    let user = Some(json!("user:5"));
    let safety = Some(json!("safety_identifier:2"));
    for (api, processor, expected) in [
        (&Api::OpenAi, None, own),
        (&Api::OpenAi, Some(&processor), [user, safety.clone(), Some(metadata.clone())]),
        (&V1, None, [None, safety, Some(metadata)]),
        (&classic, Some(&processor), [None, None, None]),
    ] {
        let engine = Engine { api: api.clone(), processor: processor.cloned(), ..engine() };
        let labels = Labels::new(&forwarded, &engine, |label, text| {
            format!("{}:{}", label.name(), text.len())
        });
        assert!(!format!("{labels:?}").contains("alice"));
        let target = Target { capabilities: &all(), ..Target::of(&engine, "m") };
        let body = |work: Work| -> Value {
            let body = request(&work, &target, Some(SALT), &labels).unwrap();
            serde_json::from_slice(&body.json).unwrap()
        };
        let chat = body(Work::Generate(Box::new(hello())));
        let found = ["user", "safety_identifier", "metadata"].map(|name| chat.get(name).cloned());
        assert_eq!(found, expected, "{api:?}");
        // The other operations have no other label than `user`.
        let plain = generate(Prompt::Text(text("once")));
        let embed = Embed { inputs: vec![EmbedInput::Text(text("a"))] };
        for work in [Work::Generate(Box::new(plain)), Work::Embed(embed)] {
            let body = body(work);
            let found =
                ["user", "safety_identifier", "metadata"].map(|name| body.get(name).cloned());
            assert_eq!(found, [expected[0].clone(), None, None], "{api:?}");
        }
    }
}

#[test]
fn local_settings_have_the_names_of_the_program() {
    let mut sampling = defaults();
    (sampling.top_k, sampling.min_p, sampling.repeat_penalty) = (40, 0.05, 1.1);
    let local = |prefix_cache| {
        let asked = Generate { sampling: sampling.clone(), ..hello() };
        let body = sent(asked, &Api::OpenAi, prefix_cache, &all()).unwrap().1;
        assert_eq!((&body["top_k"], &body["min_p"]), (&json!(40), &json!(0.05)));
        (body.get("repeat_penalty").is_some(), body.get("repetition_penalty").is_some())
    };
    assert_eq!(local(PrefixCache::Salted), (false, true));
    assert_eq!(local(PrefixCache::Off), (true, false));
    assert_eq!(local(PrefixCache::None), (true, true));
}

#[test]
fn plain_completions_take_texts_tokens_and_middles() {
    let mut asked = generate(Prompt::Text(text("once")));
    (asked.tokens_max, asked.logprobs) = (Some(16), Some(0));
    let body = plain(asked, &V1);
    assert_eq!((&body["prompt"], &body["max_tokens"]), (&json!("once"), &json!(16)));
    assert_eq!((&body["logprobs"], body.get("store")), (&json!(0), None));
    let body = plain(generate(Prompt::Tokens(vec![1, 2])), &Api::OpenAi);
    assert_eq!(body["prompt"], json!([1, 2]));
    let middle = generate(Prompt::Middle { prefix: text("a"), suffix: text("c") });
    let body = plain(middle, &Api::OpenAi);
    assert_eq!((&body["prompt"], &body["suffix"]), (&json!("a"), &json!("c")));
}

#[test]
fn inputs_of_embeddings_keep_their_order() {
    let target =
        Target { api: &V1, served: "m", prefix_cache: PrefixCache::Off, capabilities: &all() };
    let inputs = vec![EmbedInput::Tokens(vec![3]), EmbedInput::Tokens(vec![1, 2])];
    let body =
        request(&Work::Embed(Embed { inputs }), &target, Some(SALT), &Labels::default()).unwrap();
    let body: Value = serde_json::from_slice(&body.json).unwrap();
    let expected = json!({ "model": "m", "input": [[3], [1, 2]], "encoding_format": "base64" });
    assert_eq!(body, expected);
}

#[test]
fn a_missing_ability_is_named_with_the_field_that_needs_it() {
    let with = |change: &dyn Fn(&mut Generate)| {
        let mut asked = hello();
        change(&mut asked);
        asked
    };
    let tool =
        || Tool { name: "f".to_owned(), description: None, parameters: text("{}"), strict: false };
    let part = |part: Part| {
        let message = Message { parts: vec![part], ..said(Role::User, "") };
        generate(Prompt::Chat { messages: vec![message], tools: Vec::new() })
    };
    let image = Part::Image { url: text("data:image/png;base64,AA=="), detail: None };
    let cases = [
        (
            "tools",
            Capability::Tools,
            Generate {
                constraint: Constraint::Tools {
                    choice: ToolChoice::Auto,
                    parallel: true,
                    answer: Answer::Free,
                },
                ..generate(Prompt::Chat {
                    messages: vec![said(Role::User, "hi")],
                    tools: vec![tool()],
                })
            },
        ),
        (
            "response_format",
            Capability::JsonSchema,
            with(&|asked| asked.constraint = Constraint::JsonObject),
        ),
        ("logprobs", Capability::Logprobs, with(&|asked| asked.logprobs = Some(0))),
        ("n", Capability::Choices, with(&|asked| asked.choices = 2)),
        ("messages", Capability::Images, part(image)),
        ("messages", Capability::Audio, part(Part::Audio { data: text("AA=="), format: "wav" })),
        (
            "reasoning_effort",
            Capability::Reasoning,
            with(&|asked| asked.extras.reasoning_effort = Some("low")),
        ),
        ("verbosity", Capability::Verbosity, with(&|asked| asked.extras.verbosity = Some("low"))),
        (
            "prediction",
            Capability::Prediction,
            with(&|asked| asked.extras.prediction = Some(text("a"))),
        ),
        (
            "service_tier",
            Capability::ServiceTier,
            with(&|asked| asked.extras.service_tier = Some("flex")),
        ),
        ("top_k", Capability::LocalSampling, with(&|asked| asked.sampling.top_k = 1)),
        ("min_p", Capability::LocalSampling, with(&|asked| asked.sampling.min_p = 0.1)),
        (
            "repeat_penalty",
            Capability::LocalSampling,
            with(&|asked| asked.sampling.repeat_penalty = 1.1),
        ),
        (
            "suffix",
            Capability::Suffix,
            generate(Prompt::Middle { prefix: text("a"), suffix: text("c") }),
        ),
    ];
    for (param, capability, asked) in cases {
        let others = all().into_iter().filter(|other| *other != capability).collect();
        let missing = sent(asked, &Api::OpenAi, PrefixCache::None, &others);
        assert_eq!(missing, Err(Unfit::Lacks { param, capability }));
    }
}

#[test]
fn the_content_is_in_the_json_and_nowhere_else() {
    let target = Target {
        api: &Api::OpenAi,
        served: "m",
        prefix_cache: PrefixCache::Salted,
        capabilities: &all(),
    };
    let asked = generate(Prompt::Text(text("the canary")));
    let body =
        request(&Work::Generate(Box::new(asked)), &target, Some(SALT), &Labels::default()).unwrap();
    assert!(!format!("{body:?}").contains("canary"));
    assert!(!format!("{body:?}").contains(SALT));
    let mut asked = hello();
    asked.constraint = Constraint::JsonSchema { schema: text("{canary"), strict: true };
    let refused =
        request(&Work::Generate(Box::new(asked)), &target, Some(SALT), &Labels::default())
            .unwrap_err();
    assert_eq!(refused, Unfit::NoForm { param: "response_format" });
    assert!(!format!("{refused} {refused:?}").contains("canary"));
}
