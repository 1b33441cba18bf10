//! In the steady state a sample costs no allocation: windows do, as they become results.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::*;

struct Counting;

thread_local! {
    /// Other tests run beside this one, on threads of their own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends allocates after its locals have gone.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_sample_that_completes_no_window_costs_no_allocation() {
    let mut core = core(4);
    swap(&mut core, model("anomaly", 1), &mut Vec::new());
    let rows: Vec<String> = (0..2000).map(row).collect();
    let topics = ["cirame/samples/a", "cirame/samples/b"];
    let mut quiet = 0;
    for number in 0..2 * rows.len() {
        let (topic, row) = (topics[number % 2], &rows[number / 2]);
        let origin = Origin::Topic(topic.to_owned());
        let before = ALLOCATIONS.get();
        let mut results = 0;
        let incoming = Incoming { origin: &origin, payload: row.as_bytes(), arrival_ns: 0 };
        core.message(incoming, &mut |_| results += 1).unwrap();
        let allocations = ALLOCATIONS.get() - before;
        if number >= 1000 && results == 0 {
            assert_eq!(allocations, 0, "row {number}");
            quiet += 1;
        }
    }
    assert!(quiet > 500);
}
