//! How far a download is.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// How far the download of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file, as the repository names it.
    pub file: &'a str,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole file.
    pub total: u64,
}

/// Who is told.
pub type Watch<'a> = dyn Fn(Progress<'_>) + Send + Sync + 'a;

/// Nobody is told.
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
