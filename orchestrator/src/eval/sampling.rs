//! The samples that the log does not have yet.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use retrial_grader::Extraction;
use retrial_protocol::WeightVersion;

use super::{Eval, Set};
use crate::dataset::Task;
use crate::domain::ProblemId;
use crate::failure::Failure;
use crate::open_files;
use crate::server::{Limits, Pool, SampleRequest, probe};
use crate::services::{Service, connect};

/// Nothing is pushed: what is served counts as this version.
const SERVED: WeightVersion = WeightVersion(0);
/// Pause after a failed request; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Failed requests after which the evaluation stops: some minutes of a server that is away.
const FAILURES: u32 = 20;
/// Lines of progress that a set has.
const LINES: usize = 10;

/// Samples every problem that is missing, and logs each as it is graded.
pub async fn sample(eval: &Eval) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for set in &eval.sets {
        let problems = eval.store.eval_problems(eval.id, &set.entry.benchmark).await?;
        let done = problems.into_iter().filter(|problem| problem.tally.is_some());
        let done: HashSet<ProblemId> = done.map(|problem| problem.id).collect();
        let rest = set.tasks.iter().filter(|task| !done.contains(&task.problem.id));
        let rest: Vec<&Arc<Task>> = rest.collect();
        if !rest.is_empty() {
            missing.push((set, rest));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (_embedded, pool) = servers(eval).await?;
    for (set, tasks) in missing {
        sample_set(eval, &pool, set, &tasks).await?;
    }
    Ok(())
}

/// The servers; the embedded one lives as long as its handle.
async fn servers(eval: &Eval) -> Result<(Option<Service>, Pool), Failure> {
    let server = &eval.plan.server;
    let mut log = eval.plan.database.clone().into_os_string();
    log.push("-policy.log");
    let (embedded, urls) =
        connect::policy(server, eval.plan.weights.description(), log.into()).await?;
    open_files::allow(urls.len() * server.concurrency).map_err(Failure::input)?;
    let timeout = Duration::from_secs(server.timeout_seconds);
    let mut adapters = Vec::new();
    for url in urls {
        let found = probe(&url, &server.model)
            .await
            .with_context(|| "hint: --served-name is the name that the server gives its model")?;
        tracing::info!("{found}");
        adapters.push(found.connect(&server.model, timeout)?);
    }
    let limits = Limits {
        concurrency: server.concurrency,
        // Nothing brings one back that was left out.
        failures: u32::MAX,
        budget: FAILURES,
        pause: FIRST_PAUSE,
        stall: Duration::from_secs(server.stall_seconds),
    };
    Ok((embedded, Pool::as_served(adapters, limits, SERVED)))
}

async fn sample_set(eval: &Eval, pool: &Pool, set: &Set, tasks: &[&Arc<Task>]) -> Result<()> {
    let name = &set.entry.benchmark;
    let all = set.tasks.len();
    let before = all - tasks.len();
    retrial_log::tell(&format!("{name}: {before}/{all} problems, {} samples each", set.entry.k));
    let mut sampled = stream::iter(tasks)
        .map(|task| async move {
            problem(eval, pool, set, task).await.with_context(|| {
                format!(
                    "evaluating problem {} of `{name}`\n\
                     hint: the same command goes on from here",
                    task.problem.id
                )
            })
        })
        .buffer_unordered(pool.concurrency());
    let mut done = before;
    let mut labels: Option<Vec<String>> = None;
    while let Some(found) = sampled.try_next().await? {
        let found = found.into_iter().collect::<Vec<_>>();
        match &labels {
            Some(known) if *known != found => bail!(
                "the server answered with weights {}, then with {}: they were replaced meanwhile\n\
                 hint: evaluate a server that nobody pushes to; samples so far are in the log",
                known.join(", "),
                found.join(", ")
            ),
            Some(_) => {}
            None => labels = Some(found),
        }
        done += 1;
        if done * LINES / all > (done - 1) * LINES / all {
            retrial_log::tell(&format!("{name}: {done}/{all} problems"));
        }
    }
    Ok(())
}

/// Samples, grades and logs a problem. Returns the labels of the weights that sampled it.
async fn problem(eval: &Eval, pool: &Pool, set: &Set, task: &Arc<Task>) -> Result<Option<String>> {
    let plan = &eval.plan;
    let (name, id) = (&set.entry.benchmark, &task.problem.id);
    let prompt = eval.prompts.plain(&task.problem)?;
    let request = SampleRequest {
        prompt: &prompt.ids,
        n: set.entry.k,
        seed: plan.seed().of_text(name).of_text(&id.0),
        max_tokens: eval.max_tokens,
        temperature: plan.temperature,
        top_p: plan.top_p,
        adapter: None,
    };
    let sampled = pool.sample(SERVED, request).await?;
    let mut labels: Vec<&String> = sampled.iter().flat_map(|sampled| &sampled.labels).collect();
    labels.dedup();
    if let [first, second, ..] = labels.as_slice() {
        bail!("it was sampled with weights {first} and {second}: they were replaced meanwhile");
    }
    let label = labels.first().map(|&label| label.clone());
    let graded = eval.grading.grade(task, sampled, SERVED, Extraction::Auto).await?;
    eval.store.log_eval_problem(eval.id, name, id, &graded).await?;
    Ok(label)
}
