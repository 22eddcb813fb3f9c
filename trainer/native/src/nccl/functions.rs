//! The functions of NCCL and CUDA that a broadcast needs, loaded at run time.
//!
//! Signatures are those of NCCL 2.14 and later (`nccl.h`) and of the CUDA runtime.

use std::ffi::{CStr, OsString, c_char, c_int, c_uint, c_void};

use libloading::Library;
use libloading::os::unix::Library as Process;

use super::error::CollectiveError;

/// The variable with its path, if the system would not find it.
const PATH: &str = "RETRIAL_NCCL";
/// Its usual name.
const NAME: &str = "libnccl.so.2";

/// A call that is still in progress.
const IN_PROGRESS: c_int = 7;
/// The same state in CUDA: not ready.
const NOT_READY: c_int = 600;

/// NCCL's `ncclComm_t`.
pub type Comm = *mut c_void;
/// CUDA's `cudaStream_t`; null is the stream on which libtorch computes.
pub type Stream = *mut c_void;

/// The id by which the members of a group find each other, `ncclUniqueId`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueId(pub [u8; 128]);

/// The first fields of `ncclConfig_t`, as of NCCL 2.14: later ones have defaults for the rest.
#[repr(C)]
pub struct Config {
    size: usize,
    magic: c_uint,
    version: c_uint,
    blocking: c_int,
}

impl Config {
    /// Calls return at once.
    pub fn not_blocking() -> Self {
        Self { size: size_of::<Self>(), magic: 0xcafe_beef, version: 21400, blocking: 0 }
    }
}

/// NCCL, loaded.
pub struct Nccl {
    pub(super) get_unique_id: unsafe extern "C" fn(*mut UniqueId) -> c_int,
    pub(super) init_rank:
        unsafe extern "C" fn(*mut Comm, c_int, UniqueId, c_int, *mut Config) -> c_int,
    pub(super) async_error: unsafe extern "C" fn(Comm, *mut c_int) -> c_int,
    pub(super) all_reduce: unsafe extern "C" fn(
        *const c_void,
        *mut c_void,
        usize,
        c_int,
        c_int,
        Comm,
        Stream,
    ) -> c_int,
    pub(super) broadcast: unsafe extern "C" fn(
        *const c_void,
        *mut c_void,
        usize,
        c_int,
        c_int,
        Comm,
        Stream,
    ) -> c_int,
    pub(super) abort: unsafe extern "C" fn(Comm) -> c_int,
    error_string: unsafe extern "C" fn(c_int) -> *const c_char,
    cuda: Option<Cuda>,
}

struct Cuda {
    set_device: unsafe extern "C" fn(c_int) -> c_int,
    stream_query: unsafe extern "C" fn(Stream) -> c_int,
}

impl Nccl {
    /// Loads the library.
    pub fn load() -> Result<Self, CollectiveError> {
        let path = std::env::var_os(PATH).unwrap_or_else(|| OsString::from(NAME));
        let failed = |source| {
            let library = path.to_string_lossy().into_owned();
            CollectiveError::Load { library, source }
        };
        // SAFETY: the initialisers of a library named libnccl are NCCL's, which have no conditions;
        // whoever sets another file in the environment is responsible for it, as with LD_PRELOAD.
        let library = unsafe { Library::new(&path) }.map_err(failed)?;
        // SAFETY: the types of the fields are the signatures that nccl.h declares under these names,
        // and the library is never unloaded, as it has threads of its own.
        let loaded = unsafe {
            Self {
                get_unique_id: *library.get(b"ncclGetUniqueId\0").map_err(failed)?,
                init_rank: *library.get(b"ncclCommInitRankConfig\0").map_err(failed)?,
                async_error: *library.get(b"ncclCommGetAsyncError\0").map_err(failed)?,
                all_reduce: *library.get(b"ncclAllReduce\0").map_err(failed)?,
                broadcast: *library.get(b"ncclBroadcast\0").map_err(failed)?,
                abort: *library.get(b"ncclCommAbort\0").map_err(failed)?,
                error_string: *library.get(b"ncclGetErrorString\0").map_err(failed)?,
                cuda: Cuda::of_libtorch(),
            }
        };
        std::mem::forget(library);
        Ok(loaded)
    }

    /// Makes the id of a new group.
    pub fn unique_id(&self) -> Result<UniqueId, CollectiveError> {
        let mut id = UniqueId([0; 128]);
        // SAFETY: the pointer is to an ncclUniqueId that lives through the call.
        self.begun("ncclGetUniqueId", unsafe { (self.get_unique_id)(&raw mut id) })?;
        Ok(id)
    }

    /// Selects the GPU of this thread.
    pub(super) fn set_device(&self, index: usize) -> Result<(), CollectiveError> {
        let Some(cuda) = &self.cuda else { return Ok(()) };
        // SAFETY: any number may be given; one without a GPU is an error code.
        let code = unsafe { (cuda.set_device)(index as c_int) };
        cuda_ok("cudaSetDevice", code).map(drop)
    }

    /// Whether all work on libtorch's stream of this thread's GPU is done.
    pub(super) fn stream_done(&self) -> Result<bool, CollectiveError> {
        let Some(cuda) = &self.cuda else { return Ok(true) };
        // SAFETY: the null stream always exists.
        cuda_ok("cudaStreamQuery", unsafe { (cuda.stream_query)(std::ptr::null_mut()) })
    }

    /// Whether a call is done; one in progress is not an error.
    pub(super) fn begun(&self, call: &'static str, code: c_int) -> Result<bool, CollectiveError> {
        match code {
            0 => Ok(true),
            IN_PROGRESS => Ok(false),
            code => {
                // SAFETY: NCCL returns a text for every code, which is never freed.
                let text = unsafe { CStr::from_ptr((self.error_string)(code)) };
                let problem = text.to_string_lossy().into_owned();
                Err(CollectiveError::Failed { call, problem })
            }
        }
    }
}

impl Cuda {
    /// The CUDA runtime that libtorch is linked to; a libtorch without one has no GPU either.
    fn of_libtorch() -> Option<Self> {
        let process = Process::this();
        // SAFETY: the types of the fields are the signatures of the CUDA runtime, which stays loaded
        // as long as the process.
        unsafe {
            Some(Self {
                set_device: *process.get(b"cudaSetDevice\0").ok()?,
                stream_query: *process.get(b"cudaStreamQuery\0").ok()?,
            })
        }
    }
}

fn cuda_ok(call: &'static str, code: c_int) -> Result<bool, CollectiveError> {
    match code {
        0 => Ok(true),
        NOT_READY => Ok(false),
        code => Err(CollectiveError::Failed { call, problem: format!("CUDA error {code}") }),
    }
}
