//! Temporary files, for targets that read files.

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

/// Calls `then` with a folder that has exactly these files. The folder is shared by all
/// calls of a thread.
pub fn with_files<T>(files: &[(&str, &[u8])], then: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| {
        for entry in std::fs::read_dir(folder.path()).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if files.iter().all(|(name, _)| !path.ends_with(name)) {
                // Files of another target.
                let _ = std::fs::remove_file(path);
            }
        }
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("a file can be written");
        }
        then(folder.path())
    })
}
