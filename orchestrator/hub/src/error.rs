//! Why something cannot be taken from the hub, and what to do about it.

use std::path::PathBuf;

/// Why something cannot be taken from the hub.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A name that the hub cannot have, or that leads out of the cache.
    #[error("`{text}` is no {what} of the hub{}", hint_for(what))]
    BadName {
        /// What it should name.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// The hub asks for a token, or for another one.
    #[error(
        "the hub does not give {repo} to you: {said}\n\
         hint: look whether the name is right; for a private repository set HF_TOKEN to a token \
         that may read it{}", if *.token { " (the one that is set may not)" } else { "" }
    )]
    Refused {
        /// What was asked for.
        repo: String,
        /// What the hub said.
        said: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// Its owner gives it to those who accept terms.
    #[error(
        "{repo} is given to those who accept its terms\n\
         hint: accept them at {page}, then set HF_TOKEN to a token of that account{}",
        if *.token { " (the account of the token that is set did not)" } else { "" }
    )]
    Gated {
        /// What was asked for.
        repo: String,
        /// Where the terms are.
        page: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// There is no such repository.
    #[error(
        "the hub does not have {repo}\n\
         hint: the name is OWNER/NAME, with capitals as the hub writes it; a private one needs \
         HF_TOKEN"
    )]
    NoRepository {
        /// What was asked for.
        repo: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error(
        "{repo}: there is no such revision\nhint: without @REVISION the branch `main` is taken"
    )]
    NoRevision {
        /// What was asked for.
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
    /// Offline, and the cache does not have it.
    #[error(
        "{wanted} is not in the cache {}, and HF_HUB_OFFLINE is set\n\
         hint: download it once without HF_HUB_OFFLINE, or set HF_HOME to the cache that has it",
        .cache.display()
    )]
    Offline {
        /// What was asked for.
        wanted: String,
        /// The cache.
        cache: PathBuf,
    },
    /// The hub does not answer, and the cache does not have it.
    #[error(
        "cannot reach the hub {endpoint} for {wanted}: {problem}\n\
         hint: look whether this machine has a connection; HF_ENDPOINT names another hub, HF_HOME \
         a cache that has it, and a local path needs no hub"
    )]
    Unreachable {
        /// What was asked for.
        wanted: String,
        /// The hub.
        endpoint: String,
        /// What happened.
        problem: String,
    },
    /// The hub answered something else than what was asked for.
    #[error("the hub {endpoint} did not give {wanted}: {said}")]
    Answer {
        /// What was asked for.
        wanted: String,
        /// The hub.
        endpoint: String,
        /// What it said.
        said: String,
    },
    /// A download broke off again and again.
    #[error(
        "the download of {wanted} broke off {tries} times in a row: {problem}\n\
         hint: start again, it goes on where it stopped"
    )]
    Broken {
        /// The file.
        wanted: String,
        /// How often.
        tries: u32,
        /// What happened last.
        problem: String,
    },
    /// A download has other bytes than the hub says.
    #[error(
        "the download of {wanted} is not the file that the hub has: {problem}; it was removed\n\
         hint: start again; if it happens again, look for a proxy that changes files"
    )]
    Corrupt {
        /// The file.
        wanted: String,
        /// What differs.
        problem: String,
    },
    /// A file that should be uploaded cannot be read.
    #[error("cannot upload {}: {source}", .path.display())]
    Upload {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The cache cannot be written or read.
    #[error("cannot write to the cache {}: {source}\nhint: HF_HOME names another folder", .path.display())]
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

/// The files that a repository has, the first of them.
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
