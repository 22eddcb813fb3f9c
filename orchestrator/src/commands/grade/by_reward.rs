//! `retrial grade --reward`: responses through the verifiers of a configuration.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use retrial_domain::{
    FinishReason, Judgement, Part, Problem, ProblemId, Question, Reward, RewardConfig, Submission,
};
use retrial_loop::failure::Failure;
use retrial_verify::Verifiers;
use retrial_verify::sandbox::Launcher;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::invalid::{Invalid, invalid};

/// Responses that are judged together.
const CHUNK: usize = 256;

/// A configuration, of which only this table is read.
#[derive(Deserialize)]
struct OnlyReward {
    reward: Option<RewardConfig>,
}

/// A line of the file.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    problem: String,
    /// A text; any other value is taken as JSON text.
    gold: Value,
    response: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    solution: Option<String>,
    /// Whether the response was cut.
    #[serde(default)]
    truncated: bool,
}

/// What is written of it.
#[derive(Serialize)]
struct Judged {
    id: Value,
    verdict: &'static str,
    reward: Option<Reward>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parts: BTreeMap<String, Reward>,
    answer: Option<String>,
    reason: Option<String>,
}

/// Judges the lines of `input` by `[reward]` of the file `settings`. The numbers of all lines and of
/// those that are no submissions.
pub(super) async fn judge(
    settings: &Path,
    input: impl BufRead,
    out: &mut impl Write,
) -> Result<(usize, usize), Failure> {
    let verifiers = open(settings).await?;
    let mut lines = (1..).zip(input.lines());
    let (mut all, mut faulty) = (0, 0);
    loop {
        let mut submissions = Vec::new();
        // The name of what is judged, or what is wrong with it, in the order of the lines.
        let mut rows: Vec<Result<Value, Invalid>> = Vec::new();
        let mut read = 0;
        for (number, line) in lines.by_ref().take(CHUNK) {
            read += 1;
            let line = line.context("cannot read the responses").map_err(Failure::Input)?;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Case>(&line) {
                Ok(case) => {
                    let (id, submission) = submission(case, number);
                    rows.push(Ok(id));
                    submissions.push(submission);
                }
                Err(error) => rows.push(Err(invalid(number, line.as_bytes(), &error.into()))),
            }
        }
        if read == 0 {
            return Ok((all, faulty));
        }
        all += rows.len();
        faulty += rows.len() - submissions.len();
        let mut judgements = verifiers.judge(submissions).await?.into_iter();
        for row in rows {
            match row {
                Ok(id) => {
                    let judgement = judgements.next().expect("each submission is judged");
                    serde_json::to_writer(&mut *out, &Judged::of(id, judgement))?;
                }
                Err(invalid) => serde_json::to_writer(&mut *out, &invalid)?,
            }
            writeln!(out)?;
        }
        out.flush()?;
    }
}

async fn open(settings: &Path) -> Result<Verifiers, Failure> {
    let reward = reward_of(settings).map_err(Failure::Input)?;
    Verifiers::open(&reward, &Launcher::this_program()).await.map_err(Failure::input)
}

/// `[reward]` of a configuration.
pub fn reward_of(settings: &Path) -> anyhow::Result<RewardConfig> {
    let shown = settings.display();
    let text = std::fs::read_to_string(settings).with_context(|| format!("cannot read {shown}"))?;
    let OnlyReward { reward } = toml::from_str(&text).with_context(|| format!("{shown}"))?;
    let mut reward: RewardConfig = reward.ok_or_else(|| {
        anyhow!(
            "{shown} has no table [reward]\nhint: the shortest is `[reward]` with `kind = \"math\"`"
        )
    })?;
    reward.resolve(settings.parent().unwrap_or(Path::new("")));
    Ok(reward)
}

fn submission(case: Case, number: usize) -> (Value, Submission) {
    let Case { id, problem, gold, response, tags, solution, truncated } = case;
    let answer = match gold {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let problem = Problem { id: ProblemId(number.to_string()), text: problem, answer, tags };
    let submission = Submission {
        id: format!("line/{number}"),
        question: Arc::new(Question { problem, solution }),
        response,
        finish: if truncated { FinishReason::Length } else { FinishReason::Stop },
    };
    (id, submission)
}

impl Judged {
    fn of(id: Value, judgement: Judgement) -> Self {
        let Judgement { verdict, reward, parts, answer, reason } = judgement;
        let parts = parts.into_iter().map(|Part { name, reward }| (name, reward)).collect();
        let answer = answer.map(|answer| answer.text);
        Self { id, verdict: verdict.as_str(), reward, parts, answer, reason }
    }
}
