//! Prompts with their responses: partitioned over ranks, cut into micro-batches, and packed for the model
//! one after another, without padding.
//!
//! Responses to one prompt share it: it goes through the model once, and each of them attends to it
//! and to itself.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};

use crate::model::{Packing, Segment};

/// A shared prompt costs each further response of its group this part of its tokens: the response
/// attends to copies of its keys and values, which are that much smaller than all that a token stores.
const COPIES: usize = 8;

/// Responses this many times as long as their prompt do not share it: the copies would cost more
/// than it does.
const TOO_LONG: usize = 16;

/// A prompt and the response that follows it, token ids.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// The prompt; not empty.
    pub prompt: &'a [u32],
    /// The response; not empty.
    pub response: &'a [u32],
}

impl Sequence<'_> {
    /// Prompt and response together.
    pub fn tokens(&self) -> usize {
        self.prompt.len() + self.response.len()
    }
}

/// Sequences that share their prompt, at least one.
#[derive(Clone, Debug)]
struct Group {
    /// Tokens of the prompt.
    prompt: usize,
    /// Positions of the sequences.
    members: Vec<usize>,
}

/// Groups by equal prompts, in the order of their first sequences.
fn groups(sequences: &[Sequence<'_>]) -> Vec<Group> {
    let mut places: HashMap<&[u32], usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (index, Sequence { prompt, response }) in sequences.iter().enumerate() {
        let alone = Group { prompt: prompt.len(), members: vec![index] };
        if response.len() > TOO_LONG * prompt.len() {
            groups.push(alone);
            continue;
        }
        if let Some(&place) = places.get(prompt) {
            groups[place].members.push(index);
        } else {
            places.insert(prompt, groups.len());
            groups.push(alone);
        }
    }
    groups
}

impl Group {
    /// What its first `count` members take of a micro-batch, in tokens.
    fn cost(&self, sequences: &[Sequence<'_>], count: usize) -> usize {
        let responses = self.members.iter().take(count);
        let responses: usize = responses.map(|&member| sequences[member].response.len()).sum();
        self.prompt + responses + count.saturating_sub(1) * self.prompt / COPIES
    }

    /// The most members that take at most `room`.
    fn fitting(&self, sequences: &[Sequence<'_>], room: usize) -> usize {
        let fits = |&count: &usize| self.cost(sequences, count) <= room;
        (1..=self.members.len()).take_while(fits).last().unwrap_or(0)
    }
}

/// Splits sequences into micro-batches of at most `budget` tokens, unless a single one is longer. A
/// shared prompt counts once. Groups of similar length are together, and a group is split only if it
/// is too large or its prompt small; the result depends on lengths and on which prompts are equal.
pub fn micro_batches(sequences: &[Sequence<'_>], budget: usize) -> Vec<Vec<usize>> {
    let length = |index: usize| sequences[index].tokens();
    let mut groups = groups(sequences);
    for group in &mut groups {
        group.members.sort_by_key(|&member| length(member));
    }
    groups.sort_by_key(|group| length(group.members[0]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for mut group in groups {
        while !group.members.is_empty() {
            let fitting = group.fitting(sequences, room);
            let whole = fitting == group.members.len();
            if !(whole || fitting > 0 && COPIES * group.prompt <= room) && room < budget
                || batches.is_empty()
            {
                batches.push(Vec::new());
                room = budget;
                continue;
            }
            let taken = fitting.max(1);
            room = room.saturating_sub(group.cost(sequences, taken));
            let batch = batches.last_mut().expect("there is one");
            batch.extend(group.members.drain(..taken));
        }
    }
    batches
}

/// Partitions sequences over ranks so that each has about as much work. Those that share a prompt stay
/// together unless splitting their groups makes the largest part smaller. Each rank's part is
/// in order; the result depends on lengths and on which prompts are equal.
pub fn deal(sequences: &[Sequence<'_>], ranks: usize) -> Vec<Vec<usize>> {
    let groups = groups(sequences);
    let largest = groups.iter().map(|group| group.members.len()).max().unwrap_or(1);
    let sizes = std::iter::successors(Some(largest), |&size| (size > 1).then(|| size.div_ceil(2)));
    let dealt = sizes.map(|size| {
        let cut = |group: &Group| -> Vec<Group> {
            let pieces = group.members.chunks(size);
            pieces.map(|members| Group { members: members.to_vec(), ..*group }).collect()
        };
        let pieces: Vec<Group> = groups.iter().flat_map(cut).collect();
        let costs: Vec<usize> =
            pieces.iter().map(|piece| piece.cost(sequences, piece.members.len())).collect();
        let parts = partition(&costs, ranks);
        let cost = |part: &Vec<usize>| part.iter().map(|&piece| costs[piece]).sum::<usize>();
        let most = parts.iter().map(cost).max().unwrap_or(0);
        let members = |part: Vec<usize>| -> Vec<usize> {
            let mut members: Vec<usize> =
                part.into_iter().flat_map(|piece| pieces[piece].members.clone()).collect();
            members.sort_unstable();
            members
        };
        (most, parts.into_iter().map(members).collect())
    });
    // The first of the best: the one with the largest groups.
    dealt.min_by_key(|(most, _)| *most).map(|(_, parts)| parts).unwrap_or_default()
}

/// The tokens that go through the model for these sequences in one micro-batch.
pub fn tokens(sequences: &[Sequence<'_>]) -> usize {
    let prompts: usize = groups(sequences).iter().map(|group| group.prompt).sum();
    prompts + sequences.iter().map(|sequence| sequence.response.len()).sum::<usize>()
}

/// Partitions items of these lengths over ranks so that each has about as much: the longest first,
/// each to the rank with the least so far. Each rank's partition is in order; the result depends on
/// the lengths only.
pub fn partition(lengths: &[usize], ranks: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut shards = vec![(0, Vec::new()); ranks];
    for index in order {
        let (tokens, shard) =
            shards.iter_mut().min_by_key(|(tokens, _)| *tokens).expect("there is a rank");
        *tokens += lengths[index];
        shard.push(index);
    }
    let sorted = |(_, mut shard): (usize, Vec<usize>)| {
        shard.sort_unstable();
        shard
    };
    shards.into_iter().map(sorted).collect()
}

/// Sequences of T tokens in all, of which N are response tokens.
pub struct Packed {
    /// Token ids, `[T]`: shared prompts once, and without the last token of each sequence, which
    /// predicts nothing.
    pub ids: Tensor,
    /// Each token's position in its sequence, `[T]`.
    pub positions: Tensor,
    /// Which tokens attend to which.
    pub packing: Packing,
    /// Tokens whose state predicts a response token, `[N]`: positions in `ids`. The last one of a
    /// shared prompt is there several times.
    pub rows: Tensor,
    /// The response tokens, `[N]`.
    pub targets: Tensor,
}

/// The stream of tokens while it is put together.
#[derive(Default)]
struct Stream {
    ids: Vec<i64>,
    positions: Vec<i64>,
    segments: Vec<Segment>,
}

impl Stream {
    /// Appends a segment of tokens whose sequence begins with the tokens of `prefix`. Returns where
    /// it starts.
    fn push(&mut self, prefix: Option<(usize, usize)>, ids: impl Iterator<Item = u32>) -> usize {
        let start = self.ids.len();
        self.ids.extend(ids.map(i64::from));
        let (from, before) = prefix.unwrap_or_default();
        let length = self.ids.len() - start;
        self.positions.extend((before..before + length).map(|position| position as i64));
        if length > 0 {
            self.segments.push(Segment { prefix: from..from + before, own: start..start + length });
        }
        start
    }
}

impl Packed {
    /// Packs at least one sequence, for activations of `kind`.
    pub fn new(sequences: &[Sequence<'_>], kind: Kind, device: Device) -> Self {
        // What stands at the beginning of the stream for a group: its prompt, or all of a single one.
        let head = |group: &Group| {
            let Sequence { prompt, response } = sequences[group.members[0]];
            let alone = group.members.len() == 1;
            prompt.iter().chain(&response[..if alone { response.len() - 1 } else { 0 }]).copied()
        };
        let mut groups = groups(sequences);
        // Stable: those of one length, which attend in one call, are in a row.
        groups.sort_by_key(|group| head(group).count());
        let mut stream = Stream::default();
        let starts: Vec<usize> =
            groups.iter().map(|group| stream.push(None, head(group))).collect();
        let mut rows = vec![Vec::new(); sequences.len()];
        for (group, start) in groups.iter().zip(starts) {
            let end = start + group.prompt;
            for &member in &group.members {
                let response = sequences[member].response;
                let inner = &response[..response.len() - 1];
                let own = match group.members.len() {
                    1 => end,
                    _ => stream.push(Some((start, group.prompt)), inner.iter().copied()),
                };
                let rows = &mut rows[member];
                rows.push((end - 1) as i64);
                rows.extend((own..own + inner.len()).map(|row| row as i64));
            }
        }
        let targets: Vec<i64> = sequences
            .iter()
            .flat_map(|sequence| sequence.response.iter().map(|&id| i64::from(id)))
            .collect();
        let tensor = |values: &[i64]| Tensor::from_slice(values).to_device(device);
        Self {
            ids: tensor(&stream.ids),
            positions: tensor(&stream.positions),
            packing: Packing::new(&stream.segments, kind, device),
            rows: tensor(&rows.concat()),
            targets: tensor(&targets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sequences of these lengths of prompt and response; prompts of the same kind and length are equal.
    fn of_lengths<'a>(lengths: &[(usize, usize)], ids: &'a [u32]) -> Vec<Sequence<'a>> {
        let sequence = |&(prompt, response): &(usize, usize)| Sequence {
            prompt: &ids[..prompt],
            response: &ids[..response],
        };
        lengths.iter().map(sequence).collect()
    }

    fn sorted(parts: &[Vec<usize>]) -> Vec<usize> {
        let mut seen: Vec<usize> = parts.concat();
        seen.sort_unstable();
        seen
    }

    proptest! {
        #[test]
        fn micro_batches_hold_each_sequence_once_within_the_budget(
            lengths in prop::collection::vec((1..8usize, 1..200usize), 0..60),
            budget in 1..1000usize,
        ) {
            let lengths: Vec<_> = lengths.iter().map(|&(p, r)| (p * p * 3, r)).collect();
            let ids = [1; 200];
            let sequences = of_lengths(&lengths, &ids);
            let batches = micro_batches(&sequences, budget);
            prop_assert_eq!(sorted(&batches), (0..lengths.len()).collect::<Vec<_>>());
            for batch in batches {
                let chosen: Vec<_> = batch.iter().map(|&index| sequences[index]).collect();
                prop_assert!(batch.len() == 1 || tokens(&chosen) <= budget);
            }
        }

        #[test]
        fn every_sequence_is_dealt_once(
            lengths in prop::collection::vec((1..8usize, 1..200usize), 0..60),
            ranks in 1..9usize,
        ) {
            let ids = [1; 200];
            let dealt = deal(&of_lengths(&lengths, &ids), ranks);
            prop_assert_eq!(dealt.len(), ranks);
            prop_assert_eq!(sorted(&dealt), (0..lengths.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn groups_stay_together_where_that_is_no_slower() {
        let ids: Vec<u32> = (0..200).collect();
        let groups = of_lengths(&[(50, 20), (60, 20), (50, 20), (60, 20)], &ids);
        assert_eq!(deal(&groups, 2), [[1, 3], [0, 2]]);
        assert_eq!(micro_batches(&groups, 110), [[0, 2], [1, 3]]);
        // One group for two ranks, and one that no micro-batch can hold.
        let group = of_lengths(&[(50, 20); 4], &ids);
        assert_eq!(deal(&group, 2), [[0, 1], [2, 3]]);
        assert_eq!(micro_batches(&group, 100), [[0, 1], [2, 3]]);
    }

    proptest! {
        #[test]
        fn every_rank_gets_about_as_many_tokens(
            lengths in prop::collection::vec(1..200usize, 0..60),
            ranks in 1..9usize,
        ) {
            let shards = partition(&lengths, ranks);
            prop_assert_eq!(sorted(&shards), (0..lengths.len()).collect::<Vec<_>>());
            let tokens = |shard: &Vec<usize>| shard.iter().map(|&index| lengths[index]).sum();
            let loads: Vec<usize> = shards.iter().map(tokens).collect();
            let longest = lengths.iter().copied().max().unwrap_or(0);
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= longest);
        }
    }

    #[test]
    fn sequences_are_packed_without_padding() {
        let sequences = [
            Sequence { prompt: &[1, 2], response: &[3] },
            Sequence { prompt: &[4], response: &[5, 6] },
            Sequence { prompt: &[7, 8], response: &[9, 10] },
        ];
        let packed = Packed::new(&sequences, Kind::Float, Device::Cpu);
        let numbers = |tensor: &Tensor| Vec::<i64>::try_from(tensor).unwrap();
        assert_eq!(numbers(&packed.ids), [1, 2, 4, 5, 7, 8, 9]);
        assert_eq!(numbers(&packed.positions), [0, 1, 0, 1, 0, 1, 2]);
        assert_eq!(numbers(&packed.rows), [1, 2, 3, 5, 6]);
        assert_eq!(numbers(&packed.targets), [3, 5, 6, 9, 10]);
    }

    #[test]
    fn a_shared_prompt_is_packed_once() {
        let sequences = [
            Sequence { prompt: &[1, 2], response: &[3, 4] },
            Sequence { prompt: &[7], response: &[8, 9] },
            Sequence { prompt: &[1, 2], response: &[5] },
            Sequence { prompt: &[1, 2], response: &[6, 5, 4] },
        ];
        let packed = Packed::new(&sequences, Kind::Float, Device::Cpu);
        let numbers = |tensor: &Tensor| Vec::<i64>::try_from(tensor).unwrap();
        assert_eq!(numbers(&packed.ids), [1, 2, 7, 8, 3, 6, 5]);
        assert_eq!(numbers(&packed.positions), [0, 1, 0, 1, 2, 2, 3]);
        assert_eq!(numbers(&packed.rows), [1, 4, 2, 3, 1, 1, 5, 6]);
        assert_eq!(numbers(&packed.targets), [3, 4, 8, 9, 5, 6, 5, 4]);
    }
}
