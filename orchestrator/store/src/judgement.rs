//! The judgement of a rollout, as columns: `verdict`, `answer`, `canonical`, `reward`,
//! `rewards`, `reason`.

use std::collections::BTreeMap;

use retrial_domain::{Judgement, Part, Reward};
use retrial_grader::{Answer, Verdict};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::unknown;
use crate::row::Column as _;
use crate::word::Word as _;

/// The rewards of several verifiers, by name: a JSON object.
pub fn rewards(judgement: &Judgement) -> Option<String> {
    let by_name: BTreeMap<&str, f64> =
        judgement.parts.iter().map(|part| (&*part.name, part.reward.get())).collect();
    (!by_name.is_empty()).then(|| serde_json::to_string(&by_name).expect("rewards are plain data"))
}

/// A judgement from a row with its columns. A row that is older than rewards has none: it follows
/// from the verdict.
pub fn judgement(row: &SqliteRow) -> sqlx::Result<Judgement> {
    let answer: Option<String> = row.try_get("answer")?;
    let canonical: Option<String> = row.try_get("canonical")?;
    let answer = answer.zip(canonical).map(|(text, canonical)| Answer { text, canonical });
    let graded = Judgement::graded(Verdict::by_word(row.try_get("verdict")?)?, answer);
    let logged: Option<f64> = row.try_get("reward")?;
    let parts = BTreeMap::<String, f64>::read(row, "rewards")?;
    let part = |(name, value)| Ok(Part { name, reward: reward(value)? });
    Ok(Judgement {
        reward: logged.map(reward).transpose()?.or(graded.reward),
        parts: parts.into_iter().map(part).collect::<sqlx::Result<_>>()?,
        reason: row.try_get("reason")?,
        ..graded
    })
}

fn reward(value: f64) -> sqlx::Result<Reward> {
    Reward::new(value).map_err(|_| unknown("a reward", &value.to_string()))
}
