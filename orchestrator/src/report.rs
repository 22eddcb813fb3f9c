//! The table at the end of a run.

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use retrial_protocol::WeightVersion;

use crate::evaluate::Score;
use crate::run::Run;

/// What became of the groups, before and after the second trial, and the held-out scores before
/// and after training: all of it out of the log.
pub async fn final_table(run: &Run, last: WeightVersion) -> Result<String> {
    let sums = run.store.metric_sums(run.id).await?;
    let sum = |name: &str| format!("{:.0}", sums.get(name).copied().unwrap_or_default());

    let mut groups = table(&["groups", "after the first trial", "after the second"]);
    for outcome in ["none", "some", "all"] {
        let (before, after) = (format!("{outcome}_pass"), format!("{outcome}_pass_after"));
        groups.add_row([format!("{outcome}-pass"), sum(&before), sum(&after)]);
    }
    let mut text = format!("{groups}\n\n");
    text += &format!(
        "second trials: {}, rescued: {}, sampled tokens: {}\n\n",
        sum("hinted_problems"),
        sum("rescued_problems"),
        sums.get("first_trial_tokens").copied().unwrap_or_default()
            + sums.get("second_trial_tokens").copied().unwrap_or_default(),
    );

    let k = run.config.evaluation.k;
    let at_k = format!("Pass@{k}");
    let mut scores =
        table(&["held-out", "problems", "", "before", &format!("after step {last}"), "change"]);
    for (name, tasks) in &run.heldout {
        let score = async |version| {
            let record = run.store.evaluation(run.id, version, name).await?;
            anyhow::Ok(record.map(|record| record.score))
        };
        let (before, after) = (score(WeightVersion(0)).await?, score(last).await?);
        let rows: [(&str, fn(Score) -> f64); 2] =
            [("Pass@1", |score| score.pass_at_1), (&at_k, |score| score.pass_at_k)];
        for (label, value) in rows {
            let (Some(before), Some(after)) = (before.map(value), after.map(value)) else {
                continue;
            };
            scores.add_row([
                name.clone(),
                tasks.len().to_string(),
                label.to_owned(),
                format!("{before:.3}"),
                format!("{after:.3}"),
                format!("{:+.3}", after - before),
            ]);
        }
    }
    Ok(text + &scores.to_string())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.iter().copied());
    table
}
