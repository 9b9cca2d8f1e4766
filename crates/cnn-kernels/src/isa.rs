//! The instruction sets, and the treatment of denormals.
#![cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(
        unsafe_code,
        reason = "the control register for denormals can only be reached with inline assembly"
    )
)]

/// The instruction set a kernel shall run with, and what becomes of denormals meanwhile.
///
/// A value can only be made by the functions here, which ask the processor first: holding one proves that the
/// instructions exist. All of them give the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isa {
    level: Level,
    denormals: Denormals,
}

/// What becomes of numbers closer to zero than the smallest normal `f32`, 2⁻¹²⁶ (and `f64`, 2⁻¹⁰²²).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denormals {
    /// They count as zero where the processor can do that, which is on x86-64: they cost a hundred cycles each there, and carry
    /// nothing that training can use. On other processors they are kept.
    Flushed,
    /// They are numbers as all others, as IEEE 754 has them: so every processor gives the same bits.
    Kept,
}

#[cfg(target_arch = "x86_64")]
use crate::x86::{avx2::Avx2, avx512::Avx512};

/// The vector sets carry their proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Isa {
    /// The fastest instruction set this processor has.
    pub fn best() -> Isa {
        #[cfg(target_arch = "x86_64")]
        if let Some(isa) = Isa::named("avx512").or(Isa::named("avx2")) {
            return isa;
        }
        Isa::of(Level::Scalar)
    }

    fn of(level: Level) -> Isa {
        Isa { level, denormals: Denormals::Flushed }
    }

    /// The same instructions, and denormals kept. Nothing is then left to the processor: each operation is one of IEEE 754
    /// (`+ − × ÷ √`, fused multiply-add, comparisons, conversions), in an order that the shapes alone decide.
    ///
    /// A [`crate::pool::Pool`] made for it ([`crate::pool::Pool::with_denormals`]) treats denormals so on all of its threads.
    #[must_use]
    pub fn portable(self) -> Isa {
        Isa { denormals: Denormals::Kept, ..self }
    }

    /// What becomes of denormals.
    pub fn denormals(self) -> Denormals {
        self.denormals
    }

    /// All instruction sets this processor has, slowest first; `scalar` is always among them.
    pub fn available() -> Vec<Isa> {
        ["scalar", "avx2", "avx512"].iter().filter_map(|name| Isa::named(name)).collect()
    }

    /// The instruction set called `scalar`, `avx2` or `avx512`; `None` for another name or where the processor lacks it.
    pub fn named(name: &str) -> Option<Isa> {
        match name {
            "scalar" => Some(Isa::of(Level::Scalar)),
            #[cfg(target_arch = "x86_64")]
            "avx2" => Avx2::detect().map(|proof| Isa::of(Level::Avx2(proof))),
            #[cfg(target_arch = "x86_64")]
            "avx512" => Avx512::detect().map(|proof| Isa::of(Level::Avx512(proof))),
            _ => None,
        }
    }

    /// `scalar`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.level {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
        }
    }

    pub(crate) fn level(self) -> Level {
        self.level
    }
}

/// Calls a kernel by its name in `x86/`, or the plain loop given after it.
macro_rules! dispatch {
    ($isa:expr, $name:ident($($arg:expr),* $(,)?), $scalar:path) => {
        match $isa.level() {
            $crate::isa::Level::Scalar => $scalar($($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Level::Avx2(proof) => $crate::x86::avx2::$name(proof, $($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Level::Avx512(proof) => $crate::x86::avx512::$name(proof, $($arg),*),
        }
    };
}
pub(crate) use dispatch;

/// Bits of MXCSR: results that would be denormal become zero (FTZ), and denormal operands count as zero (DAZ). Not under Miri, which
/// knows no assembly.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const FTZ_DAZ: u32 = 0x8040;

impl Denormals {
    /// Treats denormals so on the current thread from here on. Does nothing on processors other than x86-64, which keep them.
    pub fn set(self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        set_control(match self {
            Self::Flushed => control() | FTZ_DAZ,
            Self::Kept => control() & !FTZ_DAZ,
        });
    }
}

/// Whether the current thread treats denormals as zero (see [`Denormals::set`]).
pub fn denormals_flushed() -> bool {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    return control() & FTZ_DAZ == FTZ_DAZ;
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    false
}

/// Treats denormals in one way until it is dropped, then puts the thread's setting back.
#[derive(Debug)]
pub(crate) struct DenormalGuard {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    before: u32,
}

impl DenormalGuard {
    pub(crate) fn new(denormals: Denormals) -> Self {
        let guard = DenormalGuard {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            before: control(),
        };
        denormals.set();
        guard
    }
}

impl Drop for DenormalGuard {
    fn drop(&mut self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        set_control(self.before);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn control() -> u32 {
    let mut value = 0_u32;
    // SAFETY: stmxcsr stores the 32-bit control register to the given address, which is that of a live local.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
    };
    value
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn set_control(value: u32) {
    // SAFETY: `value` is what `control` read, with at most the two denormal bits changed: rounding mode and exception masks
    // stay as Rust expects them, and no reserved bit is set.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, readonly));
    };
}
