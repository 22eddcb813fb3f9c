use std::time::Duration;

use super::*;
use crate::server::Limits;

fn live() -> Live {
    let limits = Limits {
        concurrency: 1,
        failures: 1,
        budget: 1,
        pause: Duration::from_millis(1),
        stall: Duration::from_mins(5),
    };
    Live::new("r", 5, Arc::new(Pool::new(Vec::new(), limits)), Recent::default())
}

#[test]
fn what_goes_on_is_seen_and_timed() {
    let live = live();
    let seen = live.changes();
    assert_eq!(live.snapshot().status, Status::Running);
    let trial = live.enter(Step(2), Phase::FirstTrial, 3);
    trial.part_done();
    let train = live.enter(Step(1), Phase::Train, 0);
    let now = live.snapshot();
    let shown: Vec<_> =
        now.activities.iter().map(|now| (now.phase, now.step, now.done, now.total)).collect();
    assert_eq!(shown, [(Phase::FirstTrial, 2, 1, 3), (Phase::Train, 1, 0, 0)]);
    assert!(now.phases.is_empty(), "nothing has ended yet");
    drop((trial, train));
    let now = live.snapshot();
    assert!(now.activities.is_empty());
    let ended: Vec<_> = now.phases.iter().map(|timing| (timing.phase, timing.count)).collect();
    assert_eq!(ended, [(Phase::FirstTrial, 1), (Phase::Train, 1)]);
    assert!(seen.has_changed().unwrap());
}

#[test]
fn waiting_has_a_beginning_and_an_end() {
    let live = live();
    live.waiting(Some("a server".into()));
    let Status::Waiting { what, .. } = live.snapshot().status else { panic!("it waits") };
    assert_eq!(what, "a server");
    live.waiting(None);
    assert_eq!(live.snapshot().status, Status::Running);
}

#[test]
fn a_pause_is_no_stall() {
    let live = live();
    let pause = live.pause();
    assert!(matches!(live.snapshot().status, Status::Paused { .. }));
    drop(pause);
    assert_eq!(live.snapshot().status, Status::Running);
}

#[test]
fn a_run_is_stalled_after_several_times_what_its_phase_took() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut state = State { progress: Some(start), ..State::default() };
    let doing = Doing { phase: Phase::Train, step: Step(1), since: start, done: 0, total: 0 };
    state.activities.insert(0, doing);
    assert_eq!(state.status(after(119), &[]), Status::Running);
    assert_eq!(state.status(after(240), &[]), Status::Stalled { seconds: 240.0 });
    let worst = Duration::from_secs(100);
    state.timings.insert(Phase::Train, Timing { count: 1, sum: worst, worst });
    assert_eq!(state.status(after(240), &[]), Status::Running);
    assert_eq!(state.status(after(301), &[]), Status::Stalled { seconds: 301.0 });
}

#[test]
fn a_silent_server_is_what_a_run_waits_for() {
    let start = Instant::now();
    let state = State { progress: Some(start), ..State::default() };
    let silent = |url: &str, in_flight, seconds| Silence {
        url: url.into(),
        in_flight,
        lasting: Duration::from_secs(seconds),
    };
    let silent = [silent("http://a", 1, 400), silent("http://b", 7, 500)];
    let Status::Waiting { what, seconds } = state.status(start, &silent) else {
        panic!("it waits")
    };
    assert_eq!(
        what,
        "http://a: 1 request in flight, nothing has arrived for 400 s; \
         http://b: 7 requests in flight, nothing has arrived for 500 s"
    );
    assert_eq!(seconds, 500.0);
}
