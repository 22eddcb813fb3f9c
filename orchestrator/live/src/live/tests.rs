use super::*;
use crate::snapshot::Status;

/// Servers with an unknown state.
#[derive(Debug)]
struct NoServers;

impl ServerSource for NoServers {
    fn health(&self) -> Vec<ServerHealth> {
        Vec::new()
    }

    fn silent(&self) -> Vec<Silence> {
        Vec::new()
    }
}

fn live() -> Live {
    Live::new("r", 5, Arc::new(NoServers), Recent::default())
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
