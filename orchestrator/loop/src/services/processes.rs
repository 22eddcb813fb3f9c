//! The processes of one service, which start and end together: one, or the ranks of a trainer.

use std::process::ExitStatus;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Time for the others to end once one has ended that may only have lost another: it shows which
/// one hangs. Rank 0 ends two seconds after its answer.
const GRACE: Duration = Duration::from_secs(10);

/// Processes, watched by a task.
pub struct Processes {
    watch: ProcessWatch,
    // Dropping the task drops the children, which kills them.
    task: JoinHandle<()>,
}

/// Whether all processes of a service run.
#[derive(Clone)]
pub struct ProcessWatch(watch::Receiver<State>);

#[derive(Clone, Debug)]
enum State {
    Whole,
    /// One has ended.
    Broken,
    /// All have.
    Ended(Cause),
}

/// The process that caused the others to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its rank, from 0.
    pub rank: usize,
    /// How it ended.
    pub end: End,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, or by a signal.
    Itself(ExitStatus),
    /// It did not end when another one had, and was killed.
    Killed,
}

impl End {
    /// Whether it ended because of itself: one that has lost another rank ends with exit code 1, one
    /// that rank 0 tells to end with 0.
    fn is_own(self) -> bool {
        matches!(self, Self::Itself(status) if !matches!(status.code(), Some(0 | 1)))
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Itself(status) => status.fmt(f),
            Self::Killed => f.write_str("it did not end with the others, and was killed"),
        }
    }
}

impl Processes {
    /// Watches processes that were started together, in the order of their ranks.
    pub fn of(children: Vec<Child>) -> Self {
        let (says, state) = watch::channel(State::Whole);
        let task = tokio::spawn(watch_over(children, says));
        Self { watch: ProcessWatch(state), task }
    }

    /// Reports whether they run.
    pub fn watch(&self) -> ProcessWatch {
        self.watch.clone()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ProcessWatch {
    /// Whether a process has ended.
    pub fn is_broken(&self) -> bool {
        !matches!(*self.0.borrow(), State::Whole)
    }

    /// Waits until a process has ended.
    pub async fn broken(&mut self) {
        // The watching task ends only after this state is sent, or with its group.
        let _ = self.0.wait_for(|state| !matches!(state, State::Whole)).await;
    }

    /// Waits until all processes have ended, soon after the first. `None` if they were dropped.
    pub async fn ended(&mut self) -> Option<Cause> {
        let ended = self.0.wait_for(|state| matches!(state, State::Ended(_))).await;
        match &*ended.ok()? {
            State::Ended(cause) => Some(cause.clone()),
            State::Whole | State::Broken => None,
        }
    }
}

async fn watch_over(mut children: Vec<Child>, says: watch::Sender<State>) {
    // They watch their standard input, which waiting must not close.
    let stdins: Vec<_> = children.iter_mut().map(|child| child.stdin.take()).collect();
    let mut ends = ended_together(&mut children, &says).await;
    drop(stdins);
    for (rank, child) in children.iter_mut().enumerate() {
        if ends.iter().all(|&(ended, _)| ended != rank) {
            let _ = child.kill().await;
            ends.push((rank, End::Killed));
        }
    }
    says.send_replace(State::Ended(cause(&ends)));
}

/// Waits until a process ends, then for the others while the cause is unclear. Returns
/// how they ended, in order.
async fn ended_together(children: &mut [Child], says: &watch::Sender<State>) -> Vec<(usize, End)> {
    let mut ends = Vec::with_capacity(children.len());
    let wait = async |(rank, child): (usize, &mut Child)| (rank, child.wait().await);
    let mut waits: FuturesUnordered<_> = children.iter_mut().enumerate().map(wait).collect();
    let mut deadline = None;
    loop {
        let next = match deadline {
            None => waits.next().await,
            Some(deadline) => timeout_at(deadline, waits.next()).await.ok().flatten(),
        };
        let Some((rank, status)) = next else { return ends };
        says.send_replace(State::Broken);
        // A child can be waited for.
        let Ok(status) = status else { continue };
        let end = End::Itself(status);
        ends.push((rank, end));
        if end.is_own() {
            return ends;
        }
        deadline.get_or_insert_with(|| Instant::now() + GRACE);
    }
}

/// The process that caused the others to end, by how each ended, in order.
fn cause(ends: &[(usize, End)]) -> Cause {
    let first = |is: fn(End) -> bool| ends.iter().find(|&&(_, end)| is(end)).copied();
    let found = first(End::is_own)
        .or_else(|| first(|end| end == End::Killed))
        .or_else(|| first(|end| matches!(end, End::Itself(status) if !status.success())))
        // All were told to end, by rank 0.
        .or_else(|| ends.iter().copied().min_by_key(|&(rank, _)| rank));
    let (rank, end) = found.expect("a group has a process");
    Cause { rank, end }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn the_rank_that_the_others_lost_is_found() {
        let code = |code: i32| End::Itself(ExitStatus::from_raw(code << 8));
        let signal = |signal| End::Itself(ExitStatus::from_raw(signal));
        let cases = [
            ("alone", vec![(0, code(1))], 0),
            ("killed", vec![(2, code(1)), (1, signal(9)), (0, code(1))], 1),
            ("others compute on", vec![(1, signal(9)), (0, End::Killed), (2, End::Killed)], 1),
            ("hangs", vec![(1, code(1)), (0, code(1)), (2, End::Killed)], 2),
            ("refuses to start", vec![(1, code(2)), (0, End::Killed)], 1),
            ("cannot be told from the others", vec![(1, code(1)), (0, code(1))], 1),
            ("was told to end", vec![(1, code(0)), (0, code(0))], 0),
        ];
        for (how, ends, expected) in cases {
            assert_eq!(cause(&ends).rank, expected, "{how}");
        }
    }

    fn sh(script: &str) -> Child {
        tokio::process::Command::new("sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    #[tokio::test]
    async fn all_end_with_one() {
        // The second waits for its standard input to close, for ever.
        let group = Processes::of(vec![sh("exec cat"), sh("kill -KILL $$")]);
        let mut watch = group.watch();
        watch.broken().await;
        assert!(watch.is_broken());
        let cause = watch.ended().await.unwrap();
        assert_eq!(cause.rank, 1);
        assert_eq!(cause.end.to_string(), "signal: 9 (SIGKILL)");
    }
}
