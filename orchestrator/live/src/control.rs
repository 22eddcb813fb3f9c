//! Commands of a person to a run; the run reads them between two steps.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

/// A command to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Pause after the current step.
    Pause,
    /// Continue; pending commands, including stop, are cancelled.
    Resume,
    /// Stop after the current step.
    Stop,
    /// Evaluate after the current step.
    Evaluate,
    /// Keep the weights of the current step permanently.
    Checkpoint,
}

/// All commands with their names in URLs.
pub const COMMANDS: [(&str, Command); 5] = [
    ("pause", Command::Pause),
    ("resume", Command::Resume),
    ("stop", Command::Stop),
    ("evaluate", Command::Evaluate),
    ("checkpoint", Command::Checkpoint),
];

/// The pending commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PendingCommands)]
#[allow(clippy::struct_excessive_bools)] // each can be pending independently of the others
pub struct Pending {
    /// Pause between two steps.
    pub pause: bool,
    /// Stop.
    pub stop: bool,
    /// Evaluate.
    pub evaluate: bool,
    /// Keep the weights permanently.
    pub checkpoint: bool,
}

/// The commands that a run has received.
#[derive(Debug, Default)]
pub struct Control {
    pending: Mutex<Pending>,
    asked: Notify,
}

impl Control {
    /// Adds a command.
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

    /// The pending commands.
    pub fn pending(&self) -> Pending {
        *self.lock()
    }

    /// Takes the pending commands, to execute them; commands that run once are no longer pending.
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
        // No code panics while it is locked.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = COMMANDS.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, command)| command).ok_or_else(|| {
            let names = COMMANDS.map(|(name, _)| name).join(", ");
            format!("`{text}` is not a command of a run; the commands are {names}")
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
    fn commands_have_names() {
        assert_eq!("stop".parse(), Ok(Command::Stop));
        let error = "leave".parse::<Command>().unwrap_err();
        assert!(error.contains("pause, resume") && error.contains("`leave`"), "{error}");
    }
}
