//! The target of `bailiwick chat`, from options, an env file, the environment or quickstart's file.

use std::{collections::HashMap, fmt, fs, path::Path};

use policy::principal::Key;

use crate::cli::{
    args::Chat,
    output::Failure,
    quickstart::{ENV_FILE, env_lines},
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
        // The file may be missing.
        let left = read(&Path::new(&data).join(ENV_FILE)).unwrap_or_default();
        let find = |what: &str, option: &Option<String>, flag: &str, name: &str| {
            let environment = || std::env::var(name).ok().filter(|value| !value.is_empty());
            let found = option.clone().or_else(|| file.get(name).cloned()).or_else(environment);
            found.or_else(|| left.get(name).cloned()).ok_or_else(|| {
                Failure::new(
                    format!("the {what} is missing"),
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
