//! Verdicts a second of a verifier in Python, in groups of eight as a run asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::future::try_join_all;
use retrial_domain::{FinishReason, Problem, ProblemId, Question, RewardConfig, Submission};
use retrial_verify::Verifiers;
use retrial_verify::sandbox::Launcher;
use serde_json::json;
use tokio::runtime::Runtime;

const GROUPS: usize = 128;
const GROUP: usize = 8;

const PROGRAM: &str = r#"
import json, sys
for line in sys.stdin:
    s = json.loads(line)
    right = s["answer"] is not None and s["answer"].strip() == s["gold"].strip()
    print(json.dumps({"id": s["id"], "reward": float(right)}), flush=True)
"#;

fn group(number: usize) -> Vec<Submission> {
    let problem = Problem {
        id: ProblemId(number.to_string()),
        text: "How many are there? ".repeat(10),
        answer: number.to_string(),
        tags: BTreeMap::new(),
    };
    let question = Arc::new(Question { problem, solution: None });
    let submission = |index| Submission {
        id: format!("run/1/{number}/first/{index}"),
        question: Arc::clone(&question),
        response: format!("{}So it is \\boxed{{{index}}}.", "Let me think. ".repeat(200)),
        finish: FinishReason::Stop,
    };
    (0..GROUP).map(submission).collect()
}

fn verdicts(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads can be started");
    let config: RewardConfig = serde_json::from_value(json!({
        "kind": "command", "command": ["python3", "-c", PROGRAM], "workers": 4,
    }))
    .expect("the settings are valid");
    let launcher = Launcher::this_program();
    let verifiers = runtime.block_on(Verifiers::open(&config, &launcher)).expect("Python is there");
    let groups: Vec<_> = (0..GROUPS).map(group).collect();
    let mut bench = c.benchmark_group("verdicts");
    bench.throughput(Throughput::Elements((GROUPS * GROUP) as u64)).sample_size(20);
    bench.bench_function("python, 4 workers", |b| {
        b.iter(|| {
            let all = groups.iter().map(|group| verifiers.judge(group.clone()));
            runtime.block_on(try_join_all(all)).expect("the verifier works")
        });
    });
    bench.finish();
}

criterion_group!(benches, verdicts);
criterion_main!(benches);
