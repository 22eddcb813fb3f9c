//! The table at the end of a run.

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use retrial_protocol::{Metric, WeightVersion};

use crate::context::Context;

/// Outcomes of the groups, before and after the second trial, and the held-out scores before
/// and after training, all from the log.
pub async fn final_table(context: &Context, last: WeightVersion) -> Result<String> {
    let sums = context.store.metric_sums(context.id).await?;
    let sum =
        |metric: Metric| format!("{:.0}", sums.get(metric.name()).copied().unwrap_or_default());

    let mut groups = table(&["groups", "after the first trial", "after the second"]);
    for (outcome, before, after) in [
        ("none-pass", Metric::NonePass, Metric::NonePassAfter),
        ("some-pass", Metric::SomePass, Metric::SomePassAfter),
        ("all-pass", Metric::AllPass, Metric::AllPassAfter),
    ] {
        groups.add_row([outcome.to_owned(), sum(before), sum(after)]);
    }
    let trials = format!(
        "second trials: {}, rescued: {}; sampled tokens: {} and {}",
        sum(Metric::HintedProblems),
        sum(Metric::RescuedProblems),
        sum(Metric::FirstTrialTokens),
        sum(Metric::SecondTrialTokens),
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
