//! A request to the embedded server: the first line names the route, the rest is the body.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use retrial_text::Text;
use retrial_trainer::compute::Compute;
use retrial_trainer::model::Decoder;
use retrial_trainer::policy::command::{Options, Products};
use retrial_trainer::policy::engine::Engine;
use retrial_trainer::policy::request::{Limits, chat, completion};
use retrial_trainer::policy::routes;
use retrial_trainer::policy::sampling::LogprobsMode;
use tch::Device;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::folder::fixture;
use crate::input::first_line;

/// Limit on the tokens sampled for a request.
const TOKENS: usize = 64;

struct Server {
    runtime: Runtime,
    router: Router,
    text: Arc<Text>,
    limits: Limits,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let folder = fixture("base");
    let model = Decoder::load(&folder, Device::Cpu).expect("the model can be read");
    let text = Arc::new(Text::load(&folder).expect("the tokenizer can be read"));
    let (context, vocabulary) = (model.config().context, model.config().vocabulary as usize);
    let limits = || Limits { model: "policy".into(), context, vocabulary };
    let options = Options {
        max_sequences: 8,
        context,
        logprobs: LogprobsMode::Processed,
        threads: 1,
        compute: Compute::default(),
        products: Products::Best,
    };
    let engine = Engine::start(model, folder, Arc::clone(&text), options).expect("it starts");
    let router = routes::router(engine, Arc::clone(&text), "base".into(), limits());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it starts");
    Server { runtime, router, text, limits: limits() }
});

/// An accepted request stays within the model's limits, and is answered if it is short.
pub fn policy_request(input: &[u8]) -> bool {
    let (route, body) = first_line(input);
    let Server { runtime, router, text, limits } = &*SERVER;
    let headers: HeaderMap = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]
        .into_iter()
        .collect();
    let content = body.to_vec().into();
    let (path, read) = match route {
        b"completions" => ("/v1/completions", completion(&headers, &content, text, limits)),
        b"chat" => ("/v1/chat/completions", chat(&headers, &content, text, limits)),
        _ => return false,
    };
    let Ok(request) = read else { return false };
    for job in &request.jobs {
        assert!((1..=limits.context).contains(&(job.prompt.len() + job.max_tokens)));
        assert!(job.prompt.iter().all(|&id| (id as usize) < limits.vocabulary));
    }
    let tokens = request.jobs.iter().map(|job| job.n.saturating_mul(job.max_tokens)).sum::<usize>();
    if tokens > TOKENS {
        return false;
    }
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(content))
        .expect("it is a request");
    let answer = runtime.block_on(router.clone().oneshot(request)).expect("it does not fail");
    assert!(!answer.status().is_server_error(), "{}", answer.status());
    true
}
