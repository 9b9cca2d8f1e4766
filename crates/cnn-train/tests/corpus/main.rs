//! No file can hurt: bad inputs of every kind, each with the code and the words of its error, and what it may cost.
//!
//! Whatever the bytes are, the answer is a value or a typed error that says what is wrong and what to do; it asks for at most
//! 64 MiB and twice the bytes that are really there (inflated, where they are compressed), as a counting allocator sees it. Every
//! truncation and every flipped bit of small valid files is tried, and splices of two of them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bytes;
mod cases;
mod damage;
mod parsers;
mod runs;
mod texts;

use parsers::{Answer, Kind};
use peak_alloc::PeakAlloc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The counter is the process's: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// No answer takes longer, even unoptimised and on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bad input: what it is, its kind, its bytes, code and words of the answer.
pub(crate) struct Case {
    what: &'static str,
    kind: Kind,
    bytes: Vec<u8>,
    code: &'static str,
    says: &'static str,
    /// Bytes that inflating really gives, beyond the file's own.
    inflated: usize,
}

/// A case of which nothing is inflated.
pub(crate) fn case(
    what: &'static str,
    kind: Kind,
    bytes: impl Into<Vec<u8>>,
    code: &'static str,
    says: &'static str,
) -> Case {
    Case { what, kind, bytes: bytes.into(), code, says, inflated: 0 }
}

/// The answer of a parser; `Err` if it took too much memory, or if its error is not fit to be shown.
fn weighed(kind: Kind, bytes: &[u8], inflated: usize) -> Result<Answer, String> {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let answer = kind.parse(bytes);
    let peak = HEAP.peak_usage().saturating_sub(before);
    let limit = (64 << 20) + 2 * (bytes.len() + inflated);
    if peak > limit {
        return Err(format!("{peak} bytes at once, {limit} are allowed"));
    }
    match answer.as_ref().err().and_then(parsers::Told::flaw) {
        Some(flaw) => Err(flaw),
        None => Ok(answer),
    }
}

#[test]
fn every_bad_input_is_told_what_is_wrong_and_costs_little() {
    let _turn = TURN.lock();
    let all = [cases::idx(), cases::numpy(), cases::tables(), cases::pictures(), texts::models()];
    let all = all.into_iter().flatten().chain(texts::sweeps());
    let all = all.chain(runs::runs()).chain(runs::checkpoints());
    let (mut count, mut wrong) = (0, Vec::new());
    for Case { what, kind, bytes, code, says, inflated } in all {
        count += 1;
        let begun = Instant::now();
        let fault = match weighed(kind, &bytes, inflated) {
            Err(fault) => fault,
            Ok(Ok(())) => "was accepted".to_owned(),
            Ok(Err(told)) if told.code != code || !told.text.contains(says) => {
                format!("expected {code} with {says:?}, got {} with {:?}", told.code, told.text)
            }
            Ok(Err(_)) if begun.elapsed() > PATIENCE => format!("took {:?}", begun.elapsed()),
            Ok(Err(_)) => continue,
        };
        wrong.push(format!("{kind:?}, {what}: {fault}"));
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    println!("{count} bad inputs, each told what is wrong");
    assert!(count > 200, "only {count} cases");
}

#[test]
fn what_is_merely_odd_is_read() {
    let _turn = TURN.lock();
    for (what, kind, bytes) in cases::odd().into_iter().chain(texts::odd()) {
        let answer = weighed(kind, &bytes, 0);
        assert!(matches!(answer, Ok(Ok(()))), "{kind:?}, {what}: {answer:?}");
    }
}
