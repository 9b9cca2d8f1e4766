//! From its second step on, training allocates nothing.

mod support;

use cnn_callbacks::{BatchEnd, Callback, Control};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::sync::{Arc, Mutex};
use support::{MODEL, stripes, trainer};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Notes the allocations of the whole process at the end of every batch.
struct Count(Arc<Mutex<Vec<usize>>>);

impl Callback for Count {
    fn name(&self) -> &'static str {
        "Count"
    }

    fn on_batch_end(&mut self, _: &BatchEnd<'_>, _: &mut Control) {
        let stats = GLOBAL.stats();
        self.0.lock().expect("no test panicked").push(stats.allocations + stats.reallocations);
    }
}

#[test]
fn the_steady_state_of_training_allocates_nothing() {
    let data = stripes(32 * 20 + 5, 1);
    for threads in [1, 2, 4] {
        for optimizer in
            ["{ type = \"Adam\" }", "{ type = \"SGD\" }", "{ type = \"SGD\", momentum = 0.9 }"]
        {
            let counts = Arc::new(Mutex::new(Vec::with_capacity(1000)));
            let toml = format!("{MODEL}\n[compile]\noptimizer = {optimizer}\n");
            let mut t = trainer(&toml.replace("epochs = 4", "epochs = 1"), threads);
            t.fit(&data, None, &mut [Box::new(Count(counts.clone()))]).unwrap();
            let counts = counts.lock().unwrap();
            assert_eq!(counts.len(), 21);
            assert_eq!(
                counts[1], counts[20],
                "allocations between step 2 and step 21, {threads} threads, {optimizer}: {counts:?}"
            );
        }
    }
}
