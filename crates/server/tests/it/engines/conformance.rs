//! The conformance suite llm-comply. Its requests have no limit of tokens, and the small model of the
//! other tests may go on for minutes: here the answers of an engine end.

use super::*;
use crate::sdk::program;

#[test]
fn the_suite_passes_for_responses_and_for_chat() {
    let engine = Stub::start("one", "big");
    let world = World::start(&[Entry::of("one", &engine, "local")]);
    let url = format!("http://{}", world.caller.address);
    let mut suite = program("python", &url, &world.caller);
    suite.env("BAILIWICK_DEPLOYMENT", DEPLOYMENT);
    succeed(suite.args(["-m", "unittest", "python/test_conformance.py"]));
}
