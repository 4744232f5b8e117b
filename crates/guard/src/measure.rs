//! Measures scores against labels.

/// Returns the average precision: the area under precision over recall, without interpolation.
/// Equal scores count as one step.
pub(crate) fn average_precision(scored: &[(f32, bool)]) -> f64 {
    let positives = count(scored, |(_, harmful)| *harmful);
    let (mut area, mut before) = (0.0, 0.0);
    for (seen, found) in steps(scored) {
        let recall = found / positives;
        area += (recall - before) * found / seen;
        before = recall;
    }
    area
}

/// Returns the best F1 over all thresholds.
pub(crate) fn best_f1(scored: &[(f32, bool)]) -> f64 {
    let positives = count(scored, |(_, harmful)| *harmful);
    let f1 = steps(scored).into_iter().map(|(seen, found)| 2.0 * found / (seen + positives));
    f1.fold(0.0, f64::max)
}

/// Returns the area under the receiver operating characteristic: the chance that a harmful text has
/// a higher score than a harmless one. Equal scores count half.
pub(crate) fn area(scored: &[(f32, bool)]) -> f64 {
    let (harmful, harmless): (Vec<_>, Vec<_>) = scored.iter().partition(|(_, harmful)| *harmful);
    let mut won = 0.0;
    for (one, _) in &harmful {
        won += count(&harmless, |(other, _)| one > other);
        won += count(&harmless, |(other, _)| one.total_cmp(other).is_eq()) / 2.0;
    }
    won / count(&harmful, |_| true).max(1.0) / count(&harmless, |_| true).max(1.0)
}

/// Returns the share of the harmful texts whose score reaches a threshold.
pub(crate) fn recall(scored: &[(f32, bool)], threshold: f32) -> f64 {
    let found = count(scored, |(score, harmful)| *harmful && *score >= threshold);
    found / count(scored, |(_, harmful)| *harmful).max(1.0)
}

/// Returns the share of scores that reach a threshold.
pub(crate) fn share(scores: &[f32], threshold: f32) -> f64 {
    count(scores, |score| *score >= threshold) / count(scores, |_| true).max(1.0)
}

/// Returns the threshold that this share of the scores reaches or exceeds at most: halfway to the
/// next score.
pub(crate) fn threshold(scores: &[f32], share: f64) -> f32 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|one, other| other.total_cmp(one));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a small number"
    )]
    let allowed = (sorted.len() as f64 * share).floor() as usize;
    let outside = sorted.get(allowed).copied().unwrap_or(0.0);
    let inside = allowed.checked_sub(1).and_then(|at| sorted.get(at)).copied();
    inside.map_or(outside + 0.5, |inside| f32::midpoint(inside, outside).max(outside + 1e-4))
}

/// For each threshold from the highest: the number of scores that reach it, and how many of these
/// are harmful.
fn steps(scored: &[(f32, bool)]) -> Vec<(f64, f64)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (mut seen, mut found) = (0.0, 0.0);
    let mut steps = Vec::new();
    for same in sorted.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        seen += count(same, |_| true);
        found += count(same, |(_, harmful)| *harmful);
        steps.push((seen, found));
    }
    steps
}

fn count<T>(items: &[T], wanted: impl Fn(&T) -> bool) -> f64 {
    f64::from(u32::try_from(items.iter().filter(|one| wanted(one)).count()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_have_the_values_of_their_definitions() {
        let scored = [(0.9, true), (0.8, false), (0.7, true), (0.1, false)];
        assert!((average_precision(&scored) - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
        assert!((best_f1(&scored) - 0.8).abs() < 1e-12);
        assert!((recall(&scored, 0.75) - 0.5).abs() < 1e-12);
        assert!((area(&scored) - 0.75).abs() < 1e-12);
        // Equal scores are one step in either order.
        let equal = [(0.5, true), (0.5, false)];
        assert!((average_precision(&equal) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_threshold_lets_no_more_through_than_its_share() {
        let scores: Vec<f32> = (0..200_u8).map(f32::from).collect();
        for allowed in [0.0, 0.01, 0.05, 0.5] {
            assert!(share(&scores, threshold(&scores, allowed)) <= allowed);
        }
        assert!((share(&scores, threshold(&scores, 0.05)) - 0.05).abs() < 1e-12);
    }
}
