//! The dashboard over a large log, timed: with one client, with twenty, and their effect on a run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use retrial_config::DashboardConfig;
use retrial_dashboard::{Listener, runtime};
use retrial_protocol::Step;
use retrial_store::{self as store, Store};
use sqlx::sqlite::SqlitePool;

use super::world::World;
use super::{begin, hints, records, summary};

const CLIENTS: usize = 20;
/// Interval of a client's requests: faster than people click.
const PAUSE: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_mins(1);
/// Repetitions with and without clients, alternating, so that background load affects both.
const TURNS: u32 = 12;
/// Steps of the run that writes: as many groups as a real one, and a pause for training.
const TRAINING: Duration = Duration::from_millis(500);

/// A page: what it shows, and its URL.
type Question = (&'static str, String);

/// Milliseconds, by page.
type Times = Vec<Vec<f64>>;

/// Measures everything and prints it.
pub async fn all(path: &Path) -> Result<()> {
    let log = store::reader(path).await?;
    size(&log, path).await?;
    log.close().await;
    let listen = ([127, 0, 0, 1], 0).into();
    let door = Listener::open(&DashboardConfig { listen, ..DashboardConfig::default() }).await?;
    let dashboard = door.serve(path, None).await?;
    let people = People::new(dashboard.url());
    let questions = questions();
    let first = people.ask(&questions[0]).await?;
    println!("overview, read for the first time: {first:.1} ms");
    let alone = alone(&people, &questions).await?;
    let store = Store::open(path).await?;
    let mut writer = Writer::new(&store).await?;

    let (mut quiet, mut with_people) = (Vec::new(), Vec::new());
    let mut paced: Times = vec![Vec::new(); questions.len()];
    for _ in 0..TURNS {
        quiet.extend(writer.write_for(MEASURE / TURNS, &AtomicBool::new(false)).await?);
        let (times, waited) =
            together(&people, &questions, &mut writer, MEASURE / TURNS, Some(PAUSE)).await?;
        append(&mut paced, times);
        with_people.extend(waited);
    }
    let (saturated, with_load) = together(&people, &questions, &mut writer, MEASURE, None).await?;

    println!(
        "\nmilliseconds: median alone; median and 99th percentile of {CLIENTS} clients while a"
    );
    println!("run writes, that ask once a second, and that ask without a pause");
    for (position, (name, _)) in questions.iter().enumerate() {
        let (alone, paced, saturated) = (&alone[position], &paced[position], &saturated[position]);
        println!(
            "  {name:<44} {:>7.1} {:>7.1} {:>7.1} {:>7.1} {:>7.1}",
            quantile(alone, 0.5),
            quantile(paced, 0.5),
            quantile(paced, 0.99),
            quantile(saturated, 0.5),
            quantile(saturated, 0.99),
        );
    }
    let every = |times: &Times| times.iter().flatten().copied().collect::<Vec<_>>();
    let (paced, saturated) = (every(&paced), every(&saturated));
    println!(
        "  all: {} and {} questions, 99th percentile {:.1} and {:.1}",
        paced.len(),
        saturated.len(),
        quantile(&paced, 0.99),
        quantile(&saturated, 0.99)
    );
    println!(
        "\nmilliseconds that a run waits for the log in a step of some 1,230 rollouts, median:"
    );
    for (name, times) in
        [("no client", &quiet), ("asking once a second", &with_people), ("no pause", &with_load)]
    {
        let change = 100.0 * (quantile(times, 0.5) / quantile(&quiet, 0.5) - 1.0);
        println!("  {name:<22} {:>7.1} ({change:+.1} %)", quantile(times, 0.5));
    }
    dashboard.close().await;
    store.close().await;
    Ok(())
}

async fn size(log: &SqlitePool, path: &Path) -> Result<()> {
    let (rollouts, failures, mistakes, bytes): (i64, i64, i64, i64) =
        sqlx::query_as("SELECT rollouts, failures, mistakes, bytes FROM log_size")
            .fetch_one(log)
            .await?;
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{}: {rollouts} rollouts, {failures} failures, {mistakes} mistakes, {megabytes:.0} MB, \
         {} bytes a rollout",
        path.display(),
        bytes / rollouts.max(1)
    );
    let tables: Vec<(String, i64)> = sqlx::query_as(
        "SELECT iif(name LIKE '%\\_fts\\_%' ESCAPE '\\', 'full-text indexes', name), sum(pgsize) \
         FROM dbstat WHERE aggregate = 1 GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
    )
    .fetch_all(log)
    .await?;
    for (name, bytes) in tables {
        println!("  {name:<40} {:>7.1} MB", bytes as f64 / 1e6);
    }
    Ok(())
}

fn questions() -> Vec<Question> {
    let world = World::new(1);
    let of = |name: &'static str, pairs: &[(&str, &str)]| {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        (name, format!("mistakes?{}", pairs.join("&")))
    };
    let two_words = format!("{} {}", world.word(0.0), world.word(0.01));
    vec![
        ("overview", "runs/large".into()),
        of("all mistakes", &[]),
        of("run", &[("run", "small")]),
        of("run, page 100", &[("run", "large"), ("page", "100")]),
        of("problem", &[("problem", "problem-04321")]),
        of("answer", &[("answer", "4321.0")]),
        of("answer (none)", &[("run", "small"), ("answer", "(cut off)")]),
        of("kind, rare", &[("kind", "unparsed")]),
        of("kind, run", &[("run", "small"), ("kind", "wrong")]),
        of("at least 5 times", &[("run", "large"), ("times", "5")]),
        of("made in the last steps", &[("run", "large"), ("from", "560")]),
        of("made in steps 300 to 302", &[("run", "large"), ("from", "300"), ("to", "302")]),
        of("never made: steps 9999 on", &[("run", "large"), ("from", "9999")]),
        of("unsolved", &[("run", "large"), ("unsolved", "1")]),
        of(
            "unsolved, wrong, 2 times, steps, run",
            &[
                ("run", "small"),
                ("unsolved", "1"),
                ("kind", "wrong"),
                ("times", "2"),
                ("from", "100"),
            ],
        ),
        of("contains a word that is everywhere", &[("contains", world.word(0.0))]),
        of("contains a common word, run", &[("run", "large"), ("contains", world.word(0.2))]),
        of("contains a rare word", &[("contains", world.word(1.0))]),
        of("contains two words in a row", &[("contains", &two_words)]),
        of("contains nothing there is", &[("contains", "xyzzy")]),
        ("unsolved problems", "runs/small/problems?status=unsolved".into()),
    ]
}

/// A client.
#[derive(Clone)]
struct People {
    http: reqwest::Client,
    url: String,
}

impl People {
    fn new(url: String) -> Self {
        Self { http: retrial_servers::plain_client(), url }
    }

    /// Requests a page. Returns the milliseconds until it is complete.
    async fn ask(&self, (name, path): &Question) -> Result<f64> {
        let clock = Instant::now();
        let answer = self.http.get(format!("{}{path}", self.url)).send().await?;
        let status = answer.status();
        let page = answer.bytes().await.with_context(|| format!("asking for {name}"))?;
        ensure!(status.is_success() && !page.is_empty(), "{name} ({path}): {status}");
        Ok(1000.0 * clock.elapsed().as_secs_f64())
    }
}

/// Each page alone.
async fn alone(people: &People, questions: &[Question]) -> Result<Times> {
    let mut times = Vec::new();
    for question in questions {
        let mut of_one = Vec::new();
        for _ in 0..9 {
            of_one.push(people.ask(question).await?);
        }
        times.push(of_one);
    }
    Ok(times)
}

fn append(all: &mut Times, times: Times) {
    for (all, mut times) in all.iter_mut().zip(times) {
        all.append(&mut times);
    }
}

/// Clients send requests for a time while a run writes; returns their latencies, and the run's waits.
async fn together(
    people: &People,
    questions: &[Question],
    writer: &mut Writer<'_>,
    time: Duration,
    pause: Option<Duration>,
) -> Result<(Times, Vec<f64>)> {
    let over = Arc::new(AtomicBool::new(false));
    // Real clients run on other machines: here they must not take the run's processor time.
    let elsewhere = runtime()?;
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..CLIENTS as u64 {
        let (people, over) = (people.clone(), over.clone());
        let questions = questions.to_vec();
        let client = async move {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut times: Times = vec![Vec::new(); questions.len()];
            if let Some(pause) = pause {
                tokio::time::sleep(pause.mul_f64(random.random())).await;
            }
            while !over.load(Ordering::Relaxed) {
                let at = random.random_range(0..questions.len());
                let clock = Instant::now();
                times[at].push(people.ask(&questions[at]).await?);
                if let Some(pause) = pause {
                    tokio::time::sleep(pause.saturating_sub(clock.elapsed())).await;
                }
            }
            anyhow::Ok(times)
        };
        clients.spawn_on(client, elsewhere.handle());
    }
    let waited = writer.write_for(time, &over).await?;
    let mut all: Times = vec![Vec::new(); questions.len()];
    let answers = clients.join_all().await;
    elsewhere.shutdown_background();
    for times in answers {
        append(&mut all, times?);
    }
    Ok((all, waited))
}

/// A run that continues.
struct Writer<'a> {
    store: &'a Store,
    world: World,
    run: store::RunId,
    step: Step,
}

impl<'a> Writer<'a> {
    async fn new(store: &'a Store) -> Result<Self> {
        let mut world = World::new(3);
        let name = format!("live-{}", std::process::id());
        let run = begin(store, &mut world, &name).await?;
        Ok(Self { store, world, run, step: Step(1) })
    }

    /// Writes steps as a run does, group by group, for some time; then sets a flag.
    /// Returns the milliseconds that each step waited for the log.
    async fn write_for(&mut self, time: Duration, over: &AtomicBool) -> Result<Vec<f64>> {
        let (begun, mut waited) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let groups = self.world.step(self.step);
            let ids: Vec<_> = groups.iter().map(|group| group.problem.clone()).collect();
            let record = summary(self.step, &groups);
            let clock = Instant::now();
            self.store.begin_step(self.run, self.step, &ids).await?;
            for trial in records(&groups) {
                self.store.log_rollouts(self.run, self.step, &[trial]).await?;
            }
            self.store.log_hints(self.run, self.step, &hints(&groups)).await?;
            self.store.commit_step(self.run, self.step, &record).await?;
            waited.push(1000.0 * clock.elapsed().as_secs_f64());
            self.step = self.step.version().next_step();
            tokio::time::sleep(TRAINING).await;
        }
        over.store(true, Ordering::Relaxed);
        Ok(waited)
    }
}

fn quantile(times: &[f64], q: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * q).ceil() as usize).max(1) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
