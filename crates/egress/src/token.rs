//! Access tokens for a destination, from a token endpoint: OAuth 2.0 client credentials (RFC 6749,
//! section 4.4), as Microsoft Entra gives them to programs.
//!
//! A token is in memory alone, and leaves the crate in a request's header only. It is renewed before
//! its end. However many requests wait for a token, the endpoint is asked once at a time, and rests
//! after a failure.

mod answer;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use self::answer::{Granted, read};
use crate::{
    client::{ClientCredentials, NoToken},
    credential::Credential,
    error::EgressError,
    exchange::ExchangeLimits,
    held::Found,
    list::{Egress, Listed},
};

impl Egress {
    /// Returns the token for a destination: the one in memory, or a new one.
    pub(crate) async fn token(
        &self,
        listed: &Arc<Listed>,
        client: &ClientCredentials,
    ) -> Result<Credential, NoToken> {
        match listed.tokens.find(Instant::now()) {
            Found::Good(token) => return Ok(token),
            Found::Due(token) => {
                self.renew(listed, client);
                return Ok(token);
            }
            Found::Failed(why) => return Err(why),
            Found::Nothing => {}
        }
        let turn = listed.tokens.turn();
        let _turn = turn.lock().await;
        // Another request may have asked while this one waited for its turn.
        match listed.tokens.find(Instant::now()) {
            Found::Good(token) | Found::Due(token) => Ok(token),
            Found::Failed(why) => Err(why),
            Found::Nothing => Box::pin(self.ask(listed, client)).await,
        }
    }

    /// Renews a token that is still good: no request waits for it.
    fn renew(&self, listed: &Arc<Listed>, client: &ClientCredentials) {
        let Ok(turn) = listed.tokens.turn().try_lock_owned() else { return };
        let (egress, listed, client) = (self.clone(), Arc::clone(listed), client.clone());
        drop(tokio::spawn(async move {
            let _turn = turn;
            drop(Box::pin(egress.ask(&listed, &client)).await);
        }));
    }

    /// Asks the endpoint, and keeps its answer. Only the holder of the turn calls it.
    async fn ask(
        &self,
        listed: &Listed,
        client: &ClientCredentials,
    ) -> Result<Credential, NoToken> {
        // The lifetime may begin before the answer is here.
        let asked = Instant::now();
        match self.granted(client).await {
            Ok(Granted { token, lifetime }) => {
                listed.tokens.keep(token.clone(), asked, lifetime);
                Ok(token)
            }
            Err(why) => {
                listed.tokens.failed(why, Instant::now());
                Err(why)
            }
        }
    }

    async fn granted(&self, client: &ClientCredentials) -> Result<Granted, NoToken> {
        let permit = self.permit(&client.url).map_err(|_| NoToken::NotListed)?;
        let form = Bytes::from_owner(client.form());
        let answer = self.post(permit, FORM, form, LIMITS).await;
        read(answer.map_err(|error| why(&error))?)
    }
}

/// Classifies an error of the exchange with the endpoint.
fn why(error: &EgressError) -> NoToken {
    if !error.was_sent() {
        return NoToken::Unreachable;
    }
    match error {
        EgressError::Redirect(_) => NoToken::Redirect,
        // The time covers the connection, too.
        EgressError::Timeout(_) | EgressError::Silent(_) => NoToken::Late,
        EgressError::Lookup(_)
        | EgressError::Address
        | EgressError::Connect(_)
        | EgressError::Tls(_)
        | EgressError::ConnectTimeout(_)
        | EgressError::Unsent(_)
        | EgressError::TooLarge(_)
        | EgressError::Status(_)
        | EgressError::Http(_)
        | EgressError::Failed
        | EgressError::Request
        | EgressError::NoToken(_) => NoToken::Broken,
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
/// The limits of one request for a token. A token of Microsoft Entra has some thousand bytes.
const LIMITS: ExchangeLimits =
    ExchangeLimits { time: Duration::from_secs(10), body_bytes_max: 64 * 1024 };
