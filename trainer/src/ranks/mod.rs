//! The ranks that train one policy together, each a process, on c10d over Gloo or NCCL.
//!
//! Rank 0 leads: it serves HTTP and tells the others what to do. Every rank has the whole weights that
//! products are computed with; gradients are summed so that each rank has its share of each, the
//! weights in f32 and the moments of that share are its alone, and what it has stepped goes to all
//! others. Whatever one rank
//! decides by what only it sees, an error above all, it tells the others at the same point.
//!
//! A single rank needs no group, and every function here then returns what it was given.

mod environment;
mod orders;
mod reduction;

use std::time::Duration;

use retrial_native::c10d::{Group, GroupError, Meeting, Nccl};
use tch::{Device, Kind, Tensor};

pub use environment::{Environment, EnvironmentError, local_rank};
pub use orders::Order;
pub use reduction::Reduction;

/// As many numbers go over the wire together unless others are asked for: 16 MiB in f32.
const BUCKET: usize = 1 << 22;

/// A rank, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// This rank, from 0.
    pub rank: usize,
    /// All ranks.
    pub world: usize,
}

/// What one rank could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The first rank that failed.
    pub rank: usize,
    /// What it says.
    pub error: String,
}

/// This rank's membership.
pub struct Ranks {
    /// Most numbers that go over the wire together, but for a tensor that has more.
    pub bucket: usize,
    place: Place,
    /// Over Gloo. None of a single rank.
    group: Option<Group>,
    /// Over NCCL, for gradients and weights, where all ranks compute on GPUs.
    gpus: Option<Group>,
    timeout: Duration,
}

impl Place {
    /// The only rank.
    pub const ALONE: Self = Self { rank: 0, world: 1 };

    /// Whether it leads.
    pub fn leads(self) -> bool {
        self.rank == 0
    }

    /// Numbers of a share of a tensor, of the longest.
    fn longest(self, tensor: &Tensor) -> i64 {
        tensor.numel().div_ceil(self.world) as i64
    }

    /// Where this rank's share begins, and its numbers.
    fn span(self, tensor: &Tensor) -> (i64, i64) {
        let (all, longest) = (tensor.numel() as i64, self.longest(tensor));
        let start = (longest * self.rank as i64).min(all);
        (start, longest.min(all - start))
    }

    /// This rank's share of a contiguous tensor, which it shares its memory with: `[n]`, where ranks
    /// after the first may have fewer numbers, or none. Alone it is the tensor as it is.
    pub fn share(self, tensor: &Tensor) -> Tensor {
        let tensor = tensor.detach();
        if self == Self::ALONE {
            return tensor;
        }
        let (start, length) = self.span(&tensor);
        tensor.view([-1]).narrow(0, start, length)
    }
}

impl Ranks {
    /// The only rank.
    pub fn alone() -> Self {
        Self {
            bucket: BUCKET,
            place: Place::ALONE,
            group: None,
            gpus: None,
            timeout: Duration::MAX,
        }
    }

    /// Joins the others, and waits for them. No wait, here or later, is longer than `timeout`.
    pub fn join(meeting: &Meeting, place: Place, timeout: Duration) -> Result<Self, GroupError> {
        let group = Group::join(meeting, place.rank, place.world, timeout)?;
        Ok(Self { bucket: BUCKET, place, group: Some(group), gpus: None, timeout })
    }

    /// Joins as the environment says; alone if it says nothing.
    pub fn of_environment(
        environment: Option<&Environment>,
        timeout: Duration,
    ) -> Result<Self, GroupError> {
        let Some(Environment { place, meeting }) = environment else { return Ok(Self::alone()) };
        Self::join(meeting, *place, timeout)
    }

    /// Has gradients and weights go from GPU to GPU over NCCL from now on, if `device` is one and all
    /// ranks have the library. All ranks call it.
    pub fn use_gpu(&mut self, device: Device) -> Result<(), GroupError> {
        let Device::Cuda(gpu) = device else { return Ok(()) };
        let loaded = Nccl::load();
        let missing = self.failure(loaded.as_ref().err().cloned())?;
        let Some(group) = &mut self.group else { return Ok(()) };
        match (loaded, missing) {
            (Ok(nccl), None) => self.gpus = Some(group.join_nccl(&nccl, gpu)?),
            (_, missing) => tracing::warn!(
                ?missing,
                "gradients and weights go through host memory and TCP\n\
                 hint: trainer/native/nccl/build.sh makes the library for NCCL"
            ),
        }
        Ok(())
    }

    /// The group for gradients and weights.
    fn data(&mut self) -> Option<&mut Group> {
        self.gpus.as_mut().or(self.group.as_mut())
    }

    /// Which rank this is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether all ranks are still together, as far as is known here.
    pub fn are_whole(&self) -> bool {
        [&self.group, &self.gpus].into_iter().flatten().all(Group::is_whole)
    }

    /// Leaves the others, whose next operation fails.
    pub fn leave(&mut self) {
        [&mut self.group, &mut self.gpus].into_iter().flatten().for_each(Group::leave);
    }

    /// The leader must be heard of this often: the others wait for it no longer than the time-out.
    pub fn beat(&self) -> Duration {
        self.timeout / 3
    }

    /// Replaces each rank's share of contiguous tensors by what that rank has there.
    pub fn gather(&mut self, tensors: &[Tensor]) -> Result<(), GroupError> {
        let (place, most) = (self.place, self.bucket);
        let Some(group) = self.data() else { return Ok(()) };
        let mut rest = tensors;
        for count in buckets(tensors, most) {
            let (bucket, others) = rest.split_at(count);
            gather(group, place, bucket)?;
            rest = others;
        }
        Ok(())
    }

    /// Sums over all ranks, number by number.
    pub fn sum(&mut self, numbers: &[f64]) -> Result<Vec<f64>, GroupError> {
        let Some(group) = &mut self.group else { return Ok(numbers.to_vec()) };
        let sums = Tensor::from_slice(numbers);
        group.all_reduce(&sums)?;
        Ok(Vec::try_from(&sums).expect("a one-dimensional tensor of f64"))
    }

    /// The numbers of all ranks, one rank after another.
    pub fn concat(&mut self, numbers: &[f64]) -> Result<Vec<f64>, GroupError> {
        let counts = self.counts(numbers.len() as i64)?;
        let Some(group) = &mut self.group else { return Ok(numbers.to_vec()) };
        let longest = counts.iter().copied().max().unwrap_or_default();
        if longest == 0 {
            return Ok(Vec::new());
        }
        let whole = Tensor::empty([longest * counts.len() as i64], (Kind::Double, Device::Cpu));
        group.all_gather(&whole, &padded(&Tensor::from_slice(numbers), longest, Device::Cpu))?;
        let all: Vec<f64> = Vec::try_from(&whole).expect("a one-dimensional tensor of f64");
        let of_ranks = all.chunks(longest as usize).zip(counts);
        Ok(of_ranks.flat_map(|(all, count)| &all[..count as usize]).copied().collect())
    }

    /// The first failure of any rank, given this rank's own.
    pub fn failure(&mut self, mine: Option<String>) -> Result<Option<Failure>, GroupError> {
        // 0 for a rank that did not fail.
        let length = mine.as_ref().map_or(0, |error| error.len() as i64 + 1);
        let lengths = self.counts(length)?;
        let Some(rank) = lengths.iter().position(|&length| length > 0) else { return Ok(None) };
        let mine = mine.unwrap_or_default().into_bytes();
        let sent = self.send(rank, mine, lengths[rank] as usize - 1)?;
        Ok(Some(Failure { rank, error: String::from_utf8_lossy(&sent).into_owned() }))
    }

    /// A count of each rank.
    fn counts(&mut self, mine: i64) -> Result<Vec<i64>, GroupError> {
        let Some(group) = &mut self.group else { return Ok(vec![mine]) };
        let all = Tensor::empty([self.place.world as i64], (Kind::Int64, Device::Cpu));
        group.all_gather(&all, &Tensor::from_slice(&[mine]))?;
        Ok(Vec::try_from(&all).expect("a one-dimensional tensor of i64"))
    }

    /// `length` bytes of rank `root`; `mine` are sent if that is this one.
    fn send(&mut self, root: usize, mine: Vec<u8>, length: usize) -> Result<Vec<u8>, GroupError> {
        let Some(group) = &mut self.group else { return Ok(mine) };
        if length == 0 {
            return Ok(Vec::new());
        }
        let is_root = root == self.place.rank;
        let bytes = if is_root { mine } else { vec![0; length] };
        let tensor = Tensor::from_slice(&bytes);
        group.broadcast(&tensor, root)?;
        Ok(Vec::try_from(&tensor).expect("a one-dimensional tensor of bytes"))
    }
}

/// How many tensors, one after another, go over the wire together.
fn buckets(tensors: &[Tensor], most: usize) -> Vec<usize> {
    let (mut counts, mut numbers) = (Vec::new(), 0);
    for tensor in tensors {
        numbers += tensor.numel();
        match counts.last_mut() {
            Some(count) if numbers <= most => *count += 1,
            _ => {
                counts.push(1);
                numbers = tensor.numel();
            }
        }
    }
    counts
}

fn gather(group: &mut Group, place: Place, bucket: &[Tensor]) -> Result<(), GroupError> {
    tch::no_grad(|| {
        let world = place.world as i64;
        let device = group.device();
        let of_tensor =
            |tensor: &Tensor| padded(&place.share(tensor), place.longest(tensor), device);
        let share = joined(bucket.iter().map(of_tensor).collect(), 0);
        let length = share.size()[0];
        let whole = Tensor::empty([world * length], (share.kind(), device));
        group.all_gather(&whole, &share)?;
        let (rows, mut start) = (whole.view([world, length]), 0);
        for tensor in bucket {
            let longest = place.longest(tensor);
            let numbers = rows.narrow(1, start, longest).reshape([-1]);
            start += longest;
            tensor.detach().view([-1]).copy_(&numbers.narrow(0, 0, tensor.numel() as i64));
        }
        Ok(())
    })
}

/// Tensors side by side, contiguous.
fn joined(mut tensors: Vec<Tensor>, dimension: i64) -> Tensor {
    if tensors.len() == 1 { tensors.remove(0) } else { Tensor::cat(&tensors, dimension) }
}

/// A tensor's numbers on a device, with zeros up to a length.
fn padded(tensor: &Tensor, length: i64, device: Device) -> Tensor {
    let flat = tensor.to_device(device).contiguous().view([-1]);
    let lacking = length - flat.numel() as i64;
    if lacking == 0 { flat } else { flat.constant_pad_nd([0, lacking]) }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn small_tensors_go_together_and_large_ones_alone() {
        let of = |numbers: &[i64]| {
            let empty = |&n: &i64| Tensor::empty([n], (Kind::Int8, Device::Cpu));
            buckets(&numbers.iter().map(empty).collect::<Vec<_>>(), 100)
        };
        assert_eq!(of(&[]), [0; 0]);
        assert_eq!(of(&[1, 2, 3]), [3]);
        assert_eq!(of(&[101, 1, 99, 1, 100]), [1, 2, 1, 1]);
    }

    #[test]
    fn a_single_rank_gets_back_what_it_gave() {
        let mut ranks = Ranks::alone();
        assert_eq!(ranks.sum(&[1.0, 2.0]).unwrap(), [1.0, 2.0]);
        assert_eq!(ranks.concat(&[3.0]).unwrap(), [3.0]);
        assert_eq!(ranks.failure(None).unwrap(), None);
        let failure = ranks.failure(Some("no".into())).unwrap();
        assert_eq!(failure, Some(Failure { rank: 0, error: "no".into() }));
    }
}
