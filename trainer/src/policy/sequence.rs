//! One response while it is being sampled.

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use retrial_native::cpu::Pool;
use retrial_text::Text;

use super::sampler;
use super::sampling::{Draw, History, LogprobsMode, Sampling, TokenLogprob};
use super::stop::StopSearch;

/// A job of the engine: `n` responses to one prompt.
#[derive(Clone, Debug)]
pub struct Job {
    /// Token ids, at least one, all in the vocabulary.
    pub prompt: Arc<[u32]>,
    /// Responses.
    pub n: usize,
    /// Response j is sampled with seed + j.
    pub seed: u64,
    /// Limit on the tokens of a response; with the prompt within the context.
    pub max_tokens: usize,
    /// Sampling parameters.
    pub sampling: Sampling,
    /// Most probable tokens to report for each sampled one.
    pub top_logprobs: usize,
    /// Most probable tokens to report for each token of the prompt; absent, the prompt is not
    /// scored.
    pub prompt_logprobs: Option<usize>,
    /// Stop strings.
    pub stop: Vec<String>,
    /// Stop tokens, in addition to the model's end tokens.
    pub stop_tokens: Vec<u32>,
    /// Ignore the model's end tokens.
    pub ignore_end: bool,
}

/// Why a response ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It ended by itself.
    Stop(StopCause),
    /// It reached its limit of tokens.
    Length,
    /// The server was paused.
    Abort,
    /// Its logits are NaN.
    Broken,
}

/// What ended a response that ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// The model's end token, the response's last.
    End,
    /// A token of [`Job::stop_tokens`], the response's last.
    Token(u32),
    /// A string of [`Job::stop`], which the response's text contains.
    Text(String),
}

/// A finished response.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Token ids, including the end token.
    pub tokens: Vec<u32>,
    /// Log-probability of each token, nats.
    pub logprobs: Vec<f32>,
    /// The most probable tokens at each position, as many as requested.
    pub top: Vec<Vec<TokenLogprob>>,
    /// Why it ended.
    pub finish: Finish,
}

/// What choosing a token needs besides its logits.
pub struct Chooser {
    /// Which log-probabilities are reported.
    pub mode: LogprobsMode,
    /// Decodes tokens, to find stop strings.
    pub text: Arc<Text>,
    /// The model's end tokens.
    pub end_tokens: Vec<u32>,
}

impl Chooser {
    /// Samples the next token of each sequence from its logits, on all threads. Returns the finish reason
    /// of each response that ends with it.
    pub fn step<'a>(
        &self,
        rows: impl Iterator<Item = (&'a mut Sequence, &'a [f32])>,
        pool: &Pool,
    ) -> Vec<Option<Finish>> {
        let mut rows: Vec<_> = rows.map(|(sequence, logits)| (sequence, logits, None)).collect();
        pool.for_each_mut(&mut rows, |_, (sequence, logits, finish)| {
            *finish = sequence.step(logits, self);
        });
        rows.into_iter().map(|(_, _, finish)| finish).collect()
    }
}

/// A response that is waiting or being sampled.
pub struct Sequence {
    /// The request it belongs to.
    pub request: u64,
    /// Its position among the request's responses.
    pub child: usize,
    job: Arc<Job>,
    random: ChaCha8Rng,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    top: Vec<Vec<TokenLogprob>>,
    stop: Option<StopSearch>,
}

impl Sequence {
    /// Response `child` of `job`.
    pub fn new(request: u64, child: usize, job: Arc<Job>) -> Self {
        let random = ChaCha8Rng::seed_from_u64(job.seed.wrapping_add(child as u64));
        let stop = (!job.stop.is_empty()).then(|| StopSearch::new(job.stop.clone()));
        let (tokens, logprobs, top) = (Vec::new(), Vec::new(), Vec::new());
        Self { request, child, job, random, tokens, logprobs, top, stop }
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Tokens of prompt and response so far.
    pub fn length(&self) -> usize {
        self.job.prompt.len() + self.tokens.len()
    }

    /// Limit on the tokens of prompt and response together.
    pub fn longest(&self) -> usize {
        self.job.prompt.len() + self.job.max_tokens
    }

    /// Whether no token was sampled yet.
    pub fn is_fresh(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens of prompt and response.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.job.prompt.iter().chain(&self.tokens).copied()
    }

    /// The last token.
    pub fn last(&self) -> u32 {
        self.tokens.last().or(self.job.prompt.last()).copied().unwrap_or_default()
    }

    /// Samples the next token from its logits. Returns the finish reason if the response ends with it.
    pub fn step(&mut self, logits: &[f32], chooser: &Chooser) -> Option<Finish> {
        let job = &self.job;
        let history = History { prompt: &job.prompt, output: &self.tokens };
        let (uniform, top) = (self.random.random(), job.top_logprobs);
        let Chooser { mode, text, end_tokens } = chooser;
        let Draw { chosen, top } =
            sampler::draw(logits, &job.sampling, history, uniform, *mode, top);
        if !chosen.logprob.is_finite() {
            return Some(Finish::Broken);
        }
        self.tokens.push(chosen.id);
        self.logprobs.push(chosen.logprob);
        self.top.push(top);
        if !job.ignore_end && end_tokens.contains(&chosen.id) {
            return Some(Finish::Stop(StopCause::End));
        }
        if job.stop_tokens.contains(&chosen.id) {
            return Some(Finish::Stop(StopCause::Token(chosen.id)));
        }
        if let Some(stop) = self.stop.as_mut().and_then(|search| search.check(&self.tokens, text)) {
            return Some(Finish::Stop(StopCause::Text(stop.into())));
        }
        (self.tokens.len() >= job.max_tokens).then_some(Finish::Length)
    }

    /// Ends it.
    pub fn finish(self, finish: Finish) -> Output {
        let Self { tokens, logprobs, top, .. } = self;
        Output { tokens, logprobs, top, finish }
    }
}
