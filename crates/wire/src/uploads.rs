//! Uploads in parts: their requests, their sealed head, and the answers.

use policy::content::{Content, ContentBytes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::{Code, Invalid},
    files::{FileOut, Purpose, check_filename},
    json::{self, objects_only},
    keeping::ExpiresAfter,
};

/// Parts of one upload.
pub const PARTS_MAX: usize = 1000;
/// Bytes of one part.
pub const PART_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Time after which an upload and its parts are destroyed: an hour.
pub const UPLOAD_MS: u64 = 3_600_000;
/// Bytes of a media type.
const MIME_BYTES_MAX: usize = 128;

/// A request that begins an upload.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateUploadRequest)]
pub struct CreateUpload {
    /// The file's name.
    #[serde(with = "policy::content::wire")]
    #[schema(value_type = String)]
    pub filename: Content,
    /// Purpose of the file: `fine-tune` or `batch`.
    #[serde(with = "policy::content::wire")]
    #[schema(value_type = Purpose)]
    pub purpose: Content,
    /// The file's length: the parts together must have exactly as many bytes.
    pub bytes: u64,
    /// The file's media type. It has no effect.
    #[serde(with = "policy::content::wire")]
    #[schema(value_type = String)]
    pub mime_type: Content,
    /// When the file expires. Without it the file is kept until it is deleted.
    pub expires_after: Option<ExpiresAfter>,
}

objects_only!(CreateUpload);

/// An upload that may begin.
#[derive(Debug)]
pub struct NewUpload {
    /// The purpose.
    pub purpose: Purpose,
    /// The head.
    pub head: UploadHead,
}

/// Reads and checks a request that begins an upload. A file has at most `bytes_max` bytes.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse(body: &[u8], bytes_max: u64) -> Result<NewUpload, Invalid> {
    let body: CreateUpload = json::parse(body)?;
    check_filename("filename", &body.filename)?;
    let purpose = Purpose::parse(body.purpose.reveal())?;
    let wrong = |code, said: &str| Invalid {
        param: Some("bytes".to_owned()),
        code,
        message: format!(
            "Invalid 'bytes': integer {said} value. Expected 1 to {bytes_max} \
             (limits.file_bytes_max)."
        ),
    };
    if body.bytes == 0 {
        return Err(wrong(Code::IntegerBelowMin, "below minimum"));
    }
    if body.bytes > bytes_max {
        return Err(wrong(Code::IntegerAboveMax, "above maximum"));
    }
    if body.mime_type.len() > MIME_BYTES_MAX {
        let message =
            format!("Invalid 'mime_type': too long. Expected at most {MIME_BYTES_MAX} bytes.");
        let param = Some("mime_type".to_owned());
        return Err(Invalid { param, code: Code::StringAboveMax, message });
    }
    let expires_after = body.expires_after;
    let expires_after_ms =
        expires_after.map(|after| after.milliseconds("expires_after.seconds")).transpose()?;
    let head = UploadHead { filename: body.filename, bytes: body.bytes, expires_after_ms };
    Ok(NewUpload { purpose, head })
}

/// The sealed head of an upload.
#[derive(Debug, Serialize, Deserialize)]
pub struct UploadHead {
    /// The name of the future file.
    #[serde(with = "policy::content::wire")]
    pub filename: Content,
    /// Its length.
    pub bytes: u64,
    /// Milliseconds from the file's creation to its end.
    pub expires_after_ms: Option<u64>,
}

impl UploadHead {
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

/// A request that makes a file of parts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CompleteUploadRequest)]
pub struct CompleteUpload {
    /// The ids of the parts, in the file's order.
    pub part_ids: Vec<PartId>,
    /// The MD5 digest of the whole file, in hexadecimal digits.
    #[serde(default, with = "digest")]
    #[schema(value_type = Option<String>)]
    pub md5: Option<Content>,
}

objects_only!(CompleteUpload);

/// The id of a part, as the caller wrote it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct PartId(#[serde(with = "policy::content::wire")] pub Content);

impl utoipa::PartialSchema for PartId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl ToSchema for PartId {}

mod digest {
    use policy::content::Content;
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Content>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Content::new))
    }
}

/// A checked request that makes a file of parts.
#[derive(Debug)]
pub struct Completion {
    /// The ids of the parts, in the file's order, each once.
    pub part_ids: Vec<Content>,
    /// The expected digest.
    pub md5: Option<[u8; 16]>,
}

/// Reads and checks a request that makes a file of parts.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse_completion(body: &[u8]) -> Result<Completion, Invalid> {
    let body: CompleteUpload = json::parse(body)?;
    if body.part_ids.is_empty() {
        return Err(Invalid::empty_array("part_ids"));
    }
    if body.part_ids.len() > PARTS_MAX {
        let message =
            format!("Invalid 'part_ids': array too long. Expected at most {PARTS_MAX} parts.");
        let param = Some("part_ids".to_owned());
        return Err(Invalid { param, code: Code::ArrayAboveMax, message });
    }
    let part_ids: Vec<Content> = body.part_ids.into_iter().map(|PartId(id)| id).collect();
    for (index, id) in part_ids.iter().enumerate() {
        if part_ids.iter().take(index).any(|earlier| earlier == id) {
            let message =
                format!("Invalid 'part_ids[{index}]': the part is named twice. Name it once.");
            return Err(Invalid::value(&format!("part_ids[{index}]"), message));
        }
    }
    let md5 = body.md5.filter(|digest| !digest.is_empty());
    let md5 = md5.map(|digest| hex(digest.reveal()).ok_or_else(bad_digest)).transpose()?;
    Ok(Completion { part_ids, md5 })
}

fn bad_digest() -> Invalid {
    Invalid::value("md5", "Invalid 'md5': expected 32 hexadecimal digits.")
}

/// Reads 32 hexadecimal digits.
fn hex(text: &str) -> Option<[u8; 16]> {
    let mut digits = text.chars().map(|digit| digit.to_digit(16));
    let mut digest = [0; 16];
    for byte in &mut digest {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    digits.next().is_none().then_some(digest)
}

/// An upload, as the API describes it to its owner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub struct UploadOut {
    /// Its id.
    pub id: String,
    /// Always `upload`.
    pub object: &'static str,
    /// The length of the future file.
    pub bytes: u64,
    /// When it was begun: seconds since 1970.
    pub created_at: u64,
    /// The name of the future file.
    #[serde(with = "policy::content::wire")]
    #[schema(value_type = String)]
    pub filename: Content,
    /// Purpose of the file.
    pub purpose: String,
    /// `pending`, `completed` or `cancelled`.
    pub status: &'static str,
    /// From when on the upload and its parts are unrecoverable: seconds since 1970.
    pub expires_at: u64,
    /// The file, once the upload is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileOut>,
}

/// A part, as the API describes it to its owner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadPart)]
pub struct PartOut {
    /// Its id.
    pub id: String,
    /// Always `upload.part`.
    pub object: &'static str,
    /// When it was made: seconds since 1970.
    pub created_at: u64,
    /// The id of its upload.
    pub upload_id: String,
}

#[cfg(test)]
mod tests;
