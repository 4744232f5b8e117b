//! Attacks on the listeners by clients without a key: idle connections, bodies that never arrive,
//! and frames and requests that cause useless work. A caller with a key and the operator are still
//! served.
//!
//! Attackers use their own addresses: all of 127.0.0.0/8 is loopback.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::{net::TcpSocket, runtime};

use crate::{
    client::{Answer, PATIENCE, Reply, Request, connect},
    h2::{self, flood, frame, is_closed},
    process::{eventually, signal},
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses, say},
};

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Connections from addresses of 127.0.0.0/8.
fn connect_from(address: SocketAddr, sources: impl Iterator<Item = Ipv4Addr>) -> Vec<TcpStream> {
    // This process holds the other ends of the connections.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).unwrap();
    let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let open = |source: Ipv4Addr| {
        runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((source, 0).into()).unwrap();
            let stream = socket.connect(address).await.unwrap().into_std().unwrap();
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
        })
    };
    sources.map(open).collect()
}

fn one_from(address: SocketAddr, source: Ipv4Addr) -> TcpStream {
    connect_from(address, std::iter::once(source)).remove(0)
}

/// Opens many connections from one address that send the HTTP/2 preface and then stay silent.
fn idle(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let streams = connect_from(address, std::iter::repeat_n(ATTACKER, count));
    for mut stream in &streams {
        // A connection that is already closed accepts no more bytes.
        let _ = stream.write_all(&h2::greeting());
    }
    streams
}

fn open(streams: &mut [TcpStream]) -> usize {
    streams.iter_mut().filter_map(|stream| (!is_closed(stream)).then_some(())).count()
}

/// Checks that a caller with a key, a caller from an unknown address, and the operator are served.
fn all_is_well(service: &Service, caller: &Caller) {
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let mut newcomer = one_from(caller.address, Ipv4Addr::new(127, 200, 0, 1));
    let request = Request::post(&chat_path(CHAT), &caller.short()).key(&caller.key1);
    newcomer.write_all(&request.wire(caller.address)).unwrap();
    Answer::read(newcomer).unwrap().finish().ok();
    assert!(service.is_ready());
    service.admin("/admin/v1/workers");
}

#[test]
fn idle_connections_of_one_address_take_nobodys_place_and_are_closed() {
    let service = Service::start(&[("BAILIWICK_LIMITS__HEADER_READ_MS", "3000")]);
    let caller = service.caller("idle");
    let mut held = idle(caller.address, 1100);
    all_is_well(&service, &caller);
    // One address gets at most a quarter.
    eventually("the others are closed", || (open(&mut held) <= 256).then_some(()));
    eventually("all are closed", || (open(&mut held) == 0).then_some(()));
    all_is_well(&service, &caller);
}

#[test]
fn idle_connections_of_many_networks_make_room() {
    let service = Service::start(&[("BAILIWICK_LIMITS__HEADER_READ_MS", "600000")]);
    let caller = service.caller("networks");
    let sources = (0..1200_u32).map(|n| Ipv4Addr::from(0x7f01_0000 + ((n % 30) << 8) + n / 30));
    let mut held = connect_from(caller.address, sources);
    // A quarter is reserved for callers that showed a key.
    eventually("there is room", || (open(&mut held) <= 768).then_some(()));
    all_is_well(&service, &caller);
    // The oldest connections are closed first.
    assert!(is_closed(&mut held[0]) && !is_closed(&mut held[1199]));
}

/// A listed proxy stands for many clients: its address has no share.
#[test]
fn a_listed_proxy_has_no_share() {
    let service = Service::start(&[
        ("BAILIWICK_LISTEN__PROXIES", "['127.0.0.2']"),
        ("BAILIWICK_LIMITS__HEADER_READ_MS", "600000"),
    ]);
    let caller = service.caller("proxied");
    let mut held = connect_from(caller.address, std::iter::repeat_n(ATTACKER, 700));
    let request = Request::get("/openai/v1/models").key(&caller.key1);
    for stream in &mut held {
        stream.write_all(&request.wire(caller.address)).unwrap();
    }
    for stream in held {
        Answer::read(stream).unwrap().finish().ok();
    }
}

/// The refusal depends on the head alone: the body never arrives, and its time limit is an hour.
#[test]
fn without_a_key_the_answer_does_not_wait_for_the_body() {
    let service = Service::start(&[("BAILIWICK_LIMITS__BODY_READ_MS", "3600000")]);
    let caller = service.caller("bodies");
    let wire = |key: &str, length: &str| {
        let request = Request::post(&chat_path(CHAT), &json!({})).key(key);
        let wire = request.header("content-length", length).wire(caller.address);
        wire[..wire.len() - 1].to_vec()
    };
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut stream = one_from(caller.address, ATTACKER);
        stream.write_all(&wire("wrong", "1000")).unwrap();
        let reply = Answer::read(stream.try_clone().unwrap()).unwrap().finish();
        reply.error(401);
        held.push(stream);
    }
    all_is_well(&service, &caller);
    eventually("all are closed", || (open(&mut held) == 0).then_some(()));

    // A client that sends its whole body before it reads still receives the answer.
    let body = say(&"x".repeat(3_000_000));
    let mut stream = one_from(caller.address, ATTACKER);
    let request = Request::post(&chat_path(CHAT), &body).key("wrong");
    stream.write_all(&request.wire(caller.address)).unwrap();
    Answer::read(stream).unwrap().finish().error(401);
}

#[test]
fn who_waits_for_a_continue_is_refused_without_one() {
    let service = Service::start(&[]);
    let caller = service.caller("continue");
    let request = |key: &str| {
        let request = Request::post(&chat_path(CHAT), &caller.short()).key(key);
        let wire = request.header("expect", "100-continue").wire(caller.address);
        let head = wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (wire[..head].to_vec(), wire[head..].to_vec())
    };
    let (head, _) = request("wrong");
    let mut stream = connect(caller.address);
    stream.write_all(&head).unwrap();
    let reply = Answer::read(stream.try_clone().unwrap()).unwrap().finish();
    reply.error(401);
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "and the connection ends");

    let (head, body) = request(&caller.key1);
    let mut stream = connect(caller.address);
    stream.write_all(&head).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&body).unwrap();
    Answer::read(stream).unwrap().finish().ok();
}

/// Bodies that never arrive use up only the limit of their own resource.
#[test]
fn slow_bodies_of_one_resource_are_its_own() {
    let service = Service::start(&[
        ("BAILIWICK_LIMITS__UPLOADS_MAX", "2"),
        ("BAILIWICK_LIMITS__BODY_READ_MS", "3600000"),
    ]);
    let (slow, other) = (service.caller("slow-bodies"), service.caller("quick"));
    let request = Request::post(&chat_path(CHAT), &slow.short()).key(&slow.key1);
    let wire = request.wire(slow.address);
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(slow.address);
            stream.write_all(&wire[..wire.len() - 1]).unwrap();
            stream
        })
        .collect();
    let refused = eventually("both are being read", || {
        let reply = slow.post(&chat_path(CHAT), &slow.short());
        (reply.status == 429).then_some(reply)
    });
    let error = refused.error(429);
    assert!(error["message"].as_str().unwrap().contains("limits.uploads_max"), "{error}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    other.post(&chat_path(CHAT), &other.short()).ok();
    for mut stream in held {
        stream.write_all(&wire[wire.len() - 1..]).unwrap();
        Answer::read(stream).unwrap().finish().ok();
    }
    slow.post(&chat_path(CHAT), &slow.short()).ok();
}

/// Starts a service from a shell that first sets limits.
fn start_with_limit(limit: &str, settings: &[(&str, &str)]) -> (Service, Caller) {
    let files = Files::new();
    let addresses = free_addresses();
    let caller = files.caller("few-files", addresses[0], &[]);
    let service = Service::begin_after(limit, files, addresses, (&[], settings));
    service.wait_until_ready();
    (service, caller)
}

/// With a limit of 1,024 open files, soft or hard, and more connections than that: health checks,
/// operators and a restarting worker still get their descriptors.
#[test]
fn few_open_files_are_enough_under_attack() {
    for (limit, lowered) in [("ulimit -S -n 1024", false), ("ulimit -n 1024", true)] {
        let (service, caller) =
            start_with_limit(limit, &[("BAILIWICK_LIMITS__HEADER_READ_MS", "600000")]);
        let told = service.files.log().contains("too few files for `limits.connections_max`");
        assert_eq!(told, lowered, "{limit}");
        let sources = (0..1200_u32).map(|n| Ipv4Addr::from(0x7f01_0000 + ((n % 30) << 8) + n / 30));
        let held = connect_from(caller.address, sources);
        let idle = idle(caller.address, 300);
        all_is_well(&service, &caller);
        let worker = service.worker("chat").pid;
        signal("KILL", worker);
        eventually("another worker is ready", || {
            let workers = service.workers().into_iter();
            workers
                .filter(|one| one.json["task"] == "chat")
                .find(|one| ![0, worker].contains(&one.pid))
        });
        all_is_well(&service, &caller);
        let log = service.files.log();
        assert!(!log.contains("cannot accept a connection"), "{log}");
        drop((held, idle));
    }
}

/// Workers and the custodian lower their inherited limit: a soft limit above 1,024 is for
/// connections.
#[test]
fn children_open_few_files() {
    let service = Service::start(&[]);
    let limits = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let of = |pid: u32| {
        let limits = limits(pid);
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        line.split_whitespace().skip(3).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let [soft, hard] = &of(service.process.pid)[..] else { panic!() };
    assert_eq!(soft, hard);
    for task in ["chat", "embeddings"] {
        assert_eq!(of(service.worker(task).pid), ["256", "256"], "{task}");
    }
}

#[test]
fn too_few_open_files_are_a_refusal_to_start() {
    let files = Files::new();
    let service = Service::begin_after("ulimit -n 256", files, free_addresses(), (&[], &[]));
    eventually("it ends", || (!service.process.is_running()).then_some(()));
    let log = service.files.log();
    assert!(log.contains("lets this process open 256 files"), "{log}");
    assert!(log.contains("LimitNOFILE"), "{log}");
}

/// Frames that cause useless work: each kind ends its connection, even after a key was shown.
#[test]
fn floods_of_frames_are_cut() {
    let service = Service::start(&[]);
    let caller = service.caller("frames");
    let post = |stream, flags| h2::request(stream, flags, "POST", "/openai/v1/embeddings", "wrong");
    let stream = |number: usize| u32::try_from(number).unwrap() * 2 + 1;
    let priority = |number| frame(h2::PRIORITY, 0, stream(number), &[0, 0, 0, 0, 7]);
    type Piece<'a> = Box<dyn Fn(usize) -> Vec<u8> + 'a>;
    let floods: Vec<(&str, Piece<'_>)> = vec![
        ("SETTINGS", Box::new(|_| frame(h2::SETTINGS, 0, 0, &[]))),
        ("PING", Box::new(|_| frame(h2::PING, 0, 0, b"12345678"))),
        ("PRIORITY", Box::new(priority)),
        ("WINDOW_UPDATE", Box::new(|_| frame(h2::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]))),
        ("unknown", Box::new(|_| frame(0x42, 0, 0, b"?"))),
        (
            "rapid reset",
            Box::new(|number| {
                let reset = frame(h2::RST_STREAM, 0, stream(number), &[0, 0, 0, 8]);
                [post(stream(number), 0), reset].concat()
            }),
        ),
        ("requests", Box::new(|number| post(stream(number), h2::END_STREAM))),
        (
            "empty DATA",
            Box::new(|number| match number {
                0 => post(1, 0),
                _ => frame(h2::DATA, 0, 1, b""),
            }),
        ),
        (
            "CONTINUATION",
            Box::new(|number| match number {
                0 => frame(h2::HEADERS, 0, 1, &[]),
                _ => frame(h2::CONTINUATION, 0, 1, &[]),
            }),
        ),
    ];
    for (number, (name, piece)) in floods.iter().enumerate() {
        // Each attack has its own address, so that none uses another's budget.
        let source = Ipv4Addr::new(127, 3, 0, u8::try_from(number).unwrap() + 1);
        let mut attacker = one_from(caller.address, source);
        attacker.write_all(&h2::greeting()).unwrap();
        // Far more than a budget, even if sending takes minutes.
        assert!(flood(attacker, 1_000_000, piece), "{name} goes on for ever");
        caller.post(&chat_path(CHAT), &caller.short()).ok();
    }
    let mut known = connect(caller.address);
    known.write_all(&h2::greeting()).unwrap();
    let models = h2::request(1, h2::END_STREAM, "GET", "/openai/v1/models", &caller.key1);
    known.write_all(&models).unwrap();
    let mut frames = h2::Frames(known.try_clone().unwrap());
    assert!(frames.any(|(kind, ..)| kind == h2::HEADERS));
    assert!(flood(known, 1_000_000, |_| frame(h2::PING, 0, 0, b"12345678")));
    all_is_well(&service, &caller);
}

/// Over HTTP/2, too, a connection that was idle for too long gets a GOAWAY and is then closed.
#[test]
fn an_idle_http2_connection_is_told_goodbye() {
    let service = Service::start(&[
        ("BAILIWICK_LIMITS__HEADER_READ_MS", "600000"),
        ("BAILIWICK_LIMITS__IDLE_MS", "300"),
    ]);
    let caller = service.caller("goodbye");
    let mut stream = connect(caller.address);
    let models = h2::request(1, h2::END_STREAM, "GET", "/openai/v1/models", &caller.key1);
    stream.write_all(&[h2::greeting(), models].concat()).unwrap();
    let frames: Vec<_> = h2::Frames(stream).collect();
    let headers = frames.iter().position(|(kind, ..)| *kind == h2::HEADERS).unwrap();
    let goodbye = frames.iter().position(|(kind, ..)| *kind == h2::GOAWAY).unwrap();
    assert!(headers < goodbye);
    // The GOAWAY carries no error.
    assert_eq!(frames[goodbye].2[4..8], [0; 4]);

    // The same over HTTP/1.1 with a kept-alive connection.
    let mut stream = connect(caller.address);
    let request = Request::get("/openai/v1/models").key(&caller.key1);
    let request = request.header("connection", "keep-alive");
    stream.write_all(&request.wire(caller.address)).unwrap();
    Answer::read(stream.try_clone().unwrap()).unwrap().finish().ok();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

/// Tiny requests, pipelined on one connection, each refused.
#[test]
fn floods_of_refused_requests_are_cut() {
    let service = Service::start(&[]);
    let caller = service.caller("refused");
    let mut attacker = one_from(caller.address, Ipv4Addr::new(127, 4, 0, 1));
    let mut reader = attacker.try_clone().unwrap();
    let answers = std::thread::spawn(move || {
        let (mut count, mut text) = (0, Vec::new());
        // The connection is over, whether it ends or is reset.
        let _ = reader.read_to_end(&mut text);
        count += text.windows(12).filter(|window| window == b"HTTP/1.1 401").count();
        (count, text)
    });
    let request = b"GET /openai/v1/models HTTP/1.1\r\nhost: x\r\n\r\n";
    let cut = (0..1_000_000).any(|_| attacker.write_all(request).is_err());
    assert!(cut, "a million requests were read");
    let (count, text) = answers.join().unwrap();
    assert!(count > 100, "{count} answers");
    // The last answer announces the close, unless the reset came first.
    let text = String::from_utf8_lossy(&text);
    assert!(text.matches("connection: close").count() <= 1);
    // Little is left of the budget: the address is turned away for a moment, and then served again.
    let again = eventually("the address is served again", || {
        let mut stream = one_from(caller.address, Ipv4Addr::new(127, 4, 0, 1));
        let get = Request::get("/openai/v1/models").key(&caller.key1);
        stream.write_all(&get.wire(caller.address)).ok()?;
        Answer::read(stream).ok().map(Answer::finish)
    });
    Reply::ok(&again);
    all_is_well(&service, &caller);
}
