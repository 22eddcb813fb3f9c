//! The answer of a rollout server: the first line has the route and the number of requested responses,
//! the rest is the body.

use retrial_servers::{Route, read};

use crate::input::first_line;

/// An accepted answer has as many responses as requested, and usable ones have a log-probability
/// for each token.
pub fn server_answer(input: &[u8]) -> bool {
    let (asked, body) = first_line(input);
    let asked = String::from_utf8_lossy(asked);
    let mut words = asked.split(' ');
    let route = match words.next() {
        Some("completions") => Route::Completions,
        Some("generate") => Route::Generate,
        Some("sglang") => Route::Sglang,
        _ => return false,
    };
    let Some(Ok(n)) = words.next().map(str::parse) else { return false };
    let Ok(responses) = read(route, body, n) else { return false };
    assert_eq!(responses.len(), n as usize);
    for response in responses.into_iter().flatten() {
        assert!(!response.tokens.is_empty());
        assert_eq!(response.tokens.len(), response.logprobs.len());
        assert!(response.logprobs.iter().all(|logprob| logprob.is_finite()));
    }
    true
}
