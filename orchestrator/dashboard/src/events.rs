//! Server-sent events: changes of a run's status and of its log.
//!
//! `status` is sent whenever the header of a page would look different, once a second at most;
//! `changed` when the log has changed, so that a page can be reloaded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use retrial_store::{ChangeWatch, Reader};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::connections::SILENCE;
use crate::error::ApiError;
use crate::extract::QueryParams;
use crate::pages::header;
use crate::site::Site;
use crate::status::RunStatus;

/// Interval after which a client receives something, even if nothing is new.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const _: () = assert!(KEEP_ALIVE.as_secs() < SILENCE.as_secs(), "its connection would be ended");
/// Interval of checks of a run's status.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Least interval between reports of changes.
const CHANGED_EVERY: Duration = Duration::from_secs(2);
/// Interval of checks of the log.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The run to follow; without one, changes of the log only.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Subject {
    run: String,
}

/// The data of a `status` event.
#[derive(Serialize)]
struct StatusEvent<'a> {
    status: &'a RunStatus,
    /// The header of a page.
    html: String,
}

/// A connected client.
struct Subscriber {
    site: Site,
    run: String,
    changes: watch::Receiver<u64>,
    ticks: tokio::time::Interval,
    told: String,
    reported: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Follows a run.
pub async fn events(
    State(site): State<Site>,
    QueryParams(Subject { run }): QueryParams<Subject>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let permit = Arc::clone(&site.listeners).try_acquire_owned().map_err(|_| ApiError::Busy)?;
    if !run.is_empty() {
        site.status(&run).await?;
    }
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changes = site.changes.subscribe();
    // Changes since the page was loaded are unknown.
    changes.mark_changed();
    let reported = Instant::now();
    let subscriber =
        Subscriber { site, run, changes, ticks, told: String::new(), reported, _permit: permit };
    let stream = futures::stream::unfold(subscriber, |mut subscriber| async {
        let event = subscriber.next().await;
        Some((Ok(event), subscriber))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Subscriber {
    async fn next(&mut self) -> Event {
        loop {
            self.ticks.tick().await;
            let due = self.reported.elapsed() >= CHANGED_EVERY;
            if due && self.changes.has_changed().unwrap_or(false) {
                self.changes.mark_unchanged();
                self.reported = Instant::now();
                return Event::default().event("changed").data("log");
            }
            if let Some(event) = self.status().await {
                return event;
            }
        }
    }

    /// The status, if it looks different.
    async fn status(&mut self) -> Option<Event> {
        if self.run.is_empty() {
            return None;
        }
        // An error when reading the log may be temporary.
        let status = self.site.status(&self.run).await.ok()?;
        let html = header::content(&status).into_string();
        if html == self.told {
            return None;
        }
        self.told.clone_from(&html);
        Event::default().event("status").json_data(StatusEvent { status: &status, html }).ok()
    }
}

/// Checks whether the log has changed, as long as there is a client.
pub async fn watch(log: Reader, changes: watch::Sender<u64>) {
    let mut watching: Option<ChangeWatch> = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        watching = match watching.take() {
            _ if changes.receiver_count() == 0 => None,
            None => log.watch().await.ok(),
            Some(watching) => look(watching, &changes).await,
        };
    }
}

async fn look(mut watching: ChangeWatch, changes: &watch::Sender<u64>) -> Option<ChangeWatch> {
    if watching.changed().await.ok()? {
        changes.send_modify(|count| *count += 1);
    }
    Some(watching)
}
