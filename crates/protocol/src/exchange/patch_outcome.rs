//! What one frame of a stream was that is passed on in its own protocol.

use super::Fault;

/// What one frame was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchOutcome {
    /// Content the caller would miss was written: from here on no other endpoint can take over
    /// unseen. STREAM-4
    pub content: bool,
    /// The answer, or one of several, ended in this frame.
    pub finished: bool,
    /// The stream said it is over. Gemini's never does.
    pub done: bool,
    /// The provider failed. Nothing was written for this frame; nothing more will be.
    pub fault: Option<Fault>,
}
