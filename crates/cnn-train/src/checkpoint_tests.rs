//! Saving checkpoints on a disk that fails at every operation in every way, and loses its power before every operation: loading
//! gives the old state or the new one, never neither.

use super::*;
use crate::disk::sim::{Fault, Sim};
use std::io;

/// One of a run.
fn checkpoint(steps: u64) -> Checkpoint {
    Checkpoint {
        program: "1".into(),
        config: "[fit]".into(),
        data: "data".into(),
        weights: vec![steps as f32; 50],
        slots: vec![vec![0.5; 50]],
        learning_rate: 0.1,
        steps_taken: steps,
        place: Place { epoch: 1, logs: vec![("loss".into(), f64::NAN)], ..Place::default() },
        callbacks: vec![("History".into(), Memory::new().counts("epoch", [0]))],
        rescue: Rescue::default(),
    }
}

fn on(disk: &Sim) -> Checkpoints {
    Checkpoints::on(Box::new(disk.clone()), Path::new("run"))
}

fn latest(disk: &Sim) -> Option<u64> {
    let found = on(disk).latest().unwrap().0;
    let whole = found.as_ref().is_none_or(|found| {
        let weights =
            found.weights.iter().all(|w| w.to_bits() == (found.steps_taken as f32).to_bits());
        weights && found.weights.len() == 50 && found.callbacks == checkpoint(0).callbacks
    });
    assert!(whole, "{found:?}");
    found.map(|found| found.steps_taken)
}

/// A disk with the checkpoints of these steps, saved one after the other.
fn with(steps: &[u64]) -> Sim {
    let disk = Sim::default();
    for &steps in steps {
        on(&disk).save(&checkpoint(steps)).unwrap();
    }
    disk
}

/// Begins with none, one and several checkpoints, and with a newest that is the one that is saved again.
const BEFORE: [&[u64]; 5] = [&[], &[10], &[10, 20], &[10, 20, 30], &[10, 20, 30, 40]];

/// Operations of saving step 40 on this disk.
fn operations(disk: &Sim) -> usize {
    let disk = disk.copy();
    disk.fail_after(usize::MAX, Fault::Short);
    on(&disk).save(&checkpoint(40)).unwrap();
    disk.operations()
}

#[test]
fn whatever_fails_loading_gives_the_old_or_the_new_state() {
    use io::ErrorKind::{Interrupted, Other, PermissionDenied, StorageFull};
    let once = |kind| Fault::Error { kind, lasting: false };
    let lasting = |kind| Fault::Error { kind, lasting: true };
    let mut saved = 0;
    for steps in BEFORE {
        let (full, old) = (with(steps), steps.last().copied());
        for at in 0..operations(&full) {
            let faults = [
                once(Other),
                lasting(Other),
                once(StorageFull),
                lasting(StorageFull),
                lasting(PermissionDenied),
                once(Interrupted),
                Fault::Short,
            ];
            for fault in faults {
                let disk = full.copy();
                disk.fail_after(at, fault);
                let result = on(&disk).save(&checkpoint(40));
                disk.repair();
                let found = latest(&disk);
                match result {
                    Ok(()) => assert_eq!(found, Some(40), "{steps:?}, {fault:?} at {at}"),
                    Err(_) => {
                        assert!(found == old || found == Some(40), "{found:?}, {fault:?} at {at}");
                    }
                }
                if matches!(fault, Fault::Short) || fault == once(Interrupted) {
                    assert_eq!(found, Some(40), "{fault:?} at {at} is no reason to fail");
                }
                // And the next one works.
                on(&disk).save(&checkpoint(50)).unwrap();
                assert_eq!(latest(&disk), Some(50));
                saved += 1;
            }
        }
    }
    println!("{saved} faults of a save: the old or the new checkpoint was there each time");
    assert!(saved > 200, "{saved}");
}

#[test]
fn whenever_the_power_is_lost_loading_gives_the_old_or_the_new_state() {
    let mut looked_at = 0;
    for steps in BEFORE {
        let (full, old) = (with(steps), steps.last().copied());
        let count = operations(&full);
        for at in 0..=count {
            let disk = full.copy();
            disk.fail_after(at, Fault::Power);
            let result = on(&disk).save(&checkpoint(40));
            for found in disk.after_power_loss() {
                let step = latest(&found);
                if result.is_ok() {
                    assert_eq!(step, Some(40), "{steps:?}: it was said to be saved ({at})");
                }
                assert!(step == old || step == Some(40), "{steps:?}: {step:?} at {at}");
                // What was found can be gone on with, and a second loss does no harm either.
                on(&found).save(&checkpoint(50)).unwrap();
                for again in found.after_power_loss() {
                    assert_eq!(latest(&again), Some(50));
                }
                looked_at += 1;
            }
        }
    }
    println!("{looked_at} disks after a loss of power: the same");
    assert!(looked_at > 400, "{looked_at}");
}

#[test]
fn the_last_two_are_kept_and_a_damaged_one_is_passed_over() {
    let disk = with(&[10, 20, 30]);
    let names = || disk.list(Path::new("run")).unwrap();
    assert_eq!(names(), ["step-000000000020.cnnckpt", "step-000000000030.cnnckpt"]);
    disk.damage(Path::new("run/step-000000000030.cnnckpt"), 300);
    let (found, notes) = on(&disk).latest().unwrap();
    assert_eq!((found.unwrap().steps_taken, notes.len()), (20, 1));
    assert!(notes[0].contains("changed after it was written"), "{notes:?}");
    // Gone on with from there: the damaged one goes, the sound one stays.
    on(&disk).save(&checkpoint(25)).unwrap();
    assert_eq!(names(), ["step-000000000020.cnnckpt", "step-000000000025.cnnckpt"]);
}

#[test]
fn how_often_is_read_from_words() {
    let read = |text: &str| text.parse::<CheckpointEvery>();
    assert_eq!(read("auto"), Ok(CheckpointEvery::Auto));
    assert_eq!(read("never"), Ok(CheckpointEvery::Never));
    assert_eq!(read("2.5s"), Ok(CheckpointEvery::Seconds(2.5)));
    assert_eq!(read("100"), Ok(CheckpointEvery::Steps(100)));
    for wrong in ["", "s", "0", "-1", "-1s", "infs", "nans", "1 hour"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_checkpoint_of_the_first_version_is_read_and_one_of_this_brings_its_rescue() {
    let (disk, before) = (Sim::default(), checkpoint(10));
    let path = Path::new("run").join("step-000000000010.cnnckpt");
    write_whole(&disk, &path, &FIRST.seal(&before).unwrap(), true).unwrap();
    // NaN in the logs is not equal to itself.
    let shown = |checkpoint: &Checkpoint| format!("{checkpoint:?}");
    assert_eq!(shown(&on(&disk).latest().unwrap().0.unwrap()), shown(&before));
    let what = "dense gives inf".to_owned();
    let rollbacks = vec![Rollback {
        epoch: 1,
        step: 11,
        what: what.into(),
        to_step: 10,
        learning_rate_factor: 0.5,
    }];
    let rescue = Rescue { factor: 0.5, rollbacks, good: Some(Box::new(before)) };
    let now = Checkpoint { rescue, ..checkpoint(12) };
    on(&disk).save(&now).unwrap();
    assert_eq!(shown(&on(&disk).latest().unwrap().0.unwrap()), shown(&now));
}
