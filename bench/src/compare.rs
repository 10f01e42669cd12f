//! The comparison: rounds in which the targets take turns.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::books::Books;
use crate::limits;
use crate::load::Summary;
use crate::measure::{Memory, Scenario};
use crate::nginx::Nginx;
use crate::plain;
use crate::postgres::Postgres;
use crate::report::{Aim, Report, Row, Who};
use crate::target::{Cores, Target, start_upstream};
use crate::translation::Pair;
use crate::trunkline::Trunkline;
use crate::variant::{Round, Variant};

/// What to compare, and how.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The trunkline program; without it nginx is measured alone
    #[arg(long)]
    trunkline: Option<PathBuf>,
    /// A trunkline program of an earlier version, to measure in the same turns
    #[arg(long, value_name = "PROGRAM", requires = "trunkline")]
    before: Option<PathBuf>,
    /// The folder of PostgreSQL's programs, to measure with books there as well; the last one
    /// given counts
    #[arg(long, value_name = "FOLDER", requires = "trunkline", overrides_with = "postgres")]
    postgres: Option<PathBuf>,
    /// The nginx program
    #[arg(long, default_value = "nginx")]
    nginx: PathBuf,
    /// How often each measurement is made
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// The core of the proxy
    #[arg(long)]
    proxy_core: Option<usize>,
    /// The core of the provider; this program should be bound to it as well
    #[arg(long)]
    upstream_core: Option<usize>,
    /// Where results and temporary data go; on the disk that is to be written to
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
}

const fn row(name: &'static str, unit: &'static str, aim: Aim) -> Row {
    Row { name, unit, aim }
}

const CPU_PER_REQUEST: Row = row("CPU per request, 64 connections", "µs", Aim::TimesNginx(1.8));
const REQUESTS: Row = row("requests per second, 64 connections", "1/s", Aim::None);
const CORE_REQUESTS: Row = row("share of the core, 64 connections", "%", Aim::None);
const CPU_PER_PACED: Row = row("CPU per chunk, 500 streams at 10 ms", "µs", Aim::TimesNginx(1.5));
const PACED_RATE: Row = row("chunks per second, 500 streams at 10 ms", "1/s", Aim::None);
const CORE_PACED: Row = row("share of the core, 500 streams at 10 ms", "%", Aim::None);
const CPU_PER_CHUNK: Row =
    row("CPU per chunk, 16 streams back to back", "µs", Aim::TimesNginx(4.0));
const CHUNK_RATE: Row = row("chunks per second, 16 streams back to back", "1/s", Aim::None);
const CORE_CHUNKS: Row = row("share of the core, 16 streams back to back", "%", Aim::None);
const FIRST: Row = row("time to first token p50, 10 streams", "µs", Aim::None);
const FIRST_TAIL: Row = row("time to first token p99, 10 streams", "µs", Aim::None);
const WHOLE_P50: Row = row("latency p50, 1 connection", "µs", Aim::None);
const WHOLE_P99: Row = row("latency p99, 1 connection", "µs", Aim::None);
const ADDED_P50: Row = row("added latency p50, 1 connection", "µs", Aim::None);
const ADDED_P99: Row = row("added latency p99, 1 connection", "µs", Aim::None);
const BUSY_P50: Row = row("latency p50, 64 connections", "µs", Aim::None);
const BUSY_P99: Row = row("latency p99, 64 connections", "µs", Aim::None);
const FIRST_P50: Row = row("added time to first token p50, 10 streams", "µs", Aim::TimesNginx(2.0));
const FIRST_P99: Row = row("added time to first token p99, 10 streams", "µs", Aim::TimesNginx(2.0));
const IDLE: Row = row("memory idle", "MB", Aim::AtMost(30.0));
const PER_STREAM: Row = row("memory per open stream, 1,000 open", "KB", Aim::AtMost(50.0));
const READY: Row = row("start to ready", "ms", Aim::AtMost(150.0));
const FIRST_START: Row = row("first start to ready, data folder new", "ms", Aim::None);

struct Bench {
    window: Duration,
    cores: Cores,
    folder: PathBuf,
    upstream: Target,
    nginx: Nginx,
    trunkline: Option<Trunkline>,
    variants: Vec<(Variant, Trunkline)>,
    report: Report,
}

/// Measures everything, prints the table and writes `latest.json`.
pub async fn run(arguments: Arguments) -> Result<()> {
    std::fs::create_dir_all(&arguments.results)?;
    let results = std::fs::canonicalize(&arguments.results)?;
    let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&results)?;
    let cores = Cores { proxy: arguments.proxy_core, upstream: arguments.upstream_core };
    let window = Duration::from_secs(arguments.seconds.max(1));
    let upstream = start_upstream(cores.upstream, folder.path()).await?;
    let nginx = Nginx { program: arguments.nginx.clone(), upstream: upstream.address, cores };
    let mut shapes: Vec<_> = Scenario::ALL.map(|scenario| scenario.shape(window)).to_vec();
    shapes.push(Memory::SHAPE);
    // A model that two loads share is one.
    shapes.sort_by_key(|shape| shape.model());
    shapes.dedup();
    let trunkline = arguments.trunkline.as_ref().map(|program| Trunkline {
        program: program.clone(),
        upstream: upstream.address,
        core: cores.proxy,
        shapes,
        books: Books::Sqlite,
        is_limited: false,
    });
    let postgres = match &arguments.postgres {
        Some(programs) => {
            let server = Postgres::start(programs, cores.upstream, &results, folder.path());
            Some(Rc::new(server.await?))
        }
        None => None,
    };
    let variants = match &trunkline {
        Some(usual) => variants(usual, arguments.before.as_deref(), postgres.as_ref()),
        None => Vec::new(),
    };
    let load_before = load_average();
    let folder_path = folder.path().to_owned();
    let mut bench = Bench {
        window,
        cores,
        folder: folder_path,
        upstream,
        nginx,
        trunkline,
        variants,
        report: Report::default(),
    };
    bench.starts(arguments.rounds).await?;
    bench.loads(arguments.rounds).await?;
    let machine = json!({
        "processor": processor(),
        "kernel": read("/proc/sys/kernel/osrelease"),
        "proxy_core": arguments.proxy_core,
        "upstream_core": arguments.upstream_core,
        "load_average_before": load_before,
        "load_average_after": load_average(),
        "nginx": bench.nginx.version()?,
        "trunkline": bench.trunkline.as_ref().map(Trunkline::version).transpose()?,
        "before": bench.version_before().transpose()?,
        "postgres": postgres.as_ref().map(|server| server.version()).transpose()?,
    });
    let document = json!({
        "machine": machine,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "measures": bench.report.json(),
    });
    let file = results.join("latest.json");
    std::fs::write(&file, serde_json::to_string_pretty(&document)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}\n{}", serde_json::to_string_pretty(&document["machine"])?, bench.report.table());
    println!(
        "Median [least – greatest] of {} rounds. Written to {}",
        arguments.rounds,
        file.display()
    );
    Ok(())
}

/// The ways to run Trunkline that are measured beside the usual one.
fn variants(
    usual: &Trunkline,
    before: Option<&Path>,
    postgres: Option<&Rc<Postgres>>,
) -> Vec<(Variant, Trunkline)> {
    let limited = Trunkline { is_limited: true, ..usual.clone() };
    let mut found = vec![(Variant::Limits, limited.clone())];
    if let Some(program) = before {
        found.push((Variant::Before, Trunkline { program: program.to_owned(), ..usual.clone() }));
    }
    if let Some(server) = postgres {
        let books = Books::Postgres(Rc::clone(server));
        let unlimited = Trunkline { books: books.clone(), ..usual.clone() };
        found.push((Variant::Postgres, unlimited));
        found.push((Variant::PostgresLimits, Trunkline { books, ..limited }));
    }
    found
}

impl Bench {
    /// Start and memory: every round with new processes.
    async fn starts(&mut self, rounds: usize) -> Result<()> {
        for round in 0..rounds {
            eprintln!("round {} of {rounds}: start and memory", round + 1);
            let (target, took) = self.nginx.start(&self.folder.join("nginx")).await?;
            self.fresh(Who::Nginx, &target, took).await?;
            drop(target);
            if let Some(trunkline) = &self.trunkline {
                let data = self.folder.join(format!("data-{round}"));
                let (first, took_first) = trunkline.start(&data).await?;
                drop(first);
                let (target, took) = trunkline.start(&data).await?;
                self.report.add(FIRST_START, Who::Trunkline, milliseconds(took_first));
                self.fresh(Who::Trunkline, &target, took).await?;
            }
        }
        Ok(())
    }

    async fn fresh(&mut self, who: Who, target: &Target, took: Duration) -> Result<()> {
        let memory = Memory::measure(target).await?;
        self.report.add(READY, who, milliseconds(took));
        self.report.add(IDLE, who, memory.idle as f64 / 1e6);
        self.report.add(PER_STREAM, who, memory.per_stream as f64 / 1e3);
        Ok(())
    }

    /// Load: one process of each, taking turns.
    async fn loads(&mut self, rounds: usize) -> Result<()> {
        let (nginx, _) = self.nginx.start(&self.folder.join("nginx")).await?;
        let plain = plain::start(self.cores, self.upstream.address, &self.folder).await?;
        let trunkline = match &self.trunkline {
            Some(trunkline) => Some(self.set_up(trunkline, "data").await?),
            None => None,
        };
        let mut variants = Vec::new();
        for (variant, way) in &self.variants {
            let target = self.set_up(way, variant.folder()).await;
            let target = target.with_context(|| format!("cannot start {variant:?}"))?;
            if variant.is_limited() {
                limits::check(&target, false).await?;
            }
            variants.push((*variant, target));
        }
        for round in 0..rounds {
            for scenario in Scenario::ALL {
                eprintln!("round {} of {rounds}: {scenario:?}", round + 1);
                let direct = scenario.run(&self.upstream, self.window).await?;
                self.note(scenario, Who::Direct, &direct, &direct);
                let beside = scenario.run(&nginx, self.window).await?;
                self.note(scenario, Who::Nginx, &beside, &direct);
                let bare = scenario.run(&plain, self.window).await?;
                self.note(scenario, Who::Plain, &bare, &direct);
                let Some(trunkline) = &trunkline else { continue };
                let usual = scenario.run(trunkline, self.window).await?;
                self.note(scenario, Who::Trunkline, &usual, &direct);
                for pair in Pair::ALL.into_iter().filter(|_| Pair::takes_part(scenario)) {
                    let own = scenario.run_translated(trunkline, pair, self.window).await;
                    let own = own.with_context(|| format!("{pair:?}"))?;
                    pair.note(&mut self.report, scenario, &own, &usual);
                }
                let others = Round { direct: &direct, nginx: &beside, usual: &usual };
                for (variant, target) in &variants {
                    if variant.takes_part(scenario) {
                        let own = scenario.run(target, self.window).await;
                        let own = own.with_context(|| format!("{variant:?}"))?;
                        variant.note(&mut self.report, scenario, &own, others);
                    }
                }
            }
        }
        for (_, target) in variants.iter().filter(|(variant, _)| variant.is_limited()) {
            limits::check(target, true).await?;
        }
        Ok(())
    }

    /// Starts Trunkline twice: the first start makes the data folder, the second knows the
    /// provider.
    async fn set_up(&self, trunkline: &Trunkline, folder: &str) -> Result<Target> {
        let data = self.folder.join(folder);
        drop(trunkline.start(&data).await?);
        Ok(trunkline.start(&data).await?.0)
    }

    fn version_before(&self) -> Option<Result<String>> {
        let found = self.variants.iter().find(|(variant, _)| *variant == Variant::Before);
        found.map(|(_, trunkline)| trunkline.version())
    }

    fn note(&mut self, scenario: Scenario, who: Who, summary: &Summary, direct: &Summary) {
        let mut add = |row: Row, figure: f64| self.report.add(row, who, figure);
        // What the provider itself uses is of no interest.
        let is_proxy = who != Who::Direct;
        let cost = [
            (Scenario::Requests, CPU_PER_REQUEST, summary.cpu_us_per_answer, CORE_REQUESTS),
            (Scenario::Paced, CPU_PER_PACED, summary.cpu_us_per_chunk, CORE_PACED),
            (Scenario::BackToBack, CPU_PER_CHUNK, summary.cpu_us_per_chunk, CORE_CHUNKS),
        ];
        for (_, row, figure, core) in cost.into_iter().filter(|cost| is_proxy && cost.0 == scenario)
        {
            add(row, figure);
            add(core, summary.cores_used * 100.0);
        }
        match scenario {
            Scenario::Requests => {
                add(REQUESTS, summary.answers_per_second);
                add(BUSY_P50, summary.whole_p50_us);
                add(BUSY_P99, summary.whole_p99_us);
            }
            Scenario::Single => {
                add(WHOLE_P50, summary.whole_p50_us);
                add(WHOLE_P99, summary.whole_p99_us);
                if is_proxy {
                    add(ADDED_P50, summary.whole_p50_us - direct.whole_p50_us);
                    add(ADDED_P99, summary.whole_p99_us - direct.whole_p99_us);
                }
            }
            Scenario::Paced => add(PACED_RATE, summary.chunks_per_second),
            Scenario::BackToBack => add(CHUNK_RATE, summary.chunks_per_second),
            Scenario::FirstToken => {
                add(FIRST, summary.first_chunk_p50_us);
                add(FIRST_TAIL, summary.first_chunk_p99_us);
                if is_proxy {
                    add(FIRST_P50, summary.first_chunk_p50_us - direct.first_chunk_p50_us);
                    add(FIRST_P99, summary.first_chunk_p99_us - direct.first_chunk_p99_us);
                }
            }
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn load_average() -> String {
    read("/proc/loadavg")
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    name.map(|name| name.trim_start_matches(['\t', ' ', ':']).to_owned()).unwrap_or_default()
}
