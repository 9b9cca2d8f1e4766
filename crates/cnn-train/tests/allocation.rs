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

const BLOCKS: &str = r#"
[[layers]]
type = "BatchNormalization"

[[layers]]
type = "Residual"
layers = [{ type = "SqueezeExcite", ratio = 2 }, { type = "Conv2D", filters = 6, kernel_size = 1, activity_regularizer = "l2" }]
"#;

#[test]
fn the_steady_state_of_training_allocates_nothing() {
    let data = stripes(32 * 20 + 5, 1);
    for threads in [1, 2, 4] {
        for optimizer in [
            "{ type = \"Adam\" }",
            "{ type = \"SGD\" }",
            "{ type = \"SGD\", momentum = 0.9 }",
            // Those that need all gradients first, a schedule, and as many slots as there can be.
            "{ type = \"Adam\", global_clipnorm = 1.0, weight_decay = 0.1, exclude_from_weight_decay = [\"bias\"] }",
            "{ type = \"Muon\", clipnorm = 1.0, learning_rate = { type = \"OneCycle\", max_lr = 0.01 } }",
            "{ type = \"RMSprop\", momentum = 0.5, centered = true, use_ema = true, lookahead = {} }",
        ] {
            // Every remedy against overfitting that acts in a step, one after the other.
            for remedy in [
                "",
                "mixup = 0.2",
                "cutmix = 1.0",
                "kernel_regularizer = \"l1l2\"",
                "kernel_constraint = \"unit_norm\"",
                // So many units that the layer is run over the whole batch at once.
                "units = 1000",
                // Statistics of the batch, branches, and gradients that are added up.
                BLOCKS,
            ] {
                let blocks = remedy == BLOCKS;
                let of_layer = remedy.contains("kernel") || remedy.contains("units") || blocks;
                let (fit, layer) = if of_layer { ("", remedy) } else { (remedy, "") };
                let toml = MODEL.replace("epochs = 4", &format!("epochs = 1\n{fit}")).replace(
                    if blocks { "[[layers]]\ntype = \"MaxPooling2D\"" } else { "units = 12" },
                    &if layer.contains("units") || blocks {
                        layer.to_owned()
                    } else {
                        format!("units = 12\n{layer}")
                    },
                );
                let toml = format!("{toml}\n[compile]\noptimizer = {optimizer}\n");
                let counts = Arc::new(Mutex::new(Vec::with_capacity(1000)));
                let mut t = trainer(&toml, threads);
                t.fit(&data, None, &mut [Box::new(Count(counts.clone()))]).unwrap();
                let counts = counts.lock().unwrap();
                assert_eq!(counts.len(), 21);
                assert_eq!(
                    counts[1], counts[20],
                    "allocations between step 2 and step 21, {threads} threads, {optimizer}, {remedy:?}: {counts:?}"
                );
            }
        }
    }
}
