//! Reads a request's headers and body within their limits.

use std::{collections::HashMap, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, body::Body as _, header::CONTENT_TYPE};
use parking_lot::{Mutex, MutexGuard};
use policy::id::ResourceId;
use tokio::time::timeout;

use crate::{
    body::RequestBody, coding, config::HttpLimits, listen::Upload, openai::error::ApiError,
};

/// Counts the bodies that are being received, by resource: a slow sender holds memory.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<ResourceId, usize>>);

/// A body that is being received; dropping the value ends its count.
#[derive(Debug)]
#[must_use = "the body counts only while this value lives"]
pub(crate) struct Uploading<'a> {
    uploads: &'a Uploads,
    resource: ResourceId,
}

impl Uploads {
    /// Counts one more body for a resource.
    ///
    /// # Errors
    /// The resource already has `limit` bodies on their way.
    pub(crate) fn begin(
        &self,
        resource: ResourceId,
        limit: usize,
    ) -> Result<Uploading<'_>, ApiError> {
        let mut uploads = self.lock();
        let count = uploads.entry(resource).or_default();
        if *count >= limit {
            return Err(ApiError::UploadsFull { limit });
        }
        *count += 1;
        Ok(Uploading { uploads: self, resource })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResourceId, usize>> {
        // Each change is complete in itself, so a panic elsewhere leaves the table whole.
        self.0.lock()
    }
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        let mut uploads = self.uploads.lock();
        let left = uploads.get(&self.resource).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            uploads.remove(&self.resource);
        } else {
            uploads.insert(self.resource, left);
        }
    }
}

/// Checks the number and size of headers.
///
/// # Errors
/// There are too many headers, or they are too long.
pub(crate) fn check_headers(headers: &HeaderMap, limits: &HttpLimits) -> Result<(), ApiError> {
    let bytes =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let (count, most) = (limits.header_count_max, limits.header_bytes_max);
    if headers.len() > count || bytes > most {
        return Err(ApiError::HeadersTooLarge { count, bytes: most });
    }
    Ok(())
}

/// Reads a JSON body, and decodes its content coding if it has one. The limit applies to the
/// received bytes and to the decoded bytes.
///
/// # Errors
/// The body has another content type, or is too long, too slow, damaged or truncated.
pub(crate) async fn json(
    _uploading: Uploading<'_>,
    headers: &HeaderMap,
    body: &mut Upload,
    limits: &HttpLimits,
) -> Result<RequestBody, ApiError> {
    if !headers.get(CONTENT_TYPE).is_some_and(|kind| is_json(kind.as_bytes())) {
        return Err(ApiError::ContentType);
    }
    let coding = coding::declared(headers)?;
    let limit = limits.body_bytes_max;
    let declared = body.size_hint().lower();
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        return Err(ApiError::BodyTooLarge { limit });
    }
    let limit_ms = limits.body_read_ms;
    let came = timeout(Duration::from_millis(limit_ms), collect(body, limit)).await;
    let came = came.map_err(|_| ApiError::BodyTimeout { limit_ms })??;
    Ok(RequestBody::new(coding::decode(coding, came, limit).await?))
}

async fn collect(body: &mut Upload, limit: usize) -> Result<Bytes, ApiError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(ApiError::BodyIncomplete) };
        let Ok(data) = frame.into_data() else { continue };
        if collected.len().saturating_add(data.len()) > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
        // Most bodies arrive in one piece, which is then not copied.
        if collected.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

/// Accepts `application/json`, with or without parameters.
fn is_json(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_sends_so_many_bodies_at_once() {
        let uploads = Uploads::default();
        let [one, other] = [1, 2].map(|n| ResourceId::from_random([n; 16]));
        let held = uploads.begin(one, 2).unwrap();
        let second = uploads.begin(one, 2).unwrap();
        assert_eq!(uploads.begin(one, 2).err(), Some(ApiError::UploadsFull { limit: 2 }));
        drop(uploads.begin(other, 2).unwrap());
        drop(held);
        drop(uploads.begin(one, 2).unwrap());
        drop(second);
        assert!(uploads.lock().is_empty());
    }

    #[test]
    fn json_is_told_from_other_types() {
        for good in ["application/json", "Application/JSON; charset=utf-8", " application/json "] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonp", "application/json, text/plain"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }
}
