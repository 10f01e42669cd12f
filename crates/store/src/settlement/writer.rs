//! The writer: one task on a thread of its own, so that neither its work nor a slow disk is felt
//! by requests. It takes whatever is queued, writes it in one transaction and answers everybody
//! in it; while it waits for the disk the next batch gathers by itself.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::backlog::{Backlog, Held, MemoryBacklog};
use super::batch::MAX_ROWS;
use super::target::Target;
use super::{Message, Pending, SettleError, SettlementOptions, Settlements};
use crate::engine::is_row_at_fault;
use crate::{Generation, StoreError};

/// Starts the writer.
pub(crate) fn spawn(target: Target, options: SettlementOptions) -> Result<Settlements, StoreError> {
    let (settlements, queue) = Settlements::new(options.capacity);
    let failure = |source| StoreError::File { path: "settlement writer thread".into(), source };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failure)?;
    let writer = Writer {
        queue,
        target,
        backlog: Box::new(MemoryBacklog::default()),
        backlog_step: MAX_ROWS,
        options,
    };
    std::thread::Builder::new()
        .name("settlement".into())
        .spawn(move || runtime.block_on(writer.run()))
        .map_err(failure)?;
    Ok(settlements)
}

struct Writer {
    queue: mpsc::UnboundedReceiver<Message>,
    target: Target,
    backlog: Box<dyn Backlog>,
    /// Rows of the backlog tried at once: halved by failures, to close in on a row at fault.
    backlog_step: usize,
    options: SettlementOptions,
}

impl Writer {
    async fn run(mut self) {
        let mut messages = Vec::with_capacity(MAX_ROWS);
        let mut batch = Vec::with_capacity(MAX_ROWS);
        loop {
            let received = self.queue.recv_many(&mut messages, MAX_ROWS);
            let count = if self.backlog.len() == 0 {
                received.await
            } else {
                match tokio::time::timeout(self.options.backlog_pause, received).await {
                    Ok(count) => count,
                    Err(_) => {
                        if let Err(error) = self.retry_backlog_step().await {
                            let rows = self.backlog.len();
                            tracing::warn!(rows, %error, "held settlements still cannot be written");
                        }
                        continue;
                    }
                }
            };
            if count == 0 {
                // Every handle is gone, and with them everybody who could wait.
                if let Err(error) = self.drain_backlog().await {
                    self.report_loss(&error);
                }
                return;
            }
            let mut stop: Vec<oneshot::Sender<Result<(), SettleError>>> = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Settle(pending) => batch.push(pending),
                    Message::Flush(reply) => {
                        self.commit(&mut batch).await;
                        // Whoever asked may have left; the rows are written all the same.
                        let _ = reply.send(self.drain_backlog().await);
                    }
                    Message::Shutdown(reply) => {
                        // Nothing more is taken; what is in the queue is still written.
                        self.queue.close();
                        stop.push(reply);
                    }
                }
            }
            self.commit(&mut batch).await;
            if !stop.is_empty() {
                self.finish(stop).await;
                return;
            }
        }
    }

    /// Writes what the closed queue still holds, and answers those who asked to stop.
    async fn finish(&mut self, mut stop: Vec<oneshot::Sender<Result<(), SettleError>>>) {
        let mut batch = Vec::with_capacity(MAX_ROWS);
        while let Some(message) = self.queue.recv().await {
            match message {
                Message::Settle(pending) => batch.push(pending),
                Message::Flush(reply) | Message::Shutdown(reply) => stop.push(reply),
            }
            if batch.len() == MAX_ROWS {
                self.commit(&mut batch).await;
            }
        }
        self.commit(&mut batch).await;
        let outcome = self.drain_backlog().await;
        if let Err(error) = &outcome {
            self.report_loss(error);
        }
        self.target.disconnect().await;
        for reply in stop {
            let _ = reply.send(outcome.clone());
        }
    }

    /// Writes a batch and answers everybody in it. While rows are held back the database is
    /// known to be in trouble, and nobody is kept waiting for repeated attempts.
    async fn commit(&mut self, batch: &mut Vec<Pending>) {
        if batch.is_empty() {
            return;
        }
        let rows: Vec<&Generation> = batch.iter().map(|pending| &*pending.generation).collect();
        let troubled = self.backlog.len() > 0;
        let pauses: &[_] = if troubled { &[] } else { &self.options.retry_pauses };
        let mut outcome = self.target.write(&rows).await;
        for pause in pauses {
            if outcome.is_ok() {
                break;
            }
            tokio::time::sleep(*pause).await;
            outcome = self.target.write(&rows).await;
        }
        match outcome {
            Ok(()) => {
                for pending in batch.drain(..) {
                    let _ = pending.reply.send(Ok(()));
                }
                // The database is back. Failures here are reported by the next attempts.
                if troubled {
                    let _ = self.retry_backlog_step().await;
                }
            }
            Err(error) => {
                let reason: Arc<str> = error.to_string().into();
                tracing::error!(rows = batch.len(), %reason, "settlements held back");
                for Pending { generation, reply, _place } in batch.drain(..) {
                    let reason = Arc::clone(&reason);
                    let _ = reply.send(Err(SettleError::NotCommitted { reason }));
                    self.backlog.hold(Held { generation, _place });
                }
            }
        }
    }

    /// Tries the head of the backlog once.
    async fn retry_backlog_step(&mut self) -> Result<(), sqlx::Error> {
        let rows = self.backlog.head(self.backlog_step);
        let count = rows.len();
        if count == 0 {
            return Ok(());
        }
        let outcome = self.target.write(&rows).await;
        match &outcome {
            Ok(()) => {
                self.backlog.forget(count);
                self.backlog_step = (self.backlog_step * 2).min(MAX_ROWS);
                tracing::info!(rows = count, left = self.backlog.len(), "held settlements written");
            }
            Err(error) if is_row_at_fault(error) => {
                if count == 1 {
                    self.backlog.defer(1);
                }
                self.backlog_step = (count / 2).max(1);
            }
            // The database is at fault: fewer rows would fare no better.
            Err(_) => {}
        }
        outcome
    }

    /// Tries the whole backlog, closing in on rows at fault, and says why any row is left.
    async fn drain_backlog(&mut self) -> Result<(), SettleError> {
        let mut reason = None;
        // Rows that failed alone are behind the others. When only they are left, all was tried.
        let mut failed_alone = 0;
        while failed_alone < self.backlog.len() {
            let alone = self.backlog_step.min(self.backlog.len()) == 1;
            if let Err(error) = self.retry_backlog_step().await {
                failed_alone += usize::from(alone);
                let database_at_fault = !is_row_at_fault(&error);
                reason = Some(error.to_string());
                if database_at_fault {
                    break;
                }
            }
        }
        match reason {
            Some(reason) if self.backlog.len() > 0 => {
                Err(SettleError::NotCommitted { reason: reason.into() })
            }
            _ => Ok(()),
        }
    }

    fn report_loss(&self, error: &SettleError) {
        tracing::error!(rows = self.backlog.len(), %error, "settlements lost at shutdown");
    }
}
