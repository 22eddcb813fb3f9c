//! Data survives a round trip, once and completely, also across failures.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retrial_domain::{Problem, Score, Tally};
use retrial_protocol::WeightVersion;
use serde_json::Value;
use tokio::task::JoinSet;

use super::*;

fn rollout() -> impl Strategy<Value = GradedRollout> {
    // Any bits but NaN, which is not equal to itself.
    let logprob = any::<u32>().prop_map(f32::from_bits).prop_filter("NaN", |x| !x.is_nan());
    let finish = prop_oneof![Just(FinishReason::Stop), Just(FinishReason::Length)];
    let answer = proptest::option::of((any::<String>(), any::<String>()));
    let tokens = prop::collection::vec((any::<u32>(), logprob), 0..20);
    let version = any::<u64>().prop_map(WeightVersion);
    (tokens, any::<String>(), finish, version, judgement(), answer).prop_map(
        |(tokens, text, finish, version, judgement, answer)| {
            let (tokens, logprobs) = tokens.into_iter().unzip();
            let rollout = Rollout { index: 0, tokens, logprobs, text, finish, version };
            let answer = answer.map(|(text, canonical)| Answer { text, canonical });
            GradedRollout { rollout, judgement: Judgement { answer, ..judgement } }
        },
    )
}

fn judgement() -> impl Strategy<Value = Judgement> {
    let reward = || (0..=64_u8).prop_map(|n| Reward::new(f64::from(n) / 64.0).unwrap());
    let parts = prop::collection::btree_map(any::<String>(), reward(), 0..3);
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    (verdict, reward(), parts, proptest::option::of(any::<String>())).prop_map(
        |(verdict, reward, parts, reason)| Judgement {
            reward: (verdict != Verdict::Timeout).then_some(reward),
            parts: parts.into_iter().map(|(name, reward)| Part { name, reward }).collect(),
            reason,
            ..Judgement::graded(verdict, None)
        },
    )
}

fn group() -> impl Strategy<Value = Vec<GradedRollout>> {
    prop::collection::vec(rollout(), 1..8).prop_map(|mut group| {
        for (index, graded) in (0..).zip(&mut group) {
            graded.rollout.index = index;
        }
        group
    })
}

fn problem(name: &str) -> Problem {
    let (text, answer) = ("1 + 1?".to_owned(), "2".to_owned());
    Problem { id: id(name), text, answer, tags: BTreeMap::new() }
}

fn first_trial<'a>(problem: &'a ProblemId, rollouts: &'a [GradedRollout]) -> TrialRecord<'a> {
    TrialRecord { problem, trial: Trial::First, prompt_tokens: 9, rollouts }
}

fn bits(group: &[GradedRollout]) -> Vec<u32> {
    group.iter().flat_map(|graded| graded.rollout.logprobs.iter().map(|x| x.to_bits())).collect()
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

#[tokio::test]
async fn successes_are_cut_at_the_commit_and_nothing_else_is() {
    let mut log = Log::new().await;
    log.store = log.store.cutting_successes(Some(3));
    log.first_trial().await;
    let uncut = "SELECT count(*) FROM responses WHERE cut_from IS NULL AND token_ids <> x''";
    let whole: i64 = sqlx::query_scalar(uncut).fetch_one(&log.store.readers).await.unwrap();
    assert_eq!(whole, 8, "a step that is interrupted goes on with all of it");
    log.second_trial().await;
    let cut = log
        .rows(
            "SELECT problem, trial, position, text, hex(token_ids) AS ids, hex(logprobs) AS logs, \
             cut_from FROM responses WHERE cut_from IS NOT NULL",
        )
        .await;
    // The other correct response, of problem a, is a rescue.
    let expected = "problem=b | trial=first | position=0 | text=So  | ids= | logs= | cut_from=13";
    assert_eq!(cut, [expected]);
    let whole: i64 = sqlx::query_scalar(uncut).fetch_one(&log.store.readers).await.unwrap();
    assert_eq!(whole, 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rollouts_come_back_bit_for_bit(group in group()) {
        block_on(async {
            let log = Log::new().await;
            log.log("a", Trial::Second, &group).await;
            let logged = log.store.logged_rollouts(log.run, STEP).await.unwrap();
            assert_eq!(logged.len(), 1);
            let found = &logged[&(id("a"), Trial::Second)];
            assert_eq!(*found, group);
            assert_eq!(bits(found), bits(&group));
        });
    }

    #[test]
    fn evaluations_come_back_bit_for_bit(
        first in group(), second in group(), version: u64, rates: (f64, f64), k: u32,
    ) {
        block_on(async {
            let (log, version) = (Log::new().await, WeightVersion(version));
            let (store, run) = (&log.store, log.run);
            let eval = NewEval {
                name: "eval", weights: "weights", settings: &Value::Null, of: Some((run, version)),
            };
            let eval = store.create_eval(&eval).await.unwrap();
            let (benchmark, source) = ("new".to_owned(), "new.jsonl".to_owned());
            let set = EvalSet { benchmark, source, digest: String::new(), k };
            // In the order of the data set, which need not be that of the names.
            let problems = ["y", "x"].map(problem);
            store.add_eval_set(eval, &set, &problems.each_ref()).await.unwrap();
            for _ in 0..2 {
                store.log_eval_problem(eval, "new", &id("y"), &first).await.unwrap();
            }
            assert_eq!(store.done_eval_problems(eval, "new").await.unwrap(), [id("y")].into());
            store.log_eval_problem(eval, "new", &id("x"), &second).await.unwrap();
            let found = store.eval_problems(eval, "new").await.unwrap();
            let tallies: Vec<_> = found.iter().map(|found| (&found.id, found.tally)).collect();
            let expected = [(&id("y"), Some(Tally::of(&first))), (&id("x"), Some(Tally::of(&second)))];
            assert_eq!(tallies, expected);

            assert_eq!(store.evaluation(run, version, "new").await.unwrap(), None);
            let score = Score { pass_at_1: rates.0, pass_at_k: rates.1, k, problems: 2 };
            for _ in 0..2 {
                store.finish_eval_set(eval, "new", &score, (0.25, 0.5)).await.unwrap();
            }
            assert_eq!(store.evaluation(run, version, "new").await.unwrap(), Some(score));
            assert_eq!(store.evaluation(run, version, "other").await.unwrap(), None);
            let blobs: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
                "SELECT token_ids, logprobs FROM evaluation_rollouts WHERE problem = 'y' \
                 ORDER BY position",
            )
            .fetch_all(&store.writer)
            .await
            .unwrap();
            let logged = first.iter().map(|GradedRollout { rollout, .. }| {
                (codec::ids_to_blob(&rollout.tokens), codec::floats_to_blob(&rollout.logprobs))
            });
            assert_eq!(blobs, logged.collect::<Vec<_>>());
        });
    }
}

#[tokio::test]
async fn logging_twice_is_logging_once() {
    let log = Log::new().await;
    log.first_trial().await;
    log.second_trial().await;
    let content = log.content().await;
    log.store.begin_step(log.run, STEP, &[id("a"), id("b"), id("c")]).await.unwrap();
    log.first_trial().await;
    log.second_trial().await;
    assert_eq!(log.content().await, content);
    let sums = log.store.metric_sums(log.run).await.unwrap();
    assert_eq!((sums["train_seconds"], sums["loss"]), (0.5, 0.0));
}

#[tokio::test]
async fn what_a_run_came_to_step_by_step() {
    let log = Log::new().await;
    log.first_trial().await;
    assert!(log.store.series(log.run).await.unwrap().is_empty(), "the step is not committed");
    log.second_trial().await;
    let series = log.store.series(log.run).await.unwrap();
    assert_eq!(series["train_seconds"], [(STEP, 0.5)]);
    // a was rescued, b solved at once, c never solved.
    for (name, value) in [("solved", 2.0), ("unsolved", 1.0), ("rescued", 1.0), ("graduated", 0.0)]
    {
        assert_eq!(series[name], [(STEP, value)], "{name}");
    }
}

#[tokio::test]
async fn wrong_answers_are_remembered_from_earlier_steps_only() {
    let log = Log::new().await;
    log.first_trial().await;
    log.second_trial().await;
    let before = async |step: u64, problem: &str| {
        let answers =
            log.store.wrong_answers_before(log.run, Step(step), &id(problem)).await.unwrap();
        answers.into_iter().map(|answer| answer.text).collect::<Vec<String>>()
    };
    assert_eq!(before(STEP.0 + 1, "a").await[0], "3", "the most frequent first");
    assert_eq!(before(STEP.0 + 1, "c").await, ["7"], "what cannot be read is no answer");
    assert!(before(STEP.0 + 1, "b").await.is_empty());
    assert!(before(STEP.0, "a").await.is_empty());
}

#[tokio::test]
async fn an_interruption_leaves_no_trace() {
    let unbroken = Log::new().await;
    unbroken.first_trial().await;
    unbroken.second_trial().await;

    let mut log = Log::new().await;
    log.log("c", Trial::First, &[graded(0, Verdict::Unparsed, Some("8 8"))]).await;
    // The next process finds the logged part, and does the rest.
    log.store = Store::open(&log.path()).await.unwrap();
    let logged = log.store.logged_rollouts(log.run, STEP).await.unwrap();
    assert_eq!(logged.keys().collect::<Vec<_>>(), [&(id("c"), Trial::First)]);
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), None);
    log.first_trial().await;
    log.second_trial().await;
    assert_eq!(log.content().await, unbroken.content().await);
}

#[tokio::test]
async fn a_step_counts_once_it_is_committed() {
    let log = Log::new().await;
    log.first_trial().await;
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), None);
    log.second_trial().await;
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), Some(STEP));
    log.store.begin_step(log.run, Step(2), &[id("a")]).await.unwrap();
    assert_eq!(log.store.last_committed_step(log.run).await.unwrap(), Some(STEP));
    assert!(log.store.logged_rollouts(log.run, Step(2)).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_fails_is_not_half_there() {
    let log = Log::new().await;
    let content = log.content().await;
    let mut record = committed();
    record.groups[2].problem = id("not in the step");
    record.groups[2].replacements = vec![Replacement { first: 0, extra: 0 }];
    let error = log.store.commit_step(log.run, STEP, &record).await.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot commit a step to ") && error.contains("retrial.db"),
        "{error}"
    );
    assert_eq!(log.content().await, content);
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let log = Log::new().await;
    let content = log.content().await;
    // Like a disk that has no more room.
    sqlx::query("PRAGMA max_page_count = 1").execute(&log.store.writer).await.unwrap();
    let mut large = first_of_a();
    large[0].rollout.text = "x".repeat(1 << 20);
    let a = id("a");
    let record = first_trial(&a, &large);
    let written = log.store.log_rollouts(log.run, STEP, std::slice::from_ref(&record));
    let error = written.await.unwrap_err().to_string();
    assert!(error.contains("hint: the disk is full"), "{error}");
    assert_eq!(log.content().await, content);
    // A new connection has no such limit: there is room again.
    log.log("a", Trial::First, &large).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_write_at_once() {
    let log = Log::new().await;
    let problems: Vec<ProblemId> = (0..20).map(|n| id(&format!("p{n}"))).collect();
    log.store.begin_step(log.run, Step(2), &problems).await.unwrap();
    let mut tasks = JoinSet::new();
    for problem in problems {
        let (store, run) = (log.store.clone(), log.run);
        tasks.spawn(async move {
            let group = first_of_a();
            let record = first_trial(&problem, &group);
            store.log_rollouts(run, Step(2), &[record]).await.unwrap();
            store.logged_rollouts(run, Step(2)).await.unwrap()[&(problem, Trial::First)].len()
        });
    }
    assert_eq!(tasks.join_all().await, [5; 20]);
}
