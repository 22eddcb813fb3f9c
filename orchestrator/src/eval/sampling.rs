//! Samples the problems that the log does not have yet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use retrial_data::Task;
use retrial_domain::GradedRollout;
use retrial_loop::evaluator::{Done, Set, evaluate_set};
use retrial_loop::failure::Failure;
use retrial_loop::open_files;
use retrial_loop::services::{Service, connect};
use retrial_protocol::WeightVersion;
use retrial_servers::{Limits, Policy, Pool, SampleRequest};

use super::open::Eval;

/// Nothing is pushed: the served weights count as this version.
const SERVED: WeightVersion = WeightVersion(0);
/// Failed requests after which the evaluation stops: some minutes with an unreachable server.
const FAILURES: u32 = 20;
/// Lines of progress for a set.
const LINES: usize = 10;

/// Samples every missing problem, and logs each as it is graded.
pub async fn sample(eval: &Eval) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for set in &eval.sets {
        if !set.is_done(&eval.store, eval.id).await? {
            missing.push(set);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (_embedded, pool) = servers(eval).await?;
    let labels = Labels::default();
    for set in missing {
        let sample = async |task: &Arc<Task>| problem(eval, &pool, &labels, set, task).await;
        let progress = |done| tell(set, done);
        evaluate_set(&eval.store, eval.id, set, pool.concurrency(), sample, progress)
            .await
            .context("hint: run the same command again to continue")?;
    }
    Ok(())
}

/// The servers; the embedded one lives as long as its handle.
async fn servers(eval: &Eval) -> Result<(Option<Service>, Pool), Failure> {
    let server = &eval.plan.server;
    let mut log = eval.plan.database.clone().into_os_string();
    log.push("-policy.log");
    let longest = Some(eval.prompts.longest + eval.max_tokens);
    let (embedded, urls) = connect::policy(server, &eval.folder, longest, log.into()).await?;
    open_files::allow(urls.len() * server.concurrency).map_err(Failure::input)?;
    let fleet = connect::fleet(server, &urls)
        .await
        .context("hint: --served-name is the name that the server gives its model")?;
    let limits = Limits {
        concurrency: server.concurrency,
        // Excluded servers stay excluded.
        failures: u32::MAX,
        budget: FAILURES,
        pause: Policy::BRIEF.first,
        stall: Duration::from_secs(server.stall_seconds),
    };
    let patience = Duration::from_secs(server.patience_seconds);
    Ok((embedded, Pool::as_served(fleet.into_servers(), limits, SERVED).patient(patience)))
}

/// Samples and grades a problem.
async fn problem(
    eval: &Eval,
    pool: &Pool,
    labels: &Labels,
    set: &Set,
    task: &Arc<Task>,
) -> Result<Vec<GradedRollout>> {
    let plan = &eval.plan;
    let prompt = eval.prompts.plain(task)?;
    let request = SampleRequest {
        prompt: &prompt.ids,
        n: set.entry.k,
        seed: plan.seed().of_text(set.name()).of_text(&task.problem.id.0),
        max_tokens: eval.max_tokens,
        temperature: plan.temperature,
        top_p: plan.top_p,
        stop: &plan.prompts.stop,
        adapter: None,
    };
    let sampled = pool.sample(SERVED, request).await?;
    labels.see(sampled.iter().flat_map(|sampled| &sampled.labels))?;
    let sampled = (0..).zip(sampled).collect();
    let name = format!("{}/{}/{}", plan.name, set.name(), task.problem.id);
    eval.grading.grade(&name, task, sampled, SERVED).await
}

/// The label of the weights that an evaluation is sampled with, once a response has one. It
/// must not change.
#[derive(Debug, Default)]
struct Labels(Mutex<Option<String>>);

impl Labels {
    fn see<'a>(&self, labels: impl IntoIterator<Item = &'a String>) -> Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for label in labels {
            match &*known {
                Some(known) if known != label => bail!(
                    "the server answered with weights {known}, then with {label}: they were \
                     replaced meanwhile\n\
                     hint: evaluate a server that is not being pushed to; samples so far are in the log"
                ),
                Some(_) => {}
                None => *known = Some(label.clone()),
            }
        }
        Ok(())
    }
}

/// Reports the progress of a set: at its start, and a few times afterwards.
fn tell(set: &Set, Done { problems, of }: Done) {
    let (name, k) = (set.name(), set.entry.k);
    let line = |problems: usize| problems * LINES / of.max(1);
    if problems == 0 || line(problems) > line(problems - 1) {
        retrial_log::tell(&format!("{name}: {problems}/{of} problems, {k} samples each"));
    }
}
