//! A run: everything its steps need, opened once, and the loop over them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use retrial_grader::Verdict;
use retrial_log::Format;
use retrial_lte::{HintKind, Method, SecondTrial, Seed};
use retrial_protocol::{
    PublishReport, PublishRequest, PushOutcome, ServerAddress, ServerKind, ServerPublish, Step,
    TrainReport, TrainRequest, Transfer, WeightVersion,
};
use retrial_text::Text;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::agreement::{self, AgreementError};
use crate::between::{self, Next};
use crate::claim::Claim;
use crate::config::{Config, difference};
use crate::dashboard::{Dashboard, Door};
use crate::dataset::Task;
use crate::domain::{FinishReason, GradedRollout, Rollout};
use crate::evaluate::{self, Scores};
use crate::failure::Failure;
use crate::fault::CrashPoint;
use crate::http::{CallError, Transience};
use crate::inputs::{Inputs, solution_tokens};
use crate::live::{Live, Recent};
use crate::open_files;
use crate::order::problems_of;
use crate::progress::Progress;
use crate::server::{Limits, NoServer, Pool, SampleRequest, Sampled, probe};
use crate::services::Service;
use crate::step;
use crate::stop::Stop;
use crate::store::{NewRun, RunId, Store};
use crate::trainer::Trainer;

/// Pause after a failure; doubles each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long after a broken connection, or an answer that ranks are lost, the end of a process is
/// seen: rank 0 ends two seconds after such an answer.
const END_IS_SEEN: Duration = Duration::from_secs(4);
/// Failed requests in a row after which a server is left out.
const FAILURES_IN_A_ROW: u32 = 3;

/// How a run is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Go on with the run of this name if there is one.
    pub resume: bool,
    /// Crash on purpose.
    pub crash: Option<CrashPoint>,
    /// Have the trainer crash on purpose.
    pub trainer_crash: Option<String>,
    /// Print no table at the end.
    pub quiet: bool,
    /// Where the program's warnings are collected.
    pub recent: Recent,
}

/// A prompt as text and as token ids.
pub struct Prompt {
    /// The user message.
    pub text: String,
    /// Token ids, chat template included.
    pub ids: Vec<u32>,
}

/// An open run.
pub struct Run {
    /// Its configuration.
    pub config: Config,
    /// Its key in the log.
    pub id: RunId,
    /// What everything random follows from.
    pub seed: Seed,
    /// The mistake log.
    pub store: Store,
    /// The tokenizer and the chat template.
    pub text: Text,
    /// Longest sequence of the model, tokens.
    pub context: usize,
    /// Problems to train on.
    pub train: Vec<Task>,
    /// Held-out problems by name.
    pub heldout: Vec<(String, Vec<Task>)>,
    /// Where rollouts come from.
    pub pool: Arc<Pool>,
    /// What the dashboard shows of this moment.
    pub live: Arc<Live>,
    /// Where weights go to.
    servers: Vec<ServerAddress>,
    /// Held while servers are brought back.
    reviving: tokio::sync::Mutex<()>,
    /// Where updates are made.
    trainer: Trainer,
    /// Where to crash on purpose.
    pub crash: Option<CrashPoint>,
    /// The embedded server, if this run started it; it ends with the run.
    policy: Option<Service>,
    /// The same of the trainer.
    trainer_service: Option<Service>,
    /// That no other process trains this run.
    _claim: Claim,
}

/// Trains as the configuration says; resumes where an earlier process stopped. Returns the last
/// version.
pub async fn run(config: Config, options: Options) -> Result<WeightVersion, Failure> {
    let span = tracing::error_span!("at", run = config.run.name);
    // A run is a large future: on the heap.
    Box::pin(train(config, options)).instrument(span).await
}

async fn train(config: Config, options: Options) -> Result<WeightVersion, Failure> {
    let stop = Stop::on_signals()?;
    let quiet = options.quiet;
    let door = Door::of_run(&config.dashboard).await?;
    let (run, done) = Run::open(config, options).await?;
    let log = &run.config.run.database;
    let dashboard = match door {
        Some(door) => Some(door.serve(log, Some(Arc::clone(&run.live))).await?),
        None => None,
    };
    let steps = run.config.run.steps;
    let mut progress = Progress::new(&run.config, done, &run.live);
    if let Some(dashboard) = &dashboard {
        progress.watched_at(&dashboard.url());
    }
    let mut ahead = None;
    let mut last = done;
    for step in (done.0 + 1..=steps).map(Step) {
        if between::steps(&run, step.base(), &stop, &mut progress).await? == Next::End {
            progress.finish();
            end(run, dashboard, &stop, &progress).await;
            return Err(Failure::Interrupted { done: step.base() });
        }
        if run.has_sampled_enough().await? {
            break;
        }
        last = step.version();
        if let Some(scores) = run.evaluate_if_due(step.base()).await? {
            progress.evaluated(step.base(), &scores);
        }
        let (summary, collected) = step::step(&run, step, ahead).await?;
        ahead = collected;
        progress.stepped(&summary);
    }
    let scores = evaluate::evaluate(&run, last).await?;
    progress.evaluated(last, &scores);
    progress.finish();
    if !quiet {
        let table = crate::report::final_table(&run, last).await?;
        match retrial_log::format() {
            Format::Text => println!("{table}"),
            Format::Json => retrial_log::tell(&table),
        }
    }
    end(run, dashboard, &stop, &progress).await;
    Ok(last)
}

/// Ends the processes of the run, and closes the log: all of it is in its one file then, unless
/// another process reads it. A dashboard that is to be kept goes on in between until a signal comes.
async fn end(run: Run, dashboard: Option<Dashboard>, stop: &Stop, progress: &Progress) {
    let Run { config, store, live, policy, trainer_service, .. } = run;
    drop((policy, trainer_service));
    live.end();
    if let Some(dashboard) = dashboard {
        if config.dashboard.keep && !stop.requested() {
            progress.kept_open(&dashboard.url());
            stop.wait().await;
        }
        dashboard.close().await;
    }
    store.close().await;
}

impl Run {
    /// Opens the log, reads model and data, starts or finds server and trainer, and has the server
    /// serve the trainer's weights. Returns the last step that is done.
    async fn open(config: Config, options: Options) -> Result<(Self, WeightVersion), Failure> {
        // Everything that can be wrong with the inputs is found before anything is written.
        let inputs = Inputs::load(&config).map_err(Failure::Input)?;
        open_files::allow(config.server.requests()).map_err(Failure::input)?;
        let claim = Claim::take(&config)?;
        std::fs::create_dir_all(config.weights())
            .with_context(|| format!("cannot make the folder {}", config.weights().display()))?;
        let store = Store::open(&config.run.database).await.map_err(Failure::input)?;
        let store = store.cutting_successes(config.log.success_characters);
        let known = find(&store, &config, options.resume).await?;
        let crash = options.trainer_crash.as_deref();
        let (policy, trainer) = tokio::try_join!(policy(&config), trainer(&config, crash))?;
        let (pool, servers) = connect(&config, policy.as_ref()).await?;
        let pool = Arc::new(pool);
        let (name, steps) = (&config.run.name, config.run.steps);
        let live = Arc::new(Live::new(name, steps, Arc::clone(&pool), options.recent));
        let (id, done) = match known {
            Some(known) => known,
            None => (store.create_run(&new_run(&config)).await?, None),
        };
        store.record_problems(id, "train", inputs.train.iter().map(|task| &task.problem)).await?;
        for (name, tasks) in &inputs.heldout {
            store.record_problems(id, name, tasks.iter().map(|task| &task.problem)).await?;
        }
        let given = config.trainer.url.as_deref().unwrap_or_default();
        let trainer_url = trainer.as_ref().map_or(given, Service::url);
        let seconds = Duration::from_secs;
        let run = Self {
            seed: Seed(config.run.seed),
            id,
            store,
            text: inputs.text,
            context: inputs.context,
            train: inputs.train,
            heldout: inputs.heldout,
            pool,
            live,
            servers,
            reviving: tokio::sync::Mutex::default(),
            trainer: Trainer::new(trainer_url, seconds(config.trainer.timeout_seconds))?,
            crash: options.crash,
            config,
            policy,
            trainer_service: trainer,
            _claim: claim,
        };
        let done = done.map_or(WeightVersion(0), Step::version);
        let trained = run.with_trainer(|| run.trainer.state()).await?.version;
        // One step ahead: it was taken, but the log did not get to say so. It will be repeated out
        // of the log, and the trainer recognises it.
        if trained != done && trained != done.next_step().version() {
            return Err(Failure::Work(anyhow!(
                "the log of run `{}` is at version {done}, the trainer's weights at {trained}\n\
                 hint: the folder {} belongs to another run, or its latest versions were removed",
                run.config.run.name,
                run.config.weights().display(),
            )));
        }
        run.publish(trained).await?;
        run.compare_logprobs(trained).await?;
        Ok((run, done))
    }

    /// The problems of a step.
    pub fn tasks_of(&self, step: Step) -> Vec<&Task> {
        let seed = self.seed.of_text("order");
        problems_of(step, self.config.rollout.problems, self.train.len(), seed)
            .into_iter()
            .map(|position| &self.train[position])
            .collect()
    }

    /// The prompt of a trial.
    pub fn prompt(&self, task: &Task, kind: HintKind, answers: &[String]) -> Result<Prompt> {
        let text = self.config.prompts.render(kind, &task.problem.text, answers);
        let ids = self
            .text
            .prompt(&text)
            .with_context(|| format!("the prompt of problem {}", task.problem.id))?;
        Ok(Prompt { text, ids })
    }

    /// The prompt of a second trial, with as many of its answers as the model's context has room
    /// for beside the response.
    pub fn second_prompt(
        &self,
        task: &Task,
        mut trial: SecondTrial,
    ) -> Result<(SecondTrial, Prompt)> {
        loop {
            let prompt = self.prompt(task, trial.kind, &trial.answers)?;
            if prompt.ids.len() + self.config.rollout.max_tokens <= self.context {
                return Ok((trial, prompt));
            }
            let id = &task.problem.id;
            trial = trial.shortened().with_context(|| {
                format!("the prompt of problem {id} is longer than the context")
            })?;
        }
    }

    /// The data set's own solution of a problem, if the method learns from it: a response that
    /// nobody sampled.
    pub fn solution(&self, task: &Task, served: WeightVersion) -> Result<Option<GradedRollout>> {
        if self.config.run.method != Method::Gold {
            return Ok(None);
        }
        let text = task.solution.as_deref().unwrap_or_default();
        let tokens = solution_tokens(&self.text, text)?;
        let rollout = Rollout {
            index: 0,
            logprobs: vec![0.0; tokens.len()],
            tokens,
            text: text.to_owned(),
            finish: FinishReason::Stop,
            version: served,
        };
        Ok(Some(GradedRollout { rollout, verdict: Verdict::Correct, answer: None }))
    }

    /// Pushes a version to the servers and verifies that they serve it. One that fails is left out
    /// until the next push; while none of them can be reached, they are tried again for as long as
    /// patience lasts.
    pub async fn publish(&self, version: WeightVersion) -> Result<PublishReport> {
        let probe = self.prompt(&self.train[0], HintKind::Plain, &[])?.ids;
        let servers = self.servers.clone();
        let request = PublishRequest {
            version,
            servers,
            probe,
            tolerance: self.config.server.tolerance,
            timeout_seconds: self.config.server.push_timeout_seconds,
            transfer: self.config.server.push,
        };
        let patience = Duration::from_secs(self.config.server.patience_seconds);
        let clock = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let report = self.with_trainer(|| self.trainer.publish(&request)).await?;
            if self.pool.pushed(&report) > 0 {
                self.live.waiting(None);
                return Ok(report);
            }
            let failure = self.pool.last_failure();
            if let Some(policy) = &self.policy
                && policy.revive().await?
            {
                self.pool.forgive();
                continue;
            }
            let refused =
                |push: &ServerPublish| matches!(push.outcome, PushOutcome::Refused { .. });
            if report.servers.iter().any(refused) {
                bail!("no server has taken version {version}: {failure}");
            }
            if clock.elapsed() + pause > patience {
                bail!("no server was reached within {patience:?}: {failure}");
            }
            self.live.waiting(Some(format!("a policy server: {failure}")));
            tracing::warn!(%failure, ?pause, "no server has taken the weights; trying again");
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Takes a step in the trainer, once.
    pub async fn train(&self, request: &TrainRequest) -> Result<TrainReport> {
        self.with_trainer(|| self.trainer.train(request)).await
    }

    /// Makes a call to the trainer. One that the run has started is started again if it dies, others
    /// are waited for while patience lasts. All calls may be repeated.
    async fn with_trainer<T, F>(&self, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let patience = Duration::from_secs(self.config.server.patience_seconds);
        let clock = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let outcome = match &self.trainer_service {
                None => call().await,
                Some(service) => tokio::select! {
                    outcome = call() => outcome,
                    () = service.ended() => {
                        service.revive().await?;
                        continue;
                    }
                },
            };
            let error = match outcome {
                Err(error) if error.transience() == Transience::Transient => error,
                outcome => return Ok(outcome?),
            };
            match &self.trainer_service {
                // This may be the first that is seen of its end.
                Some(service) if timeout(END_IS_SEEN, service.ended()).await.is_ok() => {
                    service.revive().await?;
                }
                None if matches!(error, CallError::Transport { .. })
                    && clock.elapsed() + pause <= patience =>
                {
                    tracing::warn!(%error, ?pause, "the trainer does not answer; trying again");
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// Sees to it that the servers' log-probabilities of sampled tokens are the trainer's.
    async fn compare_logprobs(&self, version: WeightVersion) -> Result<()> {
        let prompt = self.prompt(&self.train[0], HintKind::Plain, &[])?.ids;
        for (server, adapter) in self.pool.serving(version) {
            let (adapter, trainer) = (adapter.as_deref(), &self.trainer);
            let compared =
                agreement::compare(server, adapter, trainer, &prompt, &self.config).await;
            match compared {
                Ok(largest) => tracing::info!(url = server.url(), largest, "log-probs agree"),
                Err(AgreementError::Disagreement(error)) => return Err(error.into()),
                // Whatever it is, the rollouts will meet it, and know what to do.
                Err(AgreementError::Call(error)) => {
                    tracing::warn!(url = server.url(), "log-probs were not compared: {error:#}");
                }
            }
        }
        Ok(())
    }

    /// Samples with the weights of `version`; brings the servers back first if none serves it.
    /// They come back with the trainer's version, which may be newer by then: the one that sampled
    /// is returned.
    pub async fn sample(
        &self,
        mut version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<(WeightVersion, Vec<Sampled>)> {
        loop {
            match self.pool.sample(version, request).await {
                Err(error) if error.is::<NoServer>() => {
                    let _one_at_a_time = self.reviving.lock().await;
                    version = if let Some(served) = self.pool.served() {
                        served
                    } else {
                        let state = self.with_trainer(|| self.trainer.state()).await?;
                        self.publish(state.version).await?.version
                    };
                }
                sampled => return sampled.map(|sampled| (version, sampled)),
            }
        }
    }

    /// Whether the run has used up its tokens.
    async fn has_sampled_enough(&self) -> Result<bool> {
        let Some(limit) = self.config.run.max_tokens else { return Ok(false) };
        let sums = self.store.metric_sums(self.id).await?;
        let tokens = ["first_trial_tokens", "second_trial_tokens"].map(|name| sums.get(name));
        Ok(tokens.into_iter().flatten().sum::<f64>() >= limit as f64)
    }

    async fn evaluate_if_due(&self, version: WeightVersion) -> Result<Option<Scores>> {
        let every = self.config.evaluation.every;
        let due = version.0 == 0 || (every > 0 && version.0.is_multiple_of(every));
        if due { Ok(Some(evaluate::evaluate(self, version).await?)) } else { Ok(None) }
    }
}

/// The embedded server, unless the configuration names others.
async fn policy(config: &Config) -> Result<Option<Service>, Failure> {
    if config.server.urls.is_empty() { Service::policy(config).await.map(Some) } else { Ok(None) }
}

/// The trainer, unless the configuration names one.
async fn trainer(config: &Config, crash: Option<&str>) -> Result<Option<Service>, Failure> {
    match config.trainer.url {
        Some(_) => Ok(None),
        None => Service::trainer(config, crash).await.map(Some),
    }
}

/// Finds out what the servers speak.
async fn connect(
    config: &Config,
    embedded: Option<&Service>,
) -> Result<(Pool, Vec<ServerAddress>), Failure> {
    let urls = match embedded {
        Some(service) => vec![service.url().to_owned()],
        None => config.server.urls.clone(),
    };
    let timeout = Duration::from_secs(config.server.timeout_seconds);
    let (mut adapters, mut addresses) = (Vec::new(), Vec::new());
    for url in urls {
        let found = probe(&url, &config.server.model).await?;
        tracing::info!("{found}");
        let Some(kind) = found.control else {
            return Err(Failure::Work(anyhow!(
                "{url} has no routes to load weights\n\
                 hint: start vLLM with VLLM_SERVER_DEV_MODE=1, as docs/servers.md says"
            )));
        };
        if config.server.push == Transfer::Nccl && kind != ServerKind::Vllm {
            return Err(Failure::Input(anyhow!(
                "{url} takes no weights over NCCL, vLLM does\n\
                 hint: push by server.push = \"disk\""
            )));
        }
        adapters.push(found.connect(&config.server.model, timeout)?);
        addresses.push(ServerAddress { url: found.url, kind });
    }
    let limits = Limits {
        concurrency: config.server.concurrency,
        failures: FAILURES_IN_A_ROW,
        budget: config.server.error_budget,
        pause: FIRST_PAUSE,
        stall: Duration::from_secs(config.server.stall_seconds),
    };
    Ok((Pool::new(adapters, limits), addresses))
}

/// Finds the run in the log: its key and its last committed step. `None` for a new run.
async fn find(
    store: &Store,
    config: &Config,
    resume: bool,
) -> Result<Option<(RunId, Option<Step>)>, Failure> {
    let name = &config.run.name;
    let Some(record) = store.run_by_name(name).await? else { return Ok(None) };
    if !resume {
        return Err(Failure::Input(anyhow!(
            "the log {} has a run `{name}` already\n\
             hint: go on with it by --resume, or choose another name by --set run.name=...",
            config.run.database.display()
        )));
    }
    let (settings, recorded) = (config.settings(), Config::completed(record.config));
    if recorded != settings {
        return Err(Failure::Input(anyhow!(
            "run `{name}` was started with another configuration: {}\n\
             hint: undo the change, or start a new run by --set run.name=...",
            difference(&recorded, &settings)
        )));
    }
    Ok(Some((record.id, store.last_committed_step(record.id).await?)))
}

fn new_run(config: &Config) -> NewRun {
    NewRun {
        name: config.run.name.clone(),
        method: config.run.method,
        seed: config.run.seed,
        model: config.model.path.clone(),
        config: config.settings(),
    }
}
