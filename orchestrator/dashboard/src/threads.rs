//! Threads with a lower priority than the run's, so that pages do not delay its work.

use tokio::runtime::{Builder, Runtime};

/// nice 10 of 19: if both want a core, a run gets nine tenths of it.
const PRIORITY: i32 = 10;
const THREADS: usize = 2;

/// A runtime on low-priority threads.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("dashboard")
        .on_thread_start(give_way)
        .enable_all()
        .build()
}

/// Lowers the priority of this thread, if the system allows it.
pub fn give_way() {
    // On Linux this affects the calling thread only.
    let _ = rustix::process::setpriority_process(None, PRIORITY);
}
