//! The order to stop: SIGTERM and SIGINT.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the order to stop.
pub struct Interruption {
    terminate: Signal,
    interrupt: Signal,
}

impl Interruption {
    /// Takes over the signals. Done before anything is announced, so that an order to stop that
    /// comes right after is not lost.
    pub fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Resolves with the next order to stop.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
