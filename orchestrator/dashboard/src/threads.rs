//! Threads that come after the run's: pages must not keep its work waiting.

use tokio::runtime::{Builder, Runtime};

/// nice 10 of 19: where both want a core, a run has nine tenths of it.
const PRIORITY: i32 = 10;
const THREADS: usize = 2;

/// A runtime on threads that give way.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("dashboard")
        .on_thread_start(give_way)
        .enable_all()
        .build()
}

/// Lowers the priority of this thread. Where that is not allowed it works as before.
pub fn give_way() {
    // On Linux this is about the calling thread alone.
    let _ = rustix::process::setpriority_process(None, PRIORITY);
}
