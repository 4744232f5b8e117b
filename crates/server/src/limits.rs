//! Limits of the HTTP surface that the operator cannot set: properties of the API, and margins
//! behind the limits of [`crate::config::HttpLimits`]. Each refusal names its limit.

use std::time::Duration;

/// Header lines above the configured limit at which hyper gives up by itself, with a bare answer.
/// The margin makes sure that clients usually see our answer.
pub(crate) const HEADERS_MARGIN: usize = 936;
/// The same margin, in bytes of a request's head.
pub(crate) const HEAD_BYTES_MARGIN: usize = 112 * 1024;
/// Time that a client may leave our bytes unread before its connection is closed.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// HTTP/2 streams that may be open at once in one connection.
pub(crate) const STREAMS_MAX: u32 = 128;
/// Bytes of a refused body that are read and thrown away, so that the client sees the answer
/// instead of a reset connection.
pub(crate) const DISCARD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Time for which a refused body is read when the client has no key.
pub(crate) const STRANGER_DISCARD: Duration = Duration::from_secs(1);
/// Time that a connection has to end after we close it.
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);
/// Connections that were asked to make room and are not gone yet. Beyond this number no new
/// connection is accepted.
pub(crate) const LEAVING_MAX: usize = 32;
/// Connections that get an answer with the reason when there is no place for them.
pub(crate) const TURNED_AWAY_MAX: usize = 16;
/// Connections that are examined to find one that can be closed.
pub(crate) const SEARCHED_MAX: usize = 1024;
/// Client addresses that are remembered.
pub(crate) const ADDRESSES_MAX: usize = 65_536;

/// Characters of an echoed `x-ms-client-request-id`.
pub(crate) const CLIENT_REQUEST_ID_MAX: usize = 128;

/// Idle time after which a stream gets a comment, so that clients and proxies keep waiting.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Retry delay reported when the queue is full.
pub(crate) const QUEUE_RETRY: Duration = Duration::from_secs(1);
/// Retry delay reported when there are too many connections or bodies.
pub(crate) const CONNECTION_RETRY: Duration = Duration::from_secs(1);
/// Retry delay reported when an issuer's keys could not be fetched.
pub(crate) const ISSUER_RETRY: Duration = Duration::from_secs(5);
/// Retry delay reported when a detector of the content filter does not answer.
pub(crate) const FILTER_RETRY: Duration = Duration::from_secs(2);
/// Retry delay reported when an engine cannot be reached and gives none.
pub(crate) const ENGINE_RETRY: Duration = Duration::from_secs(2);
/// Longest retry delay that an engine can ask of a caller.
pub(crate) const ENGINE_RETRY_MAX: Duration = Duration::from_secs(60);
/// Time between two probes of an engine.
pub(crate) const ENGINE_PROBE: Duration = Duration::from_secs(2);
/// Retry delay reported when an engine died during a request.
pub(crate) const DEATH_RETRY: Duration = Duration::from_secs(2);

/// The most bytes of a trainer's own memory; the base model's file counts.
pub(crate) const TRAINER_BYTES_MAX: u64 = 6 * 1024 * 1024 * 1024;
