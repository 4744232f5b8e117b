//! Files: the fields of an upload, the sealed head of a kept file, and the answers.

mod form;
mod list;

use policy::content::{Content, ContentBytes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    form::{Field, FileForm, Form},
    list::{FILES_PAGE_MAX, FileList, Listing},
};
use crate::error::{Code, Invalid};

/// Bytes of a file's name.
pub const FILENAME_BYTES_MAX: usize = 512;
/// Bytes of a field that is not a file.
pub const FIELD_BYTES_MAX: usize = 1024;
/// The purposes for which a customer may upload a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum Purpose {
    /// A training or validation file.
    FineTune,
    /// The input of a batch.
    Batch,
}

impl Purpose {
    /// Reads a purpose.
    ///
    /// # Errors
    /// If it is one of OpenAI's that is not served here, or none.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let instead = match text {
            "fine-tune" => return Ok(Self::FineTune),
            "batch" => return Ok(Self::Batch),
            "assistants" | "assistants_output" => {
                "The Assistants API is not served here: put the file's text into the messages of a \
                 request"
            }
            "vision" => {
                "Send an image in the message itself, as a data URL: 'data:image/png;base64,...'"
            }
            "user_data" => "Put the file's text into the messages of a request",
            "evals" => "The Evals API is not served here",
            "batch_output" | "fine-tune-results" => "Only the service makes such files",
            _ => {
                let message = "Invalid value for 'purpose': expected 'fine-tune' or 'batch'.";
                return Err(Invalid::value("purpose", message));
            }
        };
        let message = format!(
            "Unsupported value for 'purpose': this service keeps files for 'fine-tune' and 'batch'. \
             {instead}."
        );
        let param = Some("purpose".to_owned());
        Err(Invalid { param, code: Code::UnsupportedValue, message })
    }

    /// Returns the purpose as a kept file's label has it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::FineTune => "fine-tune",
            Self::Batch => "batch",
        }
    }
}

/// Checks the name of a file.
///
/// # Errors
/// If it is empty, too long, or has control characters.
pub fn check_filename(param: &str, name: &Content) -> Result<(), Invalid> {
    if name.is_empty() {
        return Err(Invalid::value(param, format!("Invalid '{param}': the file needs a name.")));
    }
    if name.len() > FILENAME_BYTES_MAX {
        let message = format!(
            "Invalid '{param}': the file's name is too long. Expected at most \
             {FILENAME_BYTES_MAX} bytes."
        );
        return Err(Invalid { param: Some(param.to_owned()), code: Code::StringAboveMax, message });
    }
    if name.reveal().chars().any(char::is_control) {
        let message = format!("Invalid '{param}': the file's name has control characters.");
        return Err(Invalid::value(param, message));
    }
    Ok(())
}

/// The sealed head of a kept file: its owner's words about it.
#[derive(Debug, Serialize, Deserialize)]
pub struct FileHead {
    /// Its name.
    #[serde(with = "policy::content::wire")]
    pub filename: Content,
}

impl FileHead {
    /// Returns the head as it is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> ContentBytes {
        ContentBytes::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a head that was opened; `None` if it is damaged.
    #[must_use]
    pub fn parse(head: &ContentBytes) -> Option<Self> {
        serde_json::from_slice(head.reveal()).ok()
    }
}

/// A file, as the API describes it to its owner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAIFile)]
pub struct FileOut {
    /// Its id.
    pub id: String,
    /// Always `file`.
    pub object: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was made: seconds since 1970.
    pub created_at: u64,
    /// From when on it is unrecoverable: seconds since 1970. Null if it is kept until it is deleted.
    pub expires_at: Option<u64>,
    /// Its name.
    #[serde(with = "policy::content::wire")]
    #[schema(value_type = String)]
    pub filename: Content,
    /// Its purpose: `fine-tune`, `batch`, `batch_output` or `fine-tune-results`.
    pub purpose: String,
    /// Always `processed`: a file is checked while it arrives.
    pub status: &'static str,
    /// Always null.
    pub status_details: Option<String>,
}

/// The answer to a deletion.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeleteFileResponse)]
pub struct FileDeleted {
    /// The file's id.
    pub id: String,
    /// Always `file`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
    /// What still worked with the file: `batch` or `fine_tuning.job`. It cannot read the file again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was_in_use_by: Option<&'static str>,
}

#[cfg(test)]
mod tests;
