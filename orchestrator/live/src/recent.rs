//! The last warnings and errors of this process.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use retrial_protocol::Step;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use utoipa::ToSchema;

/// Number of notices to keep.
const KEPT: usize = 50;
/// Characters of a notice to keep.
const LENGTH: usize = 2000;

/// Collects warnings and errors, as a layer of the program's log. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    notices: Arc<Mutex<VecDeque<Notice>>>,
    followers: Arc<Mutex<Vec<UnboundedSender<Notice>>>>,
    step: Arc<AtomicU64>,
}

/// A warning or an error.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notice {
    /// Time, in seconds since 1970.
    pub at_seconds: f64,
    /// `warning` or `error`.
    pub level: &'static str,
    /// The last step that had begun, if any.
    pub step: Option<u64>,
    /// The message.
    pub message: String,
}

impl Recent {
    /// Sets the step of later notices.
    pub fn at_step(&self, step: Step) {
        self.step.store(step.0, Ordering::Relaxed);
    }

    /// The collected notices, the latest first.
    pub fn latest_first(&self) -> Vec<Notice> {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.iter().rev().cloned().collect()
    }

    /// Every notice from now on.
    pub fn follow(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded_channel();
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    fn add(&self, level: &'static str, message: String) {
        let at_seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let step = Some(self.step.load(Ordering::Relaxed)).filter(|&step| step > 0);
        let notice = Notice { at_seconds, level, step, message };
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.send(notice.clone()).is_ok());
        drop(followers);
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() == KEPT {
            notices.pop_front();
        }
        notices.push_back(notice);
    }
}

impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => return,
        };
        let mut text = Text::default();
        event.record(&mut text);
        let message = format!("{}{}", text.message, text.fields);
        self.add(level, message.chars().take(LENGTH).collect());
    }
}

/// The message of an event, and its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn warnings_are_kept_with_their_step() {
        let recent = Recent::default();
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("all is well");
            tracing::warn!(url = "http://a", "a push failed");
            recent.at_step(Step(7));
            tracing::error!("{}", "x".repeat(3 * LENGTH));
        });
        let found = recent.latest_first();
        let shown: Vec<_> = found.iter().map(|notice| (notice.level, notice.step)).collect();
        assert_eq!(shown, [("error", Some(7)), ("warning", None)]);
        assert_eq!(found[1].message, "a push failed url=\"http://a\"");
        assert_eq!(found[0].message.len(), LENGTH);
    }

    #[test]
    fn a_follower_gets_every_notice_from_then_on() {
        let recent = Recent::default();
        recent.add("warning", "before".into());
        let mut notices = recent.follow();
        for number in 0..2 * KEPT {
            recent.add("error", number.to_string());
        }
        drop(recent);
        let mut found = Vec::new();
        while let Some(notice) = notices.blocking_recv() {
            found.push(notice.message);
        }
        assert_eq!(found, (0..2 * KEPT).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn the_oldest_goes_first() {
        let recent = Recent::default();
        for number in 0..2 * KEPT {
            recent.add("warning", number.to_string());
        }
        let found = recent.latest_first();
        assert_eq!((found.len(), &*found[0].message), (KEPT, "99"));
    }
}
