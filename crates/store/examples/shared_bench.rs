//! Measures what a request costs that is reserved for and settled in Valkey: latency, and
//! processor time here and in the server. Four spenders, three limits, as a gateway has them.
//!
//! `cargo run --release -p trunkline-store --example shared_bench <address> <server pid> [seconds] [concurrency]...`

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ledger::{
    Limit, LimitKind, Micros, NanoUsd, ReservationId, ReservationRequest, Spend, SpenderId,
    SpenderKind, Spenders, Window,
};
use store::shared::{Answer, Books, BooksError, Reading, SharedCounters, Tended, Usage, Valkey};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: shared_bench <address> <server pid> [seconds] [concurrency]...";

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or(USAGE)?;
    let server: u32 = arguments.next().ok_or(USAGE)?.parse()?;
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let mut levels = arguments.map(|text| text.parse()).collect::<Result<Vec<usize>, _>>()?;
    if levels.is_empty() {
        levels = vec![1, 16, 64, 256];
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    print("concurrency  requests/s  cpu us/request  server us/request  mean us  p50 us  p99 us");
    for concurrency in levels {
        runtime.block_on(measure(&address, server, seconds, concurrency))?;
    }
    Ok(())
}

async fn measure(
    address: &str,
    server: u32,
    seconds: u64,
    concurrency: usize,
) -> Result<(), Failure> {
    let valkey = Valkey::open(address)?;
    if !valkey.connected(Duration::from_secs(5)).await {
        return Err("the server cannot be reached".into());
    }
    let mut names = Spenders::default();
    let kinds =
        [SpenderKind::Account, SpenderKind::Workspace, SpenderKind::Member, SpenderKind::Key];
    // As long as a key's hash.
    let spenders = kinds.map(|kind| names.intern(kind, &"5f".repeat(32)));
    let names = Arc::new(RwLock::new(names));
    let namespace = format!("bench-{concurrency}");
    let counters = SharedCounters::new(valkey, &namespace, names, Arc::new(NoBooks));
    while counters.tend(now()).await? != Tended::InStep {}
    let (next, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let (own_before, server_before) = (processor_time("self")?, processor_time(server)?);
    let until = begun + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..concurrency)
        .map(|_| {
            let (counters, next) = (counters.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < until {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    let begun = Instant::now();
                    request(&counters, &spenders, id).await?;
                    times.push(begun.elapsed().as_micros());
                    counters.confirm(ReservationId(id.into()));
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
        counters.tend(now()).await?;
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let count = times.len() as f64;
    let own = (processor_time("self")? - own_before) as f64 / count;
    let server = (processor_time(server)? - server_before) as f64 / count;
    times.sort_unstable();
    let at = |share: f64| times.get((count * share) as usize).copied().unwrap_or_default();
    let mean = times.iter().sum::<u128>() as f64 / count;
    print(&format!(
        "{concurrency:11}  {:10.0}  {own:14.1}  {server:17.1}  {mean:7.0}  {:6}  {:6}",
        count / elapsed,
        at(0.5),
        at(0.99)
    ));
    Ok(())
}

async fn request(
    counters: &SharedCounters,
    spenders: &[SpenderId; 4],
    id: u64,
) -> Result<(), Failure> {
    let limit = |spender, kind, window| Limit {
        spender,
        kind,
        window,
        amount: NanoUsd(i64::MAX / 2),
        includes_byok: false,
    };
    let limits = [
        Limit::balance(spenders[0], NanoUsd(i64::MAX / 2)),
        limit(spenders[1], LimitKind::WorkspaceBudget, Window::Monthly),
        limit(spenders[3], LimitKind::KeyLimit, Window::Daily),
    ];
    let amount = Spend::credits(NanoUsd(12_345_678));
    let reservation = ReservationId(id.into());
    let request = ReservationRequest {
        id: reservation,
        spenders,
        limits: &limits,
        amount,
        least: amount,
        lease: 600_000_000,
    };
    counters.reserve(now(), &request).await?;
    let generation = format!("gen-1764000000-{id:020}").into();
    let actual = Spend::credits(NanoUsd(2_345_678));
    counters.settle(now(), reservation, actual, &generation).await?;
    Ok(())
}

/// Processor time of a process, in microseconds.
fn processor_time(process: impl std::fmt::Display) -> Result<u64, Failure> {
    // Of a hundredth of a second each, on Linux.
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let field = |at: usize| fields.get(at).map_or(Ok(0), |text| text.parse::<u64>());
    Ok((field(11)? + field(12)?) * 10_000)
}

fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}

fn print(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Books in which nothing is.
struct NoBooks;

impl Books for NoBooks {
    fn read(&self, _: Micros) -> Answer<'_, (Vec<Usage>, Box<dyn Reading>)> {
        Box::pin(async { Ok((Vec::new(), Box::new(NoBooks) as Box<dyn Reading>)) })
    }

    fn recorded<'a>(&'a self, _: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>> {
        Box::pin(async { Ok::<_, BooksError>(Vec::new()) })
    }
}

impl Reading for NoBooks {
    fn includes<'a>(&'a mut self, _: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
