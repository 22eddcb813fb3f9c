//! Files, for what reads files.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a temporary folder can be made");
}

/// The root of the repository.
pub static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the crate lies in the repository")
});

/// The files of a release.
pub fn fixture(name: &str) -> PathBuf {
    ROOT.join("tests/fixtures/0.1.0").join(name)
}

/// Calls `then` with a folder that has these files. The folder is the same for all calls of a thread:
/// a target gives the same names each time.
pub fn with_files<T>(files: &[(&str, &[u8])], then: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| {
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("a file can be written");
        }
        then(folder.path())
    })
}
