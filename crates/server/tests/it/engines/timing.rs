//! What the time of an answer shows about another tenant's prompts: nothing, because an engine
//! computes each prompt from its beginning.
//!
//! The time itself is not compared: on a busy machine it differs from run to run by more than the
//! attack would show. llama-server reports how many tokens of the prompt it computed
//! (`timings.prompt_n`). That number decides the time until the first token, and is the same in
//! each run. A prompt that it finds in its cache is not computed again, so the number falls.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
};

use parking_lot::Mutex;

use super::*;

/// Stands between the service and an engine, and keeps a copy of the engine's answers.
struct Relay {
    address: SocketAddr,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    fn before(engine: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::<Mutex<Vec<u8>>>::default();
        let copy = Arc::clone(&said);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(engine)) = (client, TcpStream::connect(engine)) else { return };
                let asks = (client.try_clone().unwrap(), engine.try_clone().unwrap());
                let copy = Arc::clone(&copy);
                thread::spawn(move || pass(asks.0, asks.1, |_| {}));
                thread::spawn(move || pass(engine, client, |bytes| copy.lock().extend(bytes)));
            }
        });
        Self { address, said }
    }

    /// Returns the numbers of prompt tokens that the engine computed, one for each answer.
    fn computed(&self) -> Vec<u64> {
        let said = String::from_utf8_lossy(&self.said.lock()).into_owned();
        let reports = said.split("\"prompt_n\":").skip(1);
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        reports.map(|report| digits(report).parse().unwrap()).collect()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, copy: impl Fn(&[u8])) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        copy(&piece[..read]);
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn no_tenant_learns_by_the_time_what_another_one_asked() {
    let server = LlamaServer::start();
    let origin = server.url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let relay = Relay::before(origin.parse().unwrap());
    let url = format!("http://{}/v1", relay.address);
    let more = ["--prefix-cache", "off"];
    let entry =
        Entry { name: "llama", kind: "openai", url: url.clone(), region: "local", more: &more };
    let world = World::start(&[entry]);
    let files = &world.service.files;
    let other = tenant(files, "fabrikam", world.caller.address);
    deploy(files, "fabrikam", "Standard");

    let mut body = say(&"The merger with Northwind is planned for May. ".repeat(5));
    body["max_tokens"] = json!(1);
    let ask = |caller: &Caller| {
        let reply = eventually("the deployment is known", || {
            let reply = caller.post(&chat_path(DEPLOYMENT), &body);
            (reply.status != 404).then_some(reply)
        });
        (reply.status, relay.computed().pop().unwrap())
    };
    let (status, all) = ask(&world.caller);
    assert_eq!(status, 200);
    assert!(all > 50, "{all}");
    // The other tenant guesses the prompt, and the first one repeats it: all of it is computed.
    assert_eq!(ask(&other), (200, all));
    assert_eq!(ask(&world.caller), (200, all));
    assert_eq!(relay.computed(), [all; 3]);

    // The number does show a cache: on an engine of one tenant, the tenant's own prompt is found.
    let listed = egress([url.as_str()]);
    let words = ["engine", "update", "llama", "--prefix-cache", "shared=contoso", "--json"];
    succeed(files.command().args(words).env("BAILIWICK_EGRESS", &listed));
    eventually("the cache is in use", || (ask(&world.caller).1 < all / 4).then_some(()));
    // The other tenant gets nothing from that engine, and so learns no time.
    let before = relay.computed();
    assert_eq!(ask(&other).0, 503);
    assert_eq!(relay.computed(), before);
}
