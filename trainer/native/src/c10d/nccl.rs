//! The library for groups over NCCL, which is loaded when a GPU is used.

use std::ffi::{c_char, c_int};

use libloading::Library;

use super::ffi::Native;

/// The library for groups over NCCL, loaded. `nccl/build.sh` makes it.
pub struct Nccl {
    pub(super) join: JoinNccl,
}

pub(super) type JoinNccl =
    unsafe extern "C" fn(*mut Native, c_int, c_int, i64, c_int, *mut *mut Native) -> *mut c_char;

/// The variable with its path, if the system would not find it.
const NCCL_PATH: &str = "RETRIAL_C10D_NCCL";
/// Its usual name.
const NCCL_NAME: &str = "libretrial_c10d_nccl.so";

impl Nccl {
    /// Loads it, and with it libtorch's CUDA part. The error is the system's.
    pub fn load() -> Result<Self, String> {
        let path = std::env::var_os(NCCL_PATH).unwrap_or_else(|| NCCL_NAME.into());
        // SAFETY: the initialisers are those of libtorch; whoever sets another file in the
        // environment is responsible for it, as with LD_PRELOAD.
        let library = unsafe { Library::new(&path) }.map_err(|error| error.to_string())?;
        // SAFETY: this is the signature that nccl/nccl.cpp declares under this name, and the library
        // is never unloaded, as it has threads of its own.
        let join = unsafe { library.get::<JoinNccl>(b"retrial_c10d_join_nccl\0") };
        let join = *join.map_err(|error| error.to_string())?;
        std::mem::forget(library);
        Ok(Self { join })
    }
}
