//! The table at the end of a run.

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use retrial_protocol::WeightVersion;

use crate::context::Context;

/// What became of the groups, before and after the second trial, and the held-out scores before
/// and after training: all of it out of the log.
pub async fn final_table(context: &Context, last: WeightVersion) -> Result<String> {
    let sums = context.store.metric_sums(context.id).await?;
    let sum = |name: &str| format!("{:.0}", sums.get(name).copied().unwrap_or_default());

    let mut groups = table(&["groups", "after the first trial", "after the second"]);
    for outcome in ["none", "some", "all"] {
        let (before, after) = (format!("{outcome}_pass"), format!("{outcome}_pass_after"));
        groups.add_row([format!("{outcome}-pass"), sum(&before), sum(&after)]);
    }
    let trials = format!(
        "second trials: {}, rescued: {}; sampled tokens: {} and {}",
        sum("hinted_problems"),
        sum("rescued_problems"),
        sum("first_trial_tokens"),
        sum("second_trial_tokens"),
    );

    let k = context.config.evaluation.k;
    let at_k = format!("Pass@{k}");
    let mut scores =
        table(&["held-out", "problems", "", "before", &format!("after step {last}"), "change"]);
    for set in &context.heldout {
        let score = async |version| context.store.evaluation(context.id, version, set.name()).await;
        let (before, after) = (score(WeightVersion(0)).await?, score(last).await?);
        let (Some(before), Some(after)) = (before, after) else { continue };
        let rows = [
            ("Pass@1", before.pass_at_1, after.pass_at_1),
            (&at_k, before.pass_at_k, after.pass_at_k),
        ];
        for (label, before, after) in rows {
            scores.add_row([
                set.name().to_owned(),
                set.tasks.len().to_string(),
                label.to_owned(),
                format!("{before:.3}"),
                format!("{after:.3}"),
                format!("{:+.3}", after - before),
            ]);
        }
    }
    Ok(format!("{groups}\n\n{trials}\n\n{scores}"))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.iter().copied());
    table
}
