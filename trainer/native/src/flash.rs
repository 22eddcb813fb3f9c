//! Attention over packed sequences of different lengths in one call: libtorch's flash kernel on CUDA.

use std::ffi::c_char;
use std::ptr;
use std::sync::OnceLock;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use crate::message::outcome;

unsafe extern "C" {
    fn retrial_flash_attention(
        q: *const C_tensor,
        k: *const C_tensor,
        v: *const C_tensor,
        query_starts: *const C_tensor,
        key_starts: *const C_tensor,
        longest_query: i64,
        longest_key: i64,
        attended: *mut *mut C_tensor,
    ) -> *mut c_char;
}

/// Whether libtorch has the kernel for tensors of this kind on this device: in half precision, on
/// GPUs of compute capability 8 and later. Tested once, by running it.
pub fn has_kernel(device: Device, kind: Kind) -> bool {
    static TRIED: OnceLock<bool> = OnceLock::new();
    device.is_cuda()
        && matches!(kind, Kind::BFloat16 | Kind::Half)
        && *TRIED.get_or_init(|| {
            let q = Tensor::zeros([8, 1, 8], (kind, device));
            let starts = Tensor::from_slice(&[0_i32, 8]).to_device(device);
            attend(&q, &q, &q, &Lengths::alike(&starts, 8)).is_ok()
        })
}

/// Whether the kernel supports heads of this width.
pub fn takes_width(width: i64) -> bool {
    width % 8 == 0 && width <= 256
}

/// The lengths of sequences that lie one after another. A sequence may have more keys than queries: the
/// queries are then its last tokens.
pub struct Lengths<'a> {
    /// Offsets of the queries of each sequence, and of the end, i32.
    pub queries: &'a Tensor,
    /// Offsets of its keys and values.
    pub keys: &'a Tensor,
    /// The most queries of a sequence.
    pub longest_query: i64,
    /// The most keys.
    pub longest_key: i64,
}

impl<'a> Lengths<'a> {
    /// As many queries as keys.
    pub fn alike(starts: &'a Tensor, longest: i64) -> Self {
        Self { queries: starts, keys: starts, longest_query: longest, longest_key: longest }
    }
}

/// Causal attention inside each of several sequences: queries `[T, Hq, D]`, keys and values
/// `[S, Hkv, D]` to `[T, Hq, D]`. It is differentiable. The error is libtorch's.
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, lengths: &Lengths<'_>) -> Result<Tensor, String> {
    let &Lengths { queries, keys, longest_query, longest_key } = lengths;
    let mut attended = ptr::null_mut();
    // SAFETY: tch's pointers are to `at::Tensor`s that live through the call; `attended` is set to
    // one that this side owns if the message is null.
    unsafe {
        let (q, k, v) = (q.as_ptr(), k.as_ptr(), v.as_ptr());
        let (queries, keys) = (queries.as_ptr(), keys.as_ptr());
        let attended = &raw mut attended;
        let message =
            retrial_flash_attention(q, k, v, queries, keys, longest_query, longest_key, attended);
        outcome(message)?;
        Ok(Tensor::from_ptr(*attended))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_gpu_there_is_no_kernel_and_no_crash() {
        assert!(!has_kernel(Device::Cpu, Kind::BFloat16));
        let q = Tensor::zeros([8, 1, 8], (Kind::BFloat16, Device::Cpu));
        let starts = Tensor::from_slice(&[0_i32, 8]);
        let error = attend(&q, &q, &q, &Lengths::alike(&starts, 8)).unwrap_err();
        assert!(error.contains("_flash_attention_forward"), "{error}");
    }
}
