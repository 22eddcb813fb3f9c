//! The data set of mistakes on the Hugging Face Hub.

use std::path::Path;

use retrial_hub::{Content, HubError, Target, Upload};

/// Content of the data set's card.
pub struct Facts<'a> {
    /// The exported runs; all of the log if empty.
    pub runs: &'a [String],
    /// Rows.
    pub rows: usize,
    /// Whether it has only failures that a correct response replaced.
    pub rescued: bool,
}

/// Pushes a file and a card in one commit, and returns its URL.
pub async fn push(target: &Target, file: &Path, facts: &Facts<'_>) -> Result<String, HubError> {
    let ending = file.extension().unwrap_or_default().to_string_lossy();
    let files = [
        Upload { path: "README.md".into(), content: Content::Bytes(card(facts).into()) },
        Upload { path: format!("data/train.{ending}"), content: Content::File(file.into()) },
    ];
    target.push("Mistakes from Retrial", &files).await
}

fn card(Facts { runs, rows, rescued }: &Facts<'_>) -> String {
    let of = if runs.is_empty() { "all runs of a log".into() } else { runs.join(", ") };
    let kind = if *rescued { "rescued failures only" } else { "all failures" };
    format!(
        "---\ntags:\n- retrial\n- reasoning\n---\n\n# A model's mistakes\n\n\
         {rows} failed responses of a language model while it was trained by Retrial with verifiable \
         rewards ({of}; {kind}): the problem, the wrong response and its answer, the hint of the second \
         trial that followed, and the correct response that took its place, if there was one. The \
         method is LTE ([arXiv 2510.26109](https://arxiv.org/abs/2510.26109)).\n"
    )
}
