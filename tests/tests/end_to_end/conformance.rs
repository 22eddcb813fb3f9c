//! The embedded server does what a run asks of vLLM; `servers.rs` holds a real one to the same.

use retrial_tests::{Project, Server, Service, shown};

#[tokio::test]
async fn the_embedded_server_conforms() {
    let project = Project::new();
    let trained = project.train(&["--set", "run.steps=1", "--set", "evaluation.every=0"]);
    assert!(trained.status.success(), "{}", shown(&trained));
    let policy = Service::policy(&[]);
    let server = Server { url: policy.url.clone() };
    server.conforms(&project.version(0), &project.version(1)).await;
}
