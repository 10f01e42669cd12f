//! The memory allocator of the `trunkline` program, and the only unsafe code of the house.
//!
//! A request allocates some hundred times, many of them more than a kilobyte, which the allocator
//! of glibc serves from lists that all threads share. Whoever links this crate gets mimalloc in its
//! place; `bench/README.md` says what that is worth.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The library's number for the time it keeps memory that is no longer used, in milliseconds.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Gives memory back to the system as soon as it is no longer used: for the time of a start, which
/// reads much and keeps little. To be said before anything large is allocated.
pub fn keep_nothing() {
    set_delay(0);
}

/// From now on memory that is no longer used is kept for a moment, since requests come again.
pub fn keep_a_moment() {
    set_delay(1_000);
    #[allow(unsafe_code, reason = "the library's interface is C")]
    // SAFETY: it takes no pointers, may be called at any time by any thread, and touches only
    // memory that nobody has.
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

fn set_delay(milliseconds: std::ffi::c_long) {
    #[allow(unsafe_code, reason = "the library's interface is C")]
    // SAFETY: an option that exists in this version gets a value; any thread may do that.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, milliseconds);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_option_that_is_set_is_the_delay() {
        super::keep_a_moment();
        #[allow(unsafe_code, reason = "the library's interface is C")]
        // SAFETY: it only reads a number.
        let (delay, others) = unsafe {
            use libmimalloc_sys::{mi_option_get, mi_option_os_tag, mi_option_use_numa_nodes};
            // Its neighbours, which the library names and documents, keep their own values.
            (
                mi_option_get(super::PURGE_DELAY),
                [mi_option_get(mi_option_use_numa_nodes), mi_option_get(mi_option_os_tag)],
            )
        };
        assert_eq!((delay, others), (1_000, [0, 100]));
    }

    #[test]
    fn what_is_in_use_survives_a_purge() {
        let kept: Vec<Vec<u8>> = (1..200).map(|size| vec![7; size * 100]).collect();
        drop((1..200).map(|size| vec![1_u8; size * 1000]).collect::<Vec<_>>());
        super::keep_a_moment();
        assert!(kept.iter().all(|block| block.iter().all(|byte| *byte == 7)));
    }
}
