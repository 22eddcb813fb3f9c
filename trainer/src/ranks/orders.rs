//! Orders of the leader to the other ranks.

use retrial_native::c10d::GroupError;
use retrial_protocol::TrainRequest;

use super::membership::Ranks;

/// What a rank is told to do.
#[derive(Debug)]
pub enum Order {
    /// Nothing: a keep-alive of an idle leader.
    Wait,
    /// Take a step together.
    Train(Box<TrainRequest>),
    /// End.
    End,
}

/// Why a rank did not receive an order.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The ranks are not together any more.
    #[error(transparent)]
    Ranks(#[from] GroupError),
    /// The leader's message cannot be read.
    #[error(
        "rank {rank} cannot read the message of rank 0: {problem}\n\
         hint: start the same retrial-trainer on all ranks"
    )]
    Unreadable {
        /// This rank.
        rank: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Numbers of the orders on the wire.
const WAIT: i64 = 0;
const TRAIN: i64 = 1;
const END: i64 = 2;

impl Ranks {
    /// Sends a keep-alive to the others.
    pub fn tell_to_wait(&mut self) -> Result<(), GroupError> {
        self.tell(WAIT, Vec::new())
    }

    /// Tells the others to take a step.
    pub fn tell_to_train(&mut self, request: &TrainRequest) -> Result<(), GroupError> {
        if self.group.is_none() {
            return Ok(());
        }
        self.tell(TRAIN, serde_json::to_vec(request).expect("a request is plain data"))
    }

    /// Tells the others to end.
    pub fn tell_to_end(&mut self) -> Result<(), GroupError> {
        self.tell(END, Vec::new())
    }

    /// Sends the number of the order, the length of its content, and the content. All ranks' lengths are
    /// gathered, so that a lost rank is noticed even while there is nothing to do.
    fn tell(&mut self, order: i64, content: Vec<u8>) -> Result<(), GroupError> {
        self.counts(order)?;
        let length = content.len();
        self.counts(length as i64)?;
        self.send(0, content, length).map(drop)
    }

    /// Waits for the leader's next order. A rank that cannot read it leaves the group, so that no other rank
    /// waits for it.
    pub fn receive(&mut self) -> Result<Order, ReceiveError> {
        let order = self.counts(0)?[0];
        let length = self.counts(0)?[0];
        let content = self.send(0, Vec::new(), length as usize)?;
        let problem = match order {
            WAIT => return Ok(Order::Wait),
            END => return Ok(Order::End),
            TRAIN => match serde_json::from_slice(&content) {
                Ok(request) => return Ok(Order::Train(request)),
                Err(error) => error.to_string(),
            },
            other => format!("there is no order {other}"),
        };
        self.leave();
        Err(ReceiveError::Unreadable { rank: self.place.rank, problem })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use retrial_native::testing::on_ranks;

    use super::*;
    use crate::ranks::Place;

    #[test]
    fn a_message_that_cannot_be_read_is_an_error_on_all_ranks() {
        for (order, expected) in [(TRAIN, "expected ident"), (7, "there is no order 7")] {
            let errors = on_ranks(2, |rank, meeting| {
                let place = Place { rank, world: 2 };
                let mut ranks = Ranks::join(meeting, place, Duration::from_secs(20)).unwrap();
                if place.leads() {
                    ranks.tell(order, b"nonsense".to_vec()).unwrap();
                    ranks.tell_to_wait().unwrap_err().to_string()
                } else {
                    let error = ranks.receive().unwrap_err().to_string();
                    assert!(!ranks.are_whole());
                    error
                }
            });
            assert!(errors[0].starts_with("rank 0 of 2: "), "{errors:?}");
            let start = "rank 1 cannot read the message of rank 0: ";
            assert!(errors[1].starts_with(start) && errors[1].contains(expected), "{errors:?}");
        }
    }
}
