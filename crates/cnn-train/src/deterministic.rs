//! On which machines a result is the same, bit for bit.

use crate::trainer::Isa;
use serde::{Deserialize, Serialize};

/// What the bits of a result may depend on beside configuration, data and seed. In either mode they depend neither on the number of
/// threads nor on the instruction set ([`Isa`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deterministic {
    /// On the kind of processor: x86-64 treats denormals (numbers closer to zero than 2⁻¹²⁶) as zero, for speed, and others
    /// cannot do quite the same.
    #[default]
    Fastest,
    /// On nothing: denormals are kept, as IEEE 754 says, so that any processor gives the same bits. Slower where numbers become as
    /// small as that.
    Portable,
}

impl Deterministic {
    /// The instruction set, used in this mode.
    pub fn isa(self, isa: Isa) -> Isa {
        if self == Self::Portable { isa.portable() } else { isa }
    }

    /// The mode that an instruction set is used in.
    pub fn of(isa: Isa) -> Self {
        if isa == isa.portable() { Self::Portable } else { Self::Fastest }
    }

    /// `fastest` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fastest => "fastest",
            Self::Portable => "portable",
        }
    }
}
