use std::collections::BTreeMap;

use tlog::{
    canon,
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, commit},
    id::{DeploymentId, PersonId, RequestId, ResourceId, TenantId},
    note::Signer,
    receipt::{
        Attempt, AttemptFailure, Category, Check, Claims, ContentFilter, Detector, EngineKind,
        Facts, Filter, Finding, Outcome, Proof, Ran, Receipt, Screened, Severity, Side, Terms,
    },
    tree::{Frontier, leaf_hash},
};

use super::super::{Against, check};
use crate::{InMemory, Report, Verdict, log};

const STARTED_MS: u64 = 1_764_000_000_000;
const RESOURCE: [u8; 16] = [2; 16];

/// The claims of a request that a processor answered after an attempt elsewhere.
fn claims() -> Claims {
    let region = |name: &str| name.to_owned();
    let ran = Ran {
        kind: EngineKind::Azure,
        processor: Some("contoso".into()),
        country: Some("SE".into()),
        destination: Some("https://contoso.openai.azure.com".into()),
        model: Some("gpt-4.1\u{1b}[2J".into()),
        sku: "DataZoneStandard".into(),
        regions: ["francecentral", "swedencentral"].map(region).into(),
        processors: ["contoso".to_owned()].into(),
    };
    let attempt = Attempt {
        engine: "vllm-paris".into(),
        region: "francecentral".into(),
        failure: AttemptFailure::Busy,
        processor: None,
    };
    Claims {
        terms: Terms {
            tenant: TenantId::from_random([1; 16]),
            resource: ResourceId::from_random(RESOURCE),
            deployment: Some(DeploymentId::from_random([3; 16])),
            region_processed: "swedencentral".into(),
            region_stored: "local".into(),
            engine: "azure-sweden".into(),
            model: None,
            binary: Digest([5; 32]),
            configuration: Digest([6; 32]),
            filter: Filter::None,
            retention_days: 0,
            policies: None,
            ran: Some(ran),
            content_filter: None,
            adapter: None,
            personal: None,
            customer: None,
        },
        facts: Facts {
            request: RequestId::from_random([7; 16]),
            started_ms: STARTED_MS,
            finished_ms: STARTED_MS + 250,
            status: 200,
            outcome: Outcome::Answered,
            request_sha256: Digest::of(&[b"request"]),
            response_sha256: Digest::of(&[b"response"]),
            prompt_tokens: 12,
            completion_tokens: 3,
            stored: None,
            no_effect: None,
            attempts: Some(vec![attempt]),
            screened: None,
            objects: None,
            personal: None,
        },
    }
}

fn permission(allowed: bool) -> Event {
    let (processor, person) = ("contoso".into(), PersonId::from_random([8; 16]));
    Event::ProcessorAllowed { resource: RESOURCE, processor, person, allowed }
}

/// A log of a start, some events a minute before the request, and the request, as files and as a
/// receipt.
fn logged(claims: &Claims, before: &[Event]) -> (BTreeMap<&'static str, Vec<u8>>, Vec<u8>) {
    let signer = signer();
    let (binary, configuration) = (Digest([5; 32]), Digest([6; 32]));
    let started = Event::Started { binary, configuration, models: vec![], policies: None };
    let salt = [9; 16];
    let commitment = commit(&salt, &canon::encode(claims));
    let early = |event| Entry::new(STARTED_MS - 60_000, event).encode();
    let mut entries: Vec<_> = [started].iter().chain(before).cloned().map(early).collect();
    let event = Event::Request { commitment };
    entries.push(Entry::new(STARTED_MS + 250, event).encode());

    let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    let (size, root) = (tree.size(), tree.root());
    let checkpoint = Checkpoint { origin: "log.example".into(), size, root }.sign(&signer);
    let bundle = entries.iter().flat_map(|entry| {
        let length = u16::try_from(entry.len()).unwrap().to_be_bytes();
        [&length[..], entry].concat()
    });
    let (tiles, bundles) = match size {
        2 => ("tile/0/000.p/2", "tile/entries/000.p/2"),
        3 => ("tile/0/000.p/3", "tile/entries/000.p/3"),
        other => panic!("no test has {other} entries"),
    };
    let files = [
        ("checkpoint", checkpoint.clone().into_bytes()),
        (tiles, leaves.iter().flat_map(|leaf| leaf.0).collect()),
        (bundles, bundle.collect()),
    ];
    // The last leaf's path: the root of the leaves before it.
    let mut left = Frontier::default();
    leaves[..leaves.len() - 1].iter().for_each(|leaf| left.push(*leaf));
    let (entry, index) = (entries.pop().unwrap(), size - 1);
    let proof = Proof { salt, entry, index, size, path: vec![left.root()], checkpoint };
    (files.into(), Receipt::sign(claims, proof, &signer).encode())
}

fn signer() -> Signer {
    Signer::new("log.example", &[1; 32]).unwrap()
}

/// Checks a receipt, with its log or without.
fn checked(claims: &Claims, before: &[Event], with_log: bool) -> (Verdict, String) {
    let (files, receipt) = logged(claims, before);
    let files = files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    let files = InMemory { name: "log".into(), files };
    let log = with_log.then_some(&files);
    let against = Against { request: None, response: None, log, witnesses: &[] };
    let mut report = Report::default();
    check(&mut report, &signer().verifier(), &receipt, &against).unwrap();
    let mut text = Vec::new();
    report.text(&mut text).unwrap();
    (report.verdict(), String::from_utf8(text).unwrap())
}

#[test]
fn a_report_says_where_a_request_was_processed_and_by_whom() {
    for with_log in [false, true] {
        let (verdict, text) = checked(&claims(), &[permission(true)], with_log);
        assert_eq!(verdict, Verdict::Verified, "{text}");
        for line in [
            "by the receipt it was processed in `swedencentral`, a region that its deployment \
             allowed, by the processor `contoso`, which the customer allowed",
            "model       the engine calls it `gpt-4.1\\u{1b}[2J`\n",
            "engine      `azure-sweden`, azure at https://contoso.openai.azure.com\n",
            "operated by the processor `contoso` in SE\n",
            "allowed     DataZoneStandard in francecentral, swedencentral; processors: contoso\n",
            "tried       `vllm-paris` in francecentral, which was busy\n",
            "region      processed in swedencentral, stored in local (by the operator's word)\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let permitted = "according to the log the customer had allowed the processor `contoso`";
        assert_eq!(text.contains(permitted), with_log, "{text}");
        let unchecked = "whether the log has the customer's permission for the processor";
        assert_eq!(text.contains(unchecked), !with_log, "{text}");
    }
}

/// The claims of a request whose prompt was shown as violent, and whose answer was not checked.
fn filtered() -> Claims {
    let mut claims = claims();
    claims.terms.filter = Filter::Named;
    claims.terms.content_filter = Some(ContentFilter {
        name: "Strict\u{1b}[2J".into(),
        policy: Digest([11; 32]),
        detectors: [Detector { layer: "encoder".into(), digest: Digest([12; 32]) }].into(),
    });
    let (side, category, filtered) = (Side::Prompt, Category::Violence, false);
    let shown = Finding { side, category, severity: Some(Severity::Low), filtered };
    let list = Finding { category: Category::Blocklist, severity: None, ..shown.clone() };
    claims.facts.screened = Some(Screened {
        prompt: Check::Filtered,
        completion: Check::NotFiltered,
        findings: vec![shown, list],
    });
    claims
}

#[test]
fn a_report_says_which_filter_looked_and_what_it_did_not_check() {
    let (verdict, text) = checked(&filtered(), &[permission(true)], true);
    assert_eq!(verdict, Verdict::Verified, "{text}");
    let (policy, encoder) = ("0b".repeat(32), "0c".repeat(32));
    for line in [
        &format!("filter      `Strict\\u{{1b}}[2J`, SHA-256 {policy}\n"),
        &format!("detector    encoder, SHA-256 {encoder}\n"),
        "prompt      filtered before it went on\ncompletion  NOT filtered, or not all of it\n",
        "found       violence in the prompt: low, not blocked\n",
        "found       custom_blocklists in the prompt: detected, not blocked\n",
        "note     by the receipt the completion, or a part of it, went on without a check",
        "  content filter, its detectors, and what they checked and found: the operator's word\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("by the receipt the prompt"), "{text}");
    let (_, text) = checked(&claims(), &[permission(true)], true);
    assert!(text.contains("filter      none: no content filter applied\n"), "{text}");
    assert!(text.contains("note     by the receipt no content filter looked"), "{text}");
}

#[test]
fn a_receipt_that_was_filtered_by_no_detector_fails() {
    let mut claims = filtered();
    claims.terms.content_filter.as_mut().unwrap().detectors.clear();
    claims.facts.screened.as_mut().unwrap().findings.clear();
    for with_log in [false, true] {
        let (verdict, text) = checked(&claims, &[permission(true)], with_log);
        assert_eq!(verdict, Verdict::Failed, "{text}");
        let expected = "says that a text was filtered, and names no detector";
        assert_eq!(text.matches(expected).count(), 1, "once: {text}");
    }
}

/// The receipt is genuine, and still does not verify.
#[test]
fn a_receipt_from_a_place_that_was_not_allowed_fails_with_the_log_and_without() {
    let mut region = claims();
    region.terms.region_processed = "eastus".into();
    let mut processor = claims();
    processor.terms.ran.as_mut().unwrap().processors.clear();
    let mut attempt = claims();
    attempt.facts.attempts.as_mut().unwrap()[0].region = "eastus".into();
    for (claims, expected) in [
        (region, "was processed in `eastus`, which its deployment did not allow"),
        (processor, "processor `contoso`, which the customer had not allowed"),
        (attempt, "was sent to `vllm-paris` in `eastus`, which its deployment did not allow"),
    ] {
        for with_log in [false, true] {
            let (verdict, text) = checked(&claims, &[permission(true)], with_log);
            assert_eq!(verdict, Verdict::Failed, "{text}");
            assert_eq!(text.matches(expected).count(), 1, "once: {text}");
            assert!(!text.contains("a region that its deployment allowed"), "{text}");
        }
    }
}

/// The receipt names the processor as allowed. Only the log shows that it was not.
#[test]
fn a_processor_without_a_permission_in_the_log_fails() {
    for (before, expected) in [
        (&[][..], "the log has no earlier permission of the customer for it"),
        (&[permission(false)], "the log has no earlier permission of the customer for it"),
    ] {
        assert_eq!(checked(&claims(), before, false).0, Verdict::Verified);
        let (verdict, text) = checked(&claims(), before, true);
        assert_eq!(verdict, Verdict::Failed, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_log_lists_the_processors_that_customers_allowed() {
    let (files, _) = logged(&claims(), &[permission(true)]);
    let files = files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    let files = InMemory { name: "log".into(), files };
    let mut report = Report::default();
    log::check(&mut report, &signer().verifier(), &files, None, &[]).unwrap();
    let mut text = Vec::new();
    report.text(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let resource = ResourceId::from_random(RESOURCE);
    let line = format!(
        "processor `contoso` allowed for {resource} since 2025-11-24T15:59:00Z (entry 1)\n"
    );
    assert!(text.ends_with(&line), "{text}");
    assert!(report.json().contains("\"processor\": \"contoso\""), "{}", report.json());
}
