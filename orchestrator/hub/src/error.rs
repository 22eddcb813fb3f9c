//! Errors of the hub, with hints.

use std::path::PathBuf;

/// Why something cannot be taken from the hub.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// An invalid name, or one that leads out of the cache.
    #[error("`{text}` is not a {what} of the hub{}", hint_for(what))]
    BadName {
        /// The kind of name.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// The hub denies access: it needs a token, or another one.
    #[error(
        "the hub denies access to {repo}: {said}\n\
         hint: check the name; for a private repository set HF_TOKEN to a token \
         that may read it{}", if *.token { " (the one that is set may not)" } else { "" }
    )]
    Refused {
        /// What was requested.
        repo: String,
        /// The hub's message.
        said: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// Its owner requires that terms are accepted.
    #[error(
        "{repo} requires that its terms are accepted\n\
         hint: accept them at {page}, then set HF_TOKEN to a token of that account{}",
        if *.token { " (the account of the token that is set did not)" } else { "" }
    )]
    Gated {
        /// What was requested.
        repo: String,
        /// The page with the terms.
        page: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// The repository does not exist.
    #[error(
        "the hub does not have {repo}\n\
         hint: the name is OWNER/NAME, with capitals as the hub writes it; a private one needs \
         HF_TOKEN"
    )]
    NoRepository {
        /// What was requested.
        repo: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("{repo}: there is no such revision\nhint: without @REVISION the branch `main` is used")]
    NoRevision {
        /// What was requested.
        repo: String,
    },
    /// The repository has no such file.
    #[error("{repo} has no file `{file}`{}", has(.known))]
    NoFile {
        /// The repository.
        repo: String,
        /// The file.
        file: String,
        /// Files that it has.
        known: Vec<String>,
    },
    /// Offline, and not in the cache.
    #[error(
        "{wanted} is not in the cache {}, and HF_HUB_OFFLINE is set\n\
         hint: download it once without HF_HUB_OFFLINE, or set HF_HOME to the cache that has it",
        .cache.display()
    )]
    Offline {
        /// What was requested.
        wanted: String,
        /// The cache.
        cache: PathBuf,
    },
    /// The hub does not answer, and it is not in the cache.
    #[error(
        "cannot reach the hub {endpoint} for {wanted}: {problem}\n\
         hint: check this machine's connection; HF_ENDPOINT names another hub, HF_HOME \
         a cache that has it, and a local path needs no hub"
    )]
    Unreachable {
        /// What was requested.
        wanted: String,
        /// The hub.
        endpoint: String,
        /// The problem.
        problem: String,
    },
    /// Another error of the hub.
    #[error("the hub {endpoint} failed to return {wanted}: {said}")]
    Answer {
        /// What was requested.
        wanted: String,
        /// The hub.
        endpoint: String,
        /// Its message.
        said: String,
    },
    /// A download was interrupted repeatedly.
    #[error(
        "the download of {wanted} was interrupted {tries} times in a row: {problem}\n\
         hint: start again; it continues where it stopped"
    )]
    Broken {
        /// The file.
        wanted: String,
        /// Number of tries.
        tries: u32,
        /// The last problem.
        problem: String,
    },
    /// A download has other bytes than the hub says.
    #[error(
        "the download of {wanted} is not the file that the hub has: {problem}; it was removed\n\
         hint: start again; if it happens again, check for a proxy that changes files"
    )]
    Corrupt {
        /// The file.
        wanted: String,
        /// The difference.
        problem: String,
    },
    /// A file to upload cannot be read.
    #[error("cannot upload {}: {source}", .path.display())]
    Upload {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The cache cannot be read or written.
    #[error("cannot write to the cache {}: {source}\nhint: set HF_HOME to another folder", .path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}

fn hint_for(what: &str) -> &'static str {
    match what {
        "repository" => "\nhint: write it as OWNER/NAME, for example openai/gsm8k",
        _ => "",
    }
}

/// The first files of a repository.
fn has(known: &[String]) -> String {
    const SHOWN: usize = 8;
    if known.is_empty() {
        return String::new();
    }
    let more = if known.len() > SHOWN {
        format!(" and {} more", known.len() - SHOWN)
    } else {
        String::new()
    };
    format!("\nhint: it has {}{more}", known[..known.len().min(SHOWN)].join(", "))
}
