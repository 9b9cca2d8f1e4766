//! A built optimizer: the rule of one number, and what is done around it.
//!
//! ```text
//! clip the gradient → w ← w − w·decay·lr → the rule → lookahead → average      lr of each variable is the step's times its multiplier
//! ```
//! All of it but the norms is element-wise. So most optimizers update any range of the parameters as soon as its gradient is known
//! ([`Optimizer::update`]); one that clips by a norm, or treats a matrix as one, needs all gradients first ([`Optimizer::update_all`]).

use crate::common::{Clip, Common, Group, Lookahead};
use crate::muon::Matrices;
use crate::{OptimError, Rule, Step, Variable};
use cnn_kernels::update;

/// Slots of a rule, at most.
pub(crate) const RULE_SLOTS: usize = 3;

/// Slots of an optimizer, at most: its rule's, the slow weights, the average.
pub const MAX_SLOTS: usize = RULE_SLOTS + 2;

/// A built optimizer: every value checked, nothing in it can fail, no state of its own.
#[derive(Debug)]
pub struct Optimizer {
    pub(crate) rule: Box<dyn Rule>,
    pub(crate) matrices: Option<Matrices>,
    pub(crate) clip: Clip,
    pub(crate) groups: Vec<Group>,
    lookahead: Option<Lookahead>,
    average: Option<Average>,
    slots: Vec<&'static str>,
}

/// A running mean of the weights.
#[derive(Clone, Copy, Debug)]
struct Average {
    momentum: f32,
    /// Every so many steps the weights become the average.
    overwrite: Option<u64>,
}

impl Optimizer {
    /// Names of the slots, in the order that [`Optimizer::update`] takes them. Each is as long as the parameters and starts as zeros.
    pub fn slot_names(&self) -> &[&'static str] {
        &self.slots
    }

    /// Which slot is the running mean of the weights, if there is one (`use_ema`). At the end of training the weights become it.
    pub fn average_slot(&self) -> Option<usize> {
        self.average.map(|_| self.slots.len() - 1)
    }

    /// Whether an update needs all gradients: then it is [`Optimizer::update_all`]'s.
    pub fn needs_all_gradients(&self) -> bool {
        self.groups.iter().any(|group| group.matrix.is_some())
            || matches!(self.clip, Clip::Norm(_) | Clip::GlobalNorm(_))
    }

    /// Applies one update to the parameters from `start` on, in place, from their gradient `g`, which may be changed too; `slots` are read
    /// and written. Cutting the parameters into ranges and updating each gives the same bits.
    ///
    /// # Panics
    /// When `g` or a slot is not as long as `w`, or the number of slots is not that of [`Optimizer::slot_names`]; when the optimizer
    /// needs all gradients.
    pub fn update(
        &self,
        step: &Step,
        start: usize,
        w: &mut [f32],
        g: &mut [f32],
        slots: &mut [&mut [f32]],
    ) {
        assert!(!self.needs_all_gradients(), "this optimizer needs all gradients first");
        self.cut(g);
        self.begin(step, w, slots);
        self.apply_rule(step, start, w, g, slots);
        self.end(step, w, slots);
    }

    /// Each number of a gradient to its largest size.
    pub(crate) fn cut(&self, g: &mut [f32]) {
        if let Clip::Value(limit) = self.clip {
            for g in g {
                *g = g.clamp(-limit, limit);
            }
        }
    }

    /// What comes before the rule.
    pub(crate) fn begin(&self, step: &Step, w: &[f32], slots: &mut [&mut [f32]]) {
        assert_eq!(slots.len(), self.slots.len(), "the slots are {:?}", self.slots);
        if self.lookahead.is_some() && step.t == 1 {
            slots[self.rule.slot_names().len()].copy_from_slice(w);
        }
    }

    /// Decay and rule, group by group; of a matrix its momentum alone, and `g` becomes the direction.
    pub(crate) fn apply_rule(
        &self,
        step: &Step,
        start: usize,
        w: &mut [f32],
        g: &mut [f32],
        slots: &mut [&mut [f32]],
    ) {
        let count = self.rule.slot_names().len();
        let end = start + w.len();
        let first = self.groups.partition_point(|group| group.end <= start);
        let mut from = start;
        for group in &self.groups[first..] {
            let part = from - start..group.end.min(end) - start;
            let mut own = slots[..count].iter_mut().map(|slot| &mut slot[part.clone()]);
            let mut own: [&mut [f32]; RULE_SLOTS] =
                std::array::from_fn(|_| own.next().unwrap_or_default());
            let (w, g) = (&mut w[part.clone()], &mut g[part]);
            self.update_group(group, step, w, g, &mut own[..count]);
            from = group.end;
            if from >= end {
                break;
            }
        }
    }

    fn update_group(
        &self,
        group: &Group,
        step: &Step,
        w: &mut [f32],
        g: &mut [f32],
        slots: &mut [&mut [f32]],
    ) {
        let learning_rate = step.learning_rate * group.multiplier;
        if group.decay > 0.0 {
            update::decay(step.isa, group.decay * learning_rate, w);
        }
        match &self.matrices {
            Some(matrices) if group.matrix.is_some() => matrices.momentum(g, slots),
            Some(matrices) => {
                let learning_rate = learning_rate * matrices.other_ratio;
                self.rule.update(&Step { learning_rate, ..*step }, w, g, slots);
            }
            None => self.rule.update(&Step { learning_rate, ..*step }, w, g, slots),
        }
    }

    /// What comes after the rule: the slow weights, then the average.
    pub(crate) fn end(&self, step: &Step, w: &mut [f32], slots: &mut [&mut [f32]]) {
        let mut slots = slots[self.rule.slot_names().len()..].iter_mut();
        if let Some(Lookahead { sync_period, slow_step_size }) = self.lookahead
            && let Some(slow) = slots.next()
            && step.t.is_multiple_of(sync_period)
        {
            let share = slow_step_size as f32;
            for (w, slow) in w.iter_mut().zip(slow.iter_mut()) {
                *slow += share * (*w - *slow);
                *w = *slow;
            }
        }
        if let Some(Average { momentum, overwrite }) = self.average
            && let Some(average) = slots.next()
        {
            let momentum = if step.t == 1 { 0.0 } else { momentum };
            for (w, average) in w.iter_mut().zip(average.iter_mut()) {
                *average = momentum * *average + (1.0 - momentum) * *w;
            }
            if overwrite.is_some_and(|every| step.t.is_multiple_of(every)) {
                w.copy_from_slice(average);
            }
        }
    }
}

/// What can fail.
impl Optimizer {
    pub(crate) fn new(
        common: &Common,
        rule: Box<dyn Rule>,
        matrices: Option<Matrices>,
        variables: &[Variable],
    ) -> Result<Self, OptimError> {
        common.check()?;
        let decay = |of_matrix: bool| match &matrices {
            Some(matrices) if !of_matrix => Some(matrices.other_decay),
            _ => common.weight_decay,
        };
        let matrix = |variable: &Variable| matrices.as_ref()?.matrix(variable);
        let excluded = matrices.as_ref().map_or(&[][..], |matrices| &matrices.exclude);
        common.check_words(excluded, variables)?;
        let groups = common.groups(variables, decay, matrix);
        let average = Average {
            momentum: common.ema_momentum as f32,
            overwrite: common.ema_overwrite_frequency,
        };
        let slots = rule.slot_names().iter().copied();
        let slots = slots.chain(common.lookahead.map(|_| "slow_weights"));
        let slots = slots.chain(common.use_ema.then_some("average")).collect();
        Ok(Self {
            clip: common.clip()?,
            lookahead: common.lookahead,
            average: common.use_ema.then_some(average),
            groups,
            slots,
            rule,
            matrices,
        })
    }
}
