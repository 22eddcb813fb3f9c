//! Opening a run: the log, the inputs, the services, and the push of the trainer's
//! weights to the servers.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use retrial_config::{Config, difference};
use retrial_domain::Truncated;
use retrial_live::{Live, Recent};
use retrial_lte::Seed;
use retrial_protocol::{Step, WeightVersion};
use retrial_store::{Input, InputKind, NewRun, RunId, Store, known_inputs};
use retrial_verify::Verifiers;
use retrial_verify::sandbox::Launcher;
use tokio::sync::Mutex;
use tokio::task::block_in_place;

use crate::claim::Claim;
use crate::context::Context;
use crate::evaluator::Set;
use crate::failure::Failure;
use crate::fault::CrashPoint;
use crate::grading::Grading;
use crate::inputs::Inputs;
use crate::open_files;
use crate::pinned;
use crate::pool_source::Watched;
use crate::services::connect;
use crate::spaces::Spaces;
use crate::supervisor::Supervisor;
use crate::suspicions::Suspicions;

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Continue the run of this name if there is one.
    pub resume: bool,
    /// Crash on purpose.
    pub crash: Option<CrashPoint>,
    /// Make the trainer crash on purpose.
    pub trainer_crash: Option<String>,
    /// The collector of the program's warnings.
    pub recent: Recent,
}

/// An open run.
pub struct Run {
    /// The context of its steps.
    pub context: Context,
    /// The last finished version.
    pub done: WeightVersion,
    /// The lock of the run.
    _claim: Claim,
}

impl Run {
    /// Opens the log, reads model and data, starts or connects to server and trainer, and pushes
    /// the trainer's weights.
    pub async fn open(mut config: Config, options: Options) -> Result<Self, Failure> {
        // All errors in the inputs are found before anything is written.
        // Chat templates of a resumed run see the time when it began.
        let known = known_inputs(&config.run.database, &config.run.name).await;
        let now = pinned::time(&known).unwrap_or_else(retrial_text::now);
        let load = || Inputs::load(&mut config, now);
        let inputs = block_in_place(load).map_err(Failure::Input)?;
        open_files::allow(config.server.requests()).map_err(Failure::input)?;
        let claim = Claim::take(&config)?;
        std::fs::create_dir_all(config.weights())
            .with_context(|| format!("cannot make the folder {}", config.weights().display()))?;
        let store = Store::open(&config.run.database).await.map_err(Failure::input)?;
        let store = store.cutting_successes(config.log.success_characters);
        go_on_as_begun(&store, &mut config, options.resume).await?;
        let known = find(&store, &config, options.resume).await?;

        if let Some((id, _)) = known {
            same(&store.inputs(id).await?, &inputs).map_err(|error| changed(&config, &error))?;
        }
        tell(&config, &inputs);
        let verifiers = Verifiers::open(&config.reward, &Launcher::this_program()).await;
        let verifiers = Arc::new(verifiers.map_err(Failure::input)?);
        let Options { crash, trainer_crash, recent, .. } = options;
        let (services, live) = services(&config, &inputs, trainer_crash.as_deref(), recent).await?;
        let (id, done) = match known {
            Some(known) => known,
            None => (store.create_run(&new_run(&config, &inputs)).await?, None),
        };
        store.record_inputs(id, &inputs.pinned).await?;
        let Inputs { prompts, train, heldout, .. } = inputs;
        store.record_problems(id, "train", train.tasks().map(|task| task.problem)).await?;
        let k = config.evaluation.k;
        let heldout: Vec<Set> = heldout.iter().map(|set| Set::of(set, k)).collect();
        for set in &heldout {
            let problems = set.tasks.iter().map(|task| task.problem.clone());
            store.record_problems(id, set.name(), problems).await?;
        }
        let seed = Seed(config.run.seed);
        let grading = Grading::new(Arc::clone(&prompts.text), verifiers);
        let held_out_grading = grading.looking_in(config.evaluation.extraction);
        let spaces = Spaces::of(&config, &train);
        let context = Context {
            config,
            seed,
            train,
            heldout,
            prompts,
            services,
            grading,
            held_out_grading,
            spaces,
            store,
            id,
            live,
            crash,
        };
        let done = done.map_or(WeightVersion(0), Step::version);
        let done = bring_to_trainer(&context, done).await?;
        Ok(Self { context, done, _claim: claim })
    }
}

/// The policy servers and the trainer, and their state for the dashboard.
async fn services(
    config: &Config,
    inputs: &Inputs,
    trainer_crash: Option<&str>,
    recent: Recent,
) -> Result<(Supervisor, Arc<Live>), Failure> {
    let probe = inputs.prompts.plain(&inputs.train.task(0))?.ids;
    let log = config.weights().join("policy.log");
    let longest = Some(inputs.longest_sequence(config));
    let ((policy_process, urls), (trainer_process, trainer)) = tokio::try_join!(
        connect::policy(&config.server, &inputs.folder, longest, log),
        connect::trainer(config, &inputs.folder, trainer_crash),
    )?;
    let (pool, servers) = connect::pool(&config.server, &urls).await?;
    let pool = Arc::new(pool);
    let (name, steps) = (&config.run.name, config.run.steps);
    let live = Arc::new(Live::new(name, steps, Arc::new(Watched(Arc::clone(&pool))), recent));
    let supervisor = Supervisor {
        pool,
        servers,
        trainer,
        policy_process,
        trainer_process,
        probe,
        live: Arc::clone(&live),
        config: config.clone(),
        suspicions: Suspicions::default(),
        bringing_back: Mutex::default(),
    };
    Ok((supervisor, live))
}

/// Pushes the trainer's version to the servers, and checks that log-probabilities agree.
/// Returns the version from which the run continues.
async fn bring_to_trainer(
    context: &Context,
    done: WeightVersion,
) -> Result<WeightVersion, Failure> {
    let Context { config, services, .. } = context;
    let state = services.state().await?;
    let trained = state.version;
    services.pool.expect_vocabulary(state.vocabulary);
    let done = if trained < done && state.damaged.is_some() {
        go_back(config, done, trained)?;
        trained
    } else {
        done
    };
    // One step ahead: the step was taken, but not committed to the log. It will be repeated from the
    // log, and the trainer recognises it.
    if trained != done && trained != done.next_step().version() {
        return Err(Failure::Work(anyhow!(
            "the log of run `{}` is at version {done}, the trainer's weights at {trained}\n\
             hint: the folder {} belongs to another run, or its latest versions were removed",
            config.run.name,
            config.weights().display(),
        )));
    }
    services.publish(trained, None).await?;
    services.compare_logprobs(trained).await?;
    Ok(done)
}

/// Called when the newest versions are damaged. Their steps are repeated with the rollouts in the log,
/// which gives the same weights again.
fn go_back(config: &Config, done: WeightVersion, whole: WeightVersion) -> Result<(), Failure> {
    let (name, folder) = (&config.run.name, config.weights());
    if config.log.success_characters.is_some() {
        return Err(Failure::Work(anyhow!(
            "version {done} of the weights of run `{name}` in {} is damaged, and the log has only the \
             beginnings of the responses needed to repeat its steps\n\
             hint: start another run from version {whole}, which is intact, with --set \
             model.path=...; without [log] success_characters a run repeats the steps automatically",
            folder.display()
        )));
    }
    let first = whole.next_step();
    tracing::warn!(
        "the weights of version {done} are damaged: run `{name}` goes back to version {whole}, and \
         repeats the steps from {first} on with the rollouts in the log"
    );
    Ok(())
}

/// A run that is older than `[reward]` keeps its treatment of truncated responses.
async fn go_on_as_begun(store: &Store, config: &mut Config, resume: bool) -> Result<(), Failure> {
    let known = store.run_by_name(&config.run.name).await?;
    if resume && known.is_some_and(|record| Config::fails_what_is_cut(&record.config)) {
        config.reward.truncated = Truncated::Fail;
        tracing::info!(
            "run `{}` is older than [reward]: truncated responses remain failures in it",
            config.run.name
        );
    }
    Ok(())
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
             hint: continue it with --resume, or choose another name by --set run.name=...",
            config.run.database.display()
        )));
    }
    let (mut settings, mut recorded) = (config.settings(), Config::completed(record.config));
    if !store.inputs(record.id).await?.is_empty() {
        // Those are compared by content, not by path.
        [settings, recorded] = [settings, recorded].map(Config::without_places);
    }
    if recorded != settings {
        return Err(Failure::Input(anyhow!(
            "run `{name}` was started with another configuration: {}\n\
             hint: undo the change, or start a new run by --set run.name=...",
            difference(&recorded, &settings)
        )));
    }
    Ok(Some((record.id, store.last_committed_step(record.id).await?)))
}

/// Fails if a resumed run has another model or other problems. Logs that are older
/// than the table of inputs have nothing to compare with.
fn same(known: &[Input], inputs: &Inputs) -> anyhow::Result<()> {
    if known.is_empty() {
        return Ok(());
    }
    pinned::same_model(known, &inputs.pinned[0])?;
    pinned::same_set(known, InputKind::Train, &inputs.train)?;
    for set in &inputs.heldout {
        pinned::same_set(known, InputKind::HeldOut, set)?;
    }
    pinned::no_set_is_gone(known, inputs.heldout.iter().map(|set| set.report().set.as_str()))
}

fn changed(config: &Config, error: &anyhow::Error) -> Failure {
    let name = &config.run.name;
    Failure::Input(anyhow!(
        "run `{name}` cannot continue: {error:#}\n\
         hint: undo the change, or start a new run by --set run.name=..."
    ))
}

/// Reports what a person should know about the data.
fn tell(config: &Config, inputs: &Inputs) {
    for set in inputs.heldout.iter().chain([&inputs.train]) {
        let report = set.report();
        if report.is_plain() {
            tracing::info!("{report}");
        } else {
            retrial_log::tell(&report.to_string());
        }
    }
    let held_out = config.evaluation.extraction;
    if config.reward.clone().looking_in(held_out) != config.reward {
        tracing::info!(
            "answers to held-out problems are extracted by `{held_out}` ([evaluation] extraction), \
             those to training problems as [reward] says"
        );
    }
    let (wanted, there) = (config.rollout.problems, inputs.train.len());
    if wanted > there {
        tracing::warn!(
            "[rollout] problems is {wanted}, but there are only {there} to train on: a step has {there}"
        );
    }
}

fn new_run(config: &Config, inputs: &Inputs) -> NewRun {
    NewRun {
        name: config.run.name.clone(),
        method: config.run.method,
        seed: config.run.seed,
        model: inputs.pinned[0].source.clone(),
        config: config.settings(),
    }
}
