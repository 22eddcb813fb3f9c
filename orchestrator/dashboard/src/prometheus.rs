//! `/metrics`, for Prometheus: the run of this process, or the latest one.

use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use retrial_live::Snapshot;
use retrial_protocol::{Metric, ServerHealth};
use retrial_store::RunData;

use crate::error::ApiError;
use crate::site::Site;
use crate::status::RunStatus;

type Labels = Vec<(&'static str, String)>;
type Numbers = Family<Labels, Gauge<f64, AtomicU64>>;

/// Sends the metrics of a run.
pub async fn get(State(site): State<Site>) -> Result<impl IntoResponse, ApiError> {
    let snapshot = site.snapshot();
    let name = match &snapshot {
        Some(live) => Some(live.run.clone()),
        None => site.read(async |mut view| view.latest_run().await).await?,
    };
    let mut registry = Registry::with_prefix("retrial");
    if let Some(name) = name {
        let (status, data) = site.data(&name).await?;
        of_run(&mut registry, &status, &data);
        if let Some(live) = &snapshot {
            of_servers(&mut registry, live);
        }
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| ApiError::Log(error.to_string()))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text))
}

fn of_run(registry: &mut Registry, status: &RunStatus, data: &RunData) {
    let run = || ("run", status.run.clone());
    let mut one = |name: &str, help: &str, value: f64| {
        add(registry, name, help, [(vec![run()], value)]);
    };
    one("step", "The step under way, or the last one.", status.step as f64);
    one("weight_version", "The version that is served.", status.weight_version as f64);
    one("last_change_seconds", "Seconds since the log changed.", status.last_change_seconds);
    if let Some(steps) = status.steps {
        one("steps", "Steps of the run.", steps as f64);
    }
    if let Some(rate) = status.tokens_per_second {
        one("tokens_per_second", "Sampled tokens a second, over the last steps.", rate);
    }
    let mut names: Vec<&String> = data.metrics.keys().collect();
    names.sort_unstable();
    let last = names.into_iter().filter_map(|name| {
        let value = (*data.metrics[name].last()?)?;
        Some((vec![run(), ("name", name.clone())], value))
    });
    add(registry, "step_metric", "A number of the last complete step, by name.", last);
    let known = Metric::ALL.iter().map(|metric| {
        let labels = vec![
            ("name", metric.name().to_owned()),
            ("unit", metric.unit().into()),
            ("source", metric.source().as_str().into()),
            ("formula", metric.formula().into()),
        ];
        (labels, 1.0)
    });
    add(registry, "step_metric_info", "What the numbers of a step are, by name.", known);
    let scores = data.evaluations.iter().flat_map(|found| {
        let labels = |k: u64| vec![run(), ("set", found.split.clone()), ("k", k.to_string())];
        // Later versions replace earlier ones.
        [(labels(1), found.pass_at_1), (labels(found.k), found.pass_at_k)]
    });
    add(registry, "held_out_pass", "Pass@k of the last evaluation of a set.", scores);
}

fn of_servers(registry: &mut Registry, live: &Snapshot) {
    type Value = fn(&ServerHealth) -> Option<f64>;
    let values: [(&str, &str, Value); 6] = [
        ("server_up", "Whether a server takes part.", |server| {
            Some(f64::from(u8::from(server.version.is_some())))
        }),
        ("server_in_flight", "Requests in flight.", |server| Some(server.in_flight as f64)),
        ("server_requests", "Finished requests.", |server| Some(server.requests as f64)),
        ("server_failed", "Failed requests.", |server| Some(server.failed as f64)),
        ("server_mean_seconds", "Mean seconds of a request.", |server| server.mean_seconds),
        ("server_worst_seconds", "Most seconds of a request.", |server| server.worst_seconds),
    ];
    for (name, help, value) in values {
        let all = live.servers.iter().filter_map(|server| {
            Some((vec![("run", live.run.clone()), ("url", server.url.clone())], value(server)?))
        });
        add(registry, name, help, all);
    }
}

fn add(
    registry: &mut Registry,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, f64)>,
) {
    let numbers = Numbers::default();
    for (labels, value) in values {
        numbers.get_or_create(&labels).set(value);
    }
    // The encoder adds the full stop itself.
    registry.register(name, help.trim_end_matches('.'), numbers);
}
