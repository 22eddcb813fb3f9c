//! Supervised fine-tuning on prompts with responses: the cold start of a policy.

use std::convert::Infallible;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use retrial_protocol::{Optimizer, Schedule};
use retrial_text::Text;
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::compute::{Keep, Threads};
use crate::export;
use crate::model::Decoder;
use crate::ranks::Environment;
use crate::update::adamw::AdamW;
use crate::update::clipping::clip;
use crate::update::forward_backward::Pass;
use crate::update::gradients::Gradients;
use crate::update::sequences::{Sequence, micro_batches};

/// Time between two lines of progress.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Trains a model on JSON Lines of {"prompt": "...", "response": "..."}.
///
/// Each prompt becomes one user message in the model's chat template; the tokenizer's end token is
/// added to each response. The loss covers the response tokens only.
///
/// Example: retrial-trainer sft --model base --data examples.jsonl --out trained
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Hugging Face folder of the model. A folder without weights starts from random ones.
    #[arg(long)]
    pub model: PathBuf,
    /// JSON Lines file of examples.
    #[arg(long)]
    pub data: PathBuf,
    /// Folder for the trained model; must not exist, or be empty.
    #[arg(long)]
    pub out: PathBuf,
    /// Passes over the examples.
    #[arg(long, default_value_t = 1)]
    pub epochs: u32,
    /// Examples in an optimizer step.
    #[arg(long, default_value_t = 128)]
    pub batch: usize,
    /// Peak learning rate, after a linear warm-up; it decays to 0 along a cosine.
    #[arg(long, default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Share of the steps for warm-up.
    #[arg(long, default_value_t = 0.1)]
    pub warmup: f64,
    /// Weight decay of the matrices.
    #[arg(long, default_value_t = 0.01)]
    pub weight_decay: f64,
    /// Gradient clipping: the largest norm of the gradient.
    #[arg(long, default_value_t = 1.0)]
    pub max_grad_norm: f64,
    /// Tokens, padding included, in one forward pass.
    #[arg(long, default_value_t = 4096)]
    pub micro_batch_tokens: usize,
    /// Random seed of the order of the examples and of fresh weights.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads of libtorch.
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    prompt: String,
    response: String,
}

struct Example {
    prompt: Vec<u32>,
    response: Vec<u32>,
}

impl Example {
    fn sequence(&self) -> Sequence<'_> {
        Sequence { prompt: &self.prompt, response: &self.response }
    }
}

/// A cold start that is ready to begin: everything is read and checked.
pub struct Job<'a> {
    args: &'a Args,
    settings: Optimizer,
    steps: u64,
    model: Decoder,
    examples: Vec<Example>,
}

impl<'a> Job<'a> {
    /// Reads and checks model and examples.
    pub fn open(args: &'a Args) -> Result<Self> {
        ensure!(
            Environment::read()?.is_none(),
            "the cold start runs on one rank\nhint: start it without WORLD_SIZE in the environment"
        );
        ensure!(args.epochs > 0 && args.batch > 0, "--epochs and --batch must be at least 1");
        ensure!((0.0..1.0).contains(&args.warmup), "--warmup must be at least 0 and under 1");
        export::check_free(&args.out)?;
        let text = Text::load(&args.model)?;
        let model = open(&args.model, args.seed)?;
        let examples = read(&args.data, &text, model.config().context)?;
        let steps = examples.len().div_ceil(args.batch) as u64 * u64::from(args.epochs);
        let warmup_steps = (args.warmup * steps as f64).floor() as u64;
        let settings = Optimizer {
            learning_rate: args.learning_rate,
            schedule: Schedule::Cosine { steps, floor: 0.0 },
            warmup_steps,
            weight_decay: args.weight_decay,
            max_grad_norm: args.max_grad_norm,
            ..Optimizer::default()
        };
        settings.validate()?;
        Ok(Self { args, settings, steps, model, examples })
    }

    /// Trains and writes the model.
    pub fn run(self) -> Result<()> {
        let Self { args, settings, steps, model, examples } = self;
        for (_, parameter) in model.parameters() {
            let _ = parameter.set_requires_grad(true);
        }
        let mut optimizer = AdamW::new(model.parameters());
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(args.seed);
        let (clock, mut tokens, mut reported) = (Instant::now(), 0, None);
        for _ in 0..args.epochs {
            order.shuffle(&mut random);
            for chosen in order.chunks(args.batch) {
                let chosen: Vec<&Example> = chosen.iter().map(|&index| &examples[index]).collect();
                let (loss, gradients) =
                    loss_and_gradients(&model, &chosen, args.micro_batch_tokens);
                ensure!(loss.is_finite(), "the loss is not finite\nhint: lower --learning-rate");
                clip(&gradients, args.max_grad_norm);
                optimizer.step(&settings, model.parameters(), &gradients);

                tokens += chosen.iter().map(|example| example.sequence().tokens()).sum::<usize>();
                let done = optimizer.steps();
                let due = reported.is_none_or(|at: Instant| at.elapsed() >= REPORT_EVERY);
                if due || done == steps {
                    let seconds = clock.elapsed().as_secs_f64();
                    let (speed, left) = (tokens as f64 / seconds, (steps - done) as f64);
                    println!(
                        "step {done}/{steps}  loss {loss:.4}  {speed:.0} tokens/s  {:.0} s left",
                        left * seconds / done as f64
                    );
                    reported = Some(Instant::now());
                }
            }
        }
        export::write(&model, &args.model, &args.out, Kind::Float)?;
        println!("wrote {}", args.out.display());
        Ok(())
    }
}

/// The mean negative log-likelihood of the response tokens, and its gradients.
fn loss_and_gradients(model: &Decoder, examples: &[&Example], budget: usize) -> (f64, Vec<Tensor>) {
    let count: usize = examples.iter().map(|example| example.response.len()).sum();
    let all: Vec<Sequence<'_>> = examples.iter().map(|example| example.sequence()).collect();
    let mut gradients = Gradients::new(model.parameters().len());
    let mut loss = 0.0;
    for positions in micro_batches(&all, budget) {
        let sequences: Vec<Sequence<'_>> =
            positions.iter().map(|&position| all[position]).collect();
        let pass = Pass::forward(model, Kind::Float, &sequences, 1.0, Keep::Graphs);
        let logprobs = &pass.scores.logprobs;
        loss -= logprobs.sum(Kind::Double).double_value(&[]) / count as f64;
        let slope = logprobs.full_like(-1.0 / count as f64);
        let Ok(_) = pass.backward(&slope, None, &mut gradients, |_, _| Ok::<_, Infallible>(()));
    }
    (loss, gradients.finish(model.parameters()))
}

fn open(folder: &Path, seed: u64) -> Result<Decoder> {
    let has_weights = ["model.safetensors", "model.safetensors.index.json"]
        .iter()
        .any(|name| folder.join(name).exists());
    if has_weights {
        Ok(Decoder::load(folder, Device::Cpu)?)
    } else {
        println!("{} has no weights: starting from fresh ones", folder.display());
        Ok(Decoder::fresh(folder, seed as i64, Device::Cpu)?)
    }
}

fn read(path: &Path, text: &Text, context: usize) -> Result<Vec<Example>> {
    let end = text.end_token().context(
        "the tokenizer names no end token\nhint: set eos_token in tokenizer_config.json",
    )?;
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut examples = Vec::new();
    for (number, line) in (1..).zip(std::io::BufReader::new(file).lines()) {
        let place = || format!("{}:{number}", path.display());
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line).with_context(place)?;
        let prompt = text.prompt(&line.prompt).with_context(place)?;
        let mut response = text.encode(&line.response).with_context(place)?;
        response.push(end);
        let tokens = prompt.len() + response.len();
        if tokens > context {
            bail!("{}: {tokens} tokens, the model's context is {context}", place());
        }
        examples.push(Example { prompt, response });
    }
    ensure!(!examples.is_empty(), "{} has no examples", path.display());
    Ok(examples)
}
