//! Server-sent events: how a run is, and that its log has changed.
//!
//! `status` comes whenever the header of a page would look different, once a second at most;
//! `changed` when the log has changed, so that a page may be read again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use serde::{Deserialize, Serialize};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::connections::SILENCE;
use super::db::Db;
use super::pages::header;
use super::problem::{Asked, Problem};
use super::queries::status::RunStatus;
use super::site::Site;

/// Listeners at a time.
pub const LISTENERS: usize = 64;
/// Time after which a listener hears something, if only that there is nothing new.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const _: () = assert!(KEEP_ALIVE.as_secs() < SILENCE.as_secs(), "its connection would be ended");
/// Time between two looks at how a run is.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Least time between two reports of changes.
const CHANGED_EVERY: Duration = Duration::from_secs(2);
/// Time between two looks at whether the log has changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which run is listened to; without one, changes of the log only.
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

struct Listener {
    site: Site,
    run: String,
    changes: watch::Receiver<u64>,
    ticks: tokio::time::Interval,
    told: String,
    reported: Instant,
    _place: OwnedSemaphorePermit,
}

/// Listens to a run.
pub async fn events(
    State(site): State<Site>,
    Asked(Subject { run }): Asked<Subject>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&site.listeners).try_acquire_owned().map_err(|_| Problem::Busy)?;
    if !run.is_empty() {
        site.status(&run).await?;
    }
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changes = site.changes.subscribe();
    // What happened since the page was read is not known.
    changes.mark_changed();
    let reported = Instant::now();
    let listener =
        Listener { site, run, changes, ticks, told: String::new(), reported, _place: place };
    let stream = futures::stream::unfold(listener, |mut listener| async {
        let event = listener.next().await;
        Some((Ok(event), listener))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Listener {
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
        // A log that cannot be read now may be readable the next time.
        let status = self.site.status(&self.run).await.ok()?;
        let html = header::content(&status).into_string();
        if html == self.told {
            return None;
        }
        self.told.clone_from(&html);
        Event::default().event("status").json_data(StatusEvent { status: &status, html }).ok()
    }
}

/// A connection, and what the log's version was when it looked last.
type Known = (PoolConnection<Sqlite>, i64);

/// Looks at whether the log has changed, as long as anyone listens.
pub async fn watch(db: Db, changes: watch::Sender<u64>) {
    let mut known: Option<Known> = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if changes.receiver_count() == 0 {
            known = None;
            continue;
        }
        known = look(&db, known.take(), &changes).await.ok();
    }
}

async fn look(db: &Db, known: Option<Known>, changes: &watch::Sender<u64>) -> sqlx::Result<Known> {
    let (mut connection, before) = match known {
        Some((connection, version)) => (connection, Some(version)),
        None => (db.connection().await?, None),
    };
    // Changes whenever another connection has committed.
    let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut *connection).await?;
    if before.is_some_and(|before| before != version) {
        changes.send_modify(|count| *count += 1);
    }
    Ok((connection, version))
}
