//! The file of results: CSV with Azure's columns.

use super::event::Metrics;

/// Azure's columns.
const COLUMNS: &str = "step,train_loss,train_mean_token_accuracy,valid_loss,\
    validation_mean_token_accuracy,full_valid_loss,full_valid_mean_token_accuracy\n";

/// Returns the file: one row for each step. A missing number is an empty cell.
#[must_use]
pub fn csv<'a>(steps: impl IntoIterator<Item = &'a Metrics>) -> String {
    let mut text = COLUMNS.to_owned();
    for row in steps {
        let more =
            [row.valid_loss, row.valid_accuracy, row.full_valid_loss, row.full_valid_accuracy];
        text.push_str(&format!("{},{},{}", row.step, row.train_loss, row.train_accuracy));
        for number in more {
            text.push(',');
            text.push_str(&number.map_or_else(String::new, |number| number.to_string()));
        }
        text.push('\n');
    }
    text
}
