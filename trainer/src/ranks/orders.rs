//! What the leader tells the other ranks.

use retrial_native::c10d::GroupError;
use retrial_protocol::TrainRequest;

use super::Ranks;

/// What a rank is to do.
#[derive(Debug)]
pub enum Order {
    /// Nothing: the leader is there, and idle.
    Wait,
    /// Take a step, all together.
    Train(Box<TrainRequest>),
    /// End.
    End,
}

impl Ranks {
    /// Tells the others to wait on.
    pub fn tell_to_wait(&mut self) -> Result<(), GroupError> {
        self.tell(0, Vec::new())
    }

    /// Tells the others to take a step.
    pub fn tell_to_train(&mut self, request: &TrainRequest) -> Result<(), GroupError> {
        if self.group.is_none() {
            return Ok(());
        }
        self.tell(1, serde_json::to_vec(request).expect("a request is plain data"))
    }

    /// Tells the others to end.
    pub fn tell_to_end(&mut self) -> Result<(), GroupError> {
        self.tell(2, Vec::new())
    }

    /// Which order it is, the length of its content, and the content. All ranks' lengths are
    /// gathered, so that a rank that is gone is noticed even while nothing is to be done.
    fn tell(&mut self, order: i64, content: Vec<u8>) -> Result<(), GroupError> {
        self.counts(order)?;
        let length = content.len();
        self.counts(length as i64)?;
        self.send(0, content, length).map(drop)
    }

    /// Waits for the leader's next order.
    pub fn hear(&mut self) -> Result<Order, GroupError> {
        let order = self.counts(0)?[0];
        let length = self.counts(0)?[0];
        let content = self.send(0, Vec::new(), length as usize)?;
        Ok(match order {
            0 => Order::Wait,
            1 => Order::Train(serde_json::from_slice(&content).expect("the leader wrote it")),
            _ => Order::End,
        })
    }
}
