//! Why a collective failed.

/// Why a collective failed.
#[derive(Debug, thiserror::Error)]
pub enum CollectiveError {
    /// The library cannot be used.
    #[error(
        "cannot load {library}: {source}\nhint: it comes with PyTorch for CUDA (the wheel \
             nvidia-nccl-cu13); RETRIAL_NCCL names the file where it is not found"
    )]
    Load {
        /// Its file name.
        library: String,
        /// The reason.
        source: libloading::Error,
    },
    /// NCCL or CUDA returned an error.
    #[error("{call}: {problem}")]
    Failed {
        /// The function.
        call: &'static str,
        /// Its message.
        problem: String,
    },
    /// The other side did not take part in time.
    #[error("{call}: the other side did not take part in time")]
    Late {
        /// The function.
        call: &'static str,
    },
    /// The caller cancelled.
    #[error("{call}: given up")]
    GivenUp {
        /// The function.
        call: &'static str,
    },
    /// A tensor of a kind that cannot be sent.
    #[error("a tensor of kind {0:?} cannot be sent")]
    Kind(tch::Kind),
}
