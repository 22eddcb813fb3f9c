//! What pages and the terminal ask, timed: one client, twenty, and what they cost a run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use retrial::store::mistakes::{self, MistakeFilter, MistakeKind};
use retrial::store::unsolved::{self, UnsolvedFilter};
use retrial::store::{self, Store};
use retrial_protocol::Step;
use sqlx::sqlite::SqlitePool;

use super::world::World;
use super::{begin, hints, records, summary};

const CLIENTS: usize = 20;
/// A client asks this often: faster than people click.
const PAUSE: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_mins(1);
/// Steps of the run that writes: as many groups as a real one, and a pause as if it trained.
const TRAINING: Duration = Duration::from_millis(500);
const ROWS: u32 = 50;
/// Hits that a page looks at.
const HITS: u32 = 5_000;

/// Something that is asked for.
#[derive(Clone)]
enum Question {
    Overview,
    Mistakes(MistakeFilter, u32),
    Unsolved(UnsolvedFilter),
}

/// Milliseconds, by question.
type Times = Vec<Vec<f64>>;

/// Measures everything and prints it.
pub async fn all(path: &Path) -> Result<()> {
    let log = store::reader(path).await?;
    size(&log, path).await?;
    let questions = questions();
    let alone = alone(&log, &questions).await?;
    let store = Store::open(path).await?;
    let mut writer = Writer::new(&store).await?;

    let quiet = writer.write_for(MEASURE / 3, &AtomicBool::new(false)).await?;
    let (paced, with_people) = together(&log, &questions, &mut writer, Some(PAUSE)).await?;
    let (saturated, with_load) = together(&log, &questions, &mut writer, None).await?;

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

fn questions() -> Vec<(&'static str, Question)> {
    let world = World::new(1);
    let words = |rarity: f64| Some(world.word(rarity).to_owned());
    let all = MistakeFilter { most_hits: Some(HITS), ..MistakeFilter::default() };
    let large = MistakeFilter { run: Some("large".into()), ..all.clone() };
    let small = MistakeFilter { run: Some("small".into()), ..all.clone() };
    let page = |filter: MistakeFilter| Question::Mistakes(filter, 0);
    vec![
        ("overview", Question::Overview),
        ("all mistakes", page(all.clone())),
        ("run", page(small.clone())),
        ("run, page 200", Question::Mistakes(large.clone(), 200 * ROWS)),
        ("problem", page(MistakeFilter { problem: Some("problem-04321".into()), ..all.clone() })),
        ("answer", page(MistakeFilter { answer: Some("4321.0".into()), ..all.clone() })),
        (
            "answer (none)",
            page(MistakeFilter { answer: Some("(cut off)".into()), ..small.clone() }),
        ),
        ("kind, rare", page(MistakeFilter { kinds: vec![MistakeKind::Unparsed], ..all.clone() })),
        ("kind, run", page(MistakeFilter { kinds: vec![MistakeKind::Wrong], ..small.clone() })),
        ("at least 5 times", page(MistakeFilter { min_times: Some(5), ..large.clone() })),
        ("made in the last steps", page(MistakeFilter { from_step: Some(560), ..large.clone() })),
        (
            "made in steps 300 to 302",
            page(MistakeFilter { from_step: Some(300), to_step: Some(302), ..large.clone() }),
        ),
        (
            "never made: steps 9999 on",
            page(MistakeFilter { from_step: Some(9999), ..large.clone() }),
        ),
        ("unsolved", page(MistakeFilter { solved: Some(false), ..large.clone() })),
        (
            "unsolved, wrong, 2 times, steps, run",
            page(MistakeFilter {
                solved: Some(false),
                kinds: vec![MistakeKind::Wrong],
                min_times: Some(2),
                from_step: Some(100),
                ..small.clone()
            }),
        ),
        (
            "contains a word that is everywhere",
            page(MistakeFilter { contains: words(0.0), ..all.clone() }),
        ),
        (
            "contains a common word, run",
            page(MistakeFilter { contains: words(0.2), ..large.clone() }),
        ),
        ("contains a rare word", page(MistakeFilter { contains: words(1.0), ..all.clone() })),
        (
            "contains two words in a row",
            page(MistakeFilter {
                contains: Some(format!("{} {}", world.word(0.0), world.word(0.01))),
                ..all.clone()
            }),
        ),
        (
            "contains nothing there is",
            page(MistakeFilter { contains: Some("xyzzy".into()), ..all }),
        ),
        (
            "unsolved problems",
            Question::Unsolved(UnsolvedFilter { run: Some("small".into()), ..Default::default() }),
        ),
    ]
}

async fn ask(log: &SqlitePool, question: &Question) -> Result<f64> {
    let clock = Instant::now();
    match question {
        Question::Overview => overview(log).await?,
        Question::Mistakes(filter, offset) => {
            mistakes::find(&mut *log.acquire().await?, filter, ROWS, *offset).await?;
        }
        Question::Unsolved(filter) => {
            unsolved::find(&mut *log.acquire().await?, filter, ROWS, 0).await?;
        }
    }
    Ok(1000.0 * clock.elapsed().as_secs_f64())
}

/// What the first page of a run needs.
async fn overview(log: &SqlitePool) -> Result<()> {
    for query in [
        "SELECT * FROM run_summary",
        "SELECT * FROM step_summary WHERE run = 'large'",
        "SELECT * FROM coverage WHERE run = 'large'",
        "SELECT * FROM scores WHERE run = 'large'",
        "SELECT * FROM mistakes LIMIT 10",
        "SELECT * FROM unsolved_problems LIMIT 10",
        "SELECT * FROM log_size",
    ] {
        sqlx::query(query).fetch_all(log).await?;
    }
    Ok(())
}

/// Each question on its own.
async fn alone(log: &SqlitePool, questions: &[(&str, Question)]) -> Result<Times> {
    let mut times = Vec::new();
    for (_, question) in questions {
        let mut of_one = Vec::new();
        for _ in 0..9 {
            of_one.push(ask(log, question).await?);
        }
        times.push(of_one);
    }
    Ok(times)
}

/// Clients ask for a minute while a run writes; what they waited, and what the run did.
async fn together(
    log: &SqlitePool,
    questions: &[(&'static str, Question)],
    writer: &mut Writer<'_>,
    pause: Option<Duration>,
) -> Result<(Times, Vec<f64>)> {
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (log, over) = (log.clone(), over.clone());
        let questions = questions.to_vec();
        clients.spawn(async move {
            let mut random = ChaCha8Rng::seed_from_u64(client as u64);
            let mut times: Times = vec![Vec::new(); questions.len()];
            if let Some(pause) = pause {
                tokio::time::sleep(pause.mul_f64(random.random())).await;
            }
            while !over.load(Ordering::Relaxed) {
                let at = random.random_range(0..questions.len());
                let clock = Instant::now();
                times[at].push(ask(&log, &questions[at].1).await?);
                if let Some(pause) = pause {
                    tokio::time::sleep(pause.saturating_sub(clock.elapsed())).await;
                }
            }
            anyhow::Ok(times)
        });
    }
    let waited = writer.write_for(MEASURE, &over).await?;
    let mut all: Times = vec![Vec::new(); questions.len()];
    for times in clients.join_all().await {
        for (all, mut times) in all.iter_mut().zip(times?) {
            all.append(&mut times);
        }
    }
    Ok((all, waited))
}

/// A run that goes on.
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

    /// Writes steps as a run does, group by group, for some time; then says that it is over.
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
