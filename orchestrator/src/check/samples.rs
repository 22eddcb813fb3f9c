//! What the policy answers to a few problems: what makes a run pointless although nothing fails is seen
//! before it begins.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::stream::{FuturesUnordered, StreamExt as _};
use retrial_config::Config;
use retrial_data::Task;
use retrial_domain::{FinishReason, GradedRollout};
use retrial_grader::Verdict;
use retrial_loop::grading::Grading;
use retrial_loop::inputs::Inputs;
use retrial_lte::Seed;
use retrial_protocol::WeightVersion;
use retrial_servers::{Capabilities, PolicyServer, SampleRequest, with_retries};
use retrial_verify::Verifiers;
use retrial_verify::sandbox::Launcher;
use tokio::time::{Instant, timeout_at};

use super::finding::{Finding, State};

const SUBJECT: &str = "samples";
/// Problems that are asked, spread over the data set, and responses to each.
const PROBLEMS: usize = 8;
const RESPONSES: u32 = 4;
/// Longest that they are waited for: a check must not take long.
const WAIT: Duration = Duration::from_mins(1);
/// From this share of the responses on something is the rule.
const RULE: f64 = 0.5;

/// Samples a few responses of a server, with the weights that it serves.
pub async fn samples(config: &Config, inputs: &Inputs, found: &Capabilities) -> Finding {
    match sampled(config, inputs, found).await {
        Ok(seen) => {
            let hint = seen.hint();
            let state = if hint.is_some() { State::Warning } else { State::Ok };
            let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            Finding::new(SUBJECT, state, format!("{}: {seen}{hint}", found.url))
        }
        Err(error) => Finding::problem(SUBJECT, &error),
    }
}

async fn sampled(config: &Config, inputs: &Inputs, found: &Capabilities) -> Result<Seen> {
    let timeout = Duration::from_secs(config.server.timeout_seconds);
    let server = found.connect(&config.server.model, timeout)?;
    let verifiers = Verifiers::open(&config.reward, &Launcher::this_program()).await?;
    let grading = Grading::new(Arc::clone(&inputs.prompts.text), Arc::new(verifiers));
    let there = inputs.train.len();
    let asked = PROBLEMS.min(there);
    let groups = (0..asked).map(|place| {
        let task = inputs.train.task(place * there / asked);
        group(config, inputs, server.as_ref(), &grading, task)
    });
    let mut groups: FuturesUnordered<_> = groups.collect();
    let end = Instant::now() + WAIT;
    let looked_for = config.reward.all().iter().all(|verifier| verifier.kind.looks_for_answers());
    let mut seen = Seen { asked, looked_for, ..Seen::default() };
    while let Ok(Some(group)) = timeout_at(end, groups.next()).await {
        seen.add(&group?, |id| inputs.prompts.text.token(id));
    }
    Ok(seen)
}

/// Samples and grades as a run does.
async fn group(
    config: &Config,
    inputs: &Inputs,
    server: &dyn PolicyServer,
    grading: &Grading,
    task: Task,
) -> Result<Vec<GradedRollout>> {
    let prompt = inputs.prompts.plain(&task)?;
    let request = SampleRequest {
        prompt: &prompt.ids,
        n: RESPONSES,
        seed: Seed(config.run.seed).of_text("check").of_text(&task.problem.id.0),
        max_tokens: config.rollout.max_tokens(),
        temperature: config.rollout.temperature,
        top_p: 1.0,
        stop: &config.prompts.stop,
        adapter: None,
    };
    let sampled = with_retries(|| server.sample(request)).await?;
    let sampled = (0..).zip(sampled).collect();
    let name = format!("check/{}", task.problem.id);
    grading.grade(&name, &task, sampled, WeightVersion(0)).await
}

/// What was seen of the responses.
#[derive(Debug, Default)]
struct Seen {
    /// Problems that were asked, and those that were answered in time.
    asked: usize,
    problems: usize,
    responses: usize,
    cut: usize,
    with_answer: usize,
    right: usize,
    /// Whether every verifier decides by the answer in a response.
    looked_for: bool,
    /// Problems to which all responses give the same answer, and different answers of all problems.
    unanimous: usize,
    answers: HashSet<String>,
    /// What ends those that end by themselves, and how often.
    ends: BTreeMap<String, usize>,
}

impl Seen {
    fn add(&mut self, group: &[GradedRollout], token: impl Fn(u32) -> Option<String>) {
        let count =
            |test: fn(&GradedRollout) -> bool| group.iter().filter(|&graded| test(graded)).count();
        self.problems += 1;
        self.responses += group.len();
        self.cut += count(|graded| graded.rollout.finish == FinishReason::Length);
        self.with_answer += count(|graded| graded.answer().is_some());
        self.right += count(|graded| graded.verdict() == Verdict::Correct);
        let texts: HashSet<&[u32]> =
            group.iter().map(|graded| &graded.rollout.tokens[..]).collect();
        self.unanimous += usize::from(group.len() > 1 && texts.len() == 1);
        let answers = group.iter().filter_map(GradedRollout::answer);
        self.answers.extend(answers.map(|answer| answer.canonical.clone()));
        let ended = group.iter().filter(|graded| graded.rollout.finish == FinishReason::Stop);
        for id in ended.filter_map(|graded| graded.rollout.tokens.last()) {
            let end = token(*id).unwrap_or_else(|| id.to_string());
            *self.ends.entry(end).or_default() += 1;
        }
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.responses.max(1) as f64
    }

    /// What a run would suffer from, with the likely cause and the key.
    fn hint(&self) -> Option<&'static str> {
        Some(if self.responses == 0 {
            "no response came in time: look at the server, or skip this with --no-sample"
        } else if self.share(self.cut) >= RULE {
            "responses are cut: set [rollout] max_tokens higher; if they go on after their answer, the \
             model does not write an end token: a base model needs [prompts] chat = false and stop"
        } else if self.looked_for && self.share(self.with_answer) < RULE {
            "responses have no answer where [reward] extraction looks for one, by default in \\boxed{}: \
             [prompts] have to ask for it, and a base model may need [prompts] chat = false"
        } else if self.unanimous == self.problems {
            "responses to a problem are all the same: is [rollout] temperature too low, or does the \
             server ignore it?"
        } else if self.problems > 1 && self.answers.len() == 1 {
            "all problems get the same answer: the prompt may not have the problem in it, look at \
             [prompts] and [data] columns"
        } else if self.right == 0 {
            "no response is right: the problems may be too hard for this model, or the answers of the \
             data set of another form; look at a few with `retrial mistakes` after a step"
        } else if self.right == self.responses {
            "every response is right, and there is nothing to learn from: use harder problems"
        } else {
            return None;
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count| 100.0 * self.share(count);
        write!(
            f,
            "{} responses to {} problems: {:.0} % right, {:.0} % with an answer, {} different answers, \
             {:.0} % cut at max_tokens",
            self.responses,
            self.problems,
            percent(self.right),
            percent(self.with_answer),
            self.answers.len(),
            percent(self.cut)
        )?;
        let ends = self.ends.iter().map(|(end, count)| format!("{end:?} {count}"));
        let ends: Vec<String> = ends.collect();
        if !ends.is_empty() {
            write!(f, ", the others end with {}", ends.join(", "))?;
        }
        if self.problems < self.asked {
            let late = self.asked - self.problems;
            write!(f, "; {late} problems were not answered within {} s", WAIT.as_secs())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use retrial_domain::{Judgement, Rollout};
    use retrial_grader::Answer;

    use super::*;

    fn rollout(
        index: u32,
        finish: FinishReason,
        answer: Option<&str>,
        right: bool,
    ) -> GradedRollout {
        let answer = answer.map(|text| Answer { text: text.into(), canonical: text.into() });
        let verdict = match (&answer, right) {
            (None, _) => Verdict::NoAnswer,
            (_, true) => Verdict::Correct,
            (_, false) => Verdict::Wrong,
        };
        let (tokens, logprobs) = (vec![index, 9], vec![-1.0, -1.0]);
        let (text, version) = (String::new(), WeightVersion(0));
        let rollout = Rollout { index, tokens, logprobs, text, finish, version };
        GradedRollout { rollout, judgement: Judgement::graded(verdict, answer) }
    }

    fn seen(groups: &[&[GradedRollout]]) -> Seen {
        let mut seen = Seen { asked: groups.len(), looked_for: true, ..Seen::default() };
        for group in groups {
            seen.add(group, |id| (id == 9).then(|| "<end>".into()));
        }
        seen
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        use FinishReason::{Length, Stop};
        let sound = [rollout(0, Stop, Some("1"), true), rollout(1, Stop, Some("2"), false)];
        let healthy = seen(&[&sound, &sound]);
        assert_eq!(healthy.hint(), None);
        assert_eq!(
            healthy.to_string(),
            "4 responses to 2 problems: 50 % right, 100 % with an answer, 2 different answers, 0 % cut \
             at max_tokens, the others end with \"<end>\" 4"
        );
        let wrong = [rollout(0, Stop, Some("1"), false), rollout(1, Stop, Some("2"), false)];
        let right = [rollout(0, Stop, Some("1"), true), rollout(1, Stop, Some("1"), true)];
        let other = [rollout(0, Stop, Some("2"), true), rollout(1, Stop, Some("2"), true)];
        let cut = [rollout(0, Length, None, false), rollout(1, Length, None, false)];
        let silent = [rollout(0, Stop, None, false), rollout(1, Stop, None, false)];
        let greedy = [rollout(0, Stop, Some("1"), true), rollout(0, Stop, Some("1"), true)];
        for (groups, word) in [
            (&[&cut[..], &cut][..], "[rollout] max_tokens"),
            (&[&silent, &silent], "\\boxed{}"),
            (&[&greedy, &greedy], "[rollout] temperature"),
            (&[&right, &right], "[data] columns"),
            (&[&wrong, &wrong], "no response is right"),
            (&[&right, &other], "harder problems"),
            (&[], "--no-sample"),
        ] {
            let hint = seen(groups).hint().unwrap_or_default();
            assert!(hint.contains(word), "{word}: {hint}");
        }
    }
}
