//! The target of `bailiwick chat`, from options, an env file, the environment or quickstart's file.
//! `bailiwick self-test` finds its own in the same places.

use std::{collections::HashMap, fmt, fs, path::Path};

use policy::principal::Key;

use crate::cli::{
    args::Chat,
    output::Failure,
    quickstart::{ENV_FILE, env_lines},
};

/// An API, a deployment and a key.
pub(in crate::cli) struct Target {
    pub(in crate::cli) url: String,
    pub(in crate::cli) deployment: String,
    pub(in crate::cli) key: Key,
}

/// The values that commands may find instead of their options.
pub(in crate::cli) struct Sources {
    file: HashMap<String, String>,
    left: HashMap<String, String>,
}

impl Sources {
    /// Reads the env file, and the one that quickstart left in a data directory.
    pub(in crate::cli) fn read(file: Option<&Path>, data: &Path) -> Result<Self, Failure> {
        let file = file.map(read).transpose()?.unwrap_or_default();
        // The file may be missing.
        let left = read(&data.join(ENV_FILE)).unwrap_or_default();
        Ok(Self { file, left })
    }

    /// Returns the option, or else the value of a variable.
    pub(in crate::cli) fn find(
        &self,
        what: &str,
        option: Option<&String>,
        (flag, name): (&str, &str),
    ) -> Result<String, Failure> {
        let environment = || std::env::var(name).ok().filter(|value| !value.is_empty());
        let found = option.cloned().or_else(|| self.file.get(name).cloned()).or_else(environment);
        found.or_else(|| self.left.get(name).cloned()).ok_or_else(|| {
            Failure::new(
                format!("the {what} is missing"),
                format!(
                    "set {name}, give {flag}, or give --env-file with the quickstart.env of a data \
                     directory"
                ),
            )
        })
    }

    /// Finds an API, a deployment and a key.
    pub(in crate::cli) fn target(
        &self,
        [url, deployment, key]: [Option<&String>; 3],
    ) -> Result<Target, Failure> {
        let url = self.find("URL", url, ("--url", "BAILIWICK_URL"))?;
        let named = ("--deployment", "BAILIWICK_DEPLOYMENT");
        Ok(Target {
            url: url.trim_end_matches('/').trim_end_matches("/openai/v1").to_owned(),
            deployment: self.find("deployment", deployment, named)?,
            key: Key::presented(&self.find("key", key, ("--api-key", "BAILIWICK_API_KEY"))?),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at {}", self.deployment, self.url)
    }
}

impl Target {
    pub(super) fn find(args: &Chat) -> Result<Self, Failure> {
        let data = std::env::var_os("BAILIWICK_DATA").unwrap_or_else(|| "data".into());
        let sources = Sources::read(args.env_file.as_deref(), Path::new(&data))?;
        sources.target([args.url.as_ref(), args.deployment.as_ref(), args.api_key.as_ref()])
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
