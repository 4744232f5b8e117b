//! The rules for names. An allowed name needs no escaping in a URL, a file name or a shell command;
//! the name of a resource or region is also a label of a host name.

use tlog::{entry::is_processor_name, receipt::EMBEDDED};

use crate::error::StoreError;

/// The maximum length of a name, in bytes.
const NAME_LENGTH_MAX: usize = 64;

/// The maximum length of a label in a host name, in bytes.
const LABEL_LENGTH_MAX: usize = 63;

const LABEL_RULE: &str =
    "1 to 63 lower-case letters, digits and `-`, with a letter or digit at both ends";
const WORD_RULE: &str =
    "1 to 64 letters, digits, `-`, `_` and `.`, with a letter or digit in front";

/// Checks the name of a resource. The name must be a label of a host name, for
/// `{resource}.{domain}`.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn resource_name(name: &str) -> Result<(), StoreError> {
    label("resource", name)
}

/// Checks the name of a region. The name must be a label of a host name, like Azure's regions.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn region_name(name: &str) -> Result<(), StoreError> {
    label("region", name)
}

/// Checks the name of a deployment.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn deployment_name(name: &str) -> Result<(), StoreError> {
    word("deployment", name)
}

/// Checks the name of a tenant.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn tenant_name(name: &str) -> Result<(), StoreError> {
    word("tenant", name)
}

/// Checks the name of a model.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn model_name(name: &str) -> Result<(), StoreError> {
    word("model", name)
}

/// Checks the name of a fine-tuned model: its base model's, its job's id, and more.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn tuned_name(name: &str) -> Result<(), StoreError> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let fits = (1..=TUNED_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(inner)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric());
    refuse_unless(fits, "model", name, TUNED_RULE)
}

/// Checks the name of an engine. The embedded engine's name is not free.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn engine_name(name: &str) -> Result<(), StoreError> {
    word("engine", name)?;
    refuse_unless(name != EMBEDDED, "engine", name, "another name: the service's own engine has it")
}

/// Checks the name of a processor.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn processor_name(name: &str) -> Result<(), StoreError> {
    refuse_unless(is_processor_name(name), "processor", name, WORD_RULE)
}

/// Checks the name of a content filter. Names that begin with `Microsoft.` are built-in filters,
/// and `default` is the command line's word for the built-in one.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn filter_name(name: &str) -> Result<(), StoreError> {
    word("filter", name)?;
    let lower = name.to_ascii_lowercase();
    let free = !lower.starts_with("microsoft.") && lower != "default";
    let rule = "another name: those that begin with `Microsoft.`, and `default`, are built in";
    refuse_unless(free, "filter", name, rule)
}

/// Checks the name of a blocklist's item.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the name is not allowed.
pub fn item_name(name: &str) -> Result<(), StoreError> {
    word("item", name)
}

/// Checks the description of a blocklist.
///
/// # Errors
/// [`StoreError::BadName`], with the rule, if the description is not allowed.
pub(crate) fn description(text: &str, bytes_max: usize) -> Result<(), StoreError> {
    let fits = text.len() <= bytes_max && !text.chars().any(char::is_control);
    refuse_unless(fits, "description", text, "at most 512 bytes without control characters")
}

/// A model's name, `.ft-`, a job's id, `-`, a suffix, `:ckpt-step-` and a number.
const TUNED_LENGTH_MAX: usize = NAME_LENGTH_MAX + 4 + 32 + 1 + 64 + 11 + 10;

const TUNED_RULE: &str =
    "at most 186 letters, digits, `-`, `_`, `.` and `:`, with a letter or digit in front";

fn label(kind: &'static str, name: &str) -> Result<(), StoreError> {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let fits = (1..=LABEL_LENGTH_MAX).contains(&bytes.len())
        && bytes.iter().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    refuse_unless(fits, kind, name, LABEL_RULE)
}

fn word(kind: &'static str, name: &str) -> Result<(), StoreError> {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = (1..=NAME_LENGTH_MAX).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    refuse_unless(fits, kind, name, WORD_RULE)
}

fn refuse_unless(
    fits: bool,
    kind: &'static str,
    name: &str,
    rule: &'static str,
) -> Result<(), StoreError> {
    if fits {
        return Ok(());
    }
    // A mistyped name may be long, or contain control characters for the terminal.
    let given = name.escape_default().take(NAME_LENGTH_MAX).collect();
    Err(StoreError::BadName { kind, given, rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_host_labels() {
        let long = "a".repeat(63);
        for good in ["a", "demo", "a-1", "0", &long] {
            assert!(resource_name(good).is_ok(), "{good}");
        }
        let longer = "a".repeat(64);
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", &longer] {
            assert!(resource_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn deployments_are_words() {
        let long = "a".repeat(64);
        for good in ["gpt-4.1", "SmolLM2_135M", "0", &long] {
            assert!(deployment_name(good).is_ok(), "{good}");
        }
        let longer = "a".repeat(65);
        for bad in ["", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "ä", &longer] {
            assert!(deployment_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_shows_no_control_characters() {
        let message = deployment_name("\u{1b}[2J").unwrap_err().to_string();
        assert!(message.contains(r"\u{1b}[2J"), "{message}");
    }
}
