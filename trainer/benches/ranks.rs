//! An update on 1, 2 ... ranks of one thread each, on the same batch: seconds, and bytes sent over the
//! loopback interface, to compare with docs/scale.md. For exact numbers of bytes nothing else may use
//! that interface:
//!
//! `unshare -rn sh -c 'ip link set lo up; cargo bench --offline -p retrial-trainer --profile dev --bench ranks'`

mod samples;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use retrial_native::testing::on_ranks;
use retrial_protocol::TrainRequest;
use retrial_trainer::compute::{Compute, ready};
use retrial_trainer::model::Decoder;
use retrial_trainer::ranks::{Place, Ranks};
use retrial_trainer::update::Learner;
use retrial_trainer::update::micro_batch::mini_batches;
use tch::Device;

const PROMPT: usize = 24;
const ROUNDS: u32 = 5;

#[derive(Parser)]
struct Cli {
    /// Folder of the model, which gets random weights.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/dialects/base"))]
    model: PathBuf,
    #[arg(long, default_value_t = 384)]
    samples: usize,
    #[arg(long, default_value_t = 64)]
    response: usize,
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    ranks: Vec<usize>,
    #[arg(long, default_value_t = 8192)]
    micro_batch_tokens: usize,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Bytes that the loopback interface has sent so far, headers included.
fn sent() -> u64 {
    let table = std::fs::read_to_string("/proc/net/dev").expect("Linux has it");
    let line = table.lines().find_map(|line| line.trim().strip_prefix("lo:"));
    let columns = line.expect("there is a loopback interface").split_whitespace();
    columns.into_iter().nth(8).and_then(|bytes| bytes.parse().ok()).expect("a number of bytes")
}

/// Seconds and bytes of an update on one of the ranks.
fn update(model: &Path, request: &TrainRequest, mut ranks: Ranks) -> (f64, u64) {
    let decoder = Decoder::fresh(model, 1, Device::Cpu).expect("the folder has a model");
    let mut learner = Learner::sharded(decoder, Compute::default(), ranks.place());
    let mut run = |ranks: &mut Ranks| {
        learner.update_among(request, ranks, None).expect("the batch is sound");
    };
    run(&mut ranks);
    ranks.sum(&[0.0]).expect("all ranks are there");
    let (clock, before) = (Instant::now(), sent());
    for _ in 0..ROUNDS {
        run(&mut ranks);
    }
    ranks.sum(&[0.0]).expect("all ranks are there");
    let seconds = clock.elapsed().as_secs_f64() / f64::from(ROUNDS);
    (seconds, (sent() - before) / u64::from(ROUNDS))
}

/// Micro-batches of the rank with the most.
fn rounds(request: &TrainRequest, world: usize) -> usize {
    let TrainRequest { batch, objective, micro_batch_tokens, .. } = request;
    let (budget, place) = (*micro_batch_tokens, Place { rank: 0, world });
    mini_batches(&batch.samples, 1, objective, false, budget, Device::Cpu, place)[0].rounds
}

fn main() {
    ready(1);
    let cli = Cli::parse();
    let model = Decoder::fresh(&cli.model, 1, Device::Cpu).expect("the folder has a model");
    let (parameters, config) = (model.size(), model.config().clone());
    let (vocabulary, lengths) = (config.vocabulary as usize, (PROMPT, cli.response));
    let request = samples::request(cli.samples, vocabulary, lengths, cli.micro_batch_tokens);
    println!(
        "one update: {} samples of {} tokens, {parameters} parameters",
        cli.samples,
        PROMPT + cli.response
    );
    let mut alone = None;
    for &world in &cli.ranks {
        let of_ranks = on_ranks(world, |rank, meeting| {
            let place = Place { rank, world };
            let join = || Ranks::join(meeting, place, Duration::from_mins(1));
            let ranks = if world == 1 { Ranks::alone() } else { join().expect("all ranks come") };
            update(&cli.model, &request, ranks)
        });
        let slowest = of_ranks.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let (seconds, bytes) = slowest.expect("there is a rank");
        let alone = *alone.get_or_insert(seconds);
        let rounds = rounds(&request, world);
        let formula = (world - 1) * (8 * rounds + 4) * parameters;
        println!(
            "{world} ranks, {rounds} micro-batches: {seconds:.3} s, {:.2} times as fast; {bytes} bytes \
             sent by all ranks, {formula} by the formula",
            alone / seconds
        );
    }
}
