//! Properties of the customers' requests. They need `wire` and nothing else of the service.

use engine::request::{Embed, Generate, Work};
use wire::error::Invalid;
use zeroize::Zeroizing;

/// Checks that a refusal is short for any body, because it quotes at most the name of a field.
pub fn refusal(invalid: &Invalid) {
    assert!(invalid.message.len() < 2048, "{} bytes of message", invalid.message.len());
    assert!(invalid.param.as_ref().is_none_or(|param| param.len() < 1024), "a long param");
    assert!(!invalid.message.is_empty());
}

/// Checks that a request to the engine is within OpenAI's ranges, and survives the worker protocol.
pub fn generate(generate: Generate) {
    assert!(generate.choices >= 1);
    let sampling = &generate.sampling;
    assert!((0.0..=2.0).contains(&sampling.temperature));
    assert!((0.0..=1.0).contains(&sampling.top_p));
    assert!((-2.0..=2.0).contains(&sampling.frequency_penalty));
    assert!((-2.0..=2.0).contains(&sampling.presence_penalty));
    assert!(sampling.logit_bias.iter().all(|(_, bias)| (-100.0..=100.0).contains(bias)));
    crosses(&Work::Generate(Box::new(generate)));
}

/// Checks that a request for embeddings survives the worker protocol.
pub fn embed(embed: Embed) {
    assert!(!embed.inputs.is_empty());
    crosses(&Work::Embed(embed));
}

fn crosses(work: &Work) {
    // The encoding of the worker protocol, docs/spec/worker-protocol.md.
    let sent = Zeroizing::new(postcard::to_stdvec(work).expect("a request can be encoded"));
    let received: Work = postcard::from_bytes(&sent).expect("what was encoded decodes");
    let again = Zeroizing::new(postcard::to_stdvec(&received).expect("what was decoded encodes"));
    assert_eq!(again, sent, "encoding is stable");
}
