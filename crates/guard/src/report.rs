//! Writes the scores as tables of docs/guard.md.

use crate::{
    data::{HEADS, Kind},
    measure,
    train::{self, Mode, Trained},
};

/// Replaces lines of a document, for example those of `scores`, or returns `None` if it has no
/// place for them.
pub(crate) fn replace(document: &str, name: &str, table: &str) -> Option<String> {
    let begin = format!("<!-- {name}: make guard writes these lines -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{table}{end}{after}"))
}

/// Returns the tables.
pub(crate) fn table(trained: &Trained) -> String {
    let mut text = format!("\nTraining data: `{}`", trained.data);
    if let Some(encoder) = trained.encoder {
        text.push_str(&format!("; encoder: `{encoder}`"));
    }
    text.push_str(".\n");
    let heads = &trained.heads;
    let joint: Vec<_> = heads.iter().filter_map(|head| head.joint.as_ref()).collect();
    if !joint.is_empty() {
        part(&mut text, "N-grams and the encoder", trained, &joint);
    }
    part(
        &mut text,
        "N-grams alone",
        trained,
        &heads.iter().map(|head| &head.alone).collect::<Vec<_>>(),
    );
    text
}

fn part(text: &mut String, title: &str, trained: &Trained, modes: &[&Mode]) {
    let head = "| category | harmful of measured rows | average precision | best F1 | recall at medium | ordinary prompts at medium | strength |";
    text.push_str(&format!("\n**{title}**\n\n{head}\n|---|---:|---:|---:|---:|---:|---:|\n"));
    for (at, (name, mode)) in HEADS.iter().zip(modes).enumerate() {
        let measured = train::measured(&trained.rows, at, &mode.scores);
        let [_, medium, _] = mode.thresholds;
        let harmful = measured.iter().filter(|(_, harmful)| *harmful).count();
        let ordinary = train::of_kind(&trained.rows, &mode.scores, Kind::Benign);
        text.push_str(&format!(
            "| {name} | {harmful} of {} | {:.3} | {:.3} | {:.2} | {:.1} % | {} |\n",
            measured.len(),
            measure::average_precision(&measured),
            measure::best_f1(&measured),
            measure::recall(&measured, medium),
            100.0 * measure::share(&ordinary, medium),
            mode.strength,
        ));
    }
    let any = any(trained, modes);
    let harmful = any.iter().filter(|(_, harmful)| *harmful).count();
    text.push_str(&format!(
        "| any of the first four | {harmful} of {} | {:.3} | {:.3} | | | |\n",
        any.len(),
        measure::average_precision(&any),
        measure::best_f1(&any),
    ));
    let (hard, ordinary) = blocked(trained, modes);
    text.push_str(&format!(
        "\nAt medium in any of the five: {:.1} % of the prompts that only sound harmful, with thresholds from the other half of them; {:.1} % of ordinary prompts.\n",
        100.0 * hard,
        100.0 * ordinary,
    ));
}

/// Returns the rows of the moderation set with the highest of the four scores.
pub(crate) fn any(trained: &Trained, modes: &[&Mode]) -> Vec<(f32, bool)> {
    let categories = modes.get(..4).unwrap_or_default();
    let rows = trained.rows.iter().enumerate().filter(|(_, row)| row.kind == Kind::Moderation);
    rows.map(|(at, row)| {
        let scores = categories.iter().filter_map(|mode| mode.scores.get(at).copied());
        let harmful = row.labels.iter().take(4).any(|label| *label == Some(true));
        (scores.fold(f32::NEG_INFINITY, f32::max), harmful)
    })
    .collect()
}

/// Returns the shares of harmless prompts that some head puts at medium: hard ones, with
/// thresholds from the other half, and ordinary ones.
fn blocked(trained: &Trained, modes: &[&Mode]) -> (f64, f64) {
    let hard: Vec<_> =
        modes.iter().map(|mode| train::of_kind(&trained.rows, &mode.scores, Kind::Hard)).collect();
    let benign: Vec<_> = modes
        .iter()
        .map(|mode| train::of_kind(&trained.rows, &mode.scores, Kind::Benign))
        .collect();
    let number = hard.first().map_or(0, Vec::len);
    let mut over = vec![0.0; number];
    for (scores, ordinary) in hard.iter().zip(&benign) {
        for half in 0..2 {
            let others = scores.iter().enumerate().filter(|(at, _)| at % 2 != half);
            let others: Vec<f32> = others.map(|(_, score)| *score).collect();
            let [_, medium, _] = train::thresholds(&others, ordinary);
            let here = over.iter_mut().zip(scores).enumerate().filter(|(at, _)| at % 2 == half);
            here.filter(|(_, (_, score))| **score >= medium).for_each(|(_, (over, _))| *over = 1.0);
        }
    }
    let mut harmless = vec![0.0; benign.first().map_or(0, Vec::len)];
    for (scores, mode) in benign.iter().zip(modes) {
        let [_, medium, _] = mode.thresholds;
        let here = harmless.iter_mut().zip(scores);
        here.filter(|(_, score)| **score >= medium).for_each(|(over, _)| *over = 1.0);
    }
    (measure::share(&over, 1.0), measure::share(&harmless, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_the_scores_are_replaced() {
        let begin = "<!-- scores: make guard writes these lines -->\n";
        let end = "<!-- end of scores -->";
        let old = format!("before\n{begin}old\n{end}\nafter\n");
        let new = replace(&old, "scores", "new\n").unwrap();
        assert_eq!(new, format!("before\n{begin}new\n{end}\nafter\n"));
        assert_eq!(replace(&old, "shields", "new"), None);
        assert_eq!(replace("no lines", "scores", "new"), None);
    }
}
