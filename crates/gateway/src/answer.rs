//! Bodies of answers to callers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderName;
use http_body::{Body, Frame, SizeHint};

use crate::inference::stream::StreamBody;
use crate::passthrough::answer::PassedAnswer;

/// Names the generation of an answer. GEN-3
pub const GENERATION_ID: HeaderName = HeaderName::from_static("x-generation-id");

/// An answer that broke off: its connection is closed without a proper end, so that the caller
/// does not take a part for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokenOff(#[source] axum::Error);

/// The body of an answer: whole, or streamed from a provider.
pub enum AnswerBody {
    /// Whole; `None` once sent.
    Whole(Option<Bytes>),
    /// Streamed.
    Stream(Box<StreamBody>),
    /// A provider's own, passed through.
    Passed(Box<PassedAnswer>),
    /// From the router of the control API.
    Control(axum::body::Body),
}

impl AnswerBody {
    /// A whole body.
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream) => {
                stream.poll_bytes(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Passed(passed) => passed.poll_bytes(context).map(|bytes| {
                let broken = |error| BrokenOff(axum::Error::new(error));
                bytes.map(|bytes| bytes.map(Frame::data).map_err(broken))
            }),
            Self::Control(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(BrokenOff))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream(_) | Self::Passed(_) => false,
            Self::Control(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
            Self::Passed(passed) => passed.size_hint(),
            Self::Control(body) => body.size_hint(),
        }
    }
}
