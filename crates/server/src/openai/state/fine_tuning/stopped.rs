//! The principal in whose name a job goes on, and the reasons why a job stops.

use policy::object::Class;
use store::objects::Object;
use wire::fine_tuning::job::JobError;

use crate::{authn::Caller, openai::error::ApiError, services::Services};

/// Returns the caller in whose name a job goes on.
///
/// # Errors
/// If its credential no longer counts.
pub(super) fn owner(services: &Services, object: &Object) -> Result<Caller, ApiError> {
    let directory = services.store.directory().map_err(|_| ApiError::Store)?;
    Caller::on_behalf(directory, object).map_err(ApiError::Revoked)
}

/// The reason why a job does not go on now.
#[derive(Debug)]
pub(super) enum Stopped {
    /// It failed, and its owner sees why.
    Failed(JobError),
    /// It goes on later, after a restart of the service.
    Later(ApiError),
    /// Its owner wants it so, or the service stops.
    Asked,
}

impl Stopped {
    /// A failure.
    pub(super) fn failed(code: &str, message: impl Into<String>, param: Option<&str>) -> Self {
        let (code, param) = (code.to_owned(), param.map(str::to_owned));
        Self::Failed(JobError { code, message: message.into(), param })
    }
}

/// A missing file, a missing right or a withdrawn key ends a job; other errors delay it.
impl From<ApiError> for Stopped {
    fn from(error: ApiError) -> Self {
        let (code, message, param) = match &error {
            ApiError::ObjectNotFound { class: Class::File } => (
                "file_not_found",
                "A file of the job was deleted, has expired, or is no longer shared with you.",
                Some("training_file"),
            ),
            ApiError::ObjectNotFound { class: Class::Job } => return Self::Asked,
            ApiError::PermissionDenied => (
                "permission_denied",
                "The principal that made the job may no longer fine-tune or use the model.",
                None,
            ),
            ApiError::ZeroRetention { .. } => (
                "zero_data_retention",
                "The resource is under zero data retention now, and keeps no models.",
                None,
            ),
            ApiError::CustomerKeyWithdrawn => {
                ("customer_key_withdrawn", "Your organization withdrew its key.", None)
            }
            _ => return Self::Later(error),
        };
        Self::failed(code, message, param)
    }
}
