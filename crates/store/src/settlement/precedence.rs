//! Who goes first where threads share a core. The threads of the books work in batches, and what they
//! are woken for may wait until the worker has nothing to do: then the batch is larger, and the worker
//! is not stopped in the middle of somebody's request.

/// Makes the calling thread one that does not interrupt another when it is woken; it gets as much of
/// the processor as any. Where the system refuses, all stays as it was.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    linux::give_way();
}

#[cfg(target_os = "linux")]
mod linux {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };

    /// What the library sets as a niceness of 0.
    const NICENESS_OF_0: u8 = 48;

    pub(super) fn give_way() {
        // The library sets the niceness too: it must be what it is.
        let Ok(0) = rustix::process::getpriority_process(None) else { return };
        let Ok(priority) = ThreadPriorityValue::try_from(NICENESS_OF_0) else { return };
        let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
        let priority = ThreadPriority::Crossplatform(priority);
        if let Err(error) = set_thread_priority_and_policy(thread_native_id(), priority, batch) {
            tracing::debug!(%error, "a thread of the books cannot be scheduled as a batch");
        }
    }

    #[cfg(test)]
    mod tests {
        use thread_priority::thread_schedule_policy;

        use super::*;

        #[test]
        fn a_thread_of_the_books_is_a_batch_and_as_nice_as_before() {
            let thread = std::thread::spawn(|| {
                let before = rustix::process::getpriority_process(None).ok();
                give_way();
                let after = rustix::process::getpriority_process(None).ok();
                (before, after, thread_schedule_policy().ok())
            });
            let (before, after, policy) = thread.join().unwrap();
            assert_eq!(before, after);
            if before == Some(0) {
                let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
                assert_eq!(policy, Some(batch));
            }
        }
    }
}
