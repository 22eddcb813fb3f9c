//! Buckets: tensors that are sent together.

use tch::{Device, Tensor};

/// Default size of a bucket, in numbers: 16 MiB in f32.
pub(super) const BUCKET: usize = 1 << 22;

/// How many consecutive tensors go into one bucket.
pub(super) fn buckets(tensors: &[Tensor], most: usize) -> Vec<usize> {
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

/// Tensors concatenated, contiguous.
pub(super) fn joined(mut tensors: Vec<Tensor>, dimension: i64) -> Tensor {
    if tensors.len() == 1 { tensors.remove(0) } else { Tensor::cat(&tensors, dimension) }
}

/// A flat copy of a tensor on a device, padded with zeros to a length.
pub(super) fn padded(tensor: &Tensor, length: i64, device: Device) -> Tensor {
    let flat = tensor.to_device(device).contiguous().view([-1]);
    let lacking = length - flat.numel() as i64;
    if lacking == 0 { flat } else { flat.constant_pad_nd([0, lacking]) }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

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
}
