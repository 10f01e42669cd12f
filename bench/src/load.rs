//! Load: so many connections, each sending a request when the answer to the last has ended.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::{JoinSet, LocalSet};

use crate::connection::Connection;
use crate::process;

/// What load to make.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to connect.
    pub address: SocketAddr,
    /// The request, head and body.
    pub request: Rc<[u8]>,
    /// Connections at once.
    pub connections: usize,
    /// The time over which connections begin, so that paced streams do not march in step.
    pub stagger: Duration,
    /// The time before the measurement, `stagger` included.
    pub warm_up: Duration,
    /// The time measured.
    pub window: Duration,
}

/// What happened within the window.
#[derive(Debug)]
pub struct Outcome {
    /// Seconds measured.
    pub seconds: f64,
    /// Answers that ended.
    pub answers: u64,
    /// Content chunks that arrived.
    pub chunks: u64,
    /// Processor time of the measured process and its children, in microseconds.
    pub cpu_us: u64,
    /// Nanoseconds from request to the end of the answer.
    pub whole: Histogram<u64>,
    /// Nanoseconds from request to the first content chunk.
    pub first_chunk: Histogram<u64>,
}

/// An outcome in figures.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Answers per second.
    pub answers_per_second: f64,
    /// Chunks per second.
    pub chunks_per_second: f64,
    /// Share of one core the measured process used.
    pub cores_used: f64,
    /// Microseconds of processor time per answer.
    pub cpu_us_per_answer: f64,
    /// Microseconds of processor time per chunk.
    pub cpu_us_per_chunk: f64,
    /// Microseconds to the end of the answer, median.
    pub whole_p50_us: f64,
    /// The same, 99th percentile.
    pub whole_p99_us: f64,
    /// Microseconds to the first chunk, median.
    pub first_chunk_p50_us: f64,
    /// The same, 99th percentile.
    pub first_chunk_p99_us: f64,
}

impl Outcome {
    /// The figures.
    pub fn summary(&self) -> Summary {
        let cpu = self.cpu_us as f64;
        let at = |histogram: &Histogram<u64>, quantile| {
            histogram.value_at_quantile(quantile) as f64 / 1000.0
        };
        Summary {
            answers_per_second: self.answers as f64 / self.seconds,
            chunks_per_second: self.chunks as f64 / self.seconds,
            cores_used: cpu / 1e6 / self.seconds,
            cpu_us_per_answer: cpu / self.answers as f64,
            cpu_us_per_chunk: cpu / self.chunks as f64,
            whole_p50_us: at(&self.whole, 0.5),
            whole_p99_us: at(&self.whole, 0.99),
            first_chunk_p50_us: at(&self.first_chunk, 0.5),
            first_chunk_p99_us: at(&self.first_chunk, 0.99),
        }
    }
}

/// What the connections share. One thread, so cells do.
struct Tally {
    measuring: Cell<bool>,
    stopping: Cell<bool>,
    answers: Cell<u64>,
    chunks: Cell<u64>,
    whole: RefCell<Histogram<u64>>,
    first_chunk: RefCell<Histogram<u64>>,
}

impl Load {
    /// Makes the load; `process` is whose processor time is measured. Every exchange must
    /// succeed.
    pub async fn run(&self, process: Option<u32>) -> Result<Outcome> {
        LocalSet::new().run_until(self.run_here(process)).await
    }

    async fn run_here(&self, process: Option<u32>) -> Result<Outcome> {
        let tally = Rc::new(Tally {
            measuring: Cell::new(false),
            stopping: Cell::new(false),
            answers: Cell::new(0),
            chunks: Cell::new(0),
            whole: RefCell::new(latencies()?),
            first_chunk: RefCell::new(latencies()?),
        });
        let mut callers = JoinSet::new();
        let start = Instant::now();
        for number in 0..self.connections {
            let share = number as f64 / self.connections as f64;
            let begin = start + self.stagger.mul_f64(share);
            let (address, request) = (self.address, Rc::clone(&self.request));
            callers.spawn_local(call(address, request, begin, Rc::clone(&tally)));
        }
        let cpu = || process.map_or(Ok(0), process::cpu_micros);
        pause(self.warm_up, &mut callers).await?;
        let (cpu_before, begin) = (cpu()?, Instant::now());
        tally.measuring.set(true);
        pause(self.window, &mut callers).await?;
        tally.measuring.set(false);
        let (cpu_us, seconds) = (cpu()?.saturating_sub(cpu_before), begin.elapsed().as_secs_f64());
        tally.stopping.set(true);
        while let Some(ended) = callers.join_next().await {
            ended??;
        }
        Ok(Outcome {
            seconds,
            answers: tally.answers.get(),
            chunks: tally.chunks.get(),
            cpu_us,
            whole: tally.whole.borrow().clone(),
            first_chunk: tally.first_chunk.borrow().clone(),
        })
    }
}

/// A histogram of nanoseconds, up to a minute.
fn latencies() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

/// Waits; a caller that ends meanwhile has failed.
async fn pause(time: Duration, callers: &mut JoinSet<Result<()>>) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        Some(ended) = callers.join_next() => ended?,
    }
}

async fn call(
    address: SocketAddr,
    request: Rc<[u8]>,
    begin: Instant,
    tally: Rc<Tally>,
) -> Result<()> {
    tokio::time::sleep_until(begin.into()).await;
    let mut connection = Connection::open(address).await?;
    while !tally.stopping.get() {
        let times = connection
            .exchange(&request, |found| {
                if tally.measuring.get() {
                    tally.chunks.set(tally.chunks.get() + found);
                }
            })
            .await?;
        if tally.measuring.get() {
            tally.answers.set(tally.answers.get() + 1);
            let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            tally.whole.borrow_mut().saturating_record(nanoseconds(times.whole));
            tally.first_chunk.borrow_mut().saturating_record(nanoseconds(times.first_chunk));
        }
    }
    Ok(())
}
