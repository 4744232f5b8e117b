//! An engine on a socket that plays one part, and permits to reach it.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use egress::{Destination, Egress};
use engine::request::{Constraint, Extras, Generate, Message, Prompt, Role, Sampling, Text, Work};
use policy::{
    authz::{
        Authority, DeploymentFacts, authorize,
        context::{Moment, Reaching},
    },
    engine::{Api, Engine, PrefixCache, Processor, ServedModel},
    forward::Forwarded,
    id::{DeploymentId, EngineId, ModelId, ResourceId, TenantId},
    permit::{Complete, Permit, Reach},
    personal::{Mode, Outgoing, Ruling, Setting},
    principal::{Key, Principal, ResourceKeys, authenticate},
    residency::Route,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// The part that an engine plays on one request.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Sends this, and waits for the next request.
    Say(String),
    /// Sends this, and closes the connection.
    SayAndClose(String),
    /// Closes the connection without an answer.
    Close,
    /// Sends this, and then a byte now and then, which is no event.
    Drip(String),
    /// Sends this, and then this again and again.
    Flood(String, String),
    /// Sends nothing.
    Silence,
}

/// A stub engine, and its observations.
pub(super) struct Stub {
    pub(super) port: u16,
    /// Each request as received.
    pub(super) requests: mpsc::UnboundedReceiver<String>,
    /// One message for each connection that the other side closed.
    pub(super) hang_ups: mpsc::UnboundedReceiver<()>,
    /// One message for each connection.
    pub(super) connections: mpsc::UnboundedReceiver<()>,
}

impl Stub {
    /// Plays these parts, one for each request, the last one again and again.
    pub(super) async fn plays(parts: impl Into<VecDeque<Part>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let parts = Arc::new(Mutex::new(parts.into()));
        let (request_in, requests) = mpsc::unbounded_channel();
        let (hang_up_in, hang_ups) = mpsc::unbounded_channel();
        let (connection_in, connections) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = connection_in.send(());
                let (parts, requests) = (Arc::clone(&parts), request_in.clone());
                let hang_ups = hang_up_in.clone();
                tokio::spawn(async move {
                    serve(socket, &parts, &requests).await;
                    let _ = hang_ups.send(());
                });
            }
        });
        Self { port, requests, hang_ups, connections }
    }

    /// Returns the engine's entry.
    pub(super) fn engine(&self, number: u8) -> Engine {
        engine(number, self.port)
    }
}

async fn serve(
    mut socket: TcpStream,
    parts: &Mutex<VecDeque<Part>>,
    requests: &mpsc::UnboundedSender<String>,
) {
    while let Some(request) = read(&mut socket).await {
        let part = {
            let mut parts = parts.lock().unwrap();
            if parts.len() > 1 { parts.pop_front().unwrap() } else { parts[0].clone() }
        };
        let _ = requests.send(request);
        match part {
            Part::Say(text) => {
                if socket.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Part::SayAndClose(text) => {
                let _ = socket.write_all(text.as_bytes()).await;
                return;
            }
            Part::Close => return,
            Part::Drip(text) => {
                let mut next = text.into_bytes();
                while socket.write_all(&next).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    next = chunk(":").into_bytes();
                }
                return;
            }
            Part::Flood(text, again) => {
                let mut next = text;
                while socket.write_all(next.as_bytes()).await.is_ok() {
                    next.clone_from(&again);
                }
                return;
            }
            Part::Silence => {}
        }
    }
}

/// Reads one request; `None` if the other side has closed the connection.
async fn read(socket: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse::<usize>().unwrap()) {
                return Some(text);
            }
        }
        match socket.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

pub(super) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Returns the head of a streamed answer, and these events, each in a piece of its own.
pub(super) fn begins(events: &[serde_json::Value]) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let data = events.iter().map(|event| chunk(&format!("data: {event}\n\n")));
    std::iter::once(head.to_owned()).chain(data).collect()
}

/// Returns a whole streamed answer.
pub(super) fn streams(events: &[serde_json::Value]) -> String {
    format!("{}{}0\r\n\r\n", begins(events), chunk("data: [DONE]\n\n"))
}

pub(super) fn says(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    )
}

pub(super) fn engine(number: u8, port: u16) -> Engine {
    Engine {
        id: EngineId::from_random([number; 16]),
        name: format!("engine{number}"),
        api: Api::OpenAi,
        address: format!("http://127.0.0.1:{port}/v1"),
        region: "local".to_owned(),
        processor: None,
        models: vec![ServedModel { model: model(), served: "m".to_owned() }],
        capabilities: BTreeSet::new(),
        prefix_cache: PrefixCache::None,
        concurrency: 8,
        weight: 1,
        first_byte_ms: 20_000,
        silence_ms: 10_000,
        serving: true,
        created_at: 0,
    }
}

pub(super) fn processor() -> Processor {
    let (name, country, contract) = ("contoso".to_owned(), "SE".to_owned(), "C-1".to_owned());
    Processor { name, country, contract }
}

pub(super) fn model() -> ModelId {
    ModelId::from_random([9; 16])
}

pub(super) fn egress(engines: &[&Engine]) -> Egress {
    let origins = engines.iter().map(|engine| {
        let origin = engine.address.rsplit_once('/').unwrap().0;
        Destination::parse(origin).unwrap()
    });
    Egress::new(origins).unwrap()
}

/// Bailiwick's own policies, read once for all tests.
fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::built_in().unwrap());
    &AUTHORITY
}

/// A deployment of a tenant, and the key of its resource.
fn caller(tenant: u8) -> (DeploymentFacts, Principal) {
    let facts = DeploymentFacts {
        tenant: TenantId::from_random([tenant; 16]),
        resource: ResourceId::from_random([tenant; 16]),
        deployment: DeploymentId::from_random([tenant; 16]),
    };
    let key = Key::from_random(&[tenant; 32]);
    let (key1, key2) = (key.digest(), key.digest());
    let DeploymentFacts { tenant, resource, deployment: _ } = facts;
    let keys = ResourceKeys { tenant, resource, key1, key2, disabled: false };
    (facts, authenticate(&key, &keys).unwrap().into())
}

pub(super) fn permit(tenant: u8) -> Permit<Complete> {
    let (facts, principal) = caller(tenant);
    authorize(authority(), &principal, &facts, &Moment { now_ms: 0 }).unwrap()
}

pub(super) fn route(tenant: u8, engine: &Engine) -> Route {
    let (facts, principal) = caller(tenant);
    let reaching = Reaching {
        now_ms: 0,
        engine: engine.facts(),
        regions: BTreeSet::from(["local".to_owned(), "northcentralus".to_owned()]),
        processors: engine.processor.iter().map(|of| of.name.clone()).collect(),
    };
    let permit: Permit<Reach> = authorize(authority(), &principal, &facts, &reaching).unwrap();
    Route::new(permit)
}

pub(super) fn work(tokens_max: Option<u32>) -> Work {
    let message = Message {
        role: Role::User,
        name: None,
        content: Text::from("the canary".to_owned()),
        parts: Vec::new(),
        tool_calls: Vec::new(),
        tool_call_id: None,
    };
    Work::Generate(Box::new(Generate {
        prompt: Prompt::Chat { messages: vec![message], tools: Vec::new() },
        choices: 1,
        tokens_max,
        stop: Vec::new(),
        sampling: Sampling {
            temperature: 1.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 7,
            top_k: 0,
            min_p: 0.0,
            repeat_penalty: 1.0,
        },
        logprobs: None,
        constraint: Constraint::Free,
        extras: Extras::default(),
    }))
}

/// Returns what the decision about personal data lets out: all of it, also to [`processor`].
pub(super) fn decided(value: (Work, Forwarded)) -> Outgoing<(Work, Forwarded)> {
    let off = Setting { mode: Mode::Off, ..Setting::of_processor() };
    let ruling = Ruling::new(&off, [("contoso", Cow::Borrowed(&off))]);
    ruling.shield(value, Ok(None), [0; 8]).unwrap().outgoing
}

/// As [`decided`], without labels.
pub(super) fn sent(work: Work) -> Outgoing<(Work, Forwarded)> {
    decided((work, Forwarded::default()))
}
