//! Scaled dot-product attention over the layouts that occur.

use tch::Tensor;

/// Causal attention inside each of B sequences: queries `[B, T, Hq, D]`, keys and values
/// `[B, T, Hkv, D]` to `[B, T, Hq D]`.
pub fn causal(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let q = q.transpose(1, 2);
    attention(&q, &k.transpose(1, 2), &v.transpose(1, 2), None, true)
}

/// Causal attention inside each of the sequences that `runs` lists: queries `[T, Hq, D]`, keys and
/// values `[T, Hkv, D]` of all sequences, one after another, to `[T, Hq D]`. A run `(count, length)`
/// is that many sequences of that length in a row; they share a call.
pub fn packed(q: &Tensor, k: &Tensor, v: &Tensor, runs: &[(i64, i64)]) -> Tensor {
    let tokens: Vec<i64> = runs.iter().map(|(count, length)| count * length).collect();
    // Split rather than narrow: its backward is one concatenation.
    let split = |x: &Tensor| x.split_with_sizes(tokens.as_slice(), 0);
    let attended: Vec<Tensor> = split(q)
        .iter()
        .zip(&split(k))
        .zip(&split(v))
        .zip(runs)
        .map(|(((q, k), v), &(count, length))| {
            let of_run = |x: &Tensor| x.unflatten(0, [count, length]);
            causal(&of_run(q), &of_run(k), &of_run(v)).flatten(0, 1)
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
