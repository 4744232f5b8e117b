//! What must hold for any bytes at all; the fuzz targets are one call each.

use engine::{
    protocol::{BadFrame, FrameReader, FromWorker, ToWorker, decode, encode},
    request::{CacheScope, Embed, Generate, Work},
};
use policy::{
    authz::{DeploymentFacts, authorize},
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Complete, Permit},
    principal::{Key, ResourceKeys, authenticate},
};
use serde::{Serialize, de::DeserializeOwned};
use server::openai::error::Invalid;
use zeroize::Zeroizing;

/// A message that decodes encodes to bytes that decode to the same, and a stream of bytes means
/// the same in whatever pieces it arrives.
pub fn message<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(message) = decode::<T>(bytes) {
        let first = encoded(&message);
        let again: T = decode(&first[4..]).expect("what was encoded decodes");
        assert_eq!(encoded(&again), first, "encoding is stable");
    }
    let whole = messages::<T>(&[bytes]);
    for at in [1, 4, 5, bytes.len() / 2] {
        let (first, rest) = bytes.split_at(at.min(bytes.len()));
        assert!(messages::<T>(&[first, rest]) == whole, "cut at {at}");
    }
}

/// All messages in the pieces, encoded again, and how the stream ended.
fn messages<T: Serialize + DeserializeOwned>(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<BadFrame>) {
    let mut reader = FrameReader::default();
    let mut taken = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.take::<T>() {
                Ok(Some((message, _))) => taken.push(encoded(&message)),
                Ok(None) => break,
                Err(error) => return (taken, Some(error)),
            }
        }
    }
    (taken, None)
}

fn encoded<T: Serialize>(message: &T) -> Vec<u8> {
    let mut out = Zeroizing::new(Vec::new());
    encode(message, &mut out).expect("what was decoded can be encoded");
    out.to_vec()
}

/// A refusal names a field at most: it is short, whatever the body was.
pub fn refusal(invalid: &Invalid) {
    assert!(invalid.message.len() < 2048, "{} bytes of message", invalid.message.len());
    assert!(invalid.param.as_ref().is_none_or(|param| param.len() < 1024), "a long param");
    assert!(!invalid.message.is_empty());
}

/// What the engine is asked is within OpenAI's ranges, and crosses to the worker.
pub fn generate(generate: Generate) {
    assert!(generate.choices >= 1);
    let sampling = &generate.sampling;
    assert!((0.0..=2.0).contains(&sampling.temperature));
    assert!((0.0..=1.0).contains(&sampling.top_p));
    assert!((-2.0..=2.0).contains(&sampling.frequency_penalty));
    assert!((-2.0..=2.0).contains(&sampling.presence_penalty));
    assert!(sampling.logit_bias.iter().all(|(_, bias)| (-100.0..=100.0).contains(bias)));
    crosses(Work::Generate(Box::new(generate)));
}

/// What the engine is asked to embed crosses to the worker.
pub fn embed(embed: Embed) {
    assert!(!embed.inputs.is_empty());
    crosses(Work::Embed(embed));
}

fn crosses(work: Work) {
    let submit = ToWorker::Submit { id: 1, scope: CacheScope::of(&permit(), true), work };
    message::<ToWorker>(&encoded(&submit)[4..]);
}

/// Both directions of the worker protocol.
pub fn worker_protocol(bytes: &[u8]) {
    message::<ToWorker>(bytes);
    message::<FromWorker>(bytes);
}

fn permit() -> Permit<Complete> {
    let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
    let key = Key::from_random(&[3; 32]);
    let keys = ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest() };
    let deployment = DeploymentId::from_random([4; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    authorize(&authenticate(&key, &keys).expect("its key"), &facts).expect("its resource")
}
