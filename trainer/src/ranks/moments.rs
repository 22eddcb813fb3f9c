//! The optimizer's moments on their way to the disk: whole, one at a time.

use retrial_native::c10d::GroupError;
use tch::{Kind, Tensor};

use super::Ranks;
use crate::adamw::AdamW;
use crate::learner::Learner;

/// The moments that ranks have yet to put together. All ranks go through all of them.
pub struct Moments<'a> {
    optimizer: &'a AdamW,
    layout: Vec<(String, Vec<i64>)>,
    next: usize,
    ranks: &'a mut Ranks,
}

impl<'a> Moments<'a> {
    /// All moments of a learner if steps were taken; none if not.
    pub fn of(learner: &'a Learner, stepped: bool, ranks: &'a mut Ranks) -> Self {
        let layout = if stepped { AdamW::layout(learner.model.learned()) } else { Vec::new() };
        Self { optimizer: &learner.optimizer, layout, next: 0, ranks }
    }

    /// Their names and shapes.
    pub fn layout(&self) -> Vec<(String, Vec<i64>)> {
        self.layout.clone()
    }

    /// The next one, on all ranks. There must be one.
    pub fn whole(&mut self) -> Result<Tensor, GroupError> {
        let share = self.optimizer.moment(self.next);
        let shape = self.layout[self.next].1.as_slice();
        self.next += 1;
        let place = self.ranks.place();
        if place.world == 1 {
            return Ok(share.shallow_clone());
        }
        let whole = Tensor::zeros(shape, (Kind::Float, share.device()));
        tch::no_grad(|| place.share(&whole).copy_(share));
        self.ranks.gather(std::slice::from_ref(&whole))?;
        Ok(whole)
    }

    /// Goes through those that are left, for the other ranks' sake.
    pub fn finish(mut self) -> Result<(), GroupError> {
        while self.next < self.layout.len() {
            drop(self.whole()?);
        }
        Ok(())
    }
}
