//! The numbers of the embedded server: prompts and single tokens in, rows of logits out.
//!
//! On the processor a model is laid out for sampling (`paged`). libtorch (`padded`) computes on a GPU,
//! and a tiny model, for which it does as well, where its products do not depend on their neighbours.

use std::path::Path;

use retrial_native::cpu::Pool;
use retrial_native::mkl;
use tch::{Device, Kind};

use super::command::{Options, Products};
use super::padded::{Padded, PaddedPrompts};
use super::paged::{Paged, PagedPrompts};
use super::sampling::Score;
use crate::model::{Decoder, ModelError};

/// Parameters from which a model is no longer tiny: its weights do not fit the caches, and products are
/// what takes its time.
const TINY_UNDER: usize = 4_000_000;

/// The model, the cache, and the logits of the last step.
pub enum Forward {
    /// By libtorch.
    Padded(Padded),
    /// By products of our own.
    Paged(Paged),
}

/// Prompts that were computed.
pub enum Prefilled {
    /// By libtorch.
    Padded(PaddedPrompts),
    /// By products of our own.
    Paged(PagedPrompts),
}

macro_rules! both {
    ($self:expr, $forward:ident => $what:expr) => {
        match $self {
            Forward::Padded($forward) => $what,
            Forward::Paged($forward) => $what,
        }
    };
}

impl Prefilled {
    /// Logits of the token after prompt `row`.
    pub fn logits(&self, row: usize) -> &[f32] {
        match self {
            Self::Padded(prompts) => prompts.logits(row),
            Self::Paged(prompts) => prompts.logits(row),
        }
    }
}

impl Forward {
    /// Room for sequences, within `cache_bytes` of memory for keys and values.
    pub fn new(model: Decoder, options: Options, cache_bytes: usize) -> Self {
        let (kind, device) = (options.compute.kind, model.device());
        if !by_libtorch(&model, options) && device == Device::Cpu && kind == Kind::Float {
            return Self::Paged(Paged::new(&model, cache_bytes));
        }
        Self::Padded(Padded::new(model, kind, options.max_sequences, options.context))
    }

    /// How many threads it has a use for: a tiny model for one. Two are no faster, and libtorch would add in
    /// another order.
    pub fn threads(model: &Decoder, options: Options) -> u16 {
        if by_libtorch(model, options) { 1 } else { options.threads }
    }

    /// Whether prompts of different lengths can be computed together.
    pub fn mixes_lengths(&self) -> bool {
        matches!(self, Self::Paged(_))
    }

    /// Computes prompts, all of the same padded length unless lengths mix. `scored` says which of them
    /// [`Self::score`] will be asked for.
    pub fn prefill(&mut self, prompts: &[Vec<u32>], scored: &[bool], pool: &Pool) -> Prefilled {
        match self {
            Self::Padded(padded) => Prefilled::Padded(padded.prefill(prompts)),
            Self::Paged(paged) => Prefilled::Paged(paged.prefill(prompts, scored, pool)),
        }
    }

    /// The log-probability of each token of a prompt after the first; the prompt starts at row
    /// `row` of the computed batch.
    pub fn score(
        &self,
        computed: &Prefilled,
        row: usize,
        prompt: &[u32],
        top: usize,
        pool: &Pool,
    ) -> Vec<Score> {
        match (self, computed) {
            (Self::Padded(padded), Prefilled::Padded(computed)) => {
                padded.score(computed, row, prompt, top)
            }
            (Self::Paged(paged), Prefilled::Paged(computed)) => {
                paged.score(computed, row, prompt, top, pool)
            }
            _ => unreachable!("they are of the same kind"),
        }
    }

    /// The most memory that the cache can take while sequences grow to these lengths, bytes.
    pub fn most_cache(&self, lengths: &[usize]) -> usize {
        both!(self, forward => forward.most_cache(lengths))
    }

    /// Adds a sequence, the first `length` tokens of row `row` of the computed batch.
    pub fn push(&mut self, computed: &Prefilled, row: usize, length: usize) {
        match (self, computed) {
            (Self::Padded(padded), Prefilled::Padded(computed)) => {
                padded.push(computed, row, length);
            }
            (Self::Paged(paged), Prefilled::Paged(computed)) => paged.push(computed, row),
            _ => unreachable!("they are of the same kind"),
        }
    }

    /// Drops sequence `row`; the last sequence moves to its row.
    pub fn swap_remove(&mut self, row: usize) {
        both!(self, forward => forward.swap_remove(row));
    }

    /// Appends a token to each sequence and computes the logits of the tokens after them.
    pub fn decode(&mut self, tokens: &[u32], pool: &Pool) {
        match self {
            Self::Padded(padded) => padded.decode(tokens),
            Self::Paged(paged) => paged.decode(tokens, pool),
        }
    }

    /// Logits of the token after sequence `row`, as of the last [`Self::decode`].
    pub fn logits(&self, row: usize) -> &[f32] {
        both!(self, forward => forward.logits(row))
    }

    /// Drops all sequences.
    pub fn clear(&mut self) {
        both!(self, forward => forward.clear());
    }

    /// Drops all sequences and what was computed with weights that made NaN.
    pub fn scrub(&mut self) {
        both!(self, forward => forward.scrub());
    }

    /// Replaces the weights, and drops all sequences. On an error the old ones stay.
    pub fn reload(&mut self, folder: &Path) -> Result<(), ModelError> {
        both!(self, forward => forward.reload(folder))
    }
}

/// Whether libtorch computes a model on the processor: a tiny one, for which it does as well, where rows do
/// not depend on each other.
fn by_libtorch(model: &Decoder, options: Options) -> bool {
    let is_tiny = model.device() == Device::Cpu && model.size() < TINY_UNDER;
    options.products == Products::Best && is_tiny && mkl::strict()
}
