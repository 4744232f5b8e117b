//! Where `bailiwick chat` talks to: options, an env file, the environment, or what quickstart left.

use std::{collections::HashMap, fmt, fs, path::Path};

use policy::principal::Key;

use crate::{
    cli::{args::Chat, output::Failure},
    quickstart::ENV_FILE,
};

/// An API, a deployment and a key.
pub(super) struct Target {
    pub(super) url: String,
    pub(super) deployment: String,
    pub(super) key: Key,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at {}", self.deployment, self.url)
    }
}

impl Target {
    pub(super) fn find(args: &Chat) -> Result<Self, Failure> {
        let file = args.env_file.as_deref().map(read).transpose()?.unwrap_or_default();
        let data = std::env::var_os("BAILIWICK_DATA").unwrap_or_else(|| "data".into());
        // It need not be there.
        let left = read(&Path::new(&data).join(ENV_FILE)).unwrap_or_default();
        let find = |what: &str, option: &Option<String>, flag: &str, name: &str| {
            let environment = || std::env::var(name).ok().filter(|value| !value.is_empty());
            let found = option.clone().or_else(|| file.get(name).cloned()).or_else(environment);
            found.or_else(|| left.get(name).cloned()).ok_or_else(|| {
                Failure::new(
                    format!("no {what} is given"),
                    format!(
                        "set {name}, give {flag}, or give --env-file with the quickstart.env of a \
                         data directory"
                    ),
                )
            })
        };
        let url = find("URL", &args.url, "--url", "BAILIWICK_URL")?;
        Ok(Self {
            url: url.trim_end_matches('/').trim_end_matches("/openai/v1").to_owned(),
            deployment: find(
                "deployment",
                &args.deployment,
                "--deployment",
                "BAILIWICK_DEPLOYMENT",
            )?,
            key: Key::presented(&find("key", &args.api_key, "--api-key", "BAILIWICK_API_KEY")?),
        })
    }
}

fn read(path: &Path) -> Result<HashMap<String, String>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(
            format!("cannot read the env file `{}`: {error}", path.display()),
            "`bailiwick quickstart` writes one to its data directory",
        )
    })?;
    Ok(env_lines(&text))
}

/// Reads `NAME=value` lines, as a shell would.
pub(crate) fn env_lines(text: &str) -> HashMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            let quoted = ['"', '\''].into_iter().find_map(|quote| {
                value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            });
            (!name.starts_with('#')).then(|| (name.to_owned(), quoted.unwrap_or(value).to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_files_are_read_as_a_shell_reads_them() {
        let text = "# A=1\nB=2\nexport C='3 4'\n  D=\"5=6\"\nnothing\n";
        let mut found: Vec<_> = env_lines(text).into_iter().collect();
        found.sort();
        let expected = [("B", "2"), ("C", "3 4"), ("D", "5=6")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
