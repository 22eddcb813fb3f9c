//! A log with two runs, in which a model has written hostile text, and a dashboard over it.

use retrial_grader::{Answer, Verdict};
use retrial_lte::{GroupOutcome, HintKind, Method, SecondTrial};
use retrial_protocol::{Step, WeightVersion};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::config::DashboardConfig;
use crate::dashboard::{Dashboard, Door};
use crate::domain::{FinishReason, GradedRollout, Problem, ProblemId, Rollout, Trial};
use crate::evaluate::Score;
use crate::store::{
    EvalRecord, GroupRecord, HintRecord, NewRun, PushRecord, Replacement, RunId, StepRecord, Store,
    TrialRecord,
};

/// What a page must show as text.
pub const SCRIPT: &str = "<script>document.title='taken'</script>";
/// Turns the reading direction, and hides.
pub const HIDDEN: &str = "safe\u{202e}gpj.exe\u{200b}\u{200b}";
/// A name that is a path, a query and markup.
pub const NAME: &str = "../a?b=<c>&d";

/// The log of two runs, `one` and `two`.
pub struct Log {
    pub store: Store,
    pub folder: TempDir,
    pub one: RunId,
}

/// A dashboard and whom to ask.
pub struct Asked {
    _dashboard: Dashboard,
    pub url: String,
    pub http: reqwest::Client,
}

impl Log {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("retrial.db")).await.unwrap();
        let one = run(&store, "one", 1).await;
        let log = Self { store, folder, one };
        run(&log.store, "two", 2).await;
        for step in 1..=3 {
            log.step(Step(step)).await;
        }
        log.evaluate(0, 0.25).await;
        log.evaluate(3, 0.75).await;
        log
    }

    /// A dashboard over it, on a free port.
    pub async fn asked(&self) -> Asked {
        self.asked_with(DashboardConfig::default()).await
    }

    /// The same with other settings.
    pub async fn asked_with(&self, config: DashboardConfig) -> Asked {
        let listen = std::net::SocketAddr::new(config.listen.ip(), 0);
        let door = Door::open(&DashboardConfig { listen, ..config }).await.unwrap();
        let dashboard = door.serve(&self.folder.path().join("retrial.db"), None).await.unwrap();
        Asked::new(dashboard)
    }

    /// A step in which problem `NAME` is rescued and `b` is solved.
    pub async fn step(&self, step: Step) {
        let (store, run) = (&self.store, self.one);
        store.begin_step(run, step, &[id(NAME), id("b")]).await.unwrap();
        let first = [
            rollout(0, step, Verdict::Wrong, Some("3"), SCRIPT),
            rollout(1, step, Verdict::Wrong, Some("<b>7</b>"), HIDDEN),
            rollout(2, step, Verdict::NoAnswer, None, &long()),
        ];
        let solved = [rollout(0, step, Verdict::Correct, Some("2"), "It is 2.")];
        let (name, b) = (id(NAME), id("b"));
        let record = |problem, trial, prompt_tokens, rollouts| TrialRecord {
            problem,
            trial,
            prompt_tokens,
            rollouts,
        };
        let trials =
            [record(&name, Trial::First, 9, &first[..]), record(&b, Trial::First, 9, &solved[..])];
        store.log_rollouts(run, step, &trials).await.unwrap();
        let answers = vec!["3".to_owned(), "<b>7</b>".to_owned()];
        let trial = SecondTrial { kind: HintKind::Hint, answers };
        let prompt = format!("Hint: not 3, not <b>7</b> {SCRIPT}");
        let hint = HintRecord { problem: name.clone(), trial, prompt };
        store.log_hints(run, step, &[hint]).await.unwrap();
        let second = [rollout(0, step, Verdict::Correct, Some("2"), "Then it is 2.")];
        let trials = [record(&name, Trial::Second, 19, &second[..])];
        store.log_rollouts(run, step, &trials).await.unwrap();
        store.commit_step(run, step, &committed(step)).await.unwrap();
    }

    async fn evaluate(&self, version: u64, pass_at_1: f64) {
        let score = Score { pass_at_1, pass_at_k: 0.9, k: 8, problems: 40 };
        let record = EvalRecord { score, samples: Vec::new() };
        self.store.log_evaluation(self.one, WeightVersion(version), "new", &record).await.unwrap();
    }
}

impl Asked {
    pub fn new(dashboard: Dashboard) -> Self {
        let url = dashboard.url().trim_end_matches('/').to_owned();
        let policy = reqwest::redirect::Policy::none();
        retrial_servers::install_tls();
        let http = reqwest::Client::builder().redirect(policy).build().unwrap();
        Self { _dashboard: dashboard, url, http }
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// The page at a path.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "text/html; charset=utf-8", "{path}");
        answer.text().await.unwrap()
    }

    /// The JSON at a path.
    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}

/// A megabyte of text.
pub fn long() -> String {
    "lorem ipsum ".repeat(87_382)
}

async fn run(store: &Store, name: &str, seed: u64) -> RunId {
    let new = NewRun {
        name: name.into(),
        method: Method::Lte,
        seed,
        model: "base".into(),
        config: json!({ "run": { "name": name, "seed": seed } }),
    };
    let run = store.create_run(&new).await.unwrap();
    let problem = |name: &str, text: &str| Problem {
        id: id(name),
        text: text.into(),
        answer: "2".into(),
        tags: [("level".to_owned(), SCRIPT.to_owned())].into(),
    };
    let problems = [problem(NAME, &format!("What is 1 + 1? {SCRIPT}")), problem("b", "1 + 1?")];
    store.record_problems(run, "train", problems.iter()).await.unwrap();
    run
}

fn id(name: &str) -> ProblemId {
    ProblemId(name.into())
}

fn rollout(
    index: u32,
    step: Step,
    verdict: Verdict,
    answer: Option<&str>,
    text: &str,
) -> GradedRollout {
    GradedRollout {
        rollout: Rollout {
            index,
            tokens: vec![index],
            logprobs: vec![-0.5],
            text: text.into(),
            finish: FinishReason::Stop,
            version: step.base(),
        },
        verdict,
        answer: answer.map(|text| Answer { text: text.into(), canonical: text.into() }),
    }
}

fn committed(step: Step) -> StepRecord {
    let group = |problem, before, after, replacements: &[Replacement]| GroupRecord {
        problem: id(problem),
        before,
        after,
        replacements: replacements.to_vec(),
    };
    let replaced = [Replacement { first: 1, extra: 0 }];
    StepRecord {
        groups: vec![
            group(NAME, GroupOutcome::NonePass, GroupOutcome::SomePass, &replaced),
            group("b", GroupOutcome::AllPass, GroupOutcome::AllPass, &[]),
        ],
        weights: PushRecord {
            version: step.version(),
            folder: "runs/one/v000001".into(),
            max_difference: Some(1e-6),
        },
        metrics: vec![
            ("none_pass", 1.0),
            ("some_pass", 0.0),
            ("all_pass", 1.0),
            ("hinted_problems", 1.0),
            ("rescued_problems", 1.0),
            ("first_trial_pass_rate", 0.25),
            ("first_trial_tokens", 4.0),
            ("second_trial_tokens", 1.0),
            ("first_trial_seconds", 0.5),
            ("second_trial_seconds", 0.25),
            ("loss", f64::NAN),
        ],
    }
}
