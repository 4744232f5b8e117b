//! Destinations as operators write them: credentials, pinned keys, and their typical mistakes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use super::*;

/// A configuration with one destination.
fn with(url: &str, fields: &str) -> Config {
    let text = format!("[[egress]]\nurl = '{url}'\n{fields}\n");
    Config { egress: toml::from_str::<Config>(&text).unwrap().egress, ..Config::default() }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

const PIN: &str = "0f00000000000000000000000000000000000000000000000000000000000000";

/// The line of the log names the source, and nothing prints the value.
#[test]
fn a_credential_is_read_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    for text in ["canary", "canary\n", "canary\r\n"] {
        write(&path, text, 0o600);
        let fields = format!("credential_file = '{}'\npin_sha256 = '{PIN}'", path.display());
        let config = with("https://a.example", &fields);
        let egress = egress(&config).unwrap();
        assert!(!format!("{egress:?} {config:?}").contains("canary"));
        let line = format!(
            "https://a.example:443 pin sha256:{PIN} credential authorization file \"{}\"\n",
            path.display()
        );
        assert_eq!(listed(&config).unwrap(), line);
    }
    let config = with(
        "https://a.example",
        "credential_header = 'api-key'\ncredential_env = 'CARGO_PKG_NAME'",
    );
    assert!(egress(&config).is_ok());
    let line = "https://a.example:443 credential api-key variable \"CARGO_PKG_NAME\"\n";
    assert_eq!(listed(&config).unwrap(), line);
    // A path cannot add a line.
    let config = with("https://a.example", "credential_file = \"a\\nhttps://b.example:443\"");
    assert_eq!(listed(&config).unwrap().lines().count(), 1);
}

/// Each error names the destination, the setting and the next step, and not the secret.
#[test]
fn a_credential_that_cannot_be_used_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let file = format!("credential_file = '{}'", path.display());
    let refusal = |fields: &str| {
        let config = with("https://a.example", fields);
        assert!(without_credentials(&config).is_ok());
        egress(&config).unwrap_err().to_string()
    };
    let says = |fields: &str, expected: &str| {
        let said = refusal(fields);
        assert!(said.starts_with("`egress` lists `https://a.example`: "), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("canary"), "{said}");
    };
    says(&file, "cannot be read");
    for mode in [0o644, 0o640, 0o604, 0o620] {
        write(&path, "canary", mode);
        says(&file, "chmod 600");
    }
    for text in ["", "\n", "canary canary", "canary\ncanary\n"] {
        write(&path, text, 0o600);
        says(&file, "the credential is empty, or has spaces");
    }
    write(&path, &"x".repeat(16_385), 0o600);
    says(&file, "larger than 16384 bytes");
    says(&format!("credential_file = '{}'", folder.path().display()), "not a regular file");
    says("credential_env = 'BAILIWICK_TEST_UNSET'", "`BAILIWICK_TEST_UNSET` of `credential_env`");
}

/// A token endpoint must be listed itself, and the client's secret is read and never shown.
#[test]
fn a_token_endpoint_is_a_destination_like_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let secret = format!("client_secret_file = '{}'", path.display());
    let with = |endpoint: &str, more: &str| {
        let token = format!("token = {{ url = '{endpoint}', client_id = 'app', {secret} }}");
        with("https://a.example", &format!("{token}\n{more}"))
    };
    let listing = "[[egress]]\nurl = 'https://login.example'";
    let config = with("https://login.example/t/token", listing);
    let said = egress(&config).unwrap_err().to_string();
    assert!(
        said.contains("`token.client_secret_file`") && said.contains("cannot be read"),
        "{said}"
    );
    write(&path, "canary\n", 0o600);
    assert!(!format!("{:?} {config:?}", egress(&config).unwrap()).contains("canary"));
    let line = format!(
        "https://a.example:443 token \"https://login.example/t/token\" client \"app\" scope \
         \"https://cognitiveservices.azure.com/.default\" file \"{}\"\n",
        path.display()
    );
    assert_eq!(listed(&config).unwrap(), format!("{line}https://login.example:443\n"));

    let unlisted = egress(&with("https://login.example:8443/token", listing)).unwrap_err();
    let said = unlisted.to_string();
    assert!(said.contains("list it under `[[egress]]`"), "{said}");
    assert!(without_credentials(&with("https://elsewhere.example/", "")).is_ok());
    let said = egress(&with("login", listing)).unwrap_err().to_string();
    assert!(said.contains("`https://a.example`") && said.contains("token endpoint"), "{said}");
    write(&path, "canary\ncanary", 0o600);
    let said = egress(&config).unwrap_err().to_string();
    assert!(said.contains("the client secret") && !said.contains("canary"), "{said}");
}

#[test]
fn a_pin_that_has_no_effect_is_refused_by_name() {
    let refusal = |url: &str, pin: &str| {
        let config = with(url, &format!("pin_sha256 = '{pin}'"));
        egress(&config).unwrap_err().to_string()
    };
    for pin in ["", "00", &PIN.to_uppercase(), &format!("{PIN}00")] {
        let said = refusal("https://a.example", pin);
        assert!(said.contains("`https://a.example`") && said.contains("64 hexadecimal"), "{said}");
    }
    let said = refusal("http://127.0.0.1:1", PIN);
    assert!(said.contains("`http://127.0.0.1:1`") && said.contains("https://"), "{said}");
}
