//! Answers that are not billed.

use protocol::exchange::FinishReason;

/// Why tokens of an answer are not billed. ZCI-1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaivedReason {
    /// No completion token and no finish reason.
    Empty,
    /// The finish reason is an error.
    Failed,
}

/// Whether an answer's tokens are waived; what is billed nevertheless is
/// [`MeteredUsage::auxiliary`](crate::MeteredUsage::auxiliary). ZCI-1, ZCI-2
pub fn waived(output_tokens: u64, finish: Option<FinishReason>) -> Option<WaivedReason> {
    match finish {
        Some(FinishReason::Error) => Some(WaivedReason::Failed),
        None if output_tokens == 0 => Some(WaivedReason::Empty),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ZCI-1
    #[test]
    fn empty_and_failed_answers_are_waived() {
        assert_eq!(waived(0, None), Some(WaivedReason::Empty));
        assert_eq!(waived(5, Some(FinishReason::Error)), Some(WaivedReason::Failed));
        assert_eq!(waived(0, Some(FinishReason::Stop)), None);
        assert_eq!(waived(5, None), None);
    }
}
