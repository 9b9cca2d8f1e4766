//! The instruction sets, and the treatment of denormals.
#![cfg_attr(
    not(miri),
    expect(
        unsafe_code,
        reason = "the control register for denormals can only be reached with inline assembly"
    )
)]

/// The instruction set a kernel shall run with.
///
/// A value can only be made by the functions here, which ask the processor first: holding one proves that the
/// instructions exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isa(Level);

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
        Isa(Level::Scalar)
    }

    /// All instruction sets this processor has, slowest first; `scalar` is always among them.
    pub fn available() -> Vec<Isa> {
        ["scalar", "avx2", "avx512"].iter().filter_map(|name| Isa::named(name)).collect()
    }

    /// The instruction set called `scalar`, `avx2` or `avx512`; `None` for another name or where the processor lacks it.
    pub fn named(name: &str) -> Option<Isa> {
        match name {
            "scalar" => Some(Isa(Level::Scalar)),
            #[cfg(target_arch = "x86_64")]
            "avx2" => Avx2::detect().map(|proof| Isa(Level::Avx2(proof))),
            #[cfg(target_arch = "x86_64")]
            "avx512" => Avx512::detect().map(|proof| Isa(Level::Avx512(proof))),
            _ => None,
        }
    }

    /// `scalar`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
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

/// Treats denormal numbers as zero on the current thread from here on: they cost a hundred cycles each and carry nothing
/// that training can use. Does nothing on processors other than x86-64.
pub fn flush_denormals() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    set_control(control() | FTZ_DAZ);
}

/// Whether the current thread treats denormals as zero (see [`flush_denormals`]).
pub fn denormals_flushed() -> bool {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    return control() & FTZ_DAZ == FTZ_DAZ;
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    false
}

/// Flushes denormals until it is dropped, then puts the thread's setting back.
#[derive(Debug)]
pub(crate) struct FlushGuard {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    before: u32,
}

impl FlushGuard {
    pub(crate) fn new() -> Self {
        let guard = FlushGuard {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            before: control(),
        };
        flush_denormals();
        guard
    }
}

impl Drop for FlushGuard {
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
