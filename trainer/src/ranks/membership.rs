//! This rank's membership in the group, and collective operations.

use std::time::Duration;

use retrial_native::c10d::{Group, GroupError, Meeting, Nccl};
use retrial_native::torch::attempt;
use tch::{Device, Kind, Tensor};

use super::buckets::{BUCKET, buckets, joined, padded};
use super::environment::Environment;
use super::place::Place;

/// An operation of one rank that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The first rank that failed.
    pub rank: usize,
    /// Its message.
    pub error: String,
}

/// This rank's membership.
pub struct Ranks {
    /// Most numbers sent together, except for a single larger tensor.
    pub bucket: usize,
    pub(super) place: Place,
    /// Over Gloo. None for a single rank.
    pub(super) group: Option<Group>,
    /// Over NCCL, for gradients and weights, where all ranks compute on GPUs.
    gpus: Option<Group>,
    timeout: Duration,
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

    /// Joins the others, and waits for them. No wait, now or later, is longer than `timeout`.
    pub fn join(meeting: &Meeting, place: Place, timeout: Duration) -> Result<Self, GroupError> {
        let group = Group::join(meeting, place.rank, place.world, timeout)?;
        Ok(Self { bucket: BUCKET, place, group: Some(group), gpus: None, timeout })
    }

    /// Joins as the environment says, or is the only rank without one.
    pub fn of_environment(
        environment: Option<&Environment>,
        timeout: Duration,
    ) -> Result<Self, GroupError> {
        let Some(Environment { place, meeting }) = environment else { return Ok(Self::alone()) };
        Self::join(meeting, *place, timeout)
    }

    /// From now on sends gradients and weights from GPU to GPU over NCCL, if `device` is a GPU and all
    /// ranks have the library. All ranks must call this.
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
    pub(super) fn data(&mut self) -> Option<&mut Group> {
        self.gpus.as_mut().or(self.group.as_mut())
    }

    /// Which rank this is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether all ranks are still together, as far as this rank knows.
    pub fn are_whole(&self) -> bool {
        [&self.group, &self.gpus].into_iter().flatten().all(Group::is_whole)
    }

    /// Leaves the group; the others' next operation fails.
    pub fn leave(&mut self) {
        [&mut self.group, &mut self.gpus].into_iter().flatten().for_each(Group::leave);
    }

    /// Interval of keep-alives of the leader, as the others wait no longer than the time-out.
    pub fn beat(&self) -> Duration {
        self.timeout / 3
    }

    /// All-gather: fills each rank's share of contiguous tensors with that rank's numbers.
    pub fn gather(&mut self, tensors: &[Tensor]) -> Result<(), GroupError> {
        let (place, most) = (self.place, self.bucket);
        let Some(group) = self.data() else { return Ok(()) };
        let gathered = attempt(|| {
            let mut rest = tensors;
            for count in buckets(tensors, most) {
                let (bucket, others) = rest.split_at(count);
                gather(group, place, bucket)?;
                rest = others;
            }
            Ok(())
        });
        // The others are still in this operation.
        gathered.unwrap_or_else(|error| Err(group.lose("all_gather", error.to_string())))
    }

    /// Sums over all ranks, element by element.
    pub fn sum(&mut self, numbers: &[f64]) -> Result<Vec<f64>, GroupError> {
        let Some(group) = &mut self.group else { return Ok(numbers.to_vec()) };
        let sums = Tensor::from_slice(numbers);
        group.all_reduce(&sums)?;
        Ok(Vec::try_from(&sums).expect("a one-dimensional tensor of f64"))
    }

    /// All-gather of numbers, one rank after another.
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

    /// The first error of any rank; `own` is this rank's.
    pub fn failure(&mut self, mine: Option<String>) -> Result<Option<Failure>, GroupError> {
        // 0 for a rank that did not fail.
        let length = mine.as_ref().map_or(0, |error| error.len() as i64 + 1);
        let lengths = self.counts(length)?;
        let Some(rank) = lengths.iter().position(|&length| length > 0) else { return Ok(None) };
        let mine = mine.unwrap_or_default().into_bytes();
        let sent = self.send(rank, mine, lengths[rank] as usize - 1)?;
        Ok(Some(Failure { rank, error: String::from_utf8_lossy(&sent).into_owned() }))
    }

    /// All-gather of one count per rank.
    pub(super) fn counts(&mut self, mine: i64) -> Result<Vec<i64>, GroupError> {
        let Some(group) = &mut self.group else { return Ok(vec![mine]) };
        let all = Tensor::empty([self.place.world as i64], (Kind::Int64, Device::Cpu));
        group.all_gather(&all, &Tensor::from_slice(&[mine]))?;
        Ok(Vec::try_from(&all).expect("a one-dimensional tensor of i64"))
    }

    /// Broadcasts `length` bytes from rank `root`; `mine` is sent if that is this rank.
    pub(super) fn send(
        &mut self,
        root: usize,
        mine: Vec<u8>,
        length: usize,
    ) -> Result<Vec<u8>, GroupError> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
