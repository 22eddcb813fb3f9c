//! Reduce-scatter of gradients during the backward pass (ZeRO-2): each rank ends up
//! with its share of the sums.

use std::collections::VecDeque;
use std::ops::Range;

use retrial_native::c10d::{Group, GroupError, UnderWay};
use retrial_native::torch::attempt;
use tch::{Kind, Tensor};

use super::buckets::{joined, padded};
use super::membership::Ranks;
use super::place::Place;
use crate::fault::Point;
use crate::update::gradients::Gradients;

/// Buckets in flight at once: while one is sent, the next is filled. More would only take
/// memory, as they are sent one after another.
const AT_ONCE: usize = 2;

/// The gradients of several passes, of which each rank keeps its share. All ranks must send the same
/// parameters in the same order.
pub struct Reduction<'a> {
    learned: &'a [(String, Tensor)],
    /// None for a single rank, whose gradients need not be sent.
    group: Option<&'a mut Group>,
    place: Place,
    most: usize,
    reached: &'a dyn Fn(Point),
    /// Gradients that are not sent yet, by parameter.
    waiting: Vec<(usize, Tensor)>,
    numbers: usize,
    under_way: VecDeque<Bucket>,
    shares: Vec<Option<Tensor>>,
}

/// Gradients of some parameters in flight.
struct Bucket {
    parameters: Vec<usize>,
    sum: UnderWay,
}

impl Ranks {
    /// Begins to sum gradients of these parameters. `reached` is called at points where tests inject faults.
    pub fn reduction<'a>(
        &'a mut self,
        learned: &'a [(String, Tensor)],
        reached: &'a dyn Fn(Point),
    ) -> Reduction<'a> {
        let (place, most) = (self.place, self.bucket);
        Reduction {
            learned,
            group: self.data(),
            place,
            most,
            reached,
            waiting: Vec::new(),
            numbers: 0,
            under_way: VecDeque::new(),
            shares: learned.iter().map(|_| None).collect(),
        }
    }
}

impl Reduction<'_> {
    /// Takes the finished gradients of these parameters.
    /// They are sent as soon as a bucket is full.
    pub fn send(
        &mut self,
        gradients: &mut Gradients,
        parameters: Range<usize>,
    ) -> Result<(), GroupError> {
        if self.group.is_none() {
            return Ok(());
        }
        self.in_step(|this| {
            for parameter in parameters {
                let gradient = gradients.take(parameter, &this.learned[parameter].1);
                if this.numbers + gradient.numel() > this.most {
                    this.begin()?;
                }
                this.numbers += gradient.numel();
                this.waiting.push((parameter, gradient));
            }
            if this.numbers >= this.most { this.begin() } else { Ok(()) }
        })
    }

    /// Runs work that all ranks do. An error of libtorch ends the membership, because what
    /// this rank should have sent is lost, and the others wait for it.
    fn in_step<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, GroupError>,
    ) -> Result<T, GroupError> {
        match (attempt(|| work(self)), &mut self.group) {
            (Ok(result), _) => result,
            (Err(error), Some(group)) => Err(group.lose("reduce_scatter", error.to_string())),
            (Err(_), None) => unreachable!("a single rank sends nothing"),
        }
    }

    /// This rank's shares of the sums, one a parameter; for a single rank, `gradients`
    /// unchanged.
    pub fn finish(mut self, gradients: Gradients) -> Result<Vec<Tensor>, GroupError> {
        if self.group.is_none() {
            return Ok(gradients.finish(self.learned));
        }
        self.in_step(|this| {
            this.begin()?;
            while !this.under_way.is_empty() {
                this.arrive()?;
            }
            let place = this.place;
            let share = |(share, (_, like)): (Option<Tensor>, &(String, Tensor))| {
                // A parameter that no rank sent in any pass.
                share.unwrap_or_else(|| place.share(like).zeros_like().to_kind(Kind::Float))
            };
            Ok(std::mem::take(&mut this.shares).into_iter().zip(this.learned).map(share).collect())
        })
    }

    /// Sends the current bucket.
    fn begin(&mut self) -> Result<(), GroupError> {
        let (Some(group), false) = (&mut self.group, self.waiting.is_empty()) else {
            return Ok(());
        };
        let (parameters, gradients): (Vec<_>, Vec<_>) = self.waiting.drain(..).unzip();
        self.numbers = 0;
        // [world, n] of each: a row for each rank.
        let device = group.device();
        let rows = |gradient: Tensor| {
            let (world, longest) = (self.place.world as i64, self.place.longest(&gradient));
            padded(&gradient, longest * world, device).view([world, longest])
        };
        let whole = joined(gradients.into_iter().map(rows).collect(), 1).view([-1]);
        let sum = group.begin_reduce_scatter(&whole)?;
        self.under_way.push_back(Bucket { parameters, sum });
        (self.reached)(Point::MidReduce);
        if self.under_way.len() > AT_ONCE { self.arrive() } else { Ok(()) }
    }

    /// Waits for the oldest bucket.
    fn arrive(&mut self) -> Result<(), GroupError> {
        let (Some(group), Some(bucket)) = (&mut self.group, self.under_way.pop_front()) else {
            return Ok(());
        };
        let sum = group.finish(bucket.sum)?;
        let mut start = 0;
        for parameter in bucket.parameters {
            let (_, like) = &self.learned[parameter];
            let (_, own) = self.place.span(like);
            let part = sum.narrow(0, start, own).to_device(like.device());
            start += self.place.longest(like);
            match &mut self.shares[parameter] {
                Some(share) => drop(share.g_add_(&part)),
                none => *none = Some(part.copy()),
            }
        }
        Ok(())
    }
}
