//! Small valid files, cut at every byte, with every bit flipped, and spliced.

use crate::bytes::{array, gzip, idx, picture, stored, zip};
use crate::parsers::{Kind, MODEL};
use crate::{TURN, runs, weighed};
use image::ImageFormat;
use proptest::prelude::*;
use std::sync::LazyLock;

const SWEEP: &str = "model = \"base\"\nseeds = [1, 2]\n[grid]\n\"repeat.dropout\" = [0, 2]\n";

/// A small file of every kind.
fn files() -> Vec<(Kind, Vec<u8>)> {
    let one = array("<f4", "(2,)", &[0; 8]);
    let payload = runs::model_file().split_off(50);
    vec![
        (Kind::Idx, idx(&[2, 3, 4], 24)),
        (Kind::Idx, gzip(&idx(&[2, 3, 4], 24))),
        (Kind::Npy, one.clone()),
        (Kind::Npz, zip(&[stored("x_train.npy", &one), stored("y.npy", &one)])),
        (Kind::Csv, b"label,p0,p1\n1,2,3\n\"4\", 5 ,6\r\n".to_vec()),
        (Kind::Picture, picture(ImageFormat::Png)),
        (Kind::Picture, picture(ImageFormat::Jpeg)),
        (Kind::Model, MODEL.into()),
        (Kind::Sweep, SWEEP.into()),
        (Kind::ModelFile, runs::model_file()),
        (Kind::Payload, payload),
        (Kind::Checkpoint, runs::CHECKPOINT.into()),
        (Kind::CheckpointPayload, runs::CHECKPOINT[50..].into()),
        (Kind::History, runs::HISTORY.into()),
        (Kind::Run, runs::RUN.into()),
        (Kind::ConfigOfRun, MODEL.into()),
    ]
}

/// Made once.
static FILES: LazyLock<Vec<(Kind, Vec<u8>)>> = LazyLock::new(files);

/// Whether it was read.
fn read(what: &str, kind: Kind, bytes: &[u8]) -> bool {
    weighed(kind, bytes, 0).unwrap_or_else(|fault| panic!("{kind:?}, {what}: {fault}")).is_ok()
}

#[test]
fn every_truncation_gives_an_answer() {
    let (_turn, mut count) = (TURN.lock(), 0);
    for (kind, bytes) in files() {
        count += bytes.len();
        assert!(read("whole", kind, &bytes), "{kind:?}");
        // Files that know their length are never taken for whole.
        let measured = matches!(
            kind,
            Kind::Idx
                | Kind::Npy
                | Kind::Npz
                | Kind::ModelFile
                | Kind::Payload
                | Kind::Checkpoint
                | Kind::CheckpointPayload
                | Kind::History
                | Kind::Run
        );
        for len in 0..bytes.len() {
            let read = read(&format!("cut to {len}"), kind, &bytes[..len]);
            assert!(!(read && measured), "{kind:?} cut to {len} of {} was read", bytes.len());
        }
    }
    println!("{count} truncated files of {} kinds: an answer to each", FILES.len());
}

#[test]
fn every_flipped_bit_gives_an_answer() {
    let (_turn, mut count) = (TURN.lock(), 0);
    for (kind, mut bytes) in files() {
        count += bytes.len() * 8;
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let read = read(&format!("bit {bit}"), kind, &bytes);
            assert!(
                !(read && matches!(kind, Kind::ModelFile | Kind::Checkpoint)),
                "bit {bit} was not seen"
            );
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    println!("{count} files with a flipped bit: an answer to each");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_splice_gives_an_answer(
        a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), as_the_second in any::<bool>(),
    ) {
        let _turn = TURN.lock();
        let ((first, head), (second, tail)) = (a.get(&FILES), b.get(&FILES));
        let spliced = [&head[..from.index(head.len())], &tail[to.index(tail.len())..]].concat();
        let kind = if as_the_second { *second } else { *first };
        read("a splice", kind, &spliced);
    }
}
