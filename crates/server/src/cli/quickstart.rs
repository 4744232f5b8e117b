//! `bailiwick quickstart`: from an empty directory to a running service, with commands to paste.
//!
//! Existing data is preserved, keys included, so the command can run again at any time.

mod env_file;
mod welcome;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use policy::{
    forward::Forward,
    principal::{Key, KeyName, Unauthenticated, authenticate},
    task::Task,
};
use store::StoreError;
use tlog::people::{BadRoot, Root};

use self::env_file::Addresses;
pub(crate) use self::env_file::{ENV_FILE, env_lines};
pub(crate) use self::welcome::welcome;
use super::{
    args::SignerKeys,
    output::{Failure, note},
    progress::add_model,
    signer::{self, Signer},
};
use crate::{
    config::{Config, Listen},
    manage::{Acting, ManageError, NewDeployment, NewModel, NewResource},
};

/// The model that `make run` fetches.
const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct-Q4_1.gguf";

/// The SHA-256 of that model, as scripts/fetch-model.sh pins it.
pub(crate) const TOY_SHA256: &str =
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// Note shown with that model.
pub(crate) const TOY: &str = "The model is a toy: SmolLM2-135M demonstrates the service and is not for quality. Its answers are \
     often nonsense. docs/models.md lists real models; `bailiwick model add` adds them.";

/// The file with the key of the demo tenant's root, in the data directory.
const ROOT_FILE: &str = "demo-root.key";

const TENANT: &str = "demo";
const RESOURCE: &str = "demo";
const CHAT: &str = "smollm2";
const EMBEDDINGS: &str = "smollm2-embed";

/// The keys of a new user.
#[derive(Debug)]
pub(crate) struct Keys {
    key1: Key,
    key2: Key,
    admin: Key,
}

/// Returns the operations address for an API at `api`: the next port, on loopback only.
pub(crate) fn operations_beside(api: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match api {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    // Port 0 asks the system for a free port; the second address then uses port 0, too.
    let port = if api.port() == 0 { 0 } else { api.port().checked_add(1).unwrap_or(8081) };
    (loopback, port).into()
}

/// Returns the model to run if none is deployed yet.
pub(crate) fn model_file(asked: Option<&Path>) -> PathBuf {
    asked.map_or_else(|| MODEL.into(), Path::to_owned)
}

/// Creates the missing parts, and finds the keys.
///
/// # Errors
/// If a part cannot be created; the error names the remedy.
pub(crate) async fn prepare(
    management: &Acting,
    config: &Config,
    model: Option<PathBuf>,
) -> Result<Keys, Failure> {
    if is_missing(management.tenant(TENANT))? {
        management.create_tenant(TENANT)?;
    }
    demo_root(management, &config.data)?;
    let (key1, key2) = resource_keys(management, &config.data)?;
    let keys = Keys { key1, key2, admin: admin_key(management)? };
    // Written now, so that no later failure loses the keys, and again when the ports are known.
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

/// Makes the root of the demo tenant: with it, only its own key names the people who decide for the
/// tenant. A customer makes this key on a machine of its own.
fn demo_root(management: &Acting, data: &Path) -> Result<(), Failure> {
    if management.has_root(TENANT)? {
        return Ok(());
    }
    let path = data.join(ROOT_FILE);
    // It may be there from a run that ended early.
    let signer = match path.exists() {
        true => Signer::open(&path.display().to_string())?,
        false => Signer::create(&path)?,
    };
    let bad = |error: BadRoot| Failure::plain(error.to_string());
    let root = Root::new(vec![signer.public()?]).map_err(bad)?;
    let keys = SignerKeys { signer: vec![path.display().to_string()], yes: true };
    signer::signing(&keys, |signed| management.make_root(TENANT, &root, signed))?;
    let (path, print) = (path.display(), root.fingerprint());
    note(&format!(
        "The tenant `{TENANT}` has a root, {print}. Its key is in {path}: only this key names the people \
         who decide for the tenant. A customer keeps it elsewhere: docs/operate/signing.md."
    ));
    Ok(())
}

/// Returns the keys of the demo resource: created with it, or read from the env file of an earlier
/// run.
fn resource_keys(management: &Acting, data: &Path) -> Result<(Key, Key), Failure> {
    let directory = management.store().directory()?;
    let Some(resource) = directory.resource_by_name(RESOURCE) else {
        let new = NewResource {
            name: RESOURCE.to_owned(),
            tenant: TENANT.to_owned(),
            region: None,
            prefix_cache: true,
            forward: Forward::NONE,
            disable_local_auth: false,
            retention_days: None,
        };
        let made = management.create_resource(&new)?;
        return Ok((made.key1, made.key2));
    };
    // This also works for a resource that does not accept keys at the moment.
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

/// Deploys the model for chat and for embeddings, if that is missing.
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
                "`{CHAT}` still runs `{running}`, not `{asked}`: to change that, delete it \
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
                "`make model` fetches a small one; or name your own GGUF file: --model FILE",
            ));
        }
        let new = NewModel { name: model.clone(), path, file: None, sha256: None, in_place: false };
        add_model(management, new).await?;
    }
    for (name, task) in missing {
        let new = NewDeployment {
            spillover_deployment_name: None,
            rai_policy_name: None,
            name: name.to_owned(),
            model: model.clone(),
            task,
            sku: None,
            tokens_per_minute: None,
            requests_per_minute: None,
        };
        management.create_deployment(RESOURCE, &new)?;
    }
    Ok(())
}

/// Names a model after its file.
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
    fn the_toy_is_the_model_that_is_fetched() {
        let script = include_str!("../../../../scripts/fetch-model.sh");
        assert!(script.contains(&format!("model_sha256=\"{TOY_SHA256}\"")));
        assert!(
            Path::new(MODEL)
                .file_name()
                .is_some_and(|name| script.contains(name.to_str().unwrap()))
        );
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
