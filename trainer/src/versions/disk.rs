//! Disk access of the versions: errors that say what was tried and where, and a check for free space.

use std::fs::{self, File};
use std::path::Path;

use retrial_native::torch::attempt;

use crate::model::ModelError;

/// Writes a file and flushes it.
pub fn write_file(path: &Path, text: &[u8]) -> Result<(), ModelError> {
    fs::write(path, text).map_err(io("write", path))?;
    sync_file(path)
}

/// Flushes a file.
pub fn sync_file(path: &Path) -> Result<(), ModelError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io("write", path))
}

/// Makes a [`ModelError`] of the system's error.
pub fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl Fn(std::io::Error) -> ModelError + use<'a> {
    move |source| ModelError::Io { action, path: path.into(), source }
}

/// Runs work that reads or writes tensors at `path`, and returns libtorch's errors too.
pub fn attempt_at<T>(
    action: &'static str,
    path: &Path,
    work: impl FnOnce() -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    attempt(work).unwrap_or_else(|error| Err(io(action, path)(std::io::Error::other(error))))
}

/// Fails if the disk has less than this many bytes free, before anything is written.
pub fn room(folder: &Path, bytes: u64) -> Result<(), ModelError> {
    let free = rustix::fs::statvfs(folder)
        .map(|disk| disk.f_bavail * disk.f_frsize)
        .map_err(|error| io("look at the disk of", folder)(error.into()))?;
    if free >= bytes {
        return Ok(());
    }
    let problem = format!(
        "it takes {} MB and the disk has {} MB left\n\
         hint: make room, or keep fewer versions",
        bytes.div_ceil(1_000_000),
        free / 1_000_000
    );
    let source = std::io::Error::new(std::io::ErrorKind::StorageFull, problem);
    Err(io("write a version to", folder)(source))
}
