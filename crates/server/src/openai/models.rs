//! Lists the resource's deployments as models: on the v1 surface, a model's name is a deployment's.

use policy::permit::{ListModels, Permit};
use serde::Serialize;
use store::{Deployment, Directory};
use wire::models::{Capabilities, ModelList, ModelOut};

use super::{error::ApiError, reply::Reply};
use crate::authn::Caller;

/// Lists the deployments of the caller's resource.
///
/// # Errors
/// Never, as long as the directory is consistent.
pub(crate) fn list(caller: &Caller, permit: Permit<ListModels>) -> Result<Reply, ApiError> {
    let resource = permit.spend().resource;
    let data = caller
        .directory
        .deployments_of(resource)
        .map(|deployment| model(&caller.directory, deployment))
        .collect::<Result<_, _>>()?;
    json(&ModelList { object: "list", data })
}

/// Describes one of the deployments.
///
/// # Errors
/// If the caller has no such deployment.
pub(crate) fn describe(
    caller: &Caller,
    permit: Permit<ListModels>,
    name: &str,
) -> Result<Reply, ApiError> {
    let deployment = caller
        .directory
        .deployment(permit.spend().resource, name)
        .ok_or(ApiError::ModelNotFound)?;
    json(&model(&caller.directory, deployment)?)
}

fn model<'a>(
    directory: &'a Directory,
    deployment: &'a Deployment,
) -> Result<ModelOut<'a>, ApiError> {
    let generates = match deployment.task {
        policy::task::Task::Chat => true,
        policy::task::Task::Embeddings => false,
    };
    Ok(ModelOut {
        id: &deployment.name,
        object: "model",
        created: deployment.created_at,
        owned_by: "bailiwick",
        model: &directory.model(deployment.model).ok_or(ApiError::Store)?.name,
        capabilities: Capabilities {
            chat_completion: generates,
            completion: generates,
            embeddings: !generates,
        },
    })
}

fn json<T: Serialize>(value: &T) -> Result<Reply, ApiError> {
    serde_json::to_vec(value).map(|json| Reply::Json(json.into())).map_err(|_| ApiError::Internal)
}
