//! Reads models and data sets from the Hugging Face Hub, and writes them there.
//!
//! The settings are those of Hugging Face's own tools: `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`,
//! `HF_TOKEN`, `HF_HUB_OFFLINE` ([`Settings`]). The cache has their layout, so what Python has
//! downloaded is found, and vice versa.
//!
//! ```no_run
//! use retrial_hub::{Hub, Repo, Settings, bar, is_model_file, wait};
//!
//! let hub = Hub::new(Settings::from_env())?;
//! let repo: Repo = Repo::model("Qwen/Qwen3-4B-Base")?;
//! let (commit, folder) = wait(async {
//!     let snapshot = hub.open(&repo).await?;
//!     let folder = hub.folder(&snapshot, is_model_file, &bar()).await?;
//!     Ok::<_, retrial_hub::HubError>((snapshot.commit().to_owned(), folder))
//! })?;
//! # Ok::<(), retrial_hub::HubError>(())
//! ```
//!
//! Everything is asynchronous; [`wait`] is for synchronous code.

mod cache;
mod client;
mod content;
mod download;
mod error;
mod lfs;
mod progress;
mod repo;
mod settings;
mod snapshot;
mod target;
mod upload;

pub use content::Content;
pub use error::HubError;
pub use progress::{Progress, Watch, bar, silent};
pub use repo::{Kind, Repo};
pub use settings::{Settings, Token};
pub use snapshot::{Entry, Hub, Snapshot, is_model_file};
pub use target::{Target, TargetError};
pub use upload::Upload;

/// Runs asynchronous work to its end, on a thread of its own: it may be called from anywhere, including
/// asynchronous code that may block.
pub fn wait<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a thread can have a runtime")
                .block_on(work)
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
