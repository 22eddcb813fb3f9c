//! What a person has asked of a run; the run looks between two steps.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

/// Something that a person asks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Wait after the step under way.
    Pause,
    /// Go on; what was asked before and is not done yet, stopping included, is forgotten.
    Resume,
    /// End after the step under way.
    Stop,
    /// Evaluate after the step under way.
    Evaluate,
    /// Keep the weights of the step under way for good.
    Checkpoint,
}

/// All commands with their names in addresses.
pub const COMMANDS: [(&str, Command); 5] = [
    ("pause", Command::Pause),
    ("resume", Command::Resume),
    ("stop", Command::Stop),
    ("evaluate", Command::Evaluate),
    ("checkpoint", Command::Checkpoint),
];

/// What was asked and is not done yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Wishes)]
#[allow(clippy::struct_excessive_bools)] // each can be asked for independently of the others
pub struct Pending {
    /// To wait between two steps.
    pub pause: bool,
    /// To end.
    pub stop: bool,
    /// To evaluate.
    pub evaluate: bool,
    /// To keep the weights for good.
    pub checkpoint: bool,
}

/// The commands that a run was given.
#[derive(Debug, Default)]
pub struct Control {
    pending: Mutex<Pending>,
    asked: Notify,
}

impl Control {
    /// Notes a command.
    pub fn ask(&self, command: Command) {
        let mut pending = self.lock();
        match command {
            Command::Pause => pending.pause = true,
            Command::Resume => *pending = Pending::default(),
            Command::Stop => pending.stop = true,
            Command::Evaluate => pending.evaluate = true,
            Command::Checkpoint => pending.checkpoint = true,
        }
        drop(pending);
        self.asked.notify_one();
    }

    /// What was asked and is not done yet.
    pub fn pending(&self) -> Pending {
        *self.lock()
    }

    /// The same, for someone who does it: what is done once counts as done.
    pub fn take(&self) -> Pending {
        let mut pending = self.lock();
        let taken = *pending;
        *pending = Pending { evaluate: false, checkpoint: false, ..taken };
        taken
    }

    /// Waits for the next command.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // Nothing panics while it is held.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = COMMANDS.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, command)| command).ok_or_else(|| {
            let names = COMMANDS.map(|(name, _)| name).join(", ");
            format!("a run can be asked to {names}; not to `{text}`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_once_is_asked_once() {
        let control = Control::default();
        for (_, command) in COMMANDS.iter().filter(|(_, command)| *command != Command::Resume) {
            control.ask(*command);
        }
        let all = Pending { pause: true, stop: true, evaluate: true, checkpoint: true };
        assert_eq!(control.take(), all);
        assert_eq!(control.take(), Pending { evaluate: false, checkpoint: false, ..all });
        control.ask(Command::Resume);
        assert_eq!(control.pending(), Pending::default());
    }

    #[test]
    fn wishes_have_names() {
        assert_eq!("stop".parse(), Ok(Command::Stop));
        let error = "leave".parse::<Command>().unwrap_err();
        assert!(error.contains("pause, resume") && error.contains("`leave`"), "{error}");
    }
}
