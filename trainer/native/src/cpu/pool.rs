//! The threads of the products.

use rayon::iter::{
    IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator,
};

/// Threads that share work. What they compute does not depend on how many they are.
pub struct Pool {
    /// None for the caller's thread alone.
    threads: Option<rayon::ThreadPool>,
    count: usize,
}

impl Pool {
    /// A pool of `count` threads. The error is the system's.
    pub fn new(count: usize) -> Result<Self, String> {
        let threads = match count {
            0 | 1 => None,
            _ => {
                let name = |index| format!("products-{index}");
                let made = rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(name);
                Some(made.build().map_err(|error| error.to_string())?)
            }
        };
        Ok(Self { threads, count: count.max(1) })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` on one of the threads: what it shares with the others starts faster.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.threads {
            None => work(),
            Some(threads) => threads.install(work),
        }
    }

    /// Runs `work` for each index below `count`, in any order.
    pub fn for_each(&self, count: usize, work: impl Fn(usize) + Send + Sync) {
        match &self.threads {
            Some(threads) if count > 1 => {
                threads.install(|| (0..count).into_par_iter().with_max_len(1).for_each(work));
            }
            _ => (0..count).for_each(work),
        }
    }

    /// Runs `work` on each item, in any order.
    pub fn for_each_mut<T: Send>(
        &self,
        items: &mut [T],
        work: impl Fn(usize, &mut T) + Send + Sync,
    ) {
        match &self.threads {
            Some(threads) if items.len() > 1 => threads.install(|| {
                items
                    .par_iter_mut()
                    .with_max_len(1)
                    .enumerate()
                    .for_each(|(i, item)| work(i, item));
            }),
            _ => items.iter_mut().enumerate().for_each(|(i, item)| work(i, item)),
        }
    }
}
