//! Peak memory of a GPU.

use std::ffi::{c_char, c_int};

use tch::Device;

use crate::message::outcome;

unsafe extern "C" {
    fn retrial_peak_memory(device: c_int, taken: *mut i64, held: *mut i64) -> *mut c_char;
}

/// The peak since the process began, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Memory of tensors.
    pub taken: u64,
    /// Memory reserved by the allocator, which no other process can use.
    pub held: u64,
}

/// The peak on a GPU. The error is libtorch's; other devices have no such allocator.
pub fn peak(device: Device) -> Result<Peak, String> {
    let Device::Cuda(index) = device else { return Err(format!("{device:?} is not a GPU")) };
    let (mut taken, mut held) = (0, 0);
    // SAFETY: both pointers are to live numbers.
    unsafe { outcome(retrial_peak_memory(index as c_int, &raw mut taken, &raw mut held))? };
    Ok(Peak { taken: taken.cast_unsigned(), held: held.cast_unsigned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_gpu_it_is_an_error_and_no_crash() {
        assert!(peak(Device::Cpu).is_err());
        if !tch::Cuda::is_available() {
            assert!(peak(Device::Cuda(0)).is_err());
        }
    }
}
