//! Progress on the terminal: a line for each step, and a bar below that
//! shows the current activity, or what the run waits for.
//!
//! All of it goes to standard error; standard output is for the result. In JSON mode there is no
//! bar, and the lines say what run, step and phase they belong to.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use retrial_config::Config;
use retrial_live::{Live, Phase, Snapshot, Status};
use retrial_log::Format;
use retrial_lte::HintKind;
use retrial_protocol::WeightVersion;

use crate::evaluate::Scores;
use crate::summary::{Outcomes, StepSummary};
use crate::tracking::Tracking;

/// The progress of a run.
pub struct Progress {
    bar: ProgressBar,
    run: String,
    steps: u64,
    tracking: Option<Tracking>,
    /// Updates the bar; at a terminal only.
    _words: Option<AbortOnDrop>,
}

/// A task that ends when this is dropped.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Interval of the bar's updates.
const WORDS_EVERY: Duration = Duration::from_secs(1);

impl Progress {
    /// Starts showing a run with `done` finished steps.
    pub fn new(config: &Config, done: WeightVersion, live: &Arc<Live>) -> Self {
        let steps = config.run.steps;
        let bar = ProgressBar::new(steps).with_position(done.0);
        // The remaining time is known once a step is done.
        bar.set_style(style("{bar:24} {pos}/{len} steps  {wide_msg}"));
        let at_terminal = std::io::stderr().is_terminal() && retrial_log::format() == Format::Text;
        let words = if at_terminal {
            let (bar, live) = (bar.clone(), Arc::clone(live));
            Some(AbortOnDrop(tokio::spawn(async move {
                let mut clock = tokio::time::interval(WORDS_EVERY);
                loop {
                    clock.tick().await;
                    bar.set_message(words(&live.snapshot()));
                }
            })))
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            None
        };
        let run = &config.run;
        let progress = Self { bar, run: run.name.clone(), steps, tracking: None, _words: words };
        let (name, method) = (&run.name, run.method);
        let (problems, group) = (config.rollout.problems, config.rollout.group);
        progress.line(&if done.0 < steps {
            let next = done.0 + 1;
            format!(
                "run {name} ({method}), {problems} problems x {group} rollouts a step, \
                 steps {next} to {steps}"
            )
        } else {
            format!("run {name} ({method}) has finished its {steps} steps")
        });
        progress
    }

    /// Sends events to a tracker from here on.
    pub fn track(&mut self, tracking: Option<Tracking>) {
        self.tracking = tracking;
    }

    /// Takes the tracker, at the end.
    pub fn take_tracking(&mut self) -> Option<Tracking> {
        self.tracking.take()
    }

    /// Shows the address of the dashboard.
    pub fn watched_at(&self, url: &str) {
        self.line(&format!("dashboard at {url}"));
    }

    /// Shows that the run has ended and the dashboard is still served.
    pub fn kept_open(&self, url: &str) {
        self.line(&format!(
            "the run has ended; the dashboard stays at {url} until this process is stopped"
        ));
    }

    /// Shows that a version was kept permanently.
    pub fn kept(&self, version: WeightVersion, folder: &Path) {
        self.line(&format!("version {version} is kept in {}", folder.display()));
    }

    /// Shows a step.
    pub fn stepped(&mut self, summary: &StepSummary) {
        self.bar.set_style(style("{bar:24} {pos}/{len} steps, {eta} left  {wide_msg}"));
        self.bar.set_position(summary.step.0);
        let _at = retrial_log::at(&self.run, summary.step.0, "step").entered();
        self.line(&step_line(summary, self.steps));
        if let Some(tracking) = &self.tracking {
            tracking.stepped(summary);
        }
    }

    /// Shows an evaluation.
    pub fn evaluated(&mut self, version: WeightVersion, scores: &Scores) {
        let _at = retrial_log::at(&self.run, version.0, Phase::Evaluate.word()).entered();
        for (name, score) in scores {
            self.line(&format!(
                "held-out {name} at version {version}: Pass@1 {:.3}  Pass@{} {:.3}  ({} problems)",
                score.pass_at_1, score.k, score.pass_at_k, score.problems
            ));
        }
        if let Some(tracking) = &mut self.tracking {
            tracking.evaluated(version, scores);
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| retrial_log::tell(text));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

/// The current activity, or what the run waits for, in a few words.
fn words(now: &Snapshot) -> String {
    match &now.status {
        Status::Waiting { what, .. } => return format!("waiting for {what}"),
        Status::Paused { .. } => return "paused".into(),
        Status::Ended => return "ended".into(),
        Status::Running | Status::Stalled { .. } => {}
    }
    let activities = now.activities.iter().map(|activity| {
        let word = activity.phase.word();
        let seconds = activity.seconds;
        match activity.total {
            0 => format!("{word} {seconds:.0} s"),
            total => format!("{word} {}/{total} {seconds:.0} s", activity.done),
        }
    });
    activities.collect::<Vec<_>>().join(", ")
}

fn step_line(summary: &StepSummary, steps: u64) -> String {
    let Outcomes { none, some, all } = summary.before;
    let mut line = format!(
        "step {:>width$}/{steps}  none/some/all-pass {none}/{some}/{all}",
        summary.step.0,
        width = steps.to_string().len()
    );
    if summary.retried() > 0 {
        let _ = write!(line, "  rescued {}/{}", summary.rescued(), summary.retried());
        let kinds: Vec<String> = summary
            .hinted
            .iter()
            .map(|hinted| {
                format!("{} {}/{}", kind_word(hinted.kind), hinted.rescued, hinted.problems)
            })
            .collect();
        let _ = write!(line, " ({})", kinds.join(", "));
    }
    if let Some(pass) = summary.first.pass {
        match summary.first.reward {
            None => {
                let _ = write!(line, "  reward {pass:.3}");
            }
            Some(reward) => {
                let _ = write!(line, "  reward {reward:.3} (passed {pass:.3})");
            }
        }
    }
    if let (Some(entropy), Some(tokens)) = (summary.first.entropy, summary.first.response_tokens) {
        let _ = write!(line, "  entropy {entropy:.3}  length {tokens:.1}");
    }
    if summary.given_up > 0 {
        let _ = write!(line, "  given up {}", summary.given_up);
    }
    if summary.unjudged > 0 {
        let _ = write!(line, "  without verdict {}", summary.unjudged);
    }
    if summary.weights.wrong > 0 {
        let _ = write!(line, "  wrong weights {}", summary.weights.wrong);
    }
    if summary.odd_tokens > 0 {
        let _ = write!(line, "  odd log-probs {}", summary.odd_tokens);
    }
    let seconds = &summary.seconds;
    let rollout = seconds.first_trial + seconds.second_trial;
    let _ = write!(
        line,
        "  {:.1} s (rollouts {rollout:.1}, train {:.1}, push {:.1})",
        rollout + seconds.train + seconds.publish,
        seconds.train,
        seconds.publish
    );
    line
}

/// The name of a prompt on a progress line.
fn kind_word(kind: HintKind) -> &'static str {
    match kind {
        HintKind::Plain => "plain",
        HintKind::Concise => "concise",
        HintKind::ConciseHint => "concise+hint",
        HintKind::Hint => "hint",
    }
}
