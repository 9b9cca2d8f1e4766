//! Losses from outside this crate, built in code.
//!
//! `model.toml` knows the losses of the list and no other. A loss of one's own is a [`CustomLoss`] in a [`Custom`], and
//! `LossSpec::from` makes it the loss of a configuration; `examples/extend` of the repository has one.
//!
//! **In files**: as for [`crate::layers::Custom`].

use super::{BuildError, Built, ClassWeight, Link, LossSpec};
use serde::{Serialize, Serializer, ser::Error as _};
use std::fmt;
use std::sync::Arc;

/// The settings of a loss from outside: what [`super::Spec`] is for the losses of the list.
///
/// [`crate::testing::check_loss`] compares its gradient with central differences.
pub trait CustomLoss: fmt::Debug + Send + Sync {
    /// What the loss is called in messages: a class name, such as `Huber`.
    fn name(&self) -> &'static str;

    /// Checks the settings against a model that gives `outputs` numbers for each image and ends in `link`.
    ///
    /// # Errors
    /// A value out of range, or a loss that does not fit the output.
    fn build(&self, outputs: usize, link: Option<Link>) -> Result<Built, BuildError>;

    /// How much the images of each class count in training; all alike where nothing else is said.
    fn class_weight(&self) -> &ClassWeight {
        &ClassWeight::Equal
    }
}

/// A [`CustomLoss`] as a model's loss. Equal to its clones and to nothing else.
#[derive(Clone)]
pub struct Custom(Arc<dyn CustomLoss>);

impl Custom {
    /// The loss with these settings.
    pub fn new(loss: impl CustomLoss + 'static) -> Self {
        Self(Arc::new(loss))
    }

    pub(super) fn get(&self) -> &dyn CustomLoss {
        &*self.0
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Serialize for Custom {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        let name = self.0.name();
        Err(S::Error::custom(format!("the loss {name} is made in code, not in model.toml")))
    }
}

impl From<Custom> for LossSpec {
    fn from(custom: Custom) -> Self {
        Self::Custom(custom)
    }
}
