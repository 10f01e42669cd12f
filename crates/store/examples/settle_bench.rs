//! Measures settlement: rows per second and processor time per row, with commits that wait for
//! the disk. Callers settle one generation at a time, each waiting for its commit.
//!
//! `cargo run --release -p trunkline-store --example settle_bench [where] [seconds] [concurrency]...`
//!
//! Where is a folder, for SQLite, or the address of an empty PostgreSQL database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use store::{Attempt, Generation, MasterKey, PriceState, SettledBy, Settlements, Store};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| std::env::temp_dir().display().to_string());
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    print("concurrency  rows/s  cpu us/row  of it making rows  mean ms  p99 ms");
    let mut levels = arguments.map(|text| text.parse()).collect::<Result<Vec<usize>, _>>()?;
    if levels.is_empty() {
        levels = vec![1, 64, 500, 2_000];
    }
    let key = MasterKey::generate()?;
    for concurrency in levels {
        if place.starts_with("postgres") {
            let open = Store::connect(&place, None, key.clone(), now());
            runtime.block_on(async { measure(open.await?, concurrency, seconds).await })?;
        } else {
            let folder = tempfile::tempdir_in(&place)?;
            let path = folder.path().join("bench.db");
            let open = Store::open(&path, key.clone(), now());
            runtime.block_on(async { measure(open.await?, concurrency, seconds).await })?;
        }
    }
    Ok(())
}

async fn measure(store: Store, concurrency: usize, seconds: u64) -> Result<(), Failure> {
    let template = Arc::new(template());
    // The log file grows to its size once; that is not what a running server pays.
    drive(&store.settlements(), &template, concurrency, Duration::from_secs(1)).await?;
    store.settlements().flush().await?;

    let (processor, wall) = (processor_time()?, Instant::now());
    let mut latencies =
        drive(&store.settlements(), &template, concurrency, Duration::from_secs(seconds)).await?;
    // What is only in the journal has still to be paid for.
    store.settlements().flush().await?;
    let (processor, wall) = (processor_time()? - processor, wall.elapsed());
    let rows = latencies.len();
    latencies.sort_unstable();

    let start = processor_time()?;
    for _ in 0..rows {
        std::hint::black_box(next(&template));
    }
    let making = processor_time()? - start;
    let mean = latencies.iter().sum::<Duration>().as_secs_f64() * 1e3 / rows as f64;
    print(&format!(
        "{concurrency:>11} {:>7.0} {:>11.2} {:>18.2} {mean:>8.2} {:>7.2}",
        rows as f64 / wall.as_secs_f64(),
        processor.as_secs_f64() * 1e6 / rows as f64,
        making.as_secs_f64() * 1e6 / rows as f64,
        latencies[(rows - 1) * 99 / 100].as_secs_f64() * 1e3,
    ));
    store.close().await?;
    Ok(())
}

async fn drive(
    settlements: &Settlements,
    template: &Arc<Generation>,
    concurrency: usize,
    duration: Duration,
) -> Result<Vec<Duration>, Failure> {
    let until = Instant::now() + duration;
    let callers: Vec<_> = (0..concurrency)
        .map(|_| {
            let (settlements, template) = (settlements.clone(), Arc::clone(template));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                let mut start = Instant::now();
                while start < until {
                    let Ok(slot) = settlements.reserve_slot() else {
                        // The database is behind the journal: a gateway would refuse requests.
                        settlements.flush().await?;
                        continue;
                    };
                    slot.settle(next(&template)).await?;
                    let end = Instant::now();
                    latencies.push(end - start);
                    start = end;
                }
                Ok::<_, Failure>(latencies)
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    Ok(all)
}

/// A row as a gateway makes it: most text shared with the catalogue, a few strings of its own.
fn next(template: &Generation) -> Generation {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = now();
    let mut random = [0; 16];
    random[..8].copy_from_slice(&count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    random[8..].copy_from_slice(&count.to_le_bytes());
    Generation {
        id: store::generation_id(now, random).into(),
        request_id: format!("req-{}-{count:020}", now / 1_000_000).into(),
        upstream_id: Some(format!("chatcmpl-{count:024x}").into()),
        created_at: now,
        ..template.clone()
    }
}

fn template() -> Generation {
    let text = |text: &str| Some(Arc::<str>::from(text));
    Generation {
        account_id: "acct_0123456789abcdef01234567".into(),
        workspace_id: "ws_0123456789abcdef01234567".into(),
        key_hash: store::api_key_hash("bench").into(),
        api_type: "completions".into(),
        model_requested: "acme/large".into(),
        model: "acme/large".into(),
        model_permaslug: "acme/large-2026-05-01".into(),
        endpoint_tag: "acme/fp8".into(),
        provider_name: "Acme".into(),
        provider_slug: "acme".into(),
        upstream_model: "large-2026-05-01".into(),
        streamed: true,
        status: 200,
        finish_reason: text("stop"),
        native_finish_reason: text("stop"),
        latency_ms: 312,
        first_token_ms: Some(321),
        generation_time_ms: 1_812,
        native_tokens_prompt: 812,
        native_tokens_completion: 301,
        tokens_prompt: 812,
        tokens_completion: 301,
        total_cost: 6_545_000,
        upstream_inference_cost: 6_545_000,
        upstream_prompt_cost: 2_030_000,
        upstream_completion_cost: 4_515_000,
        usage_cost: 6_545_000,
        price_version: text("2026-05-01"),
        prices: text(r#"{"prompt":"0.0000025","completion":"0.000015"}"#),
        price_state: PriceState::Known,
        settled_by: SettledBy::Usage,
        app_referer: text("https://app.example"),
        app_title: text("An App"),
        user_agent: text("agent/1.2.3 (linux)"),
        data_region: text("global"),
        attempts: vec![Attempt {
            id: text("chatcmpl-000000000000000000000000"),
            endpoint_id: "acme/large|acme/fp8".into(),
            provider_name: "Acme".into(),
            model_permaslug: "acme/large-2026-05-01".into(),
            status: Some(200),
            latency_ms: 311,
            is_byok: false,
            error_type: None,
        }],
        ..Generation::default()
    }
}

fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

/// User and system time of this process, all threads, at the kernel's 10 ms resolution.
fn processor_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The command name may hold anything, so fields are counted from its closing parenthesis.
    let fields = stat.rsplit_once(')').ok_or("unreadable /proc/self/stat")?.1;
    let ticks = |index: usize| fields.split_whitespace().nth(index).and_then(|t| t.parse().ok());
    let total: u64 = ticks(11)
        .zip(ticks(12))
        .map(|(user, system): (u64, u64)| user + system)
        .ok_or("short stat")?;
    Ok(Duration::from_millis(total * 10))
}

fn print(line: &str) {
    use std::io::Write;
    // Nobody listens if this fails.
    let _ = writeln!(std::io::stdout(), "{line}");
}
