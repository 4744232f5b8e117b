//! Properties of the detectors of personal data.

use std::sync::LazyLock;

use policy::{
    content::Content,
    personal::{Detector, Kinds, Terms},
};

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let content = |text: &str| Content::new(text.into());
    let terms = Terms { words: vec![content("falcon")], patterns: vec![content("EMP-[0-9]{1,4}")] };
    Detector::new(&Kinds::all(), &terms).expect("terms within the limits")
});

/// Checks that the places are whole characters of the text, in order, and do not overlap.
pub fn personal_data(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut last = 0;
    for found in DETECTOR.find(&text) {
        assert!(found.span.start >= last, "places overlap");
        assert!(
            text.get(found.span.clone()).is_some_and(|text| !text.is_empty()),
            "a place is cut"
        );
        last = found.span.end;
    }
}
