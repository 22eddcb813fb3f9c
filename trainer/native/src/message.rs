//! The result of the shim's functions: null, or an error message.

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    fn retrial_free(message: *mut c_char);
}

/// The message as an error; it is freed.
///
/// # Safety
///
/// It is null, or was just returned by a function of the shim.
pub(crate) unsafe fn outcome(message: *mut c_char) -> Result<(), String> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim's messages end in a zero byte, and this side frees them, once.
    unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        retrial_free(message);
        Err(text)
    }
}
