//! Sizes of real experiments: long responses, large groups, many problems at once.

use std::time::Instant;

use retrial_tests::{GroupAnswer, Project, Shape, Simulated, shown};
use tokio::task::spawn_blocking;

async fn takes(shape: Shape) {
    let mut simulated =
        Simulated::start(shape, Box::new(|_| GroupAnswer::solved_at(Instant::now()))).await;
    let project = Project::new();
    shape.configure(&project, &simulated.url);
    let output = spawn_blocking(move || (project.retrial(["run", "run.toml"]), project));
    let (output, project) = output.await.unwrap();
    assert!(output.status.success(), "{shape:?}: {}", shown(&output));
    let log = project.log().await;
    let (rollouts, tokens): (i64, i64) =
        sqlx::query_as("SELECT count(*), sum(tokens) FROM rollouts WHERE trial = 'first'")
            .fetch_one(&log)
            .await
            .unwrap();
    let expected = shape.problems * shape.group;
    assert_eq!(rollouts, expected as i64, "{shape:?}");
    assert_eq!(tokens, (expected * shape.tokens) as i64, "{shape:?}");
    let batch = simulated.batches.recv().await.expect("the trainer has a batch");
    // As JSON a token has its id and its log-probability, in no fewer characters than these.
    assert!(batch.bytes > expected * shape.tokens * "300,-0.5,".len(), "{shape:?}: {batch:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_of_32k_tokens() {
    takes(Shape { steps: 1, problems: 2, group: 4, tokens: 32_768 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_64() {
    takes(Shape { steps: 1, problems: 4, group: 64, tokens: 512 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_1024_problems() {
    takes(Shape { steps: 1, problems: 1024, group: 4, tokens: 64 }).await;
}
