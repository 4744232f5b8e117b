//! `bailiwick quickstart`: from nothing to a service that answers, with lines to paste.
//!
//! What is there already is kept, keys included, so that it can be run again and again.

mod env_file;
mod welcome;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use policy::{
    principal::{Key, KeyName, Unauthenticated, authenticate},
    task::Task,
};
use store::StoreError;

use self::env_file::Addresses;
pub use self::env_file::ENV_FILE;
pub(crate) use self::welcome::welcome;
use crate::{
    cli::{
        manage::add_model,
        output::{Failure, note},
    },
    config::{Config, Listen},
    manage::{Acting, ManageError, NewDeployment, NewModel, NewResource},
};

/// The model that `make run` fetches.
const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct-Q4_1.gguf";

const TENANT: &str = "demo";
const RESOURCE: &str = "demo";
const REGION: &str = "local";
const CHAT: &str = "smollm2";
const EMBEDDINGS: &str = "smollm2-embed";

/// The keys that a new user needs.
#[derive(Debug)]
pub(crate) struct Keys {
    key1: Key,
    key2: Key,
    admin: Key,
}

/// Where operators are served beside an API at `api`: the next port, for this machine only.
pub(crate) fn operations_beside(api: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match api {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    // Port 0 asks the system for a free one, and so does its neighbour.
    let port = if api.port() == 0 { 0 } else { api.port().checked_add(1).unwrap_or(8081) };
    (loopback, port).into()
}

/// The model that is run where none is deployed yet.
pub(crate) fn model_file(asked: Option<&Path>) -> PathBuf {
    asked.map_or_else(|| MODEL.into(), Path::to_owned)
}

/// Creates what is not there yet, and finds the keys.
///
/// # Errors
/// When something cannot be created; says what to do.
pub(crate) async fn prepare(
    management: &Acting,
    config: &Config,
    model: Option<PathBuf>,
) -> Result<Keys, Failure> {
    if is_missing(management.tenant(TENANT))? {
        management.create_tenant(TENANT)?;
    }
    let (key1, key2) = resource_keys(management, &config.data)?;
    let keys = Keys { key1, key2, admin: admin_key(management)? };
    // At once, so that no later failure loses the keys; once more when the ports are known.
    let Listen { api, operations, .. } = config.listen;
    let addresses = Addresses {
        api,
        operations,
        secure: config.tls.is_some(),
        operations_secure: config.operations_tls().is_some(),
    };
    env_file::write(&config.data, &keys, &addresses)?;
    deployments(management, model).await?;
    Ok(keys)
}

/// The keys of the demo resource: made with it, or read back from the env file of an earlier run.
fn resource_keys(management: &Acting, data: &Path) -> Result<(Key, Key), Failure> {
    let directory = management.store().directory()?;
    let Some(resource) = directory.resource_by_name(RESOURCE) else {
        let new = NewResource {
            name: RESOURCE.to_owned(),
            tenant: TENANT.to_owned(),
            region: REGION.to_owned(),
            prefix_cache: true,
            disable_local_auth: false,
            retention_days: None,
        };
        let made = management.create_resource(&new)?;
        return Ok((made.key1, made.key2));
    };
    // Also of a resource that takes no keys at the moment.
    let known = |key| authenticate(key, &resource.keys) != Err(Unauthenticated::Foreign);
    if let Some((key1, key2)) = env_file::read_keys(data)
        && known(&key1)
        && known(&key2)
    {
        return Ok((key1, key2));
    }
    note(&format!(
        "The keys of `{RESOURCE}` are not (or no longer) in {ENV_FILE}: both are replaced, and \
         the old ones stop working."
    ));
    let key1 = management.rotate_key(RESOURCE, KeyName::Key1)?.key;
    let key2 = management.rotate_key(RESOURCE, KeyName::Key2)?.key;
    Ok((key1, key2))
}

fn admin_key(management: &Acting) -> Result<Key, Failure> {
    if let Some(key) = management.admin_key()? {
        return Ok(key);
    }
    let file = management.rotate_admin_key()?;
    note(&format!("The administrator's key was lost; a new one is in {}.", file.display()));
    let lost = || Failure::plain("the administrator's key was replaced by another process");
    management.admin_key()?.ok_or_else(lost)
}

/// Deploys the model for chat and for embeddings, where that was not done.
async fn deployments(management: &Acting, model: Option<PathBuf>) -> Result<(), Failure> {
    let mut missing = Vec::new();
    let mut running = None;
    for (name, task) in [(CHAT, Task::Chat), (EMBEDDINGS, Task::Embeddings)] {
        match management.deployment(RESOURCE, name) {
            Ok(deployment) => running = Some(deployment.model),
            result => {
                if is_missing(result)? {
                    missing.push((name, task));
                }
            }
        }
    }
    if let (true, Some(running), Some(asked)) = (missing.is_empty(), &running, &model) {
        let asked = model_name(asked);
        if *running != asked {
            note(&format!(
                "`{CHAT}` goes on running `{running}`, not `{asked}`: to change that, delete it \
                 (`bailiwick deployment delete {CHAT} --resource {RESOURCE}`) and start again."
            ));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let path = model_file(model.as_deref());
    let model = model_name(&path);
    if is_missing(management.model(&model))? {
        if !path.is_file() {
            return Err(Failure::new(
                format!("there is no model at `{}`", path.display()),
                "`make model` fetches a small one; or give a GGUF file of yours: --model FILE",
            ));
        }
        add_model(management, NewModel { name: model.clone(), path, in_place: false }).await?;
    }
    for (name, task) in missing {
        let new = NewDeployment {
            name: name.to_owned(),
            model: model.clone(),
            task,
            tokens_per_minute: None,
            requests_per_minute: None,
        };
        management.create_deployment(RESOURCE, &new)?;
    }
    Ok(())
}

/// A model is called like its file.
fn model_name(path: &Path) -> String {
    let stem = path.file_stem().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = stem.chars().map(|c| if allowed(c) { c } else { '-' }).take(64).collect();
    let name = name.trim_start_matches(['-', '_', '.']);
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}

fn is_missing<T>(result: Result<T, ManageError>) -> Result<bool, ManageError> {
    match result {
        Ok(_) => Ok(false),
        Err(ManageError::Store(StoreError::NotFound { .. })) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_served_on_this_machine_only() {
        for (api, operations) in [
            ("127.0.0.1:8080", "127.0.0.1:8081"),
            ("0.0.0.0:80", "127.0.0.1:81"),
            ("[::]:443", "[::1]:444"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("127.0.0.1:65535", "127.0.0.1:8081"),
        ] {
            assert_eq!(operations_beside(api.parse().unwrap()).to_string(), operations);
        }
    }

    #[test]
    fn any_file_name_makes_a_model_name() {
        for (path, name) in [
            ("a/SmolLM2-135M.Q4_1.gguf", "SmolLM2-135M.Q4_1"),
            ("my model.gguf", "my-model"),
            (".gguf", "gguf"),
            ("ä.gguf", "model"),
            ("/", "model"),
        ] {
            assert_eq!(model_name(Path::new(path)), name);
            assert!(store::model_name(name).is_ok());
        }
    }
}
