//! What a person has asked of a run; the run looks between two steps.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

/// Something that a person asks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
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

/// All wishes with their names in addresses.
pub const WISHES: [(&str, Wish); 5] = [
    ("pause", Wish::Pause),
    ("resume", Wish::Resume),
    ("stop", Wish::Stop),
    ("evaluate", Wish::Evaluate),
    ("checkpoint", Wish::Checkpoint),
];

/// What was asked and is not done yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[allow(clippy::struct_excessive_bools)] // each can be asked for independently of the others
pub struct Wishes {
    /// To wait between two steps.
    pub pause: bool,
    /// To end.
    pub stop: bool,
    /// To evaluate.
    pub evaluate: bool,
    /// To keep the weights for good.
    pub checkpoint: bool,
}

/// The wishes of a run.
#[derive(Debug, Default)]
pub struct Control {
    wishes: Mutex<Wishes>,
    asked: Notify,
}

impl Control {
    /// Notes a wish.
    pub fn ask(&self, wish: Wish) {
        let mut wishes = self.lock();
        match wish {
            Wish::Pause => wishes.pause = true,
            Wish::Resume => *wishes = Wishes::default(),
            Wish::Stop => wishes.stop = true,
            Wish::Evaluate => wishes.evaluate = true,
            Wish::Checkpoint => wishes.checkpoint = true,
        }
        drop(wishes);
        self.asked.notify_one();
    }

    /// What was asked and is not done yet.
    pub fn wishes(&self) -> Wishes {
        *self.lock()
    }

    /// The same, for someone who does it: what is done once counts as done.
    pub fn take(&self) -> Wishes {
        let mut wishes = self.lock();
        let taken = *wishes;
        *wishes = Wishes { evaluate: false, checkpoint: false, ..taken };
        taken
    }

    /// Waits for the next wish.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Wishes> {
        // Nothing panics while it is held.
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = WISHES.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, wish)| wish).ok_or_else(|| {
            let names = WISHES.map(|(name, _)| name).join(", ");
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
        for (_, wish) in WISHES.iter().filter(|(_, wish)| *wish != Wish::Resume) {
            control.ask(*wish);
        }
        let all = Wishes { pause: true, stop: true, evaluate: true, checkpoint: true };
        assert_eq!(control.take(), all);
        assert_eq!(control.take(), Wishes { evaluate: false, checkpoint: false, ..all });
        control.ask(Wish::Resume);
        assert_eq!(control.wishes(), Wishes::default());
    }

    #[test]
    fn wishes_have_names() {
        assert_eq!("stop".parse(), Ok(Wish::Stop));
        let error = "leave".parse::<Wish>().unwrap_err();
        assert!(error.contains("pause, resume") && error.contains("`leave`"), "{error}");
    }
}
