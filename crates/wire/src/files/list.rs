//! Lists of files.

use serde::Serialize;
use utoipa::ToSchema;

use super::FileOut;
use crate::{
    error::Invalid,
    page::{self, Page, Sizes},
};

/// Files in one answer. A larger `limit` is allowed, and the answer then says that there are more.
pub const FILES_PAGE_MAX: usize = 1000;
/// The largest `limit`, as in OpenAI's API.
const LIMIT_MAX: usize = 10_000;

/// The query of a list of files.
#[derive(Debug, PartialEq, Eq)]
pub struct Listing {
    /// Only files with this purpose.
    pub purpose: Option<&'static str>,
    /// The part of the list.
    pub page: Page,
}

impl Listing {
    /// Reads the query.
    ///
    /// # Errors
    /// If a parameter is out of its range, or is there twice.
    pub fn parse(query: Option<&str>) -> Result<Self, Invalid> {
        let purpose = page::parameter(query, "purpose")?;
        let purpose = purpose.as_deref().map(self::purpose).transpose()?;
        let mut page = Page::parse(query, Sizes { default: FILES_PAGE_MAX, max: LIMIT_MAX })?;
        page.limit = page.limit.min(FILES_PAGE_MAX);
        Ok(Self { purpose, page })
    }
}

fn purpose(value: &str) -> Result<&'static str, Invalid> {
    PURPOSES.into_iter().find(|known| *known == value).ok_or_else(|| {
        let expected = PURPOSES.map(|known| format!("'{known}'")).join(", ");
        let message = format!("Invalid value for 'purpose': expected one of {expected}.");
        Invalid::value("purpose", message)
    })
}

/// All purposes of OpenAI. Lists of those that this service does not keep are empty.
const PURPOSES: [&str; 9] = [
    "fine-tune",
    "fine-tune-results",
    "batch",
    "batch_output",
    "assistants",
    "assistants_output",
    "vision",
    "user_data",
    "evals",
];

/// A list of files.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListFilesResponse)]
pub struct FileList {
    /// Always `list`.
    pub object: &'static str,
    /// The files.
    pub data: Vec<FileOut>,
    /// The id of the first one.
    pub first_id: Option<String>,
    /// The id of the last one: the `after` of the next request.
    pub last_id: Option<String>,
    /// Whether there are more.
    pub has_more: bool,
}

impl FileList {
    /// Makes the list.
    #[must_use]
    pub fn new(data: Vec<FileOut>, has_more: bool) -> Self {
        let id = |file: Option<&FileOut>| file.map(|file| file.id.clone());
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}
