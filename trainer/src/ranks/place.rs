//! The place of a rank among all, and its share (shard) of a tensor.

use tch::Tensor;

/// A rank and the number of ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// This rank, from 0.
    pub rank: usize,
    /// Number of ranks.
    pub world: usize,
}

impl Place {
    /// The only rank.
    pub const ALONE: Self = Self { rank: 0, world: 1 };

    /// Whether it is the leader.
    pub fn leads(self) -> bool {
        self.rank == 0
    }

    /// Numbers in a share of a tensor; the last share may be shorter.
    pub(super) fn longest(self, tensor: &Tensor) -> i64 {
        tensor.numel().div_ceil(self.world) as i64
    }

    /// Start and length of this rank's share.
    pub(super) fn span(self, tensor: &Tensor) -> (i64, i64) {
        let (all, longest) = (tensor.numel() as i64, self.longest(tensor));
        let start = (longest * self.rank as i64).min(all);
        (start, longest.min(all - start))
    }

    /// This rank's share of a contiguous tensor, as a view: `[n]`. Ranks
    /// after the first may have fewer numbers, or none. For a single rank it is the whole tensor.
    pub fn share(self, tensor: &Tensor) -> Tensor {
        let tensor = tensor.detach();
        if self == Self::ALONE {
            return tensor;
        }
        let (start, length) = self.span(&tensor);
        tensor.view([-1]).narrow(0, start, length)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn shares_are_views_that_make_up_the_tensor() {
        for (shape, world) in [([3, 4], 2), ([3, 3], 4), ([1, 1], 4), ([2, 5], 3)] {
            let tensor = Tensor::zeros(shape, (Kind::Float, Device::Cpu));
            for rank in 0..world {
                let _ = Place { rank, world }.share(&tensor).g_add_scalar_(1.0);
            }
            assert!(tensor.equal(&tensor.ones_like()), "{shape:?} {world}");
        }
    }
}
