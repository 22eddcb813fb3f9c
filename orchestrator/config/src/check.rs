//! Checks of values that need no network.

use std::fmt::Display;

use retrial_lte::{Closed, Memory, Method, Overlong, Whose};
use retrial_protocol::Transfer;

use crate::config::Config;

impl Config {
    /// Checks all values; the error is the first problem.
    pub(crate) fn check(&self) -> Result<(), String> {
        let named = |table: &str, error: &dyn Display| format!("[{table}] {error}");
        let name = &self.run.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(format!(
                "[run] name is `{name}`, it must be letters, digits, `-`, `_` and `.`: it names a folder"
            ));
        }
        self.data.check()?;
        let positive = [
            ("run", "steps", self.run.steps),
            ("run", "keep", self.run.keep as u64),
            ("rollout", "problems", self.rollout.problems as u64),
            ("rollout", "max_tokens", self.rollout.max_tokens() as u64),
            ("evaluation", "k", u64::from(self.evaluation.k)),
            ("server", "concurrency", self.server.concurrency as u64),
            ("server", "max_sequences", self.server.max_sequences as u64),
            ("server", "timeout_seconds", self.server.timeout_seconds),
            ("server", "push_timeout_seconds", self.server.push_timeout_seconds),
            ("server", "stall_seconds", self.server.stall_seconds),
            ("server", "threads", self.server.threads.map_or(1, u64::from)),
            ("server", "start_seconds", self.server.start_seconds),
            ("trainer", "threads", u64::from(self.trainer.threads)),
            ("trainer", "start_seconds", self.trainer.start_seconds),
            ("trainer", "ranks", self.trainer.ranks as u64),
            ("trainer", "rank_timeout_seconds", self.trainer.rank_timeout_seconds),
            ("trainer", "micro_batch_tokens", self.trainer.micro_batch_tokens as u64),
            ("trainer", "timeout_seconds", self.trainer.timeout_seconds),
            ("track", "end_seconds", self.track.end_seconds),
        ];
        if let Some((table, key, _)) = positive.into_iter().find(|&(_, _, value)| value == 0) {
            return Err(format!("[{table}] {key} is 0, it must be at least 1"));
        }
        if self.rollout.max_staleness > 1 {
            let staleness = self.rollout.max_staleness;
            return Err(format!("[rollout] max_staleness is {staleness}, it must be 0 or 1"));
        }
        if self.rollout.group < 2 {
            return Err("[rollout] group must be at least 2: advantages are relative to it".into());
        }
        if self.rollout.extra == 0 && matches!(self.run.method, Method::Lte | Method::GrpoExtra) {
            let method = self.run.method;
            return Err(format!("[rollout] extra is 0, method `{method}` needs at least 1"));
        }
        let temperatures =
            [("rollout", self.rollout.temperature), ("evaluation", self.evaluation.temperature)];
        for (table, temperature) in temperatures {
            if !(temperature.is_finite() && temperature > 0.0) {
                return Err(format!("[{table}] temperature is {temperature}, it must be above 0"));
            }
        }
        if let Overlong::Soft { buffer, penalty } = self.rollout.overlong
            && !(buffer > 0 && penalty.is_finite() && penalty > 0.0)
        {
            return Err("[rollout] overlong: buffer and penalty must be above 0".into());
        }
        if let Closed::These(answers) = &self.hint.closed
            && answers.len() < 2
        {
            return Err("[hint] closed lists the answers that are possible: at least two\n\
                        hint: closed = true if they are few and differ from problem to problem"
                .into());
        }
        if self.hint.answers == Whose::Shuffled && self.hint.memory == Memory::Run {
            return Err(
                "[hint] answers is \"shuffled\" and memory is \"run\": the list would have the \
                        problem's own answers of earlier steps\n\
                        hint: leave memory out where answers of other problems are listed"
                    .into(),
            );
        }
        let tolerance = self.tolerance();
        if !(tolerance.is_finite() && tolerance > 0.0) {
            return Err(format!("[server] tolerance is {tolerance}, it must be above 0"));
        }
        if !self.server.workers.is_empty() && self.server.urls.len() != 1 {
            return Err("[server] workers lists servers behind a router: set the router as the \
                        only one of urls"
                .into());
        }
        if self.server.push == Transfer::Nccl && self.server.urls.is_empty() {
            return Err(
                "[server] push is \"nccl\", which the embedded server does not have: give \
                        the urls of vLLM servers"
                    .into(),
            );
        }
        if self.server.push == Transfer::Nccl && self.trainer.lora.is_some() {
            return Err("[server] push is \"nccl\", but adapters ([trainer] lora) are pushed \
                        through the disk: remove one of the two"
                .into());
        }
        self.trainer.check().map_err(|error| named("trainer", &error))?;
        self.prompts.check().map_err(|error| named("prompts", &error))?;
        self.objective.validate().map_err(|error| named("objective", &error))?;
        self.optimizer.validate().map_err(|error| named("optimizer", &error))
    }
}
