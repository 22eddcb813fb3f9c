//! The shim's functions over c10d. Each answers null, or a message for [`crate::message::outcome`].

use std::ffi::{c_char, c_int};

use torch_sys::C_tensor;

#[repr(C)]
pub(super) struct Native {
    _opaque: [u8; 0],
}

#[repr(C)]
pub(super) struct NativeWork {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    pub(super) fn retrial_c10d_join(
        host: *const c_char,
        port: u16,
        serves: bool,
        prefix: *const c_char,
        rank: c_int,
        world: c_int,
        timeout_ms: i64,
        group: *mut *mut Native,
    ) -> *mut c_char;
    pub(super) fn retrial_c10d_leave(group: *mut Native);
    pub(super) fn retrial_c10d_roll_call(
        group: *mut Native,
        rank: c_int,
        world: c_int,
        patience_ms: i64,
        there: *mut bool,
    );
    pub(super) fn retrial_c10d_all_reduce(
        group: *mut Native,
        tensor: *const C_tensor,
    ) -> *mut c_char;
    pub(super) fn retrial_c10d_broadcast(
        group: *mut Native,
        tensor: *const C_tensor,
        root: c_int,
    ) -> *mut c_char;
    pub(super) fn retrial_c10d_reduce_scatter(
        group: *mut Native,
        share: *const C_tensor,
        whole: *const C_tensor,
        work: *mut *mut NativeWork,
    ) -> *mut c_char;
    pub(super) fn retrial_c10d_wait(work: *mut NativeWork) -> *mut c_char;
    pub(super) fn retrial_c10d_forget(work: *mut NativeWork);
    pub(super) fn retrial_c10d_all_gather(
        group: *mut Native,
        whole: *const C_tensor,
        share: *const C_tensor,
    ) -> *mut c_char;
    pub(super) fn retrial_c10d_barrier(group: *mut Native) -> *mut c_char;
}
