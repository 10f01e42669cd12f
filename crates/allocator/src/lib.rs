//! The memory allocator of the `trunkline` program, and the only unsafe code of the house.
//!
//! A request allocates some hundred times, many of them more than a kilobyte, which the allocator
//! of glibc serves from lists that all threads share. Whoever links this crate gets mimalloc in its
//! place; `bench/README.md` says what that is worth.

use std::alloc::{GlobalAlloc, Layout};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// What the library serves aligned without being asked to: its `MI_MAX_ALIGN_SIZE`.
const NATURAL: usize = 16;

/// The library, asked in the simplest way for what needs no more. Asked for an alignment it does more,
/// and for many sizes takes more memory than it was asked for, even where it would have been right anyway.
struct Allocator;

impl Allocator {
    /// Whether any memory of that size is aligned enough.
    const fn is_natural(size: usize, align: usize) -> bool {
        align <= NATURAL && align <= size
    }
}

#[allow(unsafe_code, reason = "an allocator deals in raw memory")]
// SAFETY: the library returns memory of the size that was asked for, or null, that belongs to nobody
// else until it is freed. Of 16 bytes and more it is aligned to 16, of less to 8; any other alignment
// is asked for. Memory of all these functions may be freed, and grown, by any of these functions.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: these take any size, and an alignment that is a power of two, as a layout's is.
        unsafe {
            if Self::is_natural(size, align) {
                libmimalloc_sys::mi_malloc(size).cast()
            } else {
                libmimalloc_sys::mi_malloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        unsafe {
            if Self::is_natural(size, align) {
                libmimalloc_sys::mi_zalloc(size).cast()
            } else {
                libmimalloc_sys::mi_zalloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller says that it came from here.
        unsafe { libmimalloc_sys::mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller says that it came from here; the rest is as in `alloc`.
        unsafe {
            if Self::is_natural(size, align) {
                libmimalloc_sys::mi_realloc(block.cast(), size).cast()
            } else {
                libmimalloc_sys::mi_realloc_aligned(block.cast(), size, align).cast()
            }
        }
    }
}

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
    #[allow(unsafe_code, reason = "an allocator deals in raw memory")]
    fn memory_of_every_size_and_alignment_is_aligned_and_keeps_what_is_in_it() {
        use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
        for align in (0..13).map(|power| 1_usize << power) {
            for size in (1..130).chain([1_000, 1_023, 1_025, 2_181, 4_097, 70_001, 1 << 20]) {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: what is written and read was allocated with that size, and each block is
                // freed once, with the layout it has then.
                unsafe {
                    let zeroed = alloc_zeroed(layout);
                    let blocks: Vec<*mut u8> = (0..3).map(|_| alloc(layout)).collect();
                    assert!(
                        !zeroed.is_null() && zeroed.addr().is_multiple_of(align),
                        "{size} {align}"
                    );
                    assert!((0..size).all(|at| *zeroed.add(at) == 0), "{size} {align}");
                    dealloc(zeroed, layout);
                    for (block, other) in blocks.into_iter().zip([size * 2, size / 2 + 1, size]) {
                        assert!(
                            !block.is_null() && block.addr().is_multiple_of(align),
                            "{size} {align}"
                        );
                        block.write_bytes(7, size);
                        let block = realloc(block, layout, other);
                        assert!(
                            !block.is_null() && block.addr().is_multiple_of(align),
                            "{size} {align}"
                        );
                        assert!((0..size.min(other)).all(|at| *block.add(at) == 7));
                        dealloc(block, Layout::from_size_align(other, align).unwrap());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_in_use_survives_a_purge() {
        let kept: Vec<Vec<u8>> = (1..200).map(|size| vec![7; size * 100]).collect();
        drop((1..200).map(|size| vec![1_u8; size * 1000]).collect::<Vec<_>>());
        super::keep_a_moment();
        assert!(kept.iter().all(|block| block.iter().all(|byte| *byte == 7)));
    }
}
