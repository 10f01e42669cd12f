//! The order to stop: SIGTERM, SIGINT, and SIGHUP, which comes when a terminal is closed.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the order to stop.
pub struct Interruption {
    terminate: Signal,
    interrupt: Signal,
    /// `None`: whoever started this program wants it to outlive the terminal.
    hang_up: Option<Signal>,
    is_told: bool,
}

impl Interruption {
    /// Takes over the signals. Done before anything is announced, so that an order to stop that
    /// comes right after is not lost.
    pub fn listen() -> Result<Self> {
        let hang_up = (!ignores_hang_up()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up,
            is_told: false,
        })
    }

    /// Resolves with the next order to stop. A hang-up is the first one only: a closed terminal and
    /// the shell in it each send one, and mean the same.
    pub async fn wait(&mut self) {
        let hang_up = async {
            match self.hang_up.as_mut().filter(|_| !self.is_told) {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hang_up => {}
        }
        self.is_told = true;
    }
}

/// Whether SIGHUP is ignored already, as `nohup` has it. Linux says so; elsewhere nothing is known,
/// and the signal is an order.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, SignalKind::hangup())
}

fn ignores(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    // Signals are counted from one.
    mask.checked_shr(u32::try_from(kind.as_raw_value() - 1).unwrap_or(u32::MAX))
        .is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_is_known_by_its_place_in_the_mask() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000001\n";
        assert!(ignores(status, SignalKind::hangup()));
        assert!(!ignores(status, SignalKind::interrupt()));
        assert!(!ignores("", SignalKind::hangup()));
    }
}
