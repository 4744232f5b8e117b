//! Statements at the desk. A decision that needs a signature is refused with a draft of its statement.
//! The person signs it, and sends the same request again with the draft and the signature. It is
//! authorized anew, must lead to the same event to the byte, and is then logged.
//!
//! A draft fixes the random values of an event and the time that its ends are counted from. It is in
//! memory, counts once, for one person and one route, and for ten minutes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, request::Parts};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use policy::id::{PersonId, TenantId};
use sha2::{Digest as _, Sha256};
use store::{
    random,
    signed::{Decision, NotLogged, SignedAct, Unsigned},
    workflow::{NotStepped, Stepped, Workflow},
};
use tlog::{
    canon::Digest,
    hex,
    signature::{SIGNATURES_MAX, Signature, Signed},
    succession::Mark,
};

use super::{Desk, Visitor, blocking, drafted::Drafted, error::DeskError, public_key};
use crate::{clock, http::only};

/// The header that names the draft of a statement.
pub(crate) const DRAFT: &str = "bailiwick-draft";

/// The header with a signature: the fingerprint of the key, the form, and one or three texts of base64.
/// There may be several.
pub(crate) const SIGNATURE: &str = "bailiwick-signature";

/// For how long a draft counts.
const DRAFT_COUNTS: Duration = Duration::from_mins(10);

/// Most drafts in memory.
const DRAFTS_MAX: usize = 10_000;

/// The drafts of statements that wait for their signatures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drafts(Arc<Mutex<HashMap<[u8; 16], Kept>>>);

/// A draft in memory.
#[derive(Debug)]
struct Kept {
    person: PersonId,
    route: String,
    made: Instant,
    fixed: Fixed,
}

/// The values that a draft fixes.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    seed: [u8; 32],
    now_ms: u64,
    from_ms: u64,
    seen: Mark,
    logged: Option<u64>,
}

impl Drafts {
    fn keep(&self, id: [u8; 16], kept: Kept) {
        let mut drafts = self.0.lock();
        if drafts.len() >= DRAFTS_MAX {
            drafts.retain(|_, kept| kept.made.elapsed() < DRAFT_COUNTS);
        }
        if drafts.len() >= DRAFTS_MAX {
            drafts.clear();
        }
        drafts.insert(id, kept);
    }

    /// Takes a draft out: it counts once.
    fn take(&self, id: &str, person: PersonId, route: &str) -> Option<Fixed> {
        let id: [u8; 16] = hex::decode(id)?;
        let kept = self.0.lock().remove(&id)?;
        let counts =
            kept.person == person && kept.route == route && kept.made.elapsed() < DRAFT_COUNTS;
        counts.then_some(kept.fixed)
    }
}

/// The statement of a request: the values that its draft fixed, and its signatures.
#[derive(Debug)]
pub(super) struct Signing {
    route: String,
    seed: [u8; 32],
    drawn: AtomicU32,
    now_ms: u64,
    from_ms: Option<u64>,
    act: SignedAct,
}

impl Signing {
    /// Begins a request without a draft.
    pub(super) fn new(route: String) -> Result<Self, DeskError> {
        let (seed, drawn, now_ms) = (random()?, AtomicU32::new(0), clock::now_ms());
        Ok(Self { route, seed, drawn, now_ms, from_ms: None, act: SignedAct::default() })
    }

    /// Reads the draft and the signatures of a request.
    pub(super) fn of(parts: &Parts, drafts: &Drafts, person: PersonId) -> Result<Self, DeskError> {
        let route = format!("{} {}", parts.method, parts.uri);
        if !parts.headers.contains_key(DRAFT) && !parts.headers.contains_key(SIGNATURE) {
            return Self::new(route);
        }
        let id = only(&parts.headers, DRAFT).ok_or(DeskError::NoDraft)?;
        let fixed = drafts.take(id, person, &route).ok_or(DeskError::NoDraft)?;
        let Fixed { seed, now_ms, from_ms, seen, logged } = fixed;
        let act = SignedAct { signed: signatures(&parts.headers, seen)?, logged };
        Ok(Self { route, seed, drawn: AtomicU32::new(0), now_ms, from_ms: Some(from_ms), act })
    }
}

/// Reads the signatures of a statement.
fn signatures(headers: &HeaderMap, seen: Mark) -> Result<Vec<Signed>, DeskError> {
    let given: Vec<_> = headers.get_all(SIGNATURE).iter().collect();
    if given.is_empty() || given.len() > SIGNATURES_MAX {
        return Err(DeskError::BadSignature);
    }
    let read = |text: &str| {
        let Mark { size, root } = seen;
        let (key, signature) = text.trim().split_once(' ')?;
        let key = Digest(hex::decode(key)?);
        Some(Signed { key, size, root, signature: signature_of(signature)? })
    };
    let read = |value: &axum::http::HeaderValue| value.to_str().ok().and_then(read);
    given.into_iter().map(read).collect::<Option<_>>().ok_or(DeskError::BadSignature)
}

/// Reads a signature: its form, and one or three texts of base64.
fn signature_of(text: &str) -> Option<Signature> {
    let mut words = text.split_ascii_whitespace();
    let form = words.next()?;
    let bytes: Vec<Vec<u8>> =
        words.map(|word| STANDARD.decode(word).ok()).collect::<Option<_>>()?;
    Some(match (form, bytes.as_slice()) {
        ("raw", [signature]) => Signature::Raw { signature: signature.as_slice().try_into().ok()? },
        ("ssh", [signature]) => Signature::Ssh { signature: signature.as_slice().try_into().ok()? },
        ("passkey", [authenticator_data, client_data_json, signature]) => Signature::Passkey {
            authenticator_data: authenticator_data.clone(),
            client_data_json: client_data_json.clone(),
            signature: signature.clone(),
        },
        _ => return None,
    })
}

/// Returns a signature of a passkey as [`SIGNATURE`] has it, with the fingerprint of the key that made
/// it. `passkeys` and `statement` are those of the draft.
pub(crate) fn with_key<'k>(
    signature: &str,
    passkeys: impl IntoIterator<Item = &'k str>,
    statement: &str,
) -> Option<String> {
    let (made, statement) = (signature_of(signature)?, STANDARD.decode(statement).ok()?);
    let keys = passkeys.into_iter().filter_map(|key| public_key::read(key).ok());
    let key = keys.into_iter().find(|key| made.verify(key, &statement).is_ok())?;
    Some(format!("{} {signature}", key.fingerprint()))
}

impl Visitor {
    /// Returns random bytes for an event. A request with a draft gets the bytes of the request before.
    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let number = self.signing.drawn.fetch_add(1, Ordering::Relaxed);
        let drawn =
            Sha256::new().chain_update(self.signing.seed).chain_update(number.to_be_bytes());
        let mut bytes = [0; N];
        bytes.iter_mut().zip(drawn.finalize()).for_each(|(byte, drawn)| *byte = drawn);
        bytes
    }

    /// Returns the time from which the desk counts the ends in an event, in milliseconds since 1970.
    pub(super) fn starts_ms(&self) -> u64 {
        self.signing.now_ms
    }

    /// Returns the time from which a workflow counts the ends in an event, if the request has a draft.
    pub(super) fn counted_from(&self) -> Option<u64> {
        self.signing.from_ms
    }

    /// Returns the signatures of the request.
    pub(super) fn signed(&self) -> Vec<Signed> {
        self.signing.act.signed.clone()
    }

    /// Returns the signatures of an act of several entries, and the entry that is logged already.
    pub(super) fn act(&self) -> SignedAct {
        self.signing.act.clone()
    }

    /// Takes a step of a workflow about a tenant, with the signatures of the request.
    pub(super) async fn decide<W>(
        &self,
        desk: &Desk,
        tenant: TenantId,
        allowed: W::Allowed,
    ) -> Result<Stepped<W>, DeskError>
    where
        W: Workflow + 'static,
        W::Allowed: Send + 'static,
        W::State: Send,
        W::Effect: Send,
        DeskError: From<NotStepped<W::Refused>>,
    {
        let (store, rolls) = (desk.store.clone(), desk.ledger.rolls().clone());
        let decision = Decision { tenant, signed: self.signed() };
        let stepped = blocking(move || Ok(store.decide::<W>(&rolls, allowed, decision)?)).await;
        stepped.map_err(|error| self.told(desk, error))
    }

    /// Makes the answer to a decision that is not signed as it must be: with a draft to sign, or with
    /// the reason.
    pub(super) fn told(&self, desk: &Desk, error: DeskError) -> DeskError {
        let error = match error.not_logged() {
            Ok(error) => *error,
            Err(other) => return other,
        };
        match error {
            NotLogged::Unsigned(unsigned) => match self.draft(desk, *unsigned) {
                Ok(drafted) => DeskError::Unsigned(Box::new(drafted)),
                Err(error) => error,
            },
            error => DeskError::NotLogged(error),
        }
    }

    fn draft(&self, desk: &Desk, unsigned: Unsigned) -> Result<Drafted, DeskError> {
        let Unsigned { draft, now_ms: from_ms, logged, passkeys } = unsigned;
        let id: [u8; 16] = random()?;
        let Signing { route, seed, now_ms, .. } = &self.signing;
        let fixed = Fixed { seed: *seed, now_ms: *now_ms, from_ms, seen: draft.seen, logged };
        let (route, made) = (route.clone(), Instant::now());
        desk.drafts.keep(id, Kept { person: self.person, route, made, fixed });
        let own = passkeys.into_iter().filter(|(of, _)| of.is_none_or(|of| of == self.person));
        Ok(Drafted::new(draft, id, own.map(|(_, key)| key)))
    }
}
