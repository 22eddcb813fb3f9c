//! Open requests, and their finished responses.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use retrial_native::torch::TorchError;

use super::command::{GenerateError, Reply};
use super::sampling::Score;
use super::sequence::{Output, Sequence};

/// All open requests, by number.
#[derive(Default)]
pub struct Requests {
    open: HashMap<u64, Request>,
    next: u64,
}

/// One request.
pub struct Request {
    /// The channel for the answer.
    pub reply: Reply,
    /// Its responses; none where one is unfinished.
    pub outputs: Vec<Option<Output>>,
    /// The scores of its prompt's tokens, once they are computed.
    pub prompt_scores: Option<Vec<Score>>,
}

impl Requests {
    /// Adds a request for `n` responses; returns its number.
    pub fn add(&mut self, n: usize, reply: Reply) -> u64 {
        let (id, outputs) = (self.next, (0..n).map(|_| None).collect());
        self.next += 1;
        self.open.insert(id, Request { reply, outputs, prompt_scores: None });
        id
    }

    /// An open request.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Request> {
        self.open.get_mut(&id)
    }

    /// Whether the request is open.
    pub fn contains(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// Removes requests whose clients have disconnected; returns their numbers.
    pub fn take_abandoned(&mut self) -> HashSet<u64> {
        let abandoned = self.open.extract_if(|_, request| request.reply.is_closed());
        abandoned.map(|(id, _)| id).collect()
    }

    /// Requests that have unfinished sequences outside the queue.
    pub fn incomplete<'a>(&self, queue: impl Iterator<Item = &'a Sequence>) -> HashSet<u64> {
        let mut queued: HashMap<u64, usize> = HashMap::new();
        for sequence in queue {
            *queued.entry(sequence.request).or_default() += 1;
        }
        let is_incomplete = |(id, request): &(&u64, &Request)| {
            let unfinished = request.outputs.iter().filter(|output| output.is_none()).count();
            queued.get(id).copied().unwrap_or_default() < unfinished
        };
        self.open.iter().filter(is_incomplete).map(|(id, _)| *id).collect()
    }

    /// Answers some requests with an error.
    pub fn fail(&mut self, ids: &HashSet<u64>, error: &TorchError) {
        for (_, request) in self.open.extract_if(|id, _| ids.contains(id)) {
            let _ = request.reply.send(Err(GenerateError::Forward { error: error.clone() }));
        }
    }

    /// Records a finished response. Removes the request if it was the last one.
    pub fn finished(&mut self, id: u64, child: usize, output: Output) -> Option<Request> {
        let Entry::Occupied(mut entry) = self.open.entry(id) else { return None };
        let outputs = &mut entry.get_mut().outputs;
        outputs[child] = Some(output);
        outputs.iter().all(Option::is_some).then(|| entry.remove())
    }
}
