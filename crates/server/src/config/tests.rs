//! The configuration as operators write it, with typical mistakes.

use std::{fs, path::Path};

use policy::residency::Zones;

use super::*;

const EXAMPLE: &str = include_str!("../../../../bailiwick.example.toml");

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.toml");
    fs::write(&path, text).unwrap();
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::load(Some(&path), environment)
}

fn refusal(text: &str) -> String {
    let message = load(text, &[]).unwrap_err().to_string();
    message.rsplit_once("/b.toml:").map_or(message.clone(), |(_, rest)| rest.to_owned())
}

/// Parses a list of one destination.
fn destinations(fields: &str) -> Vec<Destination> {
    load(&format!("[[egress]]\n{fields}\n"), &[]).unwrap().egress
}

#[test]
fn the_example_is_exactly_the_defaults() {
    assert_eq!(load(EXAMPLE, &[]).unwrap(), Config::default());
    assert_eq!(load("", &[]).unwrap(), Config::default());
}

#[test]
fn a_guard_model_has_a_file_its_digest_and_a_family_that_is_known() {
    let hex = "0123456789abcdef".repeat(4);
    let guard = |digest: &str, family: &str| {
        let file = format!("[guard]\nmodel = '/g.gguf'\nmodel_sha256 = '{digest}'\n{family}");
        load(&file, &[])
    };
    let config = guard(&hex, "family = 'llama-guard-3-1b'").unwrap();
    let (model, file, digest) = config.guard.guard_model().unwrap().unwrap();
    assert_eq!((model.family.name(), file), ("llama-guard-3-1b", Path::new("/g.gguf")));
    assert_eq!((model.digest.to_string(), digest), (hex.clone(), hex.as_str()));
    for (digest, family, says) in [
        (hex.as_str(), "", "belong together"),
        ("0123", "family = 'shieldgemma'", "64 lower-case hex digits"),
        (&hex.to_uppercase(), "family = 'shieldgemma'", "64 lower-case hex digits"),
        (&hex, "family = 'smollm2'", "one of llama-guard-3, "),
    ] {
        let message = guard(digest, family).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn the_example_explains_every_field() {
    let review = Review {
        listen: "127.0.0.1:1".parse().unwrap(),
        certificate: "c".into(),
        key: "k".into(),
        workstation_ca: "a".into(),
    };
    let full = Config {
        tls: Some(Tls { certificate: "c".into(), key: "k".into() }),
        operations: Some(Tls { certificate: "c".into(), key: "k".into() }),
        review: Some(review),
        ..Config::default()
    };
    let serde_json::Value::Object(config) = serde_json::to_value(full).unwrap() else { panic!() };
    let lines: Vec<&str> =
        EXAMPLE.lines().map(|line| line.trim_start_matches(['#', ' '])).collect();
    let mentioned = |start: &str| lines.iter().any(|line| line.starts_with(start));
    for (name, value) in config {
        if value.is_array() {
            assert!(mentioned(&format!("[[{name}]]")), "[[{name}]]");
            continue;
        }
        let serde_json::Value::Object(section) = value else {
            assert!(mentioned(&format!("{name} = ")), "{name}");
            continue;
        };
        assert!(mentioned(&format!("[{name}]")), "[{name}]");
        for field in section.keys() {
            assert!(mentioned(&format!("{field} = ")), "{name}.{field}");
        }
    }
}

#[test]
fn a_refusal_names_line_column_and_field() {
    let cases = [
        ("data = 'x'\n[limits]\nbody_bytes = 3\n", "3:1: `body_bytes = 3`: unknown field"),
        ("[limits]\nstop_max = 0\n", "2:12: `stop_max = 0`: 0 is not from 1 to 64"),
        ("[limits]\nqueue_max = -1\n", "2:13: `queue_max = -1`: -1 is not from"),
        ("[limits]\nqueue_max = 1.5\n", "2:13: `queue_max = 1.5`: invalid type: floating point"),
        (
            "[limits]\nqueue_max = 'x'\n",
            "2:13: `queue_max = 'x'`: invalid type: string \"x\", expected a whole number from 1",
        ),
        ("[listen]\napi = 'here'\n", "2:7: `api = 'here'`: invalid socket address"),
        ("[log]\nlevel = 'loud'\n", "2:9: `level = 'loud'`: unknown variant `loud`"),
        ("[policies]\nunproved = 'never'\n", "2:12: `unproved = 'never'`: unknown variant `never`"),
        ("[regions.zones]\na = ['x']\nb = ['x']\n", "1:1: `[regions.zones]`: the region `x` is in"),
        ("[lissten]\n", "1:2: `[lissten]`: unknown field `lissten`"),
        ("data = \n", "1:8: `data =`: "),
    ];
    for (text, expected) in cases {
        let message = refusal(text);
        assert!(message.starts_with(expected), "{text}: {message}");
    }
}

#[test]
fn a_card_is_asked_for_only_where_it_can_be_used() {
    let engine = |layers, device: Option<&str>| EngineConfig {
        gpu_layers: layers,
        gpu_device: device.map(str::to_owned),
        ..EngineConfig::default()
    };
    assert_eq!(engine(0, None).gpu(), None);
    assert_eq!(engine(7, None).gpu(), Some(Gpu { layers: 7, device: Device::Every }));
    let software = engine(7, Some("software"));
    assert!(software.gpu().unwrap().is_software());
    let named = engine(7, Some("CUDA1"));
    assert_eq!(named.gpu().unwrap().device, Device::Named("CUDA1".into()));
    let refused = |engine: &EngineConfig, backend| engine.wrong_gpu(backend).unwrap();
    assert!(refused(&named, None).contains("make build GPU=vulkan"));
    assert!(refused(&software, Some("CUDA")).contains("a driver of Vulkan"));
    assert!(refused(&engine(0, Some("Vulkan0")), Some("Vulkan")).contains("no card is used"));
    for fits in [engine(0, None), named, software] {
        assert_eq!(fits.wrong_gpu(Some("Vulkan")), None);
    }
}

#[test]
fn variables_override_the_file() {
    let config = load(
        "[limits]\nstop_max = 2\n",
        &[
            ("BAILIWICK_LIMITS__STOP_MAX", "3"),
            ("BAILIWICK_LISTEN__API", "0.0.0.0:80"),
            ("BAILIWICK_ENGINE__THREADS", "2"),
            ("BAILIWICK_TLS__CERTIFICATE", "1"),
            ("BAILIWICK_TLS__KEY", "/key.pem"),
            ("BAILIWICK_DATA", "/data"),
            ("BAILIWICK_API_KEY", "not an override"),
            ("HOME", "/root"),
        ],
    );
    let config = config.unwrap();
    assert_eq!(config.limits.stop_max, 3);
    assert_eq!(config.listen.api.to_string(), "0.0.0.0:80");
    assert_eq!(config.engine.threads, Some(2));
    assert_eq!(config.data, Path::new("/data"));
    let tls = Tls { certificate: "1".into(), key: "/key.pem".into() };
    assert_eq!(config.tls, Some(tls));
}

#[test]
fn a_variable_that_is_not_understood_is_refused_by_name() {
    for (name, value, expected) in [
        ("BAILIWICK_LIMITS__STOPMAX", "3", "unknown field `stopmax`"),
        ("BAILIWICK_LIMIT__STOP_MAX", "3", "unknown field `limit`"),
        ("BAILIWICK_LIMITS__STOP_MAX", "none", "invalid type: string"),
        ("BAILIWICK_LIMITS__STOP_MAX", "1000", "1000 is not from 1 to 64"),
        ("BAILIWICK_DATA__X", "3", "`data` is a field"),
        ("BAILIWICK_LISTEN__API", "", "invalid socket address"),
    ] {
        let message = load("", &[(name, value)]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("environment variable `{name}`: ")), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let same = "[listen]\napi = '127.0.0.1:9'\noperations = '127.0.0.1:9'\n";
    assert!(refusal(same).contains("two addresses"));
    assert!(refusal("[listen]\ndomain = 'https://x'\n").contains("host name"));
    assert!(refusal("[tls]\ncertificate = 'c'\n").contains("`tls.key` is missing"));
    assert!(refusal("[operations]\nkey = 'c'\n").contains("`operations.certificate` is missing"));
}

/// A destination has one credential, from one place.
#[test]
fn a_credential_has_one_source() {
    let of = |fields: &str| {
        let list = destinations(&format!("url = 'https://x'\n{fields}"));
        Some(match list[0].access().unwrap()? {
            Access::Secret(header, source) => format!("{header:?} {source:?}"),
            Access::Token(token, source) => {
                format!("{} {} {} {source:?}", token.url, token.client_id, token.scope)
            }
        })
    };
    assert_eq!(of(""), None);
    let cases = [
        ("credential_file = '/f'", "Authorization File(\"/f\")"),
        ("credential_env = 'V'\ncredential_header = 'api-key'", "ApiKey Variable(\"V\")"),
        (
            "credential_env = 'V'\ncredential_header = 'authorization'",
            "Authorization Variable(\"V\")",
        ),
        (
            "token = { url = 'https://t/token', client_id = 'app', client_secret_file = '/f' }",
            "https://t/token app https://cognitiveservices.azure.com/.default File(\"/f\")",
        ),
        (
            "token.url = 'https://t'\ntoken.client_id = 'app'\ntoken.client_secret_env = 'V'\n\
             token.scope = 's'",
            "https://t app s Variable(\"V\")",
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(of(fields).as_deref(), Some(expected));
    }
    for (fields, expected) in [
        ("credential_file = '/f'\ncredential_env = 'V'", "remove one of the two"),
        ("credential_header = 'api-key'", "without a credential"),
        ("credential_header = 'cookie'", "unknown variant `cookie`"),
        ("credential = 'secret'", "unknown field `credential`"),
        ("token = { url = 'https://t' }", "missing field `client_id`"),
        ("token = { url = 'https://t', client_id = 'a' }", "set `token.client_secret_file`"),
        (
            "token = { url = 'https://t', client_id = 'a', client_secret = 'b' }",
            "unknown field `client_secret`",
        ),
        (
            "token = { url = 'https://t', client_id = 'a', client_secret_file = '/f', \
             client_secret_env = 'V' }",
            "remove one of the two",
        ),
        (
            "credential_file = '/f'\ntoken = { url = 'https://t', client_id = 'a', \
             client_secret_env = 'V' }",
            "keep `token` alone",
        ),
    ] {
        let message = refusal(&format!("[[egress]]\nurl = 'https://x'\n{fields}\n"));
        assert!(message.contains(expected), "{fields}: {message}");
    }
}

/// A listener on loopback uses a certificate only if its own section names one.
#[test]
fn operations_have_the_apis_certificate_where_others_reach_them() {
    let tls = |own: bool, apis: bool, address: &str| {
        let mut text = format!("[listen]\noperations = '{address}'\n");
        for (section, wanted) in [("operations", own), ("tls", apis)] {
            if wanted {
                text += &format!("[{section}]\ncertificate = '{section}'\nkey = 'k'\n");
            }
        }
        let config = load(&text, &[]).unwrap();
        config.operations_tls().map(|tls| tls.certificate.display().to_string())
    };
    assert_eq!(tls(false, true, "127.0.0.1:9"), None);
    assert_eq!(tls(false, true, "[::1]:9"), None);
    assert_eq!(tls(false, true, "0.0.0.0:9").as_deref(), Some("tls"));
    assert_eq!(tls(false, true, "10.0.0.1:9").as_deref(), Some("tls"));
    assert_eq!(tls(true, true, "127.0.0.1:9").as_deref(), Some("operations"));
    assert_eq!(tls(true, true, "10.0.0.1:9").as_deref(), Some("operations"));
    assert_eq!(tls(false, false, "10.0.0.1:9"), None);
}

fn zones(name: &str, regions: &[&str]) -> Zones {
    let regions = regions.iter().map(|region| (*region).to_owned()).collect();
    Zones::new([(name.to_owned(), regions)].into()).unwrap()
}

#[test]
fn a_variable_adds_a_zone() {
    let config = load(
        "[regions]\nhere = 'a'\n",
        &[("BAILIWICK_REGIONS__ZONES__EU", "['a', 'b']"), ("BAILIWICK_REGIONS__HERE", "b")],
    )
    .unwrap();
    assert_eq!(config.regions.here, "b");
    assert_eq!(config.regions.zones, zones("eu", &["a", "b"]));
}

/// A reload names each changed setting that needs a restart.
#[test]
fn a_reload_takes_what_can_change_and_names_the_rest() {
    let tls = |path: &str| Some(Tls { certificate: path.into(), key: path.into() });
    let review = |path: &str, port: u16| {
        Some(Review {
            listen: (Ipv4Addr::LOCALHOST, port).into(),
            certificate: path.into(),
            key: path.into(),
            workstation_ca: path.into(),
        })
    };
    let old = Config {
        tls: tls("old"),
        operations: tls("old"),
        review: review("old", 1),
        ..Config::default()
    };
    let mut new = Config {
        tls: tls("new"),
        operations: tls("new"),
        review: review("new", 1),
        egress: destinations("url = 'https://x'"),
        ..Config::default()
    };
    new.limits.body_bytes_max = 2048;
    new.limits.drain_ms = 1;
    new.log.level = LogLevel::Trace;
    new.identity.clock_leeway_s = 1;
    new.regions.zones = zones("eu", &["a", "b"]);
    let (next, restart) = old.reloaded(&new);
    assert_eq!((next, restart), (new.clone(), vec![]));

    let mut more = new.clone();
    more.review = review("new", 2);
    more.listen.desk = Some((Ipv4Addr::LOCALHOST, 3).into());
    more.limits.connections_max = 7;
    more.log.format = LogFormat::Json;
    more.engine.threads = Some(3);
    more.data = "elsewhere".into();
    more.operations = None;
    more.regions.here = "b".into();
    let (next, mut restart) = old.reloaded(&more);
    restart.sort();
    let expected = [
        "data",
        "engine.threads",
        "limits.connections_max",
        "listen.desk",
        "log.format",
        "operations",
        "regions.here",
        "review.listen",
    ];
    assert_eq!(restart, expected);
    // The settings in `restart` keep their old values; all others are new.
    let before = Config { operations: tls("old"), ..new };
    assert_eq!(next, before);
}

/// The commented provider of the example must be valid when it is uncommented.
#[test]
fn the_examples_provider_is_one() {
    let uncommented = |line: &str| {
        let rest = line.strip_prefix("# ").unwrap_or_default();
        let part = rest == "issuers = [" || rest.starts_with("  { issuer") || rest == "]";
        if part { rest.to_owned() } else { line.to_owned() }
    };
    let text: Vec<String> = EXAMPLE.lines().map(uncommented).collect();
    let config = load(&text.join("\n"), &[]).unwrap();
    assert_eq!(config.identity.trusts().unwrap().len(), 1);
}

#[test]
fn a_provider_that_could_not_be_believed_is_refused() {
    const TID: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let one = |issuer: &str, audiences: &str, tenants: &str| {
        format!("{{ issuer = '{issuer}', audiences = [{audiences}], tenants = {{ {tenants} }} }}")
    };
    let with = |issuers: &str| format!("[identity]\nissuers = [{issuers}]\n");
    let (url, map) = ("https://login.example.com/x", format!("'{TID}' = 'contoso'"));
    let good = one(url, "'api://x'", &map);
    assert!(load(&with(&good), &[]).is_ok());
    for (text, expected) in [
        (with(&one("", "'a'", &map)), "the issuer is empty"),
        (with(&one(url, "", &map)), "at least one audience"),
        (with(&one(url, "'a', ''", &map)), "at least one audience"),
        (with(&one(url, "'a'", "")), "at least one `tid`"),
        (with(&one(url, "'a'", "'contoso' = 'contoso'")), "not a GUID"),
        (with(&one(url, "'a'", &format!("{map}, '{}' = 'x'", TID.to_uppercase()))), "mapped twice"),
        (with(&format!("{good}, {good}")), "twice"),
        (with(&good.replace("audiences", "audience")), "unknown field `audience`"),
        ("[identity]\nclock_leeway_s = 301\n".into(), "301 is not from 0 to 300"),
    ] {
        let message = refusal(&text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}
