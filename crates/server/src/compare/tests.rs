use std::{env, fs, path::Path};

use super::{
    catalogue::{BadCatalogue, Catalogue, Verdict},
    *,
};

/// 2026-11-29.
const NOW_MS: u64 = 1_795_910_400_000;

fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn of<'a>(comparison: &'a Comparison, id: &str) -> &'a Compared {
    comparison.offerings.iter().find(|one| one.offering.id == id).unwrap()
}

#[test]
fn the_catalogue_has_the_offerings_that_were_asked_about() {
    let catalogue = catalogue();
    let ids: Vec<_> = catalogue.offerings.iter().map(|one| one.id.as_str()).collect();
    let expected = [
        "chatgpt-free",
        "chatgpt-plus",
        "chatgpt-team",
        "chatgpt-enterprise",
        "openai-api",
        "azure-openai",
        "copilot-m365",
        "bedrock",
        "vertex",
        "vllm",
    ];
    assert_eq!(ids, expected);
    // Each need distinguishes offerings: at least one of them says something about it, or this service
    // does.
    for need in &catalogue.needs {
        let said = ids.iter().filter_map(|id| catalogue.claim(id, &need.id)).count();
        let alone = ["visible-reviews", "region-evidence"];
        assert!(said > 0 || alone.contains(&need.id.as_str()), "{}", need.id);
    }
}

/// An unknown need must not choose an offering, and no quote must not be a yes.
#[test]
fn what_no_words_say_is_unknown() {
    let catalogue = catalogue();
    let needs = catalogue.chosen(&names(&["visible-reviews"])).unwrap();
    let comparison = catalogue.compare(needs, &[], NOW_MS);
    for one in &comparison.offerings {
        assert_eq!(one.outcome, Outcome::Unknown, "{}", one.offering.id);
        assert_eq!(one.claims[0].quote, None);
    }
    let refused = catalogue.chosen(&names(&["eu-only", "cheap"])).unwrap_err();
    let text = refused.to_string();
    assert!(!text.contains("cheap"), "{text}");
    for need in &catalogue.needs {
        assert!(text.contains(&need.id), "{text}");
    }
}

#[test]
fn offerings_are_sorted_by_what_they_meet() {
    let catalogue = catalogue();
    let needs =
        catalogue.chosen(&names(&["zero-retention", "no-training", "no-training"])).unwrap();
    assert_eq!(needs.len(), 2);
    let comparison = catalogue.compare(needs, &[], NOW_MS);
    let outcomes: Vec<_> = comparison.offerings.iter().map(|one| one.outcome).collect();
    assert!(outcomes.is_sorted(), "{outcomes:?}");
    assert_eq!(of(&comparison, "bedrock").outcome, Outcome::Conditions);
    assert_eq!(of(&comparison, "azure-openai").outcome, Outcome::Conditions);
    assert_eq!(of(&comparison, "copilot-m365").outcome, Outcome::Fails);
    assert_eq!(of(&comparison, "vllm").outcome, Outcome::Unknown);
    let free = of(&comparison, "chatgpt-free");
    assert_eq!(free.outcome, Outcome::Fails);
    let why: Vec<_> = free
        .claims
        .iter()
        .filter(|said| said.verdict == Verdict::No)
        .map(|said| &said.need)
        .collect();
    assert_eq!(why, ["zero-retention", "no-training"]);
    assert!(free.claims.iter().all(|said| said.quote.is_some() && said.source.is_some()));

    let needs = catalogue.chosen(&names(&["zero-retention"])).unwrap();
    let comparison = catalogue.compare(needs, &[], NOW_MS);
    assert_eq!(comparison.offerings[0].offering.id, "bedrock");
    assert_eq!(comparison.offerings[0].outcome, Outcome::Fits);
}

/// An old word is marked, and one without a date says so.
#[test]
fn old_sources_are_marked() {
    let catalogue = catalogue();
    let comparison = catalogue.compare(catalogue.needs.clone(), &[], NOW_MS);
    let said = |offering: &str, need: &str| {
        let one = of(&comparison, offering);
        one.claims.iter().find(|said| said.need == need).unwrap().clone()
    };
    let copilot = said("copilot-m365", "no-training");
    assert_eq!(copilot.dated.as_deref(), Some("2024-01-16"));
    assert_eq!(copilot.old.as_deref(), Some("its date is 1048 days ago"));
    let azure = said("azure-openai", "no-training");
    assert_eq!((azure.dated.as_deref(), azure.old), (Some("2026-03-19"), None));
    let earlier = said("chatgpt-plus", "eu-only");
    assert_eq!(earlier.old.as_deref(), Some("the page was changed since"));
    let undated = said("openai-api", "thirty-days");
    assert_eq!((undated.dated, undated.old), (None, None));
    assert_eq!(undated.read.as_deref(), Some("2026-11-29"));
    // The same words are old a year later.
    let later = catalogue.compare(catalogue.needs.clone(), &[], NOW_MS + 366 * 86_400_000);
    let azure = of(&later, "azure-openai").claims.iter().find(|said| said.need == "no-training");
    assert!(azure.unwrap().old.is_some());
}

#[test]
fn a_catalogue_that_contradicts_itself_is_refused() {
    let good = include_str!("catalogue.toml");
    let claim = "offerings = [\"vllm\"]\nneed = \"own-machines\"";
    assert!(good.contains(claim));
    for (from, to, expected) in [
        (
            claim,
            "offerings = [\"vlmm\"]\nneed = \"own-machines\"",
            "offering `vlmm` in a claim only",
        ),
        (
            claim,
            "offerings = [\"vllm\"]\nneed = \"no-machines\"",
            "need `no-machines` in a claim only",
        ),
        (claim, "offerings = [\"vllm\", \"vllm\"]\nneed = \"own-machines\"", "twice"),
        ("dated = \"2026-03-19\"", "dated = \"19.3.2026\"", "bad date: `19.3.2026`"),
        ("verdict = \"yes\"", "verdict = \"true\"", "unknown variant"),
        (
            "verdict = \"yes\"\nquote = \"Deploy vLLM nodes on a dedicated, isolated network\"",
            "verdict = \"yes\"",
            "missing field `quote`",
        ),
        (
            "quote = \"Deploy vLLM nodes on a dedicated, isolated network\"",
            "quote = \"\"",
            "bad quote",
        ),
        ("url = \"https://openai.com/enterprise-privacy\"", "url = \"openai.com\"", "bad address"),
        ("id = \"chatgpt-plus\"", "id = \"chatgpt-free\"", "offering `chatgpt-free` twice"),
    ] {
        let error: BadCatalogue = Catalogue::read(&good.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
    }
}

/// This service has a rule for each need, and none that the catalogue does not ask about.
#[test]
fn this_service_answers_each_need() {
    let facts = crate::explain::tests::World::new().facts();
    let catalogue = catalogue();
    for need in &catalogue.needs {
        let own = own::about(&facts, &need.id).unwrap_or_else(|| panic!("{}", need.id));
        assert!(!own.says.is_empty());
    }
    assert_eq!(own::about(&facts, "cheap"), None);
}

#[test]
fn erasure_by_person_takes_a_desk_and_terms_a_signature() {
    let mut world = crate::explain::tests::World::new();
    let person = |facts: &_| own::about(facts, "erasure-by-person").unwrap();
    let without = person(&world.facts());
    assert_eq!(without.verdict, Verdict::No, "{without:?}");
    world.configure("[listen]\ndesk = '127.0.0.1:8082'");
    world.update(serde_json::json!({"subjectHeader": "x-patient"}));
    let facts = world.facts();
    let with = person(&facts);
    assert_eq!(with.verdict, Verdict::Yes, "{with:?}");
    assert!(with.says.contains("signed certificate"), "{with:?}");
    assert!(with.says.contains("in the header `x-patient`"), "{with:?}");
    let settings: Vec<_> = with.because.iter().map(|setting| setting.setting).collect();
    assert!(settings.contains(&"listen.desk") && settings.contains(&"subjectHeader"), "{with:?}");
    let terms = own::about(&facts, "processing-terms").unwrap();
    assert_eq!(terms.verdict, Verdict::Partly, "{terms:?}");
    assert!(terms.says.contains("`bailiwick report dpa`"), "{terms:?}");
}

/// `docs/offerings.md` shows the catalogue. After a change: `UPDATE_OFFERINGS=1 cargo test offerings`.
#[test]
fn the_page_of_offerings_is_the_catalogues() {
    let page = page(&catalogue());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/offerings.md");
    if env::var_os("UPDATE_OFFERINGS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == page, "docs/offerings.md is not up to date: set UPDATE_OFFERINGS=1");
}

fn page(catalogue: &Catalogue) -> String {
    let mut page = String::from(
        "# What other offerings say\n\n\
         For people who choose where their content goes. A test writes this page from the catalogue that \
         `bailiwick compare` uses\n([how to use it](operate/explain.md#compare)). It quotes what \
         providers say. It does not know what they do.\n\n",
    );
    page.push_str(&format!(
        "- As of {}. A source counts as **old** if its own date is more than {} days ago, or if it was \
         replaced.\n\
         - *without a date*: the source does not say when it was written; the day on which it was read \
         stands there.\n\
         - **unknown**: the catalogue has no words of the provider about this.\n\
         - Bailiwick itself is not on this page: its row depends on the settings of your service, and \
         `bailiwick compare` computes it.\n\n## Needs\n\n| need | asks |\n|---|---|\n",
        catalogue.gathered, catalogue.old_after_days
    ));
    for need in &catalogue.needs {
        page.push_str(&format!("| `{}` | {} |\n", need.id, need.asks));
    }
    let now_ms = NOW_MS;
    let comparison = catalogue.compare(catalogue.needs.clone(), &[], now_ms);
    let by_id = |id: &str| of(&comparison, id);
    page.push_str("\n## In one table\n\n| need |");
    for offering in &catalogue.offerings {
        page.push_str(&format!(" {} |", offering.name));
    }
    page.push_str(&format!("\n|---|{}\n", "---|".repeat(catalogue.offerings.len())));
    for (at, need) in catalogue.needs.iter().enumerate() {
        page.push_str(&format!("| `{}` |", need.id));
        for offering in &catalogue.offerings {
            let said = &by_id(&offering.id).claims[at];
            let old = if said.old.is_some() { " (old)" } else { "" };
            page.push_str(&format!(" {}{old} |", said.verdict.name()));
        }
        page.push('\n');
    }
    for offering in &catalogue.offerings {
        page.push_str(&format!("\n## {}\n\n{}.\n\n", offering.name, offering.vendor));
        page.push_str(
            "| need | verdict | the provider's words | source | note |\n|---|---|---|---|---|\n",
        );
        let one = by_id(&offering.id);
        for said in one.claims.iter().filter(|said| said.quote.is_some()) {
            let title = said.title.as_deref().unwrap_or_default();
            let dated = match &said.dated {
                Some(date) => date.clone(),
                None => {
                    format!("without a date, read {}", said.read.as_deref().unwrap_or_default())
                }
            };
            let old = said.old.as_ref().map(|_| ", **old**").unwrap_or_default();
            page.push_str(&format!(
                "| `{}` | {} | “{}” | [{title}]({}), {dated}{old} | {} |\n",
                said.need,
                said.verdict.name(),
                said.quote.as_deref().unwrap_or_default().replace('|', "\\|"),
                said.source.as_deref().unwrap_or_default(),
                said.note.as_deref().unwrap_or_default(),
            ));
        }
        let unknown: Vec<_> = one
            .claims
            .iter()
            .filter(|said| said.quote.is_none())
            .map(|said| format!("`{}`", said.need))
            .collect();
        if !unknown.is_empty() {
            page.push_str(&format!("\nUnknown: {}.\n", unknown.join(", ")));
        }
    }
    page
}
