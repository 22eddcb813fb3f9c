//! oneMKL computes libtorch's matrix products on x86: whether a row of a product depends on
//! the rows beside it.
//!
//! By default it does, on some processors: another number of rows selects another kernel, which adds in
//! another order. Its strict mode of conditional numerical reproducibility prevents this.

use std::ffi::c_int;
use std::sync::OnceLock;

use libloading::os::unix::Library as Process;

/// `MKL_CBWR_STRICT` of `mkl_types.h`, a flag added to the instruction set.
const STRICT: c_int = 0x1_0000;
/// Instruction sets with a strict mode, the fastest first: `MKL_CBWR_AVX512_E1`, `MKL_CBWR_AVX512`
/// and `MKL_CBWR_AVX2`.
const INSTRUCTIONS: [c_int; 3] = [14, 12, 10];
/// `MKL_CBWR_SUCCESS`.
const SUCCESS: c_int = 0;

/// Makes products add in the same order whatever their shapes, for the whole process. Returns whether
/// it worked: it does not if libtorch uses another library, if oneMKL has no such mode for the
/// processor, or after its first computation.
pub fn strict() -> bool {
    static STRICTLY: OnceLock<bool> = OnceLock::new();
    *STRICTLY.get_or_init(|| {
        let process = Process::this();
        // SAFETY: `mkl_cbwr_set` of oneMKL, under the name it has inside the library, which libtorch
        // has linked into it. It may be called at any time.
        let set = unsafe { process.get::<extern "C" fn(c_int) -> c_int>(b"mkl_serv_cbwr_set\0") };
        set.is_ok_and(|set| INSTRUCTIONS.iter().any(|&known| set(known | STRICT) == SUCCESS))
    })
}
