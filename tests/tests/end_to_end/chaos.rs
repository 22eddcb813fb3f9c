//! Faults at random moments: whatever is killed, stopped or ended in the middle of a run, the run
//! ends as one that nothing happened to.
//!
//! `make chaos` does many; their number and the seconds that a process stands still come from the
//! environment. What was done is printed, and follows from the seed but for the exact moment.

use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use retrial_tests::{Ended, Project, Running, shown};

const STEPS: u64 = 20;
/// A fault comes this much after the first rollout of a step, at most: one or two steps.
const SPREAD: Duration = Duration::from_millis(300);
/// The last steps are left alone: a fault must not come after the end.
const LAST: u64 = STEPS - 5;
const DEADLINE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug)]
enum Victim {
    Run,
    Service(&'static str),
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Kill,
    /// It stands still for a while.
    Stop,
    /// It is asked to end.
    Terminate,
}

const VICTIMS: [Victim; 3] =
    [Victim::Run, Victim::Service("retrial-policy"), Victim::Service("retrial-trainer")];
const DEEDS: [Deed; 3] = [Deed::Kill, Deed::Stop, Deed::Terminate];

/// A number of the environment.
fn given(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name);
    text.map_or(usual, |text| text.parse().expect("the environment gives a number"))
}

fn arguments() -> Vec<String> {
    let settings = [format!("run.steps={STEPS}"), "evaluation.every=10".to_owned()];
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

fn start(project: &Project, resume: bool) -> Running {
    let all = arguments();
    let all = all.iter().map(String::as_str).chain(resume.then_some("--resume"));
    project.start(&all.collect::<Vec<_>>())
}

/// How a run ends, with a log that is sound.
async fn ended(project: &Project) -> Ended {
    let log = project.log().await;
    let integrity: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&log).await.unwrap();
    assert_eq!(integrity, "ok");
    project.ended(STEPS).await
}

/// Sends a signal to a service of the run as soon as there is one.
async fn signal(mut run: Running, service: &str, signal: &str) -> Running {
    let deadline = Instant::now() + DEADLINE;
    while !run.signal_child(service, signal) {
        assert!(!run.has_ended(), "there is no {service}: {}", shown(&run.output()));
        assert!(Instant::now() < deadline, "there is no {service}");
        tokio::time::sleep(POLL).await;
    }
    run
}

/// Does a fault. Returns the run, which may be another process then.
async fn harm(project: &Project, run: Running, victim: Victim, deed: Deed) -> Running {
    let pause = Duration::from_secs(given("RETRIAL_CHAOS_STOP_SECONDS", 2));
    match (victim, deed) {
        (Victim::Run, Deed::Kill | Deed::Terminate) => {
            run.signal(if matches!(deed, Deed::Kill) { "KILL" } else { "TERM" });
            let output = run.output();
            assert!(!output.status.success(), "{}", shown(&output));
            start(project, true)
        }
        (Victim::Run, Deed::Stop) => {
            run.signal("STOP");
            tokio::time::sleep(pause).await;
            run.signal("CONT");
            run
        }
        (Victim::Service(name), Deed::Kill) => signal(run, name, "KILL").await,
        (Victim::Service(name), Deed::Terminate) => signal(run, name, "TERM").await,
        (Victim::Service(name), Deed::Stop) => {
            let run = signal(run, name, "STOP").await;
            tokio::time::sleep(pause).await;
            signal(run, name, "CONT").await
        }
    }
}

#[tokio::test]
async fn faults_at_random_moments_change_nothing() {
    let project = Project::new();
    let output = start(&project, false).output();
    assert!(output.status.success(), "{}", shown(&output));
    let expected = ended(&project).await;

    let faults = given("RETRIAL_CHAOS_FAULTS", 4);
    for seed in 0..given("RETRIAL_CHAOS_SEEDS", 1) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let project = Project::new();
        let mut run = start(&project, false);
        for fault in 0..faults {
            // Each has its part of the run.
            let step = random.random_range(1 + fault * LAST / faults..=(fault + 1) * LAST / faults);
            project.wait_for_rollouts(step.cast_signed()).await;
            tokio::time::sleep(SPREAD.mul_f64(random.random())).await;
            let victim = *VICTIMS.choose(&mut random).unwrap();
            let deed = *DEEDS.choose(&mut random).unwrap();
            println!("seed {seed}, step {step}: {deed:?} {victim:?}");
            run = harm(&project, run, victim, deed).await;
        }
        let output = run.output();
        assert!(output.status.success(), "seed {seed}: {}", shown(&output));
        ended(&project).await.assert_is(&expected, &format!("seed {seed}"));
        project.wait_for_nobody().await;
        println!("seed {seed}: the same weights and the same log");
    }
}
