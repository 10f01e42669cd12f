//! The body of a provider's response: read within bounds, its connection given back at the end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body::Body;
use hyper::body::Incoming;

use super::pool::Returning;

/// A response's body.
pub struct UpstreamBody {
    body: Incoming,
    returning: Option<Returning>,
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection broke, or the body was shorter than announced.
    #[error("the connection broke before the end of the answer: {0}")]
    Broken(#[from] hyper::Error),
    /// Nothing came for too long.
    #[error("nothing came for {0:?}")]
    Idle(Duration),
    /// The body is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl UpstreamBody {
    pub(super) fn new(body: Incoming, returning: Returning) -> Self {
        let mut this = Self { body, returning: Some(returning) };
        this.give_back_at_end();
        this
    }

    fn give_back_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(returning) = self.returning.take()
        {
            returning.give_back();
        }
    }

    /// The next piece of data; `None` at the end.
    pub fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.give_back_at_end();
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.returning = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) => {
                    if let Some(returning) = self.returning.take() {
                        returning.give_back();
                    }
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// The next piece of data within `idle`.
    pub async fn data(&mut self, idle: Duration) -> Option<Result<Bytes, BodyError>> {
        let mut next = std::future::poll_fn(|context| self.poll_data(context));
        // What is there already needs no timer.
        if let Some(data) = (&mut next).now_or_never() {
            return data;
        }
        match tokio::time::timeout(idle, next).await {
            Ok(data) => data,
            Err(_) => Some(Err(BodyError::Idle(idle))),
        }
    }

    /// The whole body, at most `limit` bytes.
    pub async fn collect(mut self, limit: usize, idle: Duration) -> Result<Bytes, BodyError> {
        let Some(first) = self.data(idle).await else { return Ok(Bytes::new()) };
        self.collect_after(first?, limit, idle).await
    }

    /// The whole body, of which the first piece came already.
    pub async fn collect_after(
        &mut self,
        first: Bytes,
        limit: usize,
        idle: Duration,
    ) -> Result<Bytes, BodyError> {
        if first.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        let Some(second) = self.data(idle).await else { return Ok(first) };
        let mut whole = Vec::with_capacity(first.len() * 2);
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(data) = next {
            let data = data?;
            if whole.len() + data.len() > limit {
                return Err(BodyError::TooLarge(limit));
            }
            whole.extend_from_slice(&data);
            next = self.data(idle).await;
        }
        Ok(whole.into())
    }
}
