//! The explanation of the caller's resource: `GET /openai/v1/explain`.

use policy::permit::{Permit, ReadInventory};

use super::{error::ApiError, reply::Reply};
use crate::{
    authn::Caller,
    clock,
    config::Config,
    explain::{Explanation, Facts},
};

/// Explains the life of a request of the permit's resource, by the configuration and the directory
/// that this request itself is answered under.
///
/// # Errors
/// If the resource is gone.
pub(crate) fn answer(
    config: &Config,
    caller: &Caller,
    permit: Permit<ReadInventory>,
) -> Result<Reply, ApiError> {
    let facts = Facts::gather(config, &caller.directory, permit.spend(), clock::now_ms());
    let explanation = Explanation::of(&facts.ok_or(ApiError::Store)?);
    let json = serde_json::to_vec(&explanation).map_err(|_| ApiError::Internal)?;
    Ok(Reply::Json(json.into()))
}
