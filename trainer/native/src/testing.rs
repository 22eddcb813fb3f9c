//! Helpers for tests and benchmarks of ranks on one machine.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::c10d::Meeting;

/// A free port, outside the range from which systems pick free ports: ranks connect to it
/// before it is taken.
///
/// # Panics
///
/// If none of a process's hundred is free.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    let ports = (0..100).map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 100);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.into_iter().find(is_free).expect("one of a hundred ports is free")
}

/// Runs `work` as each of `world` ranks, on a thread each, and returns what came of it by rank. They
/// meet on this machine.
///
/// # Panics
///
/// If a rank does.
pub fn on_ranks<T: Send>(world: usize, work: impl Fn(usize, &Meeting) -> T + Sync) -> Vec<T> {
    let (meeting, work) = (&Meeting::at("127.0.0.1", free_port()), &work);
    std::thread::scope(|scope| {
        let start = |rank| scope.spawn(move || work(rank, meeting));
        let ranks: Vec<_> = (0..world).map(start).collect();
        ranks.into_iter().map(|rank| rank.join().expect("no rank panics")).collect()
    })
}
