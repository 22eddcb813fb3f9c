//! Progress of downloads.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// Progress of the download of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file, by its path in the repository.
    pub file: &'a str,
    /// Bytes downloaded.
    pub done: u64,
    /// Bytes of the whole file.
    pub total: u64,
}

/// A callback for progress.
pub type Watch<'a> = dyn Fn(Progress<'_>) + Send + Sync + 'a;

/// No progress.
pub fn silent() -> Box<Watch<'static>> {
    Box::new(|_| {})
}

/// A bar for each file, on standard error if that is a terminal.
pub fn bar() -> Box<Watch<'static>> {
    let current: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    Box::new(move |Progress { file, done, total }| {
        let Ok(mut current) = current.lock() else { return };
        if current.as_ref().is_none_or(|(name, _)| name != file) {
            *current = Some((file.to_owned(), new_bar(file, total)));
        }
        if let Some((_, bar)) = current.as_ref() {
            bar.set_position(done);
            if done == total {
                bar.finish();
            }
        }
    })
}

fn new_bar(file: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(file.to_owned());
    let layout = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    match ProgressStyle::with_template(layout) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
