//! A fork-join pool: the only place where this project starts threads for arithmetic.
//!
//! One call hands out the indices `0..count` to the workers and the caller, who takes part, and returns when all are done.
//! Each thread begins with a share of neighbouring indices, the same in every call of one length, so that it finds in its
//! cache what it left there; then it helps the others. So which thread does which index is not fixed, and tasks must write to
//! places of their own; then the result does not depend on the number of threads. A call costs a few microseconds and allocates nothing. Between calls workers spin for some
//! tens of microseconds, then sleep.
//!
//! Every thread treats denormals in the pool's way while it works, the caller included (see [`crate::Denormals`]).
#![expect(
    unsafe_code,
    reason = "lending the caller's closure and disjoint parts of its slices to the workers"
)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::isa::{DenormalGuard, Denormals};

/// A fixed set of threads that share out indexed work.
///
/// ```
/// use cnn_kernels::pool::Pool;
/// let pool = Pool::new(2);
/// let mut squares = [0, 1, 2, 3, 4];
/// pool.for_each(&mut squares, |index, value| *value = index * index);
/// assert_eq!(squares, [0, 1, 4, 9, 16]);
/// ```
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

/// The work of one call: a closure that borrows from the caller's stack, with its lifetime erased.
#[derive(Clone, Copy)]
struct Job {
    task: *const Task<'static>,
    count: usize,
}

/// What a job does with a thread's number and an index.
type Task<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// In `Shared::state`: workers may join the current job. The other bits count those who have.
const OPEN: u32 = 1 << 31;

struct Shared {
    /// Written only while the state is neither open nor joined, read only by those who have joined.
    job: UnsafeCell<Option<Job>>,
    state: AtomicU32,
    /// The next index to claim of each thread's share.
    next: Box<[Next]>,
    /// Goes up with every job, to wake those who wait for one.
    epoch: AtomicU32,
    stop: AtomicBool,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
    done: Condvar,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Held by the caller whose job it is.
    owner: Mutex<()>,
    /// Rounds of spinning before a thread sleeps.
    spin: u32,
    denormals: Denormals,
}

/// A counter in a cache line of its own (two, because processors fetch them in pairs).
#[repr(align(128))]
struct Next(AtomicUsize);

// SAFETY: the only field that is not already Sync is `job`. It is written by the thread that holds `owner` while nobody has
// joined, and read between joining (an acquire of the write) and leaving (a release before the next write). The pointer in
// it is to a closure that is Sync and outlives the job.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is only dereferenced while the call that lent it has not returned.
unsafe impl Send for Shared {}

impl Pool {
    /// A pool of `threads` threads, the caller of each job included: `1` starts none, `0` counts as 1. Denormals are flushed.
    pub fn new(threads: usize) -> Pool {
        Self::with_denormals(threads, Denormals::Flushed)
    }

    /// The same, with denormals treated so.
    pub fn with_denormals(threads: usize, denormals: Denormals) -> Pool {
        let threads = threads.clamp(1, 1 << 16);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            job: UnsafeCell::new(None),
            state: AtomicU32::new(0),
            next: (0..threads).map(|_| Next(AtomicUsize::new(0))).collect(),
            epoch: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
            done: Condvar::new(),
            panic: Mutex::new(None),
            owner: Mutex::new(()),
            // More threads than cores: spinning would take the core from the one that is waited for. Miri has one.
            spin: if threads <= cores && !cfg!(miri) { 4000 } else { 0 },
            denormals,
        });
        let workers = (1..threads)
            .map(|thread| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.work(thread))
            })
            .collect();
        Pool { shared, workers }
    }

    /// The number of threads that share the work, the caller included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `f(index, item)` once for each item, on any thread, in any order; returns when all calls have.
    ///
    /// A panic in `f` is passed on to the caller, after the calls already begun have ended; items not yet begun may
    /// then be left out. A call from inside `f`, or while another thread uses the pool, runs on the calling thread alone.
    pub fn for_each<T: Send>(&self, items: &mut [T], f: impl Fn(usize, &mut T) + Sync) {
        // Room for nothing takes no memory.
        self.for_each_with(&mut vec![(); self.threads()], items, |(), index, item| f(index, item));
    }

    /// As [`Pool::for_each`], where each thread has something of its own in `locals`: memory that it finds in its cache again.
    ///
    /// # Panics
    /// If there are fewer locals than threads. Panics in `f` as in [`Pool::for_each`].
    pub fn for_each_with<L: Send, T: Send>(
        &self,
        locals: &mut [L],
        items: &mut [T],
        f: impl Fn(&mut L, usize, &mut T) + Sync,
    ) {
        let locals = self.locals(locals);
        let base = Base(items.as_mut_ptr());
        self.run(items.len(), &|thread, index| {
            // SAFETY: `run` passes each index below `items.len()` once, so the exclusive borrows of the items are
            // disjoint, and it returns before the borrow of `items` ends. For `local` see `Pool::locals`.
            let (local, item) = unsafe { (&mut *locals.at(thread), &mut *base.at(index)) };
            f(local, index, item);
        });
    }

    /// Calls `f(local, index, parts)` once for each of `count` indices, where `parts` holds of each of the `N` slices the range
    /// that its bounds have at that index, and `local` is the thread's own of `locals`.
    ///
    /// # Panics
    /// If bounds are not `count` ranges, ascending, disjoint and inside their slice, or there are fewer locals than threads.
    /// Panics in `f` as in [`Pool::for_each`].
    pub fn for_each_range<L: Send, const N: usize>(
        &self,
        count: usize,
        locals: &mut [L],
        slices: [(&mut [f32], &[Range<usize>]); N],
        f: impl Fn(&mut L, usize, [&mut [f32]; N]) + Sync,
    ) {
        let locals = self.locals(locals);
        for (slice, bounds) in &slices {
            assert_eq!(bounds.len(), count, "for_each_range: bounds for another number of indices");
            let mut end = 0;
            for range in *bounds {
                assert!(
                    end <= range.start && range.start <= range.end,
                    "for_each_range: bounds not ascending at {range:?}"
                );
                end = range.end;
            }
            assert!(
                end <= slice.len(),
                "for_each_range: bounds reach to {end}, a slice has {}",
                slice.len()
            );
        }
        let parts = slices.map(|(slice, bounds)| (Base(slice.as_mut_ptr()), bounds));
        self.run(count, &|thread, index| {
            // SAFETY: each range lies in its slice and a slice's ranges are disjoint (both checked above), the slices are
            // distinct exclusive borrows, each index comes once, and `run` returns before the borrows end. For `local` see
            // `Pool::locals`.
            let (local, parts) = unsafe {
                let parts = parts.each_ref().map(|(base, bounds)| {
                    let Range { start, end } = bounds[index].clone();
                    std::slice::from_raw_parts_mut(base.at(start), end - start)
                });
                (&mut *locals.at(thread), parts)
            };
            f(local, index, parts);
        });
    }

    /// The start of what each thread has for itself, checked to be enough. A thread does one task at a time, and has a number that
    /// no other thread of the job has, so that it may borrow the local of this number while it does.
    fn locals<L>(&self, locals: &mut [L]) -> Base<L> {
        let threads = self.threads();
        assert!(locals.len() >= threads, "{} locals for {threads} threads", locals.len());
        Base(locals.as_mut_ptr())
    }

    /// Calls `task` once for each index below `count`, with the number of the thread it is on.
    fn run(&self, count: usize, task: &Task<'_>) {
        let _denormals = DenormalGuard::new(self.shared.denormals);
        let shared = &*self.shared;
        // Taken by another caller, or by ourselves further up the stack: work alone.
        let owner =
            if self.workers.is_empty() || count <= 1 { None } else { shared.owner.try_lock().ok() };
        let Some(owner) = owner else {
            (0..count).for_each(|index| task(0, index));
            return;
        };
        shared.open(count, task);
        shared.claim(0, count, task);
        shared.close();
        let payload = guard(&shared.panic).take();
        drop(owner);
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.signal();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of tasks; there is nothing to report.
            drop(worker.join());
        }
    }
}

impl Shared {
    /// Publishes a job. The caller holds `owner`, and nobody has joined.
    fn open(&self, count: usize, task: &Task<'_>) {
        // SAFETY: only the lifetime changes. The pointer is used by threads that have joined, and `close` waits for them
        // before the call that borrowed `task` returns.
        let task: &'static Task<'static> = unsafe { std::mem::transmute(task) };
        // SAFETY: the state is 0 (`close` waited for that), so no other thread reads the cell, and `owner` is held, so
        // none writes it.
        unsafe { *self.job.get() = Some(Job { task, count }) };
        for (thread, next) in self.next.iter().enumerate() {
            next.0.store(self.share(thread, count).start, Ordering::Relaxed);
        }
        self.state.store(OPEN, Ordering::Release);
        self.signal();
    }

    /// Tells waiting workers to look again.
    fn signal(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(guard(&self.lock));
            self.wake.notify_all();
        }
    }

    /// The indices that a thread begins with.
    fn share(&self, thread: usize, count: usize) -> Range<usize> {
        let threads = self.next.len();
        thread * count / threads..(thread + 1) * count / threads
    }

    /// Claims and does indices until there are none left: first those of the thread's own share, then of the next ones.
    fn claim(&self, thread: usize, count: usize, task: &Task<'_>) {
        let threads = self.next.len();
        for of in (thread..threads).chain(0..thread) {
            let end = self.share(of, count).end;
            loop {
                let index = self.next[of].0.fetch_add(1, Ordering::Relaxed);
                if index >= end {
                    break;
                }
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| task(thread, index))) {
                    for next in &self.next {
                        next.0.store(count, Ordering::Relaxed);
                    }
                    guard(&self.panic).get_or_insert(payload);
                }
            }
        }
    }

    /// Lets nobody else join, and waits for those who have.
    fn close(&self) {
        self.state.fetch_and(!OPEN, Ordering::AcqRel);
        for _ in 0..self.spin {
            if self.state.load(Ordering::Acquire) == 0 {
                return;
            }
            std::hint::spin_loop();
        }
        let mut lock = guard(&self.lock);
        while self.state.load(Ordering::Acquire) != 0 {
            lock = self.done.wait(lock).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The life of a worker.
    fn work(&self, thread: usize) {
        self.denormals.set();
        let mut seen = 0;
        while !self.stop.load(Ordering::SeqCst) {
            seen = self.wait(seen);
            if !self.join() {
                continue;
            }
            // SAFETY: we have joined, so the cell is not written until we leave.
            if let Some(job) = unsafe { *self.job.get() } {
                // SAFETY: the closure outlives the job, and the job lasts until we leave.
                self.claim(thread, job.count, unsafe { &*job.task });
            }
            if self.state.fetch_sub(1, Ordering::AcqRel) == 1 {
                drop(guard(&self.lock));
                self.done.notify_all();
            }
        }
    }

    /// Joins the current job, if there is one that is open.
    fn join(&self) -> bool {
        let add = |state| (state & OPEN != 0).then_some(state + 1);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, add).is_ok()
    }

    /// Waits until the epoch is no longer `seen`, and returns it.
    fn wait(&self, seen: u32) -> u32 {
        for _ in 0..self.spin {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != seen {
                return epoch;
            }
            std::hint::spin_loop();
        }
        let mut lock = guard(&self.lock);
        // Announced before the last look: whoever raises the epoch after it sees a sleeper, and takes the lock to wake it.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let epoch = loop {
            let epoch = self.epoch.load(Ordering::SeqCst);
            if epoch != seen {
                break epoch;
            }
            lock = self.wake.wait(lock).unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        drop(lock);
        epoch
    }
}

/// The lock, whether or not a thread panicked with it: nothing here can be left half done.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The start of a slice whose parts are lent to several threads.
struct Base<T>(*mut T);

impl<T> Base<T> {
    /// The address of element `index`, which the caller must know to be in the slice.
    fn at(&self, index: usize) -> *mut T {
        self.0.wrapping_add(index)
    }
}

// SAFETY: every use makes exclusive borrows of disjoint elements, so sharing the base is sending elements: `T: Send`.
unsafe impl<T: Send> Sync for Base<T> {}
