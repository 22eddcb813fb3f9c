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
        starts: *const C_tensor,
        longest: i64,
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
            attend(&q, &q, &q, &starts, 8).is_ok()
        })
}

/// Whether the kernel supports heads of this width.
pub fn takes_width(width: i64) -> bool {
    width % 8 == 0 && width <= 256
}

/// Causal attention inside each of several sequences that lie one after another: queries
/// `[T, Hq, D]`, keys and values `[T, Hkv, D]` to `[T, Hq, D]`. `starts` has the offsets of the sequences
/// and of the end, i32; `longest` is the longest. It is differentiable. The
/// error is libtorch's.
pub fn attend(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    starts: &Tensor,
    longest: i64,
) -> Result<Tensor, String> {
    let mut attended = ptr::null_mut();
    // SAFETY: tch's pointers are to `at::Tensor`s that live through the call; `attended` is set to
    // one that this side owns if the message is null.
    unsafe {
        let (q, k, v, starts) = (q.as_ptr(), k.as_ptr(), v.as_ptr(), starts.as_ptr());
        outcome(retrial_flash_attention(q, k, v, starts, longest, &raw mut attended))?;
        Ok(Tensor::from_ptr(attended))
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
        let error = attend(&q, &q, &q, &starts, 8).unwrap_err();
        assert!(error.contains("_flash_attention_forward"), "{error}");
    }
}
