//! Pushes to servers that fail.

use std::path::Path;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use retrial_protocol::{
    Access, PublishRequest, PushOutcome, ServerAddress, ServerKind, Transfer, VersionKind,
    WeightVersion,
};
use retrial_servers::{Caller, Channel, Failed, Order, Weights, push};
use tempfile::TempDir;

use crate::standin::{Kind, Reply, SCORE, Standin};

const VLLM: [&str; 7] = [
    "/pause",
    "/collective_rpc",
    "/reset_prefix_cache",
    "/update_weight_version",
    "/weight_info",
    "/resume",
    "/v1/completions",
];
const SGLANG: [&str; 5] = [
    "/pause_generation",
    "/update_weights_from_disk",
    "/model_info",
    "/continue_generation",
    "/generate",
];

struct NoChannel;

impl Channel for NoChannel {
    fn send<'a>(&'a self, _: &'a Caller, _: &'a Path) -> BoxFuture<'a, Result<(), Failed>> {
        ready(Ok(())).boxed()
    }
}

/// Pushes version 1 to a server.
async fn push_to(server: &Standin, kind: Kind, access: &Access) -> PushOutcome {
    push_of(Path::new("/run"), server, kind, access).await
}

/// The same, out of a folder.
async fn push_of(run: &Path, server: &Standin, kind: Kind, access: &Access) -> PushOutcome {
    let kind = if kind == Kind::Sglang { ServerKind::Sglang } else { ServerKind::Vllm };
    let request = PublishRequest {
        version: WeightVersion(1),
        servers: vec![ServerAddress { url: server.url.clone(), kind }],
        probe: vec![5, 6, 7],
        tolerance: 1e-4,
        timeout_seconds: 20,
        transfer: Transfer::Disk,
    };
    let weights = Weights {
        folder: &run.join("v000001"),
        previous: Some(&run.join("v000000")),
        expected: &[SCORE as f32; 2],
        order: Order { kind: VersionKind::Model, transfer: Transfer::Disk, channel: &NoChannel },
    };
    push(&request, &weights, access).await.servers.remove(0).outcome
}

fn refusal(outcome: PushOutcome) -> String {
    match outcome {
        PushOutcome::Refused { error } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_failure_of_any_call_of_a_push_is_tried_again() {
    for (kind, routes) in [(Kind::Vllm, &VLLM[..]), (Kind::Sglang, &SGLANG)] {
        for status in [500, 503] {
            let server = Standin::start(kind).await;
            for route in routes {
                server.reply(route, [Reply::status(status)]);
            }
            let outcome = push_to(&server, kind, &Access::default()).await;
            assert!(matches!(outcome, PushOutcome::Verified { .. }), "{status}: {outcome:?}");
            let world = server.world();
            assert_eq!((world.weights.as_str(), world.label.as_str()), ("v000001", "1"));
            assert!(!world.paused);
        }
    }
}

/// The state of a server after a push of version 1 during which a route always failed.
async fn after(kind: Kind, route: &str) -> (String, String, String, bool) {
    let server = Standin::start(kind).await;
    server.always(route, Reply::status(500));
    let error = refusal(push_to(&server, kind, &Access::default()).await);
    let world = server.world();
    (error, world.weights.clone(), world.label.clone(), world.paused)
}

#[tokio::test]
async fn a_server_that_cannot_be_labelled_has_the_old_weights_under_the_old_name() {
    let (error, weights, label, paused) = after(Kind::Vllm, "/update_weight_version").await;
    assert!(error.contains("labelling: it answered 500"), "{error}");
    assert_eq!((weights.as_str(), label.as_str(), paused), ("v000000", "0", false));
    let (error, weights, label, paused) = after(Kind::Sglang, "/model_info").await;
    assert!(error.contains("checking its label: it answered 500"), "{error}");
    assert_eq!((weights.as_str(), label.as_str(), paused), ("v000000", "0", false));
}

#[tokio::test]
async fn a_server_that_cannot_be_resumed_is_named_and_the_next_push_resumes_it() {
    let server = Standin::start(Kind::Vllm).await;
    // As often as a call is tried.
    server.reply("/resume", vec![Reply::status(500); 4]);
    let error = refusal(push_to(&server, Kind::Vllm, &Access::default()).await);
    assert!(error.contains("resume: it answered 500"), "{error}");
    assert!(server.world().paused);
    let outcome = push_to(&server, Kind::Vllm, &Access::default()).await;
    assert!(matches!(outcome, PushOutcome::Verified { .. }), "{outcome:?}");
    assert!(!server.world().paused);
}

#[tokio::test]
async fn a_push_shows_the_key_and_names_it_where_it_is_refused() {
    let path = std::env::var("PATH").unwrap();
    let access = Access { api_key_env: Some("PATH".into()), ..Access::default() };
    let server = Standin::locked(Kind::Vllm, &format!("Bearer {path}")).await;
    let outcome = push_to(&server, Kind::Vllm, &access).await;
    assert!(matches!(outcome, PushOutcome::Verified { .. }), "{outcome:?}");
    let other = Standin::locked(Kind::Vllm, "Bearer another").await;
    let error = refusal(push_to(&other, Kind::Vllm, &access).await);
    assert!(error.contains("it answered 401") && error.contains("the key in PATH"), "{error}");
    assert!(!error.contains(&path), "the key is shown: {error}");
}

/// A folder with two versions, whose only file has these tensors behind a header of its own.
fn versions(tensors: [&[u8]; 2]) -> TempDir {
    let run = tempfile::tempdir().unwrap();
    for (version, tensors) in tensors.into_iter().enumerate() {
        let folder = run.path().join(format!("v{version:06}"));
        std::fs::create_dir(&folder).unwrap();
        let header = format!(r#"{{"version":{version}}}"#);
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length, header.as_bytes(), tensors].concat();
        std::fs::write(folder.join("model.safetensors"), file).unwrap();
    }
    run
}

#[tokio::test]
async fn a_checksum_that_a_reload_does_not_change_is_noticed() {
    let moved = versions([b"aaaa", b"aaab"]);
    let server = Standin::start(Kind::Sglang).await;
    // It says that it has, takes the label, and keeps its weights.
    server.always("/weights_checker", Reply::text(r#"{"per_engine_checksum":"c0ffee"}"#));
    let outcome = push_of(moved.path(), &server, Kind::Sglang, &Access::default()).await;
    let PushOutcome::Mismatched { error } = outcome else { panic!("{outcome:?}") };
    assert!(error.contains("does not serve version 1"), "{error}");
    assert!(error.contains("the checksum of its weights is unchanged (c0ffee)"), "{error}");
    {
        let world = server.world();
        assert_eq!((world.label.as_str(), world.paused), ("0", false), "it is left as it was");
    }

    // A step that has changed nothing is no fault of the server.
    let still = versions([b"aaaa", b"aaaa"]);
    let outcome = push_of(still.path(), &server, Kind::Sglang, &Access::default()).await;
    assert!(matches!(outcome, PushOutcome::Verified { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_no_push() {
    let server = Standin::start(Kind::Vllm).await;
    let page = Reply::text("<html><title>Sign in</title></html>");
    server.reply("/collective_rpc", [page]);
    let outcome = push_to(&server, Kind::Vllm, &Access::default()).await;
    assert!(matches!(outcome, PushOutcome::Verified { .. }), "{outcome:?}");
    assert_eq!(server.asked("/collective_rpc").len(), 2, "it is made again");
    assert_eq!(server.world().weights, "v000001");
}
