//! `bailiwick desk root` and `bailiwick desk signer`: roots and the keys of people. The customer runs
//! them where its keys are; the desk only carries the statements.

use serde_json::{Value, json};

use super::{
    Ask,
    args::roll::{Issuer, Lockbox, Of, Retention, RootCommand, SignerCommand},
};
use crate::cli::{
    args::switch::Switch,
    output::Failure,
    signer::{Signer, public_text},
};

/// A public key, and the secret one if it is here.
struct Given {
    public: String,
    signer: Option<Signer>,
}

impl Given {
    /// Reads a key by its name: a public key as text, or the file of a secret one.
    fn read(name: &str) -> Result<Self, Failure> {
        if name.starts_with("ed25519:") || name.starts_with("p256:") {
            return Ok(Self { public: name.to_owned(), signer: None });
        }
        let signer = Signer::open(name)?;
        Ok(Self { public: public_text(&signer.public()?), signer: Some(signer) })
    }
}

/// Returns the request of a command about a root, and the keys that sign it too.
pub(super) fn root(command: RootCommand) -> Result<(Ask, Vec<Signer>), Failure> {
    Ok(match command {
        RootCommand::Show => (Ask::Get("/roll".to_owned()), Vec::new()),
        RootCommand::Make { of, key } => {
            let (keys, signers) = given(&key)?;
            (post(&of, json!({"kind": "rootMade", "keys": keys})), signers)
        }
        RootCommand::Replace { of, key } => {
            let (keys, _) = given(&key)?;
            (post(&of, json!({"kind": "rootReplaced", "keys": keys})), Vec::new())
        }
        RootCommand::Recover { of, key, days } => {
            let (keys, _) = given(&key)?;
            let body = json!({"kind": "rootRecovery", "keys": keys, "days": days});
            (post(&of, body), Vec::new())
        }
        RootCommand::StopRecovery { of } => {
            (post(&of, json!({"kind": "rootRecoveryStopped"})), Vec::new())
        }
    })
}

/// Returns the request of a command about a person's key, and the keys that sign it too.
pub(super) fn signer(command: SignerCommand) -> Result<(Ask, Vec<Signer>), Failure> {
    Ok(match command {
        SignerCommand::List => (Ask::Get("/roll".to_owned()), Vec::new()),
        SignerCommand::Enroll { of, object, capacity, days, key } => {
            // The new key signs, too: its holder has it.
            let Given { public, signer } = Given::read(&key)?;
            let names: Vec<_> = capacity.iter().map(|capacity| capacity.name()).collect();
            let body = json!({"kind": "keyEnrolled", "object": object, "key": public,
                "capacities": names, "days": days});
            (post(&of, body), signer.into_iter().collect())
        }
        SignerCommand::Revoke { of, key } => {
            (post(&of, json!({"kind": "keyRevoked", "key": key})), Vec::new())
        }
    })
}

/// Returns the request of a promise about the lockbox.
pub(super) fn lockbox(Lockbox { state, tenant, resource }: Lockbox) -> Ask {
    let on = state == Switch::On;
    let body = json!({"kind": "lockbox", "tenant": tenant, "resource": resource, "on": on});
    Ask::Post("/roll".to_owned(), body)
}

/// Returns the request of a promise about retention.
pub(super) fn retention(Retention { days, tenant, resource }: Retention) -> Ask {
    let body = json!({"kind": "retention", "tenant": tenant, "resource": resource, "days": days});
    Ask::Post("/roll".to_owned(), body)
}

/// Returns the request of a promise about an identity provider.
pub(super) fn issuer(of: Issuer) -> Ask {
    let Issuer { state, tenant, issuer, audience, directory } = of;
    let body = json!({"kind": "issuer", "tenant": tenant, "issuer": issuer, "audience": audience,
        "directory": directory, "counts": state == Switch::On});
    Ask::Post("/roll".to_owned(), body)
}

fn given(names: &[String]) -> Result<(Vec<String>, Vec<Signer>), Failure> {
    let given: Vec<Given> = names.iter().map(|name| Given::read(name)).collect::<Result<_, _>>()?;
    Ok(given.into_iter().fold((Vec::new(), Vec::new()), |(mut keys, mut signers), given| {
        keys.push(given.public);
        signers.extend(given.signer);
        (keys, signers)
    }))
}

fn post(of: &Of, mut body: Value) -> Ask {
    if let (Some(tenant), Some(body)) = (&of.tenant, body.as_object_mut()) {
        body.insert("tenant".to_owned(), tenant.clone().into());
    }
    Ask::Post("/roll".to_owned(), body)
}
