use super::*;

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
