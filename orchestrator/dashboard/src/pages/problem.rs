//! A problem: its history, its mistakes, and one visit with all its rollouts.

use std::fmt::Write as _;

use maud::{Markup, html};
use retrial_domain::{FinishReason, Trial};
use retrial_grader::Verdict;
use retrial_lte::GroupOutcome;
use retrial_report::format::number;
use retrial_report::text::{self, Shown};
use retrial_store::{Hint, MistakeLine, ProblemDetail, RolloutLine, Visit, VisitDetail};

use super::frame::{Frame, page};
use super::parts::hint_word;
use super::reading::reading;
use crate::link;
use crate::status::RunStatus;

/// Limit on the markup of all rollouts on a page, bytes.
const ROLLOUT_BYTES: usize = 70_000;
/// Upper and lower limit on the markup of a single rollout, bytes.
const MOST: usize = 6_000;
const LEAST: usize = 400;
/// Limit on an answer in a URL, bytes.
const LINKED: usize = 200;
/// Number of visits in the history strip: the last ones.
const STRIP: usize = 200;

/// A problem.
pub fn problem(status: &RunStatus, found: &ProblemDetail) -> Markup {
    let step = found.visit.as_ref().map(|visit| visit.step);
    let here = link::problem(&found.run, &found.problem, step);
    let content = html! {
        h2 { "Problem " (text::line(&found.problem)) }
        div.sides {
            section {
                h3 { "Text" }
                (long(&found.text, 8_000, None))
                p { "Right answer " code.answer { (text::line(&found.answer)) } }
                @if !found.tags.is_empty() {
                    p.tags { @for (tag, value) in &found.tags { span { (text::line(tag)) ": " (text::line(value)) } " " } }
                }
            }
            section {
                h3 { "Mistakes" }
                (mistakes(found))
            }
        }
        section { h3 { "History" } (strip(found)) }
        @if let Some(visit) = &found.visit { (visit_of(found, visit)) } @else {
            p.empty { "No step has taken this problem yet." }
        }
    };
    let title = format!("Problem {}", found.problem);
    let live = found.visits.last().is_some_and(|visit| visit.trials.after.is_none());
    page(&Frame { title: &title, status: Some(status), twin: Some(&here), live }, &content)
}

fn mistakes(found: &ProblemDetail) -> Markup {
    let filter = |row: &MistakeLine| {
        let pairs =
            [("run", &*found.run), ("answer", &*row.wrong_answer), ("kind", row.kind.as_str())];
        link::with("/mistakes", &pairs)
    };
    html! {
        @if found.mistakes.is_empty() {
            p.empty { "None: every graded response was correct." }
        } @else {
            table {
                thead { tr { th { "answer" } th { "kind" } th.number { "times" } th.number { "steps" } } }
                tbody { @for row in &found.mistakes {
                    tr {
                        td {
                            @if row.wrong_answer.len() > LINKED { (text::line(&row.wrong_answer)) }
                            @else { a href=(filter(row)) title="Other problems with this answer" { (text::line(&row.wrong_answer)) } }
                        }
                        td { (row.kind.as_str().replace('_', " ")) }
                        td.number { (row.times) }
                        td.number { (row.first_step) "–" (row.last_step) }
                    }
                } }
            }
        }
    }
}

/// One cell a visit, with a symbol for its outcomes.
fn strip(found: &ProblemDetail) -> Markup {
    let shown = found.visit.as_ref().map(|visit| visit.step);
    let skipped = found.visits.len().saturating_sub(STRIP);
    html! {
        @if skipped > 0 { p.when { (skipped) " earlier visits are not shown." } }
        ol.strip {
            @for visit in &found.visits[skipped..] {
                li {
                    a.{ "is-" (visit.trials.before.map_or("open", GroupOutcome::as_str)) }
                        href={ (link::problem(&found.run, &found.problem, Some(visit.step))) "#visit" }
                        aria-current=[(shown == Some(visit.step)).then_some("true")]
                        title=(told(visit)) {
                        span.mark { (mark(visit)) } span.at { (visit.step) }
                    }
                }
            }
        }
        p.when { "○ none passed · ○↑ none, then rescued · ◐ some · ● all" }
    }
}

fn mark(visit: &Visit) -> &'static str {
    match (visit.trials.before, visit.trials.after) {
        (Some(GroupOutcome::NonePass), Some(GroupOutcome::NonePass) | None) => "○",
        (Some(GroupOutcome::NonePass), Some(_)) => "○↑",
        (Some(GroupOutcome::SomePass), _) => "◐",
        (Some(GroupOutcome::AllPass), _) => "●",
        (None, _) => "…",
    }
}

fn told(visit: &Visit) -> String {
    let Visit { step, trials } = visit;
    let mut told = format!("step {step}: {} of {} correct", trials.correct, trials.tries);
    if let Some(hint) = trials.hint {
        let (correct, tries) = (trials.hinted_correct, trials.hinted_tries);
        let _ = write!(told, "; {}: {correct} of {tries}", hint_word(hint));
    }
    told
}

fn visit_of(found: &ProblemDetail, visit: &VisitDetail) -> Markup {
    let step = visit.step;
    let count = visit.first.len() + visit.second.len();
    let bytes = (ROLLOUT_BYTES / count.max(1)).clamp(LEAST, MOST);
    let to = |id: &str| format!("{}#visit", link::problem(&found.run, id, Some(step)));
    html! {
        section #visit {
            nav.around aria-label="Groups of the step" {
                @if let Some(id) = &visit.previous { a href=(to(id)) rel="prev" data-key="p" { "← " (text::line(id)) } }
                h3 { "In " a href=(link::step(&found.run, step)) { "step " (step) } }
                @if let Some(id) = &visit.next { a href=(to(id)) rel="next" data-key="n" { (text::line(id)) " →" } }
            }
            @if let Some(hint) = &visit.hint { (hint_of(hint)) }
            div.sides {
                section {
                    h3 { "First trial: " (correct(&visit.first)) " of " (visit.first.len()) }
                    @for rollout in &visit.first { (rollout_of(found, step, rollout, bytes)) }
                    @if visit.first.is_empty() { p.empty { "Not sampled yet." } }
                }
                section {
                    h3 { "Second trial" @if !visit.second.is_empty() { ": " (correct(&visit.second)) " of " (visit.second.len()) } }
                    @for rollout in &visit.second { (rollout_of(found, step, rollout, bytes)) }
                    @if visit.second.is_empty() {
                        p.empty {
                            @if visit.hint.is_some() { "Not sampled yet." }
                            @else { "None: only groups that failed altogether get one." }
                        }
                    }
                }
            }
        }
    }
}

fn correct(rollouts: &[RolloutLine]) -> usize {
    rollouts.iter().filter(|rollout| rollout.verdict == Verdict::Correct).count()
}

fn hint_of(hint: &Hint) -> Markup {
    html! {
        details.hint open {
            summary { "The prompt of the second trial, exactly: " (hint_word(hint.kind)) }
            @if !hint.answers.is_empty() {
                p { "It lists " @for answer in &hint.answers { code.answer { (text::line(answer)) } " " } }
            }
            @if let Some(size) = hint.answer_space {
                p.when { "The problem can have " (size) " answers." }
            }
            (long(&hint.prompt, 8_000, None))
        }
    }
}

fn rollout_of(found: &ProblemDetail, step: u64, rollout: &RolloutLine, bytes: usize) -> Markup {
    let name = format!("{}-{}", rollout.trial.as_str(), rollout.position);
    let position = rollout.position.to_string();
    let whole = link::with(
        &format!("/api{}/response", link::step(&found.run, step)),
        &[("problem", &found.problem), ("trial", rollout.trial.as_str()), ("position", &position)],
    );
    html! {
        article.rollout.item.{ "is-" (rollout.verdict.as_str()) } #(name) tabindex="-1" {
            p.facts {
                a.permalink href={ "#" (name) } title="Address of this rollout" { "#" (rollout.position) }
                " " b { (verdict_mark(rollout.verdict)) }
                @if let Some(reward) = rollout.reward.filter(|_| shows_reward(rollout)) { " " b { "reward " (number(reward)) } }
                @for (name, reward) in &rollout.rewards { " " span { (text::line(name)) " " (number(*reward)) } }
                @if let Some(answer) = &rollout.answer { " " code.answer { (text::line(answer)) } }
                " · " (rollout.tokens) " tokens"
                @if rollout.finish == FinishReason::Length { ", cut off" }
                " · weights " (rollout.version)
                @if let Some(other) = rollout.swapped_with {
                    @if rollout.trial == Trial::First { " · replaced by extra #" (other) }
                    @else { " · replaces #" (other) }
                }
            }
            @if let Some(reason) = &rollout.reason { p.when { (text::line(reason)) } }
            @else if rollout.rewards.is_empty() { (reading(&found.answer, rollout.answer.as_deref(), rollout.verdict)) }
            @if let Some(all) = rollout.cut_from {
                p.when { "The log keeps " (rollout.characters) " of " (all) " characters." }
            }
            (long(&rollout.text, bytes, Some((rollout.characters, &whole))))
        }
    }
}

/// Whether a reward says more than whether the response passed.
fn shows_reward(rollout: &RolloutLine) -> bool {
    !rollout.rewards.is_empty() || rollout.reward.is_some_and(|reward| reward > 0.0 && reward < 1.0)
}

fn verdict_mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Correct => "✓ correct",
        Verdict::Wrong => "✗ wrong",
        Verdict::NoAnswer => "✗ no answer",
        Verdict::Unparsed => "✗ answer cannot be read",
        Verdict::Timeout => "– no verdict",
    }
}

/// A text of several lines, with a link to all of it if it is shortened.
fn long(content: &str, bytes: usize, whole: Option<(u64, &str)>) -> Markup {
    let Shown { markup, left } = text::shown(content, bytes);
    let characters = content.chars().count();
    let cut = left > 0 || whole.is_some_and(|(all, _)| all > characters as u64);
    html! {
        pre.text dir="auto" { (markup) @if cut { "…" } }
        @if cut {
            p.when {
                (characters - left) " characters shown"
                @if let Some((all, address)) = whole { ", " a href=(address) { "all " (all) " as plain text" } }
            }
        }
    }
}
