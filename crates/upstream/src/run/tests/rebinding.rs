//! DNS rebinding: the name of an engine leads to another address after it was checked. The name
//! server is scripted; engines, sockets and the list of destinations are real.

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use egress::{Destination, Egress, Resolve, Resolving};

use super::*;

/// A name server with these answers, one after the other.
#[derive(Debug)]
struct Names {
    answers: Mutex<VecDeque<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn of(answers: &[&str]) -> Arc<Self> {
        let answers = answers.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move { answer.map(|one| vec![one]).ok_or(io::ErrorKind::NotFound.into()) })
    }
}

/// An engine that is known by its name.
fn named(name: &str, port: u16) -> Engine {
    Engine { address: format!("http://{name}:{port}/v1"), ..engine(1, port) }
}

fn with(names: &Arc<Names>, engines: &[&Engine]) -> Upstream {
    let place = |engine: &&Engine| {
        let origin = engine.address.rsplit_once('/').unwrap().0;
        Destination::parse(origin).unwrap().plaintext(true)
    };
    let resolver = Arc::<Names>::clone(names);
    let egress = Egress::with_resolver(engines.iter().map(place), resolver).unwrap();
    let upstream = Upstream::new(egress, [7; 32], Limits::default());
    let engines: Vec<Engine> = engines.iter().map(|engine| (*engine).clone()).collect();
    upstream.follow(&engines);
    upstream
}

/// The prompt goes to the address that was checked, over the connection to it. A second look at the
/// name, which leads elsewhere, is not taken.
#[tokio::test]
async fn the_checked_address_is_the_dialed_one() {
    let mut right = Stub::plays([hello()]).await;
    let elsewhere = std::net::TcpListener::bind(("127.0.0.2", right.port)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let names = Names::of(&["127.0.0.1", "127.0.0.2"]);
    let engine = named("localhost", right.port);
    let upstream = with(&names, &[&engine]);
    let (answer, _) = run(&upstream, &[&engine]).await.unwrap();
    assert_eq!(all(answer).await, ("hello".to_owned(), None));
    assert!(right.requests.recv().await.unwrap().contains("the canary"));
    assert_eq!(names.asked(), ["localhost"], "one look at the name for one connection");
    let waiting = elsewhere.accept().unwrap_err();
    assert_eq!(waiting.kind(), io::ErrorKind::WouldBlock, "nothing was dialed there");
}

/// A name that leads into the machine, or to what only this machine reaches, gets no prompt. The
/// engine counts as unreachable, and another one that the rules allow may answer.
#[tokio::test]
async fn a_name_that_turns_inward_gets_no_prompt() {
    let mut inside = Stub::plays([hello()]).await;
    let mut good = Stub::plays([hello()]).await;
    let two = good.engine(2);
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0", "fe80::1"]
    {
        let one = named("engine.example", inside.port);
        let names = Names::of(&[address; 4]);
        let upstream = with(&names, &[&one, &two]);
        for _ in 0..FAILURES_IN_A_ROW {
            let failed = run(&upstream, &[&one]).await.unwrap_err();
            assert_eq!(failed, Why::Failed(Failure::NotSent), "{address}");
        }
        assert!(matches!(condition(&upstream, 1), Condition::Ejected { .. }), "{address}");
        let (answer, _) = run(&upstream, &[&one, &two]).await.unwrap();
        assert_eq!(answer.engine, "engine2");
        assert_eq!(all(answer).await, ("hello".to_owned(), None));
        assert!(good.requests.recv().await.unwrap().contains("the canary"));
        let dials: Vec<_> = upstream.egress.visits().iter().map(|one| one.dials).collect();
        assert_eq!(dials, [0, 1], "{address}: the forbidden address is not even dialed");
    }
    assert!(inside.connections.try_recv().is_err());
}

/// The name turns elsewhere while the engine is in use: the next connection is refused.
#[tokio::test]
async fn an_engine_whose_name_turns_later_gets_no_further_prompt() {
    let closes = Part::SayAndClose(streams(&[text("hello"), stop(), usage(1)]));
    let mut right = Stub::plays([closes]).await;
    // For `localhost` every address outside of this machine is the wrong one.
    let names = Names::of(&["127.0.0.1", "192.0.2.1"]);
    let engine = named("localhost", right.port);
    let upstream = with(&names, &[&engine]);
    let (answer, _) = run(&upstream, &[&engine]).await.unwrap();
    assert_eq!(all(answer).await, ("hello".to_owned(), None));
    right.requests.recv().await.unwrap();
    right.hang_ups.recv().await.unwrap();
    // The runtime learns of the closed connection in a few turns.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let failed = run(&upstream, &[&engine]).await.unwrap_err();
    assert_eq!(failed, Why::Failed(Failure::NotSent));
    assert_eq!(names.asked(), ["localhost", "localhost"]);
    assert_eq!(upstream.egress.visits()[0].dials, 1);
}
