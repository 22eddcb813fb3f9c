//! What `/metrics` shows, under vLLM's names.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::sequence::Finish;

/// Counters and gauges of one engine.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Sequences that are being sampled.
    pub running: AtomicUsize,
    /// Sequences waiting for a place, or for the server to be resumed.
    pub waiting: AtomicUsize,
    /// Tokens of prompts that were computed.
    pub prompt_tokens: AtomicU64,
    /// Tokens that were sampled.
    pub generation_tokens: AtomicU64,
    /// Sequences that were preempted and recomputed.
    pub preemptions: AtomicU64,
    stopped: AtomicU64,
    cut: AtomicU64,
    aborted: AtomicU64,
    broken: AtomicU64,
}

impl Metrics {
    /// Counts a sequence that ended.
    pub fn finished(&self, finish: &Finish) {
        let counter = match finish {
            Finish::Stop(_) => &self.stopped,
            Finish::Length => &self.cut,
            Finish::Abort => &self.aborted,
            Finish::Broken => &self.broken,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// In Prometheus' text format.
    pub fn render(&self, model: &str) -> String {
        let model = model.escape_default();
        let engine = format!(r#"engine="0",model_name="{model}""#);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let gauge = |gauge: &AtomicUsize| gauge.load(Ordering::Relaxed) as f64;
        let mut text = String::new();
        let mut add = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
            let _ = writeln!(text, "# HELP vllm:{name} {help}\n# TYPE vllm:{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "vllm:{name}{{{labels}}} {value:?}");
            }
        };
        let one = |value: f64| [(engine.clone(), value)];
        let running = one(gauge(&self.running));
        add("num_requests_running", "gauge", "Sequences that are being sampled.", &running);
        let waiting = one(gauge(&self.waiting));
        add("num_requests_waiting", "gauge", "Sequences that wait to be sampled.", &waiting);
        let prompts = one(count(&self.prompt_tokens));
        add("prompt_tokens_total", "counter", "Prompt tokens that were computed.", &prompts);
        let sampled = one(count(&self.generation_tokens));
        add("generation_tokens_total", "counter", "Tokens that were sampled.", &sampled);
        let preempted = one(count(&self.preemptions));
        add("num_preemptions_total", "counter", "Sequences computed again.", &preempted);
        let reasons = [
            ("stop", &self.stopped),
            ("length", &self.cut),
            ("abort", &self.aborted),
            ("error", &self.broken),
        ];
        let ended = reasons.map(|(reason, counter)| {
            let labels = format!(r#"engine="0",finished_reason="{reason}",model_name="{model}""#);
            (labels, count(counter))
        });
        add("request_success_total", "counter", "Sequences that ended, by reason.", &ended);
        text
    }
}
