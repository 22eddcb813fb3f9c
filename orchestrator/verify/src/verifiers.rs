//! All verifiers of a run: which one decides, the weighted mean of several, and what passes.

use std::sync::Arc;
use std::thread::available_parallelism;

use futures::future::try_join_all;
use retrial_domain::{
    FinishReason, Judgement, Part, Question, Reward, RewardConfig, Scheme, Submission, Truncated,
    Verifier, VerifierKind,
};
use retrial_grader::{Extraction, Verdict};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::code::Code;
use crate::command::Programs;
use crate::error::{OpenError, Stopped};
use crate::failing::Failing;
use crate::http::Service;
use crate::kinds::{Pattern, Rule};
use crate::outcome::{Decision, Outcome};
use crate::sandbox::Launcher;

/// The verifiers of a run.
#[derive(Debug)]
pub struct Verifiers {
    config: RewardConfig,
    /// The distinct verifiers of the configuration.
    opened: Vec<(Verifier, Arc<Decider>)>,
    failing: Failing,
    /// One permit per processor: rules must not delay the task that reads answers of servers.
    processors: Arc<Semaphore>,
}

/// A verifier that is ready to decide.
#[derive(Debug)]
enum Decider {
    Rule(Rule),
    Command(Programs),
    Http(Service),
    Code(Code),
}

impl Verifiers {
    /// Starts the verifiers of the configuration and checks that they work. Code runs through
    /// `launcher`.
    pub async fn open(config: &RewardConfig, launcher: &Launcher) -> Result<Self, OpenError> {
        let mut opened: Vec<(Verifier, Arc<Decider>)> = Vec::new();
        for verifier in config.all() {
            if opened.iter().all(|(other, _)| other != verifier) {
                let decider = Decider::open(&verifier.kind, launcher).await?;
                opened.push((verifier.clone(), Arc::new(decider)));
            }
        }
        let processors = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            config: config.clone(),
            opened,
            failing: Failing::default(),
            processors: Arc::new(Semaphore::new(processors)),
        })
    }

    /// The same verifiers with another place to look for answers. Programs and services are shared.
    #[must_use]
    pub fn looking_in(&self, extraction: Extraction) -> Self {
        let moved = |(verifier, decider): &(Verifier, Arc<Decider>)| {
            (verifier.clone().looking_in(extraction), Arc::clone(decider))
        };
        Self {
            config: self.config.clone().looking_in(extraction),
            opened: self.opened.iter().map(moved).collect(),
            failing: Failing::default(),
            processors: Arc::clone(&self.processors),
        }
    }

    /// Whether responses to this problem can be verified. The error says why not.
    pub fn reads(&self, question: &Question) -> Result<(), String> {
        let scheme = self.config.scheme(&question.problem.tags)?;
        scheme.all().into_iter().try_for_each(|verifier| match &*self.decider(verifier) {
            Decider::Rule(rule) => rule.reads(question),
            Decider::Code(_) => Code::reads(question),
            Decider::Command(_) | Decider::Http(_) => Ok(()),
        })
    }

    /// The judgement of each response, in order. An error ends the run.
    pub async fn judge(&self, submissions: Vec<Submission>) -> Result<Vec<Judgement>, Stopped> {
        let mut judgements: Vec<Option<Judgement>> = vec![None; submissions.len()];
        let mut groups: Vec<(&Scheme, Vec<usize>, Vec<Submission>)> = Vec::new();
        for (place, submission) in submissions.into_iter().enumerate() {
            let cut = submission.finish == FinishReason::Length;
            if cut && self.config.truncated == Truncated::Fail {
                let outcome = Outcome::no_answer("the response was truncated");
                judgements[place] = Some(self.judgement(outcome, Vec::new()));
                continue;
            }
            match self.config.scheme(&submission.question.problem.tags) {
                Err(problem) => judgements[place] = Some(Judgement::unverified(problem)),
                Ok(scheme) => match groups.iter_mut().find(|group| std::ptr::eq(group.0, scheme)) {
                    Some((_, places, members)) => {
                        places.push(place);
                        members.push(submission);
                    }
                    None => groups.push((scheme, vec![place], vec![submission])),
                },
            }
        }
        let all = groups.into_iter().map(|(scheme, places, members)| async move {
            let judged = self.by_scheme(scheme, members.into()).await?;
            Ok::<_, Stopped>(places.into_iter().zip(judged))
        });
        for (place, judgement) in try_join_all(all).await?.into_iter().flatten() {
            judgements[place] = Some(judgement);
        }
        Ok(judgements.into_iter().map(|judgement| judgement.expect("each has a place")).collect())
    }

    async fn by_scheme(
        &self,
        scheme: &Scheme,
        submissions: Arc<[Submission]>,
    ) -> Result<Vec<Judgement>, Stopped> {
        match scheme {
            Scheme::One(verifier) => {
                let outcomes = self.outcomes(verifier, submissions).await?;
                let judgement = |outcome| self.judgement(outcome, Vec::new());
                Ok(outcomes.into_iter().map(judgement).collect())
            }
            Scheme::Weighted(parts) => {
                let count = submissions.len();
                let each = parts
                    .values()
                    .map(|part| self.outcomes(&part.verifier, Arc::clone(&submissions)));
                let columns = try_join_all(each).await?;
                let named: Vec<(&str, f64)> =
                    parts.iter().map(|(name, part)| (name.as_str(), part.weight)).collect();
                let row = |place: usize| {
                    let outcomes = columns.iter().map(|column| column[place].clone());
                    let (outcome, parts) = mean(&named, outcomes.collect());
                    self.judgement(outcome, parts)
                };
                Ok((0..count).map(row).collect())
            }
        }
    }

    async fn outcomes(
        &self,
        verifier: &Verifier,
        submissions: Arc<[Submission]>,
    ) -> Result<Vec<Outcome>, Stopped> {
        let extraction = verifier.extraction;
        let decider = self.decider(verifier);
        let outcomes = match &*decider {
            Decider::Rule(_) => {
                let decide = move || match &*decider {
                    Decider::Rule(rule) => rule.decide(&submissions, extraction),
                    _ => unreachable!("it is a rule"),
                };
                let _processor = self.processors.acquire().await.expect("it is never closed");
                return Ok(spawn_blocking(decide).await.expect("rules do not panic"));
            }
            Decider::Command(programs) => programs.judge(&submissions, extraction).await?,
            Decider::Http(service) => service.judge(&submissions, extraction).await,
            Decider::Code(code) => code.judge(&submissions).await,
        };
        let kind = verifier.kind.as_str();
        for outcome in &outcomes {
            let problem = match outcome {
                Outcome::Decided(_) => None,
                Outcome::Unverified(problem) => Some(problem),
            };
            let most = self.failing.note(problem.is_some());
            if let (Some(problem), Some((failed, all))) = (problem, most) {
                return Err(Stopped::new(format!(
                    "the verifier of kind `{kind}` gave no verdict for {failed} of the last {all} \
                     responses; the last time: {problem}\n\
                     hint: test it with `retrial grade --reward FILE.toml RESPONSES.jsonl`"
                )));
            }
        }
        Ok(outcomes)
    }

    fn decider(&self, verifier: &Verifier) -> Arc<Decider> {
        let found = self.opened.iter().find(|(opened, _)| opened == verifier);
        Arc::clone(&found.expect("all verifiers of the configuration are open").1)
    }

    fn judgement(&self, outcome: Outcome, parts: Vec<Part>) -> Judgement {
        match outcome {
            Outcome::Unverified(reason) => Judgement::unverified(reason),
            Outcome::Decided(Decision { reward, answer, unparsed, reason }) => {
                let verdict = match &answer {
                    _ if reward >= self.config.pass_at => Verdict::Correct,
                    _ if unparsed => Verdict::Unparsed,
                    Some(_) => Verdict::Wrong,
                    None => Verdict::NoAnswer,
                };
                Judgement { verdict, reward: Some(reward), parts, answer, reason }
            }
        }
    }
}

/// The weighted mean of several rewards. The answer and the reason come from the verifier with the
/// largest weight. If one verifier gave no verdict, there is no reward.
fn mean(named: &[(&str, f64)], outcomes: Vec<Outcome>) -> (Outcome, Vec<Part>) {
    let (mut sum, mut weights) = (0.0, 0.0);
    let mut parts = Vec::with_capacity(named.len());
    let mut heaviest: Option<(f64, Decision)> = None;
    for (&(name, weight), outcome) in named.iter().zip(outcomes) {
        let decision = match outcome {
            Outcome::Unverified(problem) => {
                return (Outcome::Unverified(format!("{name}: {problem}")), Vec::new());
            }
            Outcome::Decided(decision) => decision,
        };
        let reward = decision.reward;
        sum += weight * reward.get();
        weights += weight;
        parts.push(Part { name: name.to_owned(), reward });
        if heaviest.as_ref().is_none_or(|&(most, _)| weight > most) {
            heaviest = Some((weight, decision));
        }
    }
    let decision = heaviest.map(|(_, decision)| decision).unwrap_or_default();
    (Outcome::Decided(Decision { reward: Reward::clamped(sum / weights), ..decision }), parts)
}

impl Decider {
    async fn open(kind: &VerifierKind, launcher: &Launcher) -> Result<Self, OpenError> {
        Ok(match kind {
            VerifierKind::Math => Self::Rule(Rule::Math),
            VerifierKind::Number { tolerance } => Self::Rule(Rule::Number(*tolerance)),
            VerifierKind::Choice => Self::Rule(Rule::Choice),
            VerifierKind::Exact => Self::Rule(Rule::Exact),
            VerifierKind::Regex { pattern } => {
                let pattern = Pattern::new(pattern);
                let pattern = pattern.map_err(|error| OpenError::new(error.to_string()))?;
                Self::Rule(Rule::Regex(pattern))
            }
            VerifierKind::Command(settings) => Self::Command(Programs::open(settings)?),
            VerifierKind::Http(settings) => Self::Http(Service::open(settings)?),
            VerifierKind::Code(settings) => Self::Code(Code::open(settings, launcher).await?),
        })
    }
}
