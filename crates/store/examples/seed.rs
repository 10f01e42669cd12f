//! Makes a database with made-up generations, and measures how large it is and how fast the
//! roll-ups answer.
//!
//! `cargo run --release -p trunkline-store --example seed [where] [generations] [days] [keys]`
//!
//! Where is the file to make, for SQLite, or the address of an empty PostgreSQL database.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use store::{
    ActivityQuery, AnalyticsQuery, Dimension, Direction, GenerationFilter, Granularity, MasterKey,
    Metric, SeedPlan, Store, TimeRange, UsageScope,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DAY: i64 = 86_400_000_000;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().ok_or("say where")?;
    let generations = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let days = arguments.next().map_or(Ok(31), |text| text.parse())?;
    let keys = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let end = now();
    let plan = SeedPlan { generations, days, end, keys, models: 0, seed: 1 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&place, &plan))
}

async fn run(place: &str, plan: &SeedPlan) -> Result<(), Failure> {
    let key = MasterKey::generate()?;
    let store = if place.starts_with("postgres") {
        Store::connect(place, None, key, plan.end).await?
    } else {
        Store::open(Path::new(place), key, plan.end).await?
    };
    let begun = Instant::now();
    store.seed(plan, |_| ()).await?;
    let elapsed = begun.elapsed();
    print(&format!(
        "{} generations in {:.1} s, {:.0}/s",
        plan.generations,
        elapsed.as_secs_f64(),
        f64::from(plan.generations) / elapsed.as_secs_f64()
    ));
    for _ in 0..2 {
        measure(&store, plan).await?;
    }
    store.close().await?;
    if let Ok(file) = std::fs::metadata(place) {
        print(&format!("{:.1} MB", file.len() as f64 / 1e6));
    }
    Ok(())
}

async fn measure(store: &Store, plan: &SeedPlan) -> Result<(), Failure> {
    let today = plan.end.div_euclid(DAY);
    let begun = Instant::now();
    let query =
        ActivityQuery { from_day: today - 30, until_day: today, ..ActivityQuery::default() };
    let rows = store.activity(&query).await?.len();
    told("activity of 30 days", rows, begun);

    let begun = Instant::now();
    let query = ActivityQuery { group_by_workspace: true, ..query };
    let rows = store.activity(&query).await?.len();
    told("activity of 30 days by workspace", rows, begun);

    for scope in UsageScope::ALL {
        let begun = Instant::now();
        let rows = store.usage_of_all(scope, plan.end).await?.len();
        told(&format!("totals by {scope:?}"), rows, begun);
    }

    let by_hour = AnalyticsQuery {
        metrics: vec![Metric::TotalUsage, Metric::RequestCount, Metric::LatencyP95],
        dimensions: vec![Dimension::Model],
        filters: Vec::new(),
        granularity: Some(Granularity::Hour),
        time_range: TimeRange { start: plan.end - DAY, end: plan.end },
        order_by: Vec::new(),
        limit: 1_000,
        group_limit: None,
    };
    let range = TimeRange { start: (today - 30) * DAY, end: today * DAY };
    let by_day = AnalyticsQuery {
        granularity: Some(Granularity::Day),
        time_range: range,
        dimensions: vec![Dimension::Model, Dimension::ApiKey],
        ..by_hour.clone()
    };
    let month_by_hour = AnalyticsQuery { time_range: range, ..by_hour.clone() };
    let whole = AnalyticsQuery { granularity: None, ..by_day.clone() };
    for (name, query) in [
        ("a day by hour and model", by_hour),
        ("30 days by day, model and key", by_day),
        ("30 days by model and key", whole),
        ("30 days by hour and model", month_by_hour),
    ] {
        let begun = Instant::now();
        let rows = store.analytics(&query, std::time::Duration::from_secs(600)).await?.rows.len();
        told(name, rows, begun);
    }

    let begun = Instant::now();
    let filter = GenerationFilter { from: Some(plan.end - DAY), ..GenerationFilter::default() };
    let mut export = store.export_generations(filter, Direction::Ascending);
    let mut rows = 0;
    while let Some(page) = export.next().await? {
        rows += page.len();
    }
    told("export of a day", rows, begun);
    Ok(())
}

fn told(what: &str, rows: usize, begun: Instant) {
    let elapsed: Duration = begun.elapsed();
    print(&format!("{what}: {rows} rows, {:.1} ms", elapsed.as_secs_f64() * 1e3));
}

fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

fn print(line: &str) {
    use std::io::Write;
    // Nobody listens if this fails.
    let _ = writeln!(std::io::stdout(), "{line}");
}
