//! libtorch's errors as values.
//!
//! tch panics wherever libtorch throws: out of memory, shapes that do not fit, a broken GPU. [`attempt`]
//! runs work and returns such a panic as a [`TorchError`]. Any other panic is a bug and goes on.

use std::any::Any;
use std::cell::Cell;
use std::ffi::c_int;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// An error that libtorch threw.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("libtorch: {message}")]
pub struct TorchError {
    /// The first line of what libtorch says. The lines after it tell where in its code it was.
    pub message: String,
}

impl TorchError {
    /// Whether there was not enough memory, of the machine or of a GPU.
    pub fn is_out_of_memory(&self) -> bool {
        let phrases = ["out of memory", "can't allocate memory", "not enough memory"];
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }

    /// Reads the payload of a panic, if tch has raised it for an error of libtorch.
    fn of_panic(payload: &(dyn Any + Send)) -> Option<Self> {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())?;
        // `unwrap` shows the error as `Torch("...")`, with escapes.
        let (_, shown) = text.split_once("Torch(\"")?;
        let shown = shown.strip_suffix("\")").unwrap_or(shown);
        let first = shown.split("\\n").next().unwrap_or_default();
        Some(Self { message: first.replace("\\\"", "\"").replace("\\'", "'") })
    }
}

thread_local! {
    /// How many calls of [`attempt`] this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Puts a thread back to where it was when it is dropped: also when a panic goes through, which leaves
/// tch's `no_grad` without its end.
struct Restore {
    records_gradients: c_int,
}

impl Restore {
    fn later() -> Self {
        // SAFETY: these set a flag of this thread and return what it was.
        let records_gradients = unsafe {
            let before = torch_sys::at_grad_set_enabled(0);
            torch_sys::at_grad_set_enabled(before);
            before
        };
        DEPTH.set(DEPTH.get() + 1);
        Self { records_gradients }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        // SAFETY: as above.
        unsafe { torch_sys::at_grad_set_enabled(self.records_gradients) };
    }
}

/// Runs `work`. What libtorch throws in it is returned as an error; what `work` has changed by then
/// stays changed, and whoever calls decides what can still be used.
pub fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, TorchError> {
    do_not_report_as_a_crash();
    let restore = Restore::later();
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    drop(restore);
    result.map_err(|payload| match TorchError::of_panic(&*payload) {
        Some(error) => error,
        None => panic::resume_unwind(payload),
    })
}

/// Keeps panics that [`attempt`] returns as errors out of the log, where they would look like a crash.
fn do_not_report_as_a_crash() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 || TorchError::of_panic(info.payload()).is_none() {
                usual(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn too_large_an_allocation_is_out_of_memory() {
        let huge = || Tensor::empty([1_i64 << 60], (Kind::Int8, Device::Cpu));
        let error = attempt(huge).unwrap_err();
        assert!(error.is_out_of_memory(), "{error}");
        assert!(!error.message.contains('\n') && !error.message.contains("\\n"), "{error}");
    }

    #[test]
    fn another_error_of_libtorch_says_what_is_wrong() {
        let zeros = |n: i64| Tensor::zeros([n], (Kind::Float, Device::Cpu));
        let error = attempt(|| zeros(2) + zeros(3)).unwrap_err();
        assert!(!error.is_out_of_memory());
        assert!(error.message.contains("size of tensor a (2) must match"), "{error}");
    }

    #[test]
    fn after_an_error_gradients_are_recorded_as_before() {
        let records = || {
            let x = Tensor::zeros([1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            (&x * 2.0).requires_grad()
        };
        let fails = || tch::no_grad(|| Tensor::empty([1_i64 << 60], (Kind::Int8, Device::Cpu)));
        attempt(fails).unwrap_err();
        assert!(records());
        let _guard = tch::no_grad_guard();
        attempt(|| tch::with_grad(fails)).unwrap_err();
        assert!(!records());
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_of_our_own_goes_on() {
        let _ = attempt(|| panic!("a bug"));
    }
}
