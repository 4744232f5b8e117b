//! One attempt at one engine, until it begins to answer.

use std::time::Duration;

use bytes::Bytes;
use egress::{Reply, SendHeader, SendLimits, SendRequest};
use engine::request::{Embed, Event, Work};
use policy::{
    engine::{Api, Engine},
    id::ModelId,
    residency::Route,
};
use tokio::time::{Instant, timeout_at};

use super::{
    Events, Order, Place, Upstream,
    source::{Source, Text, failure},
};
use crate::{
    body::{self, Labels, Target},
    failure::Failure,
    pool::Outcome,
    read::{self, Expect, Stream, Vectors},
};

/// An answer that has begun.
#[derive(Debug)]
pub struct Answer {
    /// Its events. Dropping them hangs up, so that the engine can stop.
    pub events: Events,
    /// The route that the request took.
    pub route: Route,
    /// The name of the engine.
    pub engine: String,
    /// The origin that was dialed.
    pub destination: String,
    /// The model as the engine names it, if it does. At most 256 printable ASCII characters.
    pub model: Option<String>,
    /// The region that the engine reports (`x-ms-region`), if it does.
    pub region: Option<String>,
    /// The time from the attempt's begin to the first event, or to all vectors.
    pub waited: Duration,
}

impl Upstream {
    /// Sends the request to one engine. `place` gets the outcome.
    pub(super) async fn attempt(
        &self,
        order: &Order,
        route: Route,
        engine: &Engine,
        model: ModelId,
        deadline: Instant,
        mut place: Place,
    ) -> Result<Answer, Failure> {
        let began = Instant::now();
        let answer = self.begin(order, &route, engine, model, deadline).await;
        match answer {
            Ok(Begun { source, destination, model, region }) => {
                place.began();
                let events = Events::new(source, place, deadline);
                let engine = engine.name.clone();
                let waited = began.elapsed();
                Ok(Answer { events, route, engine, destination, model, region, waited })
            }
            Err(failure) => {
                place.outcome = Outcome::Failed(failure.clone());
                Err(failure)
            }
        }
    }

    async fn begin(
        &self,
        order: &Order,
        route: &Route,
        engine: &Engine,
        model: ModelId,
        deadline: Instant,
    ) -> Result<Begun, Failure> {
        if route.of() != order.of() || *route.engine() != engine.facts() {
            return Err(Failure::WrongRoute);
        }
        if !order.may_leave_to(engine) {
            return Err(Failure::WrongRoute);
        }
        if !order.suits(engine) {
            return Err(Failure::PrefixCache);
        }
        let served = engine.served(model).ok_or(Failure::NotServed)?;
        let (reply, begin) = self.dial(order, engine, served, deadline).await?;
        let destination = reply.destination().to_owned();
        let region = reply.region().map(str::to_owned);
        if let Some(region) = &region
            && !route.regions().iter().any(|allowed| plain(allowed) == plain(region))
        {
            return Err(Failure::OtherRegion);
        }
        let (source, model) = match order.work() {
            Work::Generate(generate) => {
                let (api, context_tokens) = (&engine.api, order.context_tokens);
                let expect =
                    Expect::of(generate, api, served, context_tokens, self.limits.event_bytes_max);
                text(reply, begin, expect, Duration::from_millis(engine.silence_ms)).await?
            }
            Work::Embed(embed) => vectors(reply, begin, embed, &engine.api, served).await?,
            // Its body could not be made, so nothing was sent.
            Work::Judge(_) | Work::Label(_) | Work::Read(_) => {
                return Err(body::Unfit::NoForm { param: "pieces" }.into());
            }
        };
        Ok(Begun { source, destination, model, region })
    }

    /// Sends the request, and returns the head of a good answer.
    async fn dial(
        &self,
        order: &Order,
        engine: &Engine,
        served: &str,
        deadline: Instant,
    ) -> Result<(Reply, Begin), Failure> {
        let salt = order.fresh_salt().unwrap_or_else(|| self.salt(order.of.tenant));
        let labels = Labels::new(order.labels(), engine, |label, text| {
            self.pseudonym(order.of.tenant, label, text)
        });
        let body = body::request(order.work(), &Target::of(engine, served), Some(&salt), &labels)?;
        let url = format!("{}{}", engine.address, body.path);
        let permit = self.egress.permit(&url).map_err(|_| Failure::NotListed)?;
        let accept = match order.work() {
            Work::Generate(_) => "text/event-stream",
            Work::Embed(_) | Work::Judge(_) | Work::Label(_) | Work::Read(_) => "application/json",
        };
        let request = SendRequest::post("application/json", Bytes::from(body.json))
            .authenticated()
            .header(SendHeader::Accept, accept)
            .map_err(|_| Failure::NotSent)?;
        let begin = Begin::now(Duration::from_millis(engine.first_byte_ms), deadline);
        let limits = self.send_limits(engine);
        let sent = timeout_at(begin.at, self.egress.send(permit, request, limits)).await;
        let reply = match sent {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(begin.judge(failure(&error))),
            Err(_) => return Err(begin.judge(Failure::Silent)),
        };
        let (status, retry_after) = (reply.status(), reply.retry_after());
        if status == 200 {
            return Ok((reply, begin));
        }
        // The text of an error only classifies it, so a part of it is enough.
        let body = part(reply, begin).await;
        Err(read::failure(status, retry_after, &body))
    }

    fn send_limits(&self, engine: &Engine) -> SendLimits {
        let first_byte = Duration::from_millis(engine.first_byte_ms);
        SendLimits {
            connect: self.limits.connect,
            first_byte,
            // The head may come long before the first token. The time between events is measured
            // by `Events`.
            silence: first_byte.max(Duration::from_millis(engine.silence_ms)),
            body_bytes_max: self.limits.answer_bytes_max,
        }
    }
}

struct Begun {
    source: Source,
    destination: String,
    model: Option<String>,
    region: Option<String>,
}

/// Reads a text until its first event, and returns it with the model's name.
async fn text(
    reply: Reply,
    begin: Begin,
    expect: Expect,
    silence: Duration,
) -> Result<(Source, Option<String>), Failure> {
    if !is_media_type(&reply, "text/event-stream") {
        return Err(Failure::Malformed);
    }
    let mut text = Text { reply: Some(reply), stream: Stream::new(expect), silence };
    while !text.stream.has_event() {
        text.more(begin.at).await.map_err(|failure| begin.judge(failure))?;
    }
    let model = text.stream.model().map(str::to_owned);
    Ok((Source::Text(Box::new(text)), model))
}

/// Reads all vectors, and returns them with the model's name.
async fn vectors(
    reply: Reply,
    begin: Begin,
    embed: &Embed,
    api: &Api,
    served: &str,
) -> Result<(Source, Option<String>), Failure> {
    let body = whole(reply, begin).await?;
    let Vectors { model, vectors, prompt_tokens } = read::embeddings(&body, embed.inputs.len())?;
    match api {
        Api::OpenAi if model.as_deref().is_some_and(|given| given != served) => {
            return Err(Failure::OtherModel);
        }
        Api::OpenAi | Api::Azure { .. } => {}
    }
    let prompt = prompt_tokens.unwrap_or_else(|| read::estimate_inputs(embed));
    let first = Event::Accepted { prompt_tokens: prompt, cached_tokens: 0 };
    let vectors =
        vectors.into_iter().zip(0..).map(|(vector, index)| Event::Embedding { index, vector });
    let events = std::iter::once(first).chain(vectors).chain([Event::Done]).collect();
    Ok((Source::Vectors { events, is_estimated: prompt_tokens.is_none() }, model))
}

/// The moment until which an answer must begin.
#[derive(Clone, Copy)]
pub(super) struct Begin {
    at: Instant,
    deadline: Instant,
}

impl Begin {
    fn now(first_byte: Duration, deadline: Instant) -> Self {
        Self { at: deadline.min(Instant::now() + first_byte), deadline }
    }

    /// Names a silence before the answer began.
    fn judge(self, failure: Failure) -> Failure {
        match failure {
            Failure::Silent if self.at >= self.deadline => Failure::Deadline,
            Failure::Silent => Failure::Slow,
            other => other,
        }
    }
}

/// Reads a whole body.
async fn whole(mut reply: Reply, begin: Begin) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let piece = timeout_at(begin.at, reply.chunk()).await;
        match piece.map_err(|_| begin.judge(Failure::Silent))? {
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Ok(None) => return Ok(body),
            Err(error) => return Err(begin.judge(failure(&error))),
        }
    }
}

/// Reads the beginning of an error's body; nothing if it does not come.
async fn part(mut reply: Reply, begin: Begin) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < ERROR_BYTES_MAX {
        match timeout_at(begin.at, reply.chunk()).await {
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body
}

/// Size of an error's body after which the rest is not read, in bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;

fn is_media_type(reply: &Reply, wanted: &str) -> bool {
    let given = reply.content_type().unwrap_or_default();
    given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(wanted))
}

/// Returns a region's name without blanks and capitals: Azure's header says `North Central US` where
/// its configuration says `northcentralus`.
fn plain(region: &str) -> String {
    region.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
