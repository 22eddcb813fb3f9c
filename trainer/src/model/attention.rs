//! Scaled dot-product attention over padded and packed sequences.

use retrial_native::flash;
use tch::{Device, Kind, Tensor};

/// Causal attention inside each of B sequences: queries `[B, T, Hq, D]`, keys and values
/// `[B, T, Hkv, D]` to `[B, T, Hq D]`. With a window each token sees that many, itself included.
pub fn causal(q: &Tensor, k: &Tensor, v: &Tensor, window: Option<i64>) -> Tensor {
    let length = q.size()[1];
    let (q, k, v) = (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));
    match window.filter(|&window| window < length) {
        None => attention(&q, &k, &v, None, true),
        Some(window) => {
            let all = Tensor::ones([length, length], (Kind::Bool, q.device()));
            attention(&q, &k, &v, Some(&all.tril(0).triu(1 - window)), false)
        }
    }
}

/// Packed sequences, one after another.
pub struct Packing {
    /// An item `(count, length)` stands for `count` sequences of that length in a row.
    runs: Vec<(i64, i64)>,
    /// Offsets of the sequences and of the end, for the kernel that takes all of them at once.
    starts: Option<Tensor>,
}

impl Packing {
    /// Sequences of these lengths, for attention in `kind` on `device`.
    pub fn new(lengths: &[i64], kind: Kind, device: Device) -> Self {
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for &length in lengths {
            match runs.last_mut() {
                Some((count, of)) if *of == length => *count += 1,
                _ => runs.push((1, length)),
            }
        }
        let one_call = runs.len() > 1 && flash::has_kernel(device, kind);
        let starts = one_call.then(|| starts(lengths).to_device(device));
        Self { runs, starts }
    }
}

/// Offsets of sequences of these lengths, and of the end.
fn starts(lengths: &[i64]) -> Tensor {
    let ends = lengths.iter().scan(0, |end, &length| {
        *end += length as i32;
        Some(*end)
    });
    Tensor::from_slice(&std::iter::once(0).chain(ends).collect::<Vec<i32>>())
}

/// Causal attention inside each of several sequences: queries `[T, Hq, D]`, keys and values
/// `[T, Hkv, D]` of all of them, one after another, to `[T, Hq D]`. A GPU with the flash kernel does
/// it in one call; elsewhere, and with a window, sequences of the same length share one call.
pub fn packed(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    packing: &Packing,
    window: Option<i64>,
) -> Tensor {
    let Packing { runs, starts } = packing;
    let longest = runs.iter().map(|&(_, length)| length).max().unwrap_or(0);
    let one_call = flash::takes_width(q.size()[2]) && window.is_none_or(|window| window >= longest);
    if let Some(starts) = starts.as_ref().filter(|_| one_call) {
        let attended = flash::attend(q, k, v, starts, longest);
        return attended.unwrap_or_else(|error| panic!("{error}")).flatten(1, 2);
    }
    let tokens: Vec<i64> = runs.iter().map(|(count, length)| count * length).collect();
    // Split rather than narrow: its backward pass is one concatenation.
    let split = |x: &Tensor| x.split_with_sizes(tokens.as_slice(), 0);
    let attended: Vec<Tensor> = split(q)
        .iter()
        .zip(&split(k))
        .zip(&split(v))
        .zip(runs)
        .map(|(((q, k), v), &(count, length))| {
            let of_run = |x: &Tensor| x.unflatten(0, [count, length]);
            causal(&of_run(q), &of_run(k), &of_run(v), window).flatten(0, 1)
        })
        .collect();
    Tensor::cat(&attended, 0)
}

/// Attention of queries `[B, Hq, T, D]` to keys and values `[B, Hkv, L, D]`, where `visible` allows
/// it: `[B, T, Hq D]`.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    visible: Option<&Tensor>,
    causal: bool,
) -> Tensor {
    let grouped = q.size()[1] != k.size()[1];
    Tensor::scaled_dot_product_attention(q, k, v, visible, 0.0, causal, None, grouped)
        .transpose(1, 2)
        .flatten(2, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_one_length_in_a_row_share_a_call() {
        let packing = Packing::new(&[2, 2, 3, 2], Kind::Float, Device::Cpu);
        assert_eq!(packing.runs, [(2, 2), (1, 3), (1, 2)]);
        assert!(packing.starts.is_none(), "there is no kernel for it on the CPU");
        assert_eq!(Vec::<i32>::try_from(starts(&[2, 2, 3, 2])).unwrap(), [0, 2, 4, 7, 9]);
    }

    #[test]
    fn one_call_for_all_sequences_is_worth_one_for_each() {
        if !flash::has_kernel(Device::cuda_if_available(), Kind::BFloat16) {
            println!("not run: there is no GPU with the kernel");
            return;
        }
        let (lengths, device) = ([5, 129, 1, 64], Device::Cuda(0));
        let of = |heads: i64| {
            Tensor::randn([199, heads, 64], (Kind::BFloat16, device)).set_requires_grad(true)
        };
        let (q, k, v) = (of(4), of(2), of(2));
        let with = Packing::new(&lengths, Kind::BFloat16, device);
        let without = Packing { runs: with.runs.clone(), starts: None };
        let run = |packing: &Packing| {
            let attended = packed(&q, &k, &v, packing, None);
            let gradients =
                Tensor::run_backward(&[attended.sum(Kind::Float)], &[&q, &k, &v], false, false);
            (attended, gradients)
        };
        let ((one, of_one), (each, of_each)) = (run(&with), run(&without));
        for (one, each) in of_one.iter().zip(&of_each).chain([(&one, &each)]) {
            let difference = (one - each).abs().max().double_value(&[]);
            assert!(difference < 0.02, "they differ by {difference}");
        }
    }
}
