//! Supervised fine-tuning on prompts with responses: the cold start of a policy.
//!
//! [`Job::open`] reads the examples (`examples`, `layout`, `report`) and the model; [`Job::run`] takes one
//! optimizer step after another (`order`, `learn`), on one rank or on several, measures them (`metrics`,
//! `progress`), and keeps checkpoints in `OUT.partial` (`partial`) until the model is written (`output`).

mod agree;
mod args;
mod examples;
mod layout;
mod learn;
mod metrics;
mod order;
mod output;
mod partial;
mod progress;
mod report;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use retrial_protocol::{Optimizer, Schedule};
use serde_json::{Map, Value, json};
use tch::Kind;

pub use args::Args;

use crate::compute::Compute;
use crate::export;
use crate::model::lora::{self, NewAdapter};
use crate::model::{Decoder, ModelConfig, Shards, has_model};
use crate::ranks::{Environment, Place, Ranks};
use crate::update::Learner;
use agree::agree;
use args::Training;
use examples::{Example, Examples};
use metrics::{Line, Metrics};
use order::Order;
use partial::Partial;
use progress::Progress;

/// A cold start that is ready to begin: everything is read and checked.
pub struct Job<'a> {
    args: &'a Args,
    settings: Optimizer,
    /// Steps in all, and those that a checkpoint has.
    steps: u64,
    done: u64,
    examples: Examples,
    order: Order,
    ranks: Ranks,
    learner: Learner,
    partial: Partial,
    /// On the leader.
    metrics: Option<Metrics>,
}

impl<'a> Job<'a> {
    /// Reads and checks model and examples.
    pub fn open(args: &'a Args) -> Result<Self> {
        args.check()?;
        let Training { seed, batch, epochs, .. } = args.training;
        let environment = Environment::read()?;
        let compute = args.machine.compute.compute()?;
        let adapter = args.training.lora.adapter(seed)?;
        let timeout = Duration::from_secs(args.machine.rank_timeout);
        let mut ranks = Ranks::of_environment(environment.as_ref(), timeout)?;
        ranks.use_gpu(compute.device)?;
        let place = ranks.place();

        let free = || export::check_free(&args.out);
        agree(&mut ranks, if place.leads() { free() } else { Ok(()) })?;
        let examples = read_examples(args, &mut ranks)?;
        let order = Order::new(examples.train.len(), batch, seed);
        let steps = order.a_pass() * u64::from(epochs);
        let settings = optimizer(&args.training, steps)?;
        let progress = Progress::new(place.leads(), 0, steps);
        examples.reports.iter().for_each(|report| progress.say(report));
        if args.held_out.share.is_some() {
            progress.say(format_args!("held out: {} of them", examples.held_out.len()));
        }

        let (partial, done) = Partial::open(
            &mut ranks,
            args.partial()?,
            &args.model,
            adapter.clone(),
            &pinned(args, adapter.as_ref(), compute, &examples)?,
            args.saving.resume,
            args.fault(),
        )?;
        let learner = match done {
            0 => start(&args.model, adapter.as_ref(), seed, compute, place),
            _ => partial.load(compute, &ranks),
        };
        let learner = agree(&mut ranks, learner)?;
        let metrics = || Metrics::open(&partial.folder, done);
        let metrics = agree(&mut ranks, place.leads().then(metrics).transpose())?;
        if args.saving.resume {
            match done {
                0 => progress.say("there is no checkpoint: starting at the beginning"),
                _ => progress.say(format_args!("continuing after step {done}")),
            }
        }
        Ok(Self { args, settings, steps, done, examples, order, ranks, learner, partial, metrics })
    }

    /// Trains and writes the model.
    pub fn run(mut self) -> Result<()> {
        let leads = self.ranks.place().leads();
        let mut progress = Progress::new(leads, self.done, self.steps);
        if self.done == 0
            && let Some(loss) = self.held_out_loss(&mut progress)?
        {
            progress.say(format_args!("step 0/{}  held-out loss {loss:.4}", self.steps));
            self.write(&Line { held_out_loss: Some(loss), ..Line::default() })?;
        }
        progress.start();
        while self.done < self.steps {
            self.step(&mut progress)?;
        }
        let Self { args, learner, partial, mut ranks, metrics, .. } = self;
        let write = || {
            if let Some(metrics) = &metrics {
                metrics.sync()?;
            }
            output::write(&learner, args.training.merge, &args.model, &partial.folder, &args.out)
        };
        agree(&mut ranks, if leads { write() } else { Ok(()) })?;
        progress.say(format_args!("wrote {}", args.out.display()));
        if leads { partial.remove() } else { Ok(()) }
    }

    /// Takes a step, and measures and saves what is due after it.
    fn step(&mut self, progress: &mut Progress) -> Result<()> {
        let Self { args, settings, steps, done, examples, order, ranks, learner, .. } = self;
        let (clock, before) = (Instant::now(), *done);
        let chosen: Vec<&Example> =
            order.after(before).iter().map(|&index| &examples.train[index]).collect();
        let budget = args.machine.micro_batch_tokens;
        let taken = learn::step(learner, ranks, settings, &chosen, budget, |share| {
            progress.within(format_args!("step {}/{steps}", before + 1), share);
        })?;
        let tokens: usize = chosen.iter().map(|example| example.tokens()).sum();
        let seconds = clock.elapsed().as_secs_f64();
        *done += 1;
        let (done, steps, a_pass) = (*done, *steps, order.a_pass());
        self.partial.stepped(done);
        progress.step(done, taken.loss, tokens);

        let every = self.args.held_out.eval_every.unwrap_or(a_pass);
        let is_due = done.is_multiple_of(every) || done == steps;
        let held_out_loss = if is_due { self.held_out_loss(progress)? } else { None };
        if let Some(loss) = held_out_loss {
            progress.say(format_args!("step {done}/{steps}  held-out loss {loss:.4}"));
        }
        let factor = self.settings.schedule.factor(self.settings.warmup_steps, before);
        self.write(&Line {
            step: done,
            epoch: done as f64 / a_pass as f64,
            loss: Some(taken.loss),
            learning_rate: Some(self.settings.learning_rate * factor),
            grad_norm: Some(taken.grad_norm),
            tokens: Some(tokens),
            tokens_per_second: Some((tokens as f64 / seconds).round()),
            held_out_loss,
        })?;

        let every = self.args.saving.save_every;
        if done < steps && every.is_some_and(|every| done.is_multiple_of(every)) {
            if let Some(metrics) = &self.metrics {
                metrics.sync()?;
            }
            let Self { args, partial, learner, ranks, .. } = self;
            let saved = partial.save(learner, ranks, done, &args.model)?;
            progress.say(format_args!("step {done}/{steps}  saved in {}", saved.display()));
        }
        Ok(())
    }

    fn held_out_loss(&mut self, progress: &mut Progress) -> Result<Option<f64>> {
        let Self { args, examples, learner, ranks, done, steps, .. } = self;
        if examples.held_out.is_empty() {
            return Ok(None);
        }
        let budget = args.machine.micro_batch_tokens;
        let loss = learn::mean_loss(learner, ranks, &examples.held_out, budget, |share| {
            progress.within(format_args!("step {done}/{steps}  held-out loss"), share);
        });
        loss.map(Some)
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        self.metrics.as_mut().map_or(Ok(()), |metrics| metrics.write(line))
    }
}

/// Reads the examples on all ranks: the leader first, so that nothing is downloaded twice.
fn read_examples(args: &Args, ranks: &mut Ranks) -> Result<Examples> {
    let read =
        || Examples::read(args, ModelConfig::load(&lora::described_in(&args.model)?)?.context);
    let own = agree(ranks, ranks.place().leads().then(read).transpose())?;
    let examples = agree(ranks, own.map_or_else(read, Ok))?;
    // A float holds this much exactly.
    let digest = examples.digest[..6].iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
    let digests = ranks.concat(&[digest as f64])?;
    if let Some(rank) = digests.iter().position(|digest| *digest != digests[0]) {
        bail!(
            "rank {rank} reads other examples than rank 0\n\
             hint: all ranks must see the same model folder and the same data"
        );
    }
    Ok(examples)
}

/// The settings of the optimizer for this many steps.
fn optimizer(training: &Training, steps: u64) -> Result<Optimizer> {
    let settings = Optimizer {
        learning_rate: training.learning_rate,
        schedule: Schedule::Cosine { steps, floor: 0.0 },
        warmup_steps: (training.warmup * steps as f64).floor() as u64,
        weight_decay: training.weight_decay,
        max_grad_norm: training.max_grad_norm,
        ..Optimizer::default()
    };
    settings.validate()?;
    Ok(settings)
}

/// What a training must be resumed with, by the names that people know.
fn pinned(
    args: &Args,
    adapter: Option<&NewAdapter>,
    compute: Compute,
    examples: &Examples,
) -> Result<Map<String, Value>> {
    let model = args.model.canonicalize();
    let model = model.with_context(|| format!("cannot find {}", args.model.display()))?;
    let digest = examples.digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let Training {
        epochs, batch, learning_rate, warmup, weight_decay, max_grad_norm, seed, ..
    } = args.training;
    let all = json!({
        "--model": model,
        "the digest of the examples": digest,
        "--epochs": epochs,
        "--batch": batch,
        "--learning-rate": learning_rate,
        "--warmup": warmup,
        "--weight-decay": weight_decay,
        "--max-grad-norm": max_grad_norm,
        "--seed": seed,
        "--lora": adapter.map(|adapter| &adapter.form),
        "--precision": if compute.kind == Kind::Float { "f32" } else { "bf16" },
        "--micro-batch-tokens": args.machine.micro_batch_tokens,
    });
    let Value::Object(all) = all else { unreachable!("it is written as an object") };
    Ok(all)
}

/// The model before the first step.
fn start(
    base: &Path,
    adapter: Option<&NewAdapter>,
    seed: u64,
    compute: Compute,
    place: Place,
) -> Result<Learner> {
    let has_weights = has_model(base) || lora::is_adapter(base);
    if let Some(new) = adapter {
        if !has_weights {
            bail!("{} has no weights, which an adapter needs", base.display());
        }
        let base =
            base.canonicalize().with_context(|| format!("cannot find {}", base.display()))?;
        let model = Decoder::load_as(&base, (compute.kind, compute.device))?;
        lora::check(model.config(), &new.form, &base)?;
        let fresh = lora::fresh(model.config(), new, &base);
        return Ok(Learner::sharded(model.adapted(fresh), compute, place));
    }
    let kind = compute.of_weights(place);
    let as_stored = (kind, compute.device);
    let model = if has_weights {
        Decoder::load_as(base, as_stored)?
    } else {
        if place.leads() {
            tracing::info!("{} has no weights: starting from fresh ones", base.display());
        }
        Decoder::fresh_as(base, seed.cast_signed(), as_stored)?
    };
    let mut learner = Learner::sharded(model, compute, place);
    // Several ranks compute with rounded weights; each has its shard of the exact ones.
    if kind != Kind::Float
        && let Some(mut files) = Shards::open(base, "model")?
    {
        let Learner { model, optimizer, .. } = &mut learner;
        for ((name, like), share) in model.learned().iter().zip(optimizer.shares_mut()) {
            let exact = files.read(name, &like.size())?;
            tch::no_grad(|| share.weight.copy_(&place.share(&exact)));
        }
    }
    Ok(learner)
}
