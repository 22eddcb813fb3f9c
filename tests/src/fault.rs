//! Faults that a proxy injects.

/// Faults of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// This status instead, without a request to the server.
    Status(u16),
    /// The same, and it says that it wants to be asked again in a second.
    Later(u16),
    /// A page in place of an answer, and the server is not asked.
    Page,
    /// A redirection, and the server is not asked.
    Redirect,
    /// The connection breaks in the middle of the body.
    Reset,
    /// No answer at all.
    Stall,
    /// The body ends half-way, as if it were complete.
    HalfBody,
    /// Each choice has one log-probability too few.
    FewerLogprobs,
    /// A choice is missing.
    FewerChoices,
    /// A log-probability is -9999.
    InvalidLogprob,
    /// Each log-probability is a nat lower, as if other weights had sampled.
    OtherNumbers,
    /// A log-probability is null.
    NullLogprob,
    /// Responses have more tokens than were asked for.
    TooLong,
    /// A token that no vocabulary has.
    UnknownId,
    /// The responses were aborted.
    Abort,
    /// The first of the responses was aborted.
    AbortFirst,
    /// The server is not asked and says that all is well.
    Pretend,
    /// The answer does not say which weights it is of.
    Unlabelled,
    /// The server is not asked before [`crate::Proxy::release`].
    Hold,
}

/// Requests for rollouts, which share a route with the scoring of prompts.
pub const ROLLOUTS: &str = "rollouts";
