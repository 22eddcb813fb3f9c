//! A repository to push to.

use crate::{Hub, HubError, Repo, Settings, Upload, bar};

/// A repository to push to, checked before any work is done.
pub struct Target {
    repo: Repo,
    hub: Hub,
    private: bool,
}

/// Why nothing can be pushed.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The environment has no token.
    #[error(
        "--push {0} needs a token that may write\n\
         hint: set HF_TOKEN, or run `hf auth login`"
    )]
    NoToken(String),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
}

impl Target {
    /// A repository, which need not exist yet, with the settings of the environment.
    pub fn new(repo: Repo, private: bool) -> Result<Self, TargetError> {
        let settings = Settings::from_env();
        if settings.token.is_none() {
            return Err(TargetError::NoToken(repo.name().to_owned()));
        }
        Ok(Self { repo, hub: Hub::new(settings)?, private })
    }

    /// Writes files in one commit, and creates the repository if needed. Returns the URL of the
    /// commit.
    pub async fn push(&self, summary: &str, files: &[Upload]) -> Result<String, HubError> {
        let Self { repo, hub, private } = self;
        hub.create(repo, *private).await?;
        hub.commit(repo, summary, files, &bar()).await
    }

    /// The name of the repository.
    pub fn name(&self) -> &str {
        self.repo.name()
    }
}
