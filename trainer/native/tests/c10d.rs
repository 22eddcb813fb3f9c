//! Groups of ranks: threads that compute together, and processes that crash or hang.

#![allow(clippy::cast_precision_loss, reason = "ranks are few")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use retrial_native::c10d::{Group, GroupError, Meeting, Nccl};
use retrial_native::testing::{free_port, on_ranks};
use tch::{Kind, Tensor};

const TIMEOUT: Duration = Duration::from_secs(20);

fn join(port: u16, rank: usize, world: usize, timeout: Duration) -> Result<Group, GroupError> {
    Group::join(&Meeting::at("127.0.0.1", port), rank, world, timeout)
}

/// Runs `work` on each rank of a group of threads.
fn world<T: Send>(world: usize, work: impl Fn(Group) -> T + Sync) -> Vec<T> {
    on_ranks(world, |rank, meeting| work(Group::join(meeting, rank, world, TIMEOUT).unwrap()))
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor).unwrap()
}

#[test]
fn every_operation_does_what_its_name_says() {
    for size in [1, 2, 4] {
        let of_ranks = world(size, |mut group| {
            let rank = group.rank() as f32;
            let sum = Tensor::from_slice(&[1.0, rank]);
            group.all_reduce(&sum).unwrap();
            let root = size - 1;
            let sent = Tensor::from_slice(&[rank, 7.0]);
            group.broadcast(&sent, root).unwrap();
            let share = Tensor::from_slice(&[rank, -rank]);
            let gathered = Tensor::zeros([2 * size as i64], (Kind::Float, tch::Device::Cpu));
            group.all_gather(&gathered, &share).unwrap();
            // Two are in progress at once.
            let begun = [1.0, 10.0]
                .map(|factor| group.begin_reduce_scatter(&(&gathered * factor)).unwrap());
            let [scattered, tenfold] = begun.map(|begun| group.finish(begun).unwrap());
            assert_eq!(tenfold, &scattered * 10.0);
            group.barrier().unwrap();
            [sum, sent, gathered, scattered].map(|tensor| numbers(&tensor))
        });
        let total = (0..size).sum::<usize>() as f32;
        let all: Vec<f32> = (0..size).flat_map(|rank| [rank as f32, -(rank as f32)]).collect();
        for (rank, [sum, sent, gathered, scattered]) in of_ranks.into_iter().enumerate() {
            let own = (rank * size) as f32;
            assert_eq!(sum, [size as f32, total]);
            assert_eq!(sent, [(size - 1) as f32, 7.0]);
            assert_eq!(gathered, all);
            assert_eq!(scattered, [own, -own]);
        }
    }
}

#[test]
fn the_same_sum_twice_is_the_same_bit_for_bit() {
    let sums = || {
        world(4, |mut group| {
            let numbers = Tensor::arange(10_007, (Kind::Float, tch::Device::Cpu));
            let mine = (numbers * 0.37 + group.rank() as f64).sin();
            group.all_reduce(&mine).unwrap();
            self::numbers(&mine)
        })
    };
    let (first, second) = (sums(), sums());
    assert!(first.iter().all(|sum| *sum == first[0]), "all ranks have the same");
    assert!(first == second);
}

#[test]
fn a_rank_that_never_comes_is_an_error_after_the_time_out() {
    let clock = Instant::now();
    let error = join(free_port(), 0, 2, Duration::from_secs(2)).err().unwrap();
    assert!(error.to_string().starts_with("rank 0 of 2: join failed: "), "{error}");
    assert!(clock.elapsed() < Duration::from_secs(15), "{:?}", clock.elapsed());
}

#[test]
fn a_tensor_that_cannot_be_sent_is_an_error_and_ends_the_membership() {
    world(1, |mut group| {
        let crossed = Tensor::zeros([2, 3], (Kind::Float, tch::Device::Cpu)).transpose(0, 1);
        let error = group.all_reduce(&crossed).unwrap_err();
        assert_eq!(error.reason, "a tensor is not contiguous on Cpu");
        let again = group.barrier().unwrap_err();
        assert_eq!((again.operation, again.reason), ("all_reduce", error.reason));
    });
}

#[test]
fn a_group_over_nccl_does_what_its_operations_say() {
    if std::env::var_os("RETRIAL_C10D_NCCL").is_none() {
        println!("not run: RETRIAL_C10D_NCCL does not say where the library for NCCL lies");
        return;
    }
    let nccl = Nccl::load().unwrap();
    world(1, |mut hosts| {
        let mut group = hosts.join_nccl(&nccl, 0).unwrap();
        for kind in [Kind::Float, Kind::BFloat16] {
            let sent = Tensor::arange(1000, (kind, group.device()));
            let before = sent.copy();
            group.all_reduce(&sent).unwrap();
            group.broadcast(&sent, 0).unwrap();
            assert_eq!(sent, before);
            let gathered = sent.zeros_like();
            group.all_gather(&gathered, &sent).unwrap();
            assert_eq!(gathered, before);
            let begun = [1, 2].map(|n| group.begin_reduce_scatter(&(&gathered * n)).unwrap());
            let [once, twice] = begun.map(|begun| group.finish(begun).unwrap());
            assert_eq!(once, before);
            assert_eq!(twice, before * 2);
        }
        group.barrier().unwrap();
        let elsewhere = group.all_reduce(&Tensor::zeros([1], (Kind::Float, tch::Device::Cpu)));
        assert_eq!(elsewhere.unwrap_err().reason, "a tensor is not contiguous on Cuda(0)");
        hosts.barrier().unwrap();
    });
}

const ROLE: &str = "RETRIAL_TEST_RANK";

/// What the other processes of the tests below do; nothing in a normal run of the tests.
#[test]
fn as_another_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let [port, rank, world, seconds, failure] = words[..] else { panic!("{role}") };
    let (port, rank) = (port.parse().unwrap(), rank.parse().unwrap());
    let timeout = Duration::from_secs(seconds.parse().unwrap());
    let mut group = join(port, rank, world.parse().unwrap(), timeout).unwrap();
    group.barrier().unwrap();
    match failure {
        "dies" => std::process::abort(),
        "hangs" => std::thread::sleep(Duration::from_mins(2)),
        _ => drop(group.barrier()),
    }
}

/// A process that ends with the test.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn peer(port: u16, rank: usize, world: usize, timeout: Duration, failure: &str) -> Peer {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "as_another_process"])
        .env(ROLE, format!("{port} {rank} {world} {} {failure}", timeout.as_secs()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Peer(child.unwrap())
}

/// The error of rank 0, and how long it took, when rank 1 fails in this way.
fn error_when_one(failure: &str, world: usize, timeout: Duration) -> (GroupError, Duration) {
    let port = free_port();
    let failure_of = |rank| if rank == 1 { failure } else { "waits" };
    let start = |rank| peer(port, rank, world, timeout, failure_of(rank));
    let _peers: Vec<_> = (1..world).map(start).collect();
    let mut group = join(port, 0, world, timeout).unwrap();
    group.barrier().unwrap();
    let clock = Instant::now();
    let error = group.barrier().unwrap_err();
    (error, clock.elapsed())
}

#[test]
fn a_rank_that_dies_is_an_error_at_once() {
    for world in [2, 4] {
        let (error, waited) = error_when_one("dies", world, TIMEOUT);
        assert_eq!((error.operation, error.rank), ("barrier", 0));
        assert_eq!(error.silent, [1], "{error}");
        assert!(waited < Duration::from_secs(8), "{waited:?} {error}");
    }
}

#[test]
fn a_rank_that_hangs_is_an_error_after_the_time_out() {
    for world in [2, 4] {
        let timeout = Duration::from_secs(4);
        let (error, waited) = error_when_one("hangs", world, timeout);
        assert_eq!((error.operation, error.rank), ("barrier", 0));
        assert_eq!(error.silent, [1], "{error}");
        let longest = timeout + Duration::from_secs(8);
        assert!(waited + Duration::from_millis(200) > timeout && waited < longest, "{waited:?}");
    }
}
