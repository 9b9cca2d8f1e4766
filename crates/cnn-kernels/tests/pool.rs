//! The fork-join pool: every index once, panics passed on, denormals flushed wherever work is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;

use cnn_kernels::pool::Pool;
use cnn_kernels::{Denormals, denormals_flushed};

/// More threads than this machine has cores among them.
const THREADS: [usize; 5] = if cfg!(miri) { [0, 1, 2, 2, 3] } else { [0, 1, 2, 3, 7] };

/// Items of a job with locals.
const ITEMS: usize = if cfg!(miri) { 50 } else { 1000 };

/// How often is enough: Miri follows every step, and takes its time.
const fn rounds(many: usize) -> usize {
    if cfg!(miri) { many / 50 } else { many }
}

#[test]
fn every_item_is_visited_once_in_thousands_of_small_jobs() {
    for threads in THREADS {
        let pool = Pool::new(threads);
        assert_eq!(pool.threads(), threads.max(1));
        let mut counts = vec![0_usize; 9];
        for round in 0..rounds(3000) / 10 * 10 {
            let some = round % (counts.len() + 1);
            pool.for_each(&mut counts[..some], |index, count| *count += index + 1);
        }
        // Item i is among the first `some` of a tenth of the rounds for each some > i.
        let expected: Vec<usize> = (0..9).map(|i| rounds(3000) / 10 * (9 - i) * (i + 1)).collect();
        assert_eq!(counts, expected, "{threads} threads");
    }
}

#[test]
fn each_thread_has_its_own_local() {
    for threads in THREADS {
        let pool = Pool::new(threads);
        let mut locals: Vec<(Option<ThreadId>, usize)> = vec![(None, 0); pool.threads()];
        let mut items = [0_usize; ITEMS];
        for _ in 0..20 {
            pool.for_each_with(&mut locals, &mut items, |(owner, done), index, item| {
                let this = std::thread::current().id();
                assert_eq!(*owner.get_or_insert(this), this);
                *done += 1;
                *item += index;
            });
        }
        assert_eq!(locals.iter().map(|(_, done)| done).sum::<usize>(), 20 * ITEMS);
        assert!(items.iter().enumerate().all(|(index, item)| *item == 20 * index));
        let mut few = vec![(); pool.threads() - 1];
        let short = || pool.for_each_with(&mut few, &mut items, |(), _, item| *item = 0);
        assert!(catch_unwind(AssertUnwindSafe(short)).is_err(), "a local too few");
    }
}

#[test]
fn ranges_of_several_slices_are_handed_out_together() {
    let pool = Pool::new(3);
    let (mut a, mut b) = (vec![0.0; 20], vec![0.0; 17]);
    let bounds_a = [0..3, 3..3, 5..11, 12..17];
    let bounds_b = [1..4, 4..4, 4..10, 10..15];
    let mut done = [0; 3];
    let slices = [(&mut a[..], &bounds_a[..]), (&mut b, &bounds_b)];
    pool.for_each_range(4, &mut done, slices, |done, index, [a, b]| {
        a.fill(index as f32 + 1.0);
        b.copy_from_slice(a);
        *done += 1;
    });
    assert_eq!(done.iter().sum::<i32>(), 4, "{done:?}");
    assert_eq!(b, [0., 1., 1., 1., 3., 3., 3., 3., 3., 3., 4., 4., 4., 4., 4., 0., 0.]);
    let expected = [1., 1., 1., 0., 0., 3., 3., 3., 3., 3., 3., 0., 4., 4., 4., 4., 4., 0., 0., 0.];
    assert_eq!(a, expected);
}

#[test]
fn bounds_that_overlap_or_leave_a_slice_are_refused() {
    let pool = Pool::new(2);
    let backwards = std::ops::Range { start: 3, end: 2 };
    for bounds in [vec![0..3, 2..4], vec![4..5, 0..1], vec![0..2, 2..9], vec![backwards]] {
        let (mut long, mut short) = (vec![0.0; 20], vec![0.0; 8]);
        let refused = catch_unwind(AssertUnwindSafe(|| {
            let slices = [(&mut long[..], &bounds[..]), (&mut short, &bounds)];
            pool.for_each_range(bounds.len(), &mut [(); 2], slices, |(), _, [a, b]| {
                a.fill(1.0);
                b.fill(1.0);
            });
        }));
        assert!(refused.is_err(), "{bounds:?}");
        let refused = catch_unwind(AssertUnwindSafe(|| {
            let slices = [(&mut long[..], &[0..1, 1..2][..])];
            pool.for_each_range(3, &mut [(); 2], slices, |(), _, [a]| a.fill(1.0));
        }));
        assert!(refused.is_err(), "two bounds for three indices");
        assert!(long.iter().chain(&short).all(|x| *x == 0.0), "{bounds:?}: nothing may have run");
    }
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    for threads in THREADS {
        let pool = Pool::new(threads);
        for round in 0..rounds(50) {
            let running = AtomicUsize::new(0);
            let mut items = [0_u8; 16];
            let panic = catch_unwind(AssertUnwindSafe(|| {
                pool.for_each(&mut items, |index, _| {
                    running.fetch_add(1, Ordering::SeqCst);
                    let bad = index == round % 16;
                    running.fetch_sub(1, Ordering::SeqCst);
                    assert!(!bad, "item {index} is bad");
                });
            }))
            .expect_err("one item panics");
            let message = panic.downcast_ref::<String>().expect("a message");
            assert!(message.starts_with("item "), "{message}");
            assert_eq!(running.load(Ordering::SeqCst), 0, "no task runs on after the call");
        }
        let mut items = [1; 8];
        pool.for_each(&mut items, |_, item| *item += 1);
        assert_eq!(items, [2; 8]);
    }
}

#[test]
fn a_call_from_inside_a_task_runs_and_does_not_hang() {
    let pool = Pool::new(3);
    let mut items = [0_usize; 6];
    pool.for_each(&mut items, |_, item| {
        let mut inner = [1_usize; 5];
        pool.for_each(&mut inner, |index, value| *value += index);
        *item = inner.iter().sum();
    });
    assert_eq!(items, [15; 6]);
}

#[test]
fn one_pool_serves_several_callers() {
    let pool = Pool::new(2);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..rounds(300) {
                    let mut items = [0_usize; 7];
                    pool.for_each(&mut items, |index, item| *item = index);
                    assert_eq!(items, [0, 1, 2, 3, 4, 5, 6]);
                }
            });
        }
    });
}

/// A product that is denormal, which no compiler can work out beforehand.
fn tiny() -> f32 {
    std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.25)
}

#[test]
fn every_thread_flushes_denormals_while_it_works() {
    if !cfg!(target_arch = "x86_64") || cfg!(miri) {
        return;
    }
    for threads in [1, 2, 5] {
        let pool = Pool::new(threads);
        let mut seen: Vec<(Option<ThreadId>, bool, f32)> = vec![(None, false, 1.0); 64];
        pool.for_each(&mut seen, |_, seen| {
            std::thread::yield_now();
            *seen = (Some(std::thread::current().id()), denormals_flushed(), tiny());
        });
        assert!(
            seen.iter().all(|(id, flushed, tiny)| id.is_some() && *flushed && *tiny == 0.0),
            "{threads} threads"
        );
        // The caller gets its own setting back.
        assert!(!denormals_flushed());
        assert!(tiny() > 0.0);
    }
    let of_a_thread = std::thread::spawn(|| {
        Denormals::Flushed.set();
        let flushed = (denormals_flushed(), tiny());
        // A pool that keeps them does so whatever its caller does: the bits tell, because a comparison here takes them for zero.
        let mut seen = [(true, 0); 64];
        Pool::with_denormals(3, Denormals::Kept).for_each(&mut seen, |_, seen| {
            *seen = (denormals_flushed(), tiny().to_bits());
        });
        assert!(seen.iter().all(|seen| *seen == (false, 1 << 21)));
        assert_eq!(flushed, (denormals_flushed(), tiny()));
        Denormals::Kept.set();
        assert_eq!((denormals_flushed(), tiny()), (false, f32::MIN_POSITIVE * 0.25));
        flushed
    });
    assert_eq!(of_a_thread.join().expect("no panic"), (true, 0.0));
}
