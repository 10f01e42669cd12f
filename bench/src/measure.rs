//! The measurements, each of one target.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use crate::load::{Load, Summary};
use crate::process;
use crate::request::Shape;
use crate::target::Target;
use crate::translation::Pair;

/// Streams that are open at once when their memory is measured.
pub const OPEN_STREAMS: usize = 1000;
/// Milliseconds between the chunks of paced streams.
const PACE_MS: u32 = 10;
/// The time to warm up.
const WARM_UP: Duration = Duration::from_secs(1);
/// The time over which connections begin.
const STAGGER: Duration = Duration::from_millis(500);

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// Plain requests, 64 at once.
    Requests,
    /// Plain requests, one after another.
    Single,
    /// 500 streams with a chunk every 10 ms.
    Paced,
    /// 16 streams with chunks back to back.
    BackToBack,
    /// Short streams, ten at once.
    FirstToken,
}

impl Scenario {
    /// Every scenario, in the order in which they are run.
    pub const ALL: [Self; 5] =
        [Self::Requests, Self::Single, Self::Paced, Self::BackToBack, Self::FirstToken];

    /// What is asked for.
    pub fn shape(self, window: Duration) -> Shape {
        match self {
            Self::Requests | Self::Single => Shape::Plain,
            Self::Paced => {
                // So long that no stream ends within the window.
                let whole = (WARM_UP + window + STAGGER).as_millis();
                let chunks = u32::try_from(whole).unwrap_or(u32::MAX) / PACE_MS;
                Shape::Stream { chunks, interval_ms: PACE_MS }
            }
            Self::BackToBack => Shape::Stream { chunks: 2000, interval_ms: 0 },
            Self::FirstToken => Shape::Stream { chunks: 5, interval_ms: PACE_MS },
        }
    }

    fn connections(self) -> usize {
        match self {
            Self::Requests => 64,
            Self::Single => 1,
            Self::Paced => 500,
            Self::BackToBack => 16,
            Self::FirstToken => 10,
        }
    }

    /// Runs it on a target.
    pub async fn run(self, target: &Target, window: Duration) -> Result<Summary> {
        self.run_with(target, target.request(self.shape(window)), window).await
    }

    /// Runs it on a target with requests that have to be translated.
    pub async fn run_translated(
        self,
        target: &Target,
        pair: Pair,
        window: Duration,
    ) -> Result<Summary> {
        self.run_with(target, target.translated(pair, self.shape(window)), window).await
    }

    async fn run_with(
        self,
        target: &Target,
        request: Rc<[u8]>,
        window: Duration,
    ) -> Result<Summary> {
        let load = Load {
            address: target.address,
            request,
            connections: self.connections(),
            stagger: STAGGER,
            warm_up: WARM_UP,
            window,
        };
        Ok(load.run(Some(target.process.id())).await?.summary())
    }
}

/// Memory of a target that has just been started.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident bytes before the first request.
    pub idle: u64,
    /// Resident bytes more, for each of the open streams.
    pub per_stream: u64,
}

impl Memory {
    /// The streams that are held open.
    pub const SHAPE: Shape = Shape::Stream { chunks: 5, interval_ms: 1000 };

    /// Measures a target that has had no requests yet.
    pub async fn measure(target: &Target) -> Result<Self> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let idle = process::resident_bytes(target.process.id())?;
        let load = Load {
            address: target.address,
            request: target.request(Self::SHAPE),
            connections: OPEN_STREAMS,
            stagger: Duration::from_secs(1),
            warm_up: Duration::from_secs(2),
            window: Duration::from_secs(1),
        };
        let open = async {
            // All have begun, none has ended.
            tokio::time::sleep(Duration::from_millis(2500)).await;
            process::resident_bytes(target.process.id())
        };
        let (_, open) = tokio::try_join!(load.run(None), open)?;
        Ok(Self { idle, per_stream: open.saturating_sub(idle) / OPEN_STREAMS as u64 })
    }
}
