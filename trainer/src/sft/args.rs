//! The command line of the cold start.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::adapter::LoraArgs;
use crate::compute::{ComputeArgs, Threads};
use crate::fault::Fault;

/// Trains a model on examples: prompts with their responses, or conversations.
///
/// A row has `messages` (the last one of the assistant is the response), or one of `prompt` and
/// `response`, `prompt` and `completion`, `question` and `answer`, `problem` and `solution`,
/// `instruction` and `output`. The prompt is written by the model's chat template; the tokenizer's end
/// token is added to the response. The loss covers the response only. See docs/sft.md.
///
/// Example: retrial-trainer sft --model base --data examples.jsonl --out trained
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Hugging Face folder of the model. A folder without weights starts from random ones.
    #[arg(long)]
    pub model: PathBuf,
    /// Examples: a file (JSON Lines, a JSON array, CSV, Parquet), a folder, a glob, or a data set of the
    /// hub, as in docs/data.md. May be repeated.
    #[arg(long, required = true)]
    pub data: Vec<String>,
    /// Folder for the trained model; must not exist, or be empty. Until it is complete, OUT.partial has
    /// the metrics and the checkpoints.
    #[arg(long)]
    pub out: PathBuf,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) training: Training,
    #[command(flatten)]
    pub(super) held_out: HeldOut,
    #[command(flatten)]
    pub(super) saving: Saving,
    #[command(flatten)]
    pub(super) machine: Machine,
}

/// How examples are read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Data")]
pub(super) struct Reading {
    /// Column of the prompt; a dot leads into it.
    #[arg(long, requires = "response_column")]
    pub prompt_column: Option<String>,
    /// Column of the response; a dot leads into it.
    #[arg(long, requires = "prompt_column")]
    pub response_column: Option<String>,
    /// System message of conversations without one, as `[prompts] system` of a run.
    #[arg(long)]
    pub system: Option<String>,
    /// Write prompts as plain text, without the chat template, as `[prompts] chat = false` of a run.
    #[arg(long)]
    pub plain: bool,
    /// Leave out examples with more tokens, prompt and response together; default: the model's context.
    #[arg(long, visible_alias = "max-length")]
    pub max_tokens: Option<usize>,
    /// Largest share of rows with something wrong with them. Such rows are left out and reported.
    #[arg(long, default_value_t = 0.1)]
    pub max_left_out: f64,
}

/// How the model is trained.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(super) struct Training {
    /// Passes over the examples.
    #[arg(long, default_value_t = 1)]
    pub epochs: u32,
    /// Examples in an optimizer step, of all ranks together.
    #[arg(long, default_value_t = 128)]
    pub batch: usize,
    /// Peak learning rate, after a linear warm-up; it decays to 0 along a cosine.
    #[arg(long, default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Share of the steps for warm-up.
    #[arg(long, visible_alias = "warmup-ratio", default_value_t = 0.1)]
    pub warmup: f64,
    /// Weight decay of the matrices.
    #[arg(long, default_value_t = 0.01)]
    pub weight_decay: f64,
    /// Gradient clipping: the largest norm of the gradient.
    #[arg(long, default_value_t = 1.0)]
    pub max_grad_norm: f64,
    /// Random seed of the order of the examples, of the held-out share, of fresh weights and of a new
    /// adapter.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub lora: LoraArgs,
    /// Write a whole model with the adapter merged instead of the adapter.
    #[arg(long, requires = "lora_rank")]
    pub merge: bool,
}

/// What the loss is measured on besides the examples.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Held-out loss")]
pub(super) struct HeldOut {
    /// Held-out examples, as --data. Their loss is measured before the first step, at the end, and in
    /// between. May be repeated.
    #[arg(
        id = "held_out",
        long = "held-out",
        value_name = "DATA",
        conflicts_with = "held_out_share"
    )]
    pub sources: Vec<String>,
    /// Share of the examples to hold out.
    #[arg(id = "held_out_share", long = "held-out-share", value_name = "SHARE")]
    pub share: Option<f64>,
    /// Steps between two measurements; default: those of a pass over the examples.
    #[arg(long, visible_alias = "eval-steps", value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_every: Option<u64>,
}

/// Checkpoints.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Checkpoints")]
pub(super) struct Saving {
    /// Steps between two checkpoints in OUT.partial; the last one is kept. Default: none.
    #[arg(long, visible_alias = "save-steps", value_parser = clap::value_parser!(u64).range(1..))]
    pub save_every: Option<u64>,
    /// Continue from the last checkpoint in OUT.partial, or start if there is none. The result is that
    /// of a training without interruption, bit for bit.
    #[arg(long)]
    pub resume: bool,
    /// Crash at POINT@STEP (for tests).
    #[arg(long, hide = true, value_parser = Fault::crash)]
    pub crash_at: Option<Fault>,
    /// Stop as by SIGSTOP at POINT@STEP (for tests).
    #[arg(long, hide = true, value_parser = Fault::stop, conflicts_with = "crash_at")]
    pub stop_at: Option<Fault>,
}

/// Where and how the computation happens.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Computation")]
pub(super) struct Machine {
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Tokens in one forward pass of a rank. Examples are packed one after another, without padding.
    #[arg(long, default_value_t = 4096)]
    pub micro_batch_tokens: usize,
    #[command(flatten)]
    pub threads: Threads,
    /// Longest wait for another rank, seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub rank_timeout: u64,
}

impl Args {
    /// Sets up libtorch. Call this before any computation.
    pub fn ready(&self) {
        self.machine.threads.ready();
    }

    /// Checks what a type does not.
    pub(super) fn check(&self) -> Result<()> {
        let Training { epochs, batch, warmup, .. } = &self.training;
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        ensure!(*epochs > 0 && *batch > 0, "--epochs and --batch must be at least 1");
        ensure!(fraction(*warmup), "--warmup must be at least 0 and under 1");
        let left_out = self.reading.max_left_out;
        ensure!((0.0..=1.0).contains(&left_out), "--max-left-out must be between 0 and 1");
        if let Some(share) = self.held_out.share {
            ensure!(share > 0.0 && fraction(share), "--held-out-share must be above 0 and under 1");
        }
        if let Some(most) = self.reading.max_tokens {
            ensure!(most >= 2, "--max-tokens must be at least 2");
        }
        Ok(())
    }

    /// The fault to inject.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.saving.crash_at.or(self.saving.stop_at)
    }

    /// The folder of an unfinished training.
    pub(super) fn partial(&self) -> Result<PathBuf> {
        let named = self.out.file_name();
        let name = named.ok_or_else(|| anyhow::anyhow!("--out must name a folder"))?;
        Ok(self.out.with_file_name(format!("{}.partial", name.to_string_lossy())))
    }
}
