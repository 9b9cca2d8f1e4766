//! Event files read back by a reader of the test's own, and compared byte by byte with one that TensorFlow wrote.

use super::*;
use crate::{Logs, Param};
use std::fs;
use std::path::Path;

/// CRC-32C, bit by bit: Castagnoli's polynomial, reflected.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
        }
    }
    !crc
}

/// The records of a file, both checksums of each compared.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    let masked = |bytes: &[u8]| crc(bytes).rotate_right(15).wrapping_add(0xa282_ead8);
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let (mut all, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (head, after) = rest.split_at(12);
        let length = u64::from_le_bytes(head[..8].try_into().unwrap()) as usize;
        assert_eq!(word(&head[8..]), masked(&head[..8]), "checksum of a length");
        let (record, after) = after.split_at(length);
        let (sum, after) = after.split_at(4);
        assert_eq!(word(sum), masked(record), "checksum of a record");
        all.push(record);
        rest = after;
    }
    all
}

/// The fields of a message: number, and content (of whole numbers, the number itself as eight bytes).
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut n, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            n |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return n;
            }
        }
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let content = match key & 7 {
            0 => varint(&mut bytes).to_le_bytes().to_vec(),
            1 => bytes.split_off(..8).unwrap().to_vec(),
            2 => {
                let length = varint(&mut bytes) as usize;
                bytes.split_off(..length).unwrap().to_vec()
            }
            wire => panic!("wire type {wire}"),
        };
        all.push((key >> 3, content));
    }
    all
}

/// The content of a field, nested by numbers; the default is empty.
fn field(bytes: &[u8], path: &[u64]) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else { return bytes.to_vec() };
    let found = fields(bytes).into_iter().find(|(number, _)| number == first);
    found.map_or_else(Vec::new, |(_, content)| field(&content, rest))
}

fn step(record: &[u8]) -> u64 {
    field(record, &[2]).try_into().map_or(0, u64::from_le_bytes)
}

fn time(record: &[u8]) -> f64 {
    f64::from_le_bytes(field(record, &[1]).try_into().unwrap())
}

fn tag(record: &[u8]) -> String {
    String::from_utf8(field(record, &[5, 1, 1])).unwrap()
}

/// The number of a scalar.
fn value(record: &[u8]) -> f32 {
    f32::from_le_bytes(field(record, &[5, 1, 8, 4]).try_into().unwrap())
}

/// As `data/golden/make_tensorboard.py` makes them.
fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| (37 * i % 101) as f32 / 64.0 - 0.742_187_5).collect()
}

#[test]
fn the_records_have_tensorflow_s_bytes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/golden/tensorboard.tfevents");
    let file = fs::read(path).unwrap();
    let records = records(&file);
    assert_eq!(field(records[0], &[3]), b"brain.Event:2");
    let histograms = [numbers(288), numbers(1), vec![0.0; 32]].map(|x| weights::histogram(&x));
    // TensorFlow's PNG, with the pixels of ours.
    let png = fields(&field(records[12], &[5, 1, 8])).pop().unwrap().1;
    let loss = |value| Payload::Scalar { tag: "epoch_loss", value };
    let kernel =
        |i: usize| Payload::Histogram { tag: "conv2d/kernel/histogram", buckets: &histograms[i] };
    let expected = [
        loss(0.5),
        loss(0.0),
        loss(-1.25),
        loss(1e-7),
        loss(f32::NAN),
        loss(f32::INFINITY),
        loss(0.123_456_79),
        Payload::Scalar { tag: "epoch_learning_rate", value: 0.001 },
        kernel(0),
        kernel(1),
        Payload::Histogram { tag: "conv2d/bias/histogram", buckets: &histograms[2] },
        Payload::Image { tag: "dense/kernel/image", width: 3, height: 2, png: &png },
    ];
    assert_eq!(records.len(), 1 + expected.len());
    for (record, payload) in records[1..].iter().zip(expected) {
        let mut ours = Vec::new();
        Event { time: time(record), step: step(record), payload }.encode(&mut ours);
        assert_eq!(ours, *record, "{}", tag(record));
    }
    let picture = weights::Picture { width: 3, height: 2, pixels: vec![0, 51, 102, 153, 204, 255] };
    assert_eq!(pixels(&picture.png().unwrap()), pixels(&png));
}

fn pixels(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Grayscale);
    (info.width, info.height, pixels)
}

/// The only event file in a folder.
fn written(folder: &Path) -> Vec<u8> {
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].to_str().unwrap().contains("events.out.tfevents."));
    fs::read(&names[0]).unwrap()
}

/// Two epochs of three batches: losses 1 − step/8 − epoch/2, a rate that changes.
fn train(spec: &TensorBoard, context: &BuildContext) -> Option<String> {
    let metrics = ["loss", "val_loss", "learning_rate"].map(String::from);
    let mut board = spec.build(context).unwrap();
    let mut control = Control::new();
    let begin = TrainBegin { time: 1_700_000_000.5, ..TrainBegin::of(&metrics) };
    board.on_train_begin(&begin, &mut control);
    let weights = [numbers(18), vec![0.25; 2]].concat();
    let params = [
        Param { name: "conv2d/kernel".into(), shape: vec![3, 3, 1, 2], range: 0..18 },
        Param { name: "conv2d/bias".into(), shape: vec![2], range: 18..20 },
    ];
    for epoch in 0..2 {
        let loss = |step: usize| 1.0 - step as f64 / 8.0 - epoch as f64 / 2.0;
        for step in 0..3 {
            let logs: Logs = [("loss", loss(step))].into_iter().collect();
            let trained = (3 * epoch + step) as f64;
            let event = BatchEnd { epoch, step, steps: 3, trained, ..BatchEnd::of(&logs) };
            board.on_batch_end(&event, &mut control);
        }
        let learning_rate = [0.001, 0.0005][epoch];
        let logs = [("loss", loss(2)), ("val_loss", 0.75), ("learning_rate", 1.0)];
        let logs: Logs = logs.into_iter().collect();
        let event = EpochEnd {
            epoch,
            epochs: 2,
            learning_rate,
            trained: 2.5 + 3.0 * epoch as f64,
            weights: &weights,
            params: &params,
            ..EpochEnd::of(&logs)
        };
        board.on_epoch_end(&event, &mut control);
    }
    let logs = Logs::new();
    board.on_train_end(&TrainEnd { epochs: 2, logs: &logs, stopped_by: None }, &mut control);
    control.stopped_by().map(|stop| stop.reason.clone())
}

#[test]
fn a_run_reads_back_with_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let spec = TensorBoard {
        histogram_freq: 2,
        write_images: true,
        update_freq: Frequency::Batches(2),
        ..TensorBoard::default()
    };
    assert_eq!(train(&spec, &BuildContext::new(folder.path())), None);
    let file = written(&folder.path().join("logs/train"));
    let all = records(&file);
    assert_eq!((field(all[0], &[3]), time(all[0])), (b"brain.Event:2".to_vec(), 1_700_000_000.5));
    let plugin = |record: &[u8]| String::from_utf8(field(record, &[5, 1, 9, 1, 1])).unwrap();
    let scalars: Vec<(String, u64, f32, f64)> = all[1..]
        .iter()
        .filter(|record| plugin(record) == "scalars")
        .map(|record| (tag(record), step(record), value(record), time(record) - 1_700_000_000.5))
        .collect();
    let expected = [
        ("batch_loss", 2, 0.875, 1.0),
        ("epoch_loss", 0, 0.75, 2.5),
        ("epoch_learning_rate", 0, 0.001, 2.5),
        ("batch_loss", 4, 0.5, 3.0),
        ("batch_loss", 6, 0.25, 5.0),
        ("epoch_loss", 1, 0.25, 5.5),
        ("epoch_learning_rate", 1, 0.0005, 5.5),
    ];
    assert_eq!(
        scalars,
        expected.map(|(tag, step, value, time)| (tag.to_owned(), step, value, time))
    );
    let others: Vec<(String, u64, String)> = all[1..]
        .iter()
        .filter(|record| plugin(record) != "scalars")
        .map(|record| (tag(record), step(record), plugin(record)))
        .collect();
    let tags = [
        "conv2d/kernel/histogram",
        "conv2d/kernel/image",
        "conv2d/bias/histogram",
        "conv2d/bias/image",
    ];
    let plugins = ["histograms", "images", "histograms", "images"];
    let expected: Vec<_> = (0..4).map(|i| (tags[i].to_owned(), 0, plugins[i].to_owned())).collect();
    assert_eq!(others, expected, "after the first epoch, not after the second");
    let image = all.iter().find(|record| tag(record) == "conv2d/kernel/image").unwrap();
    let (width, height, _) = pixels(&fields(&field(image, &[5, 1, 8])).pop().unwrap().1);
    assert_eq!((width, height), (7, 3));

    let file = written(&folder.path().join("logs/validation"));
    let scalars: Vec<_> = records(&file)[1..].iter().map(|r| (tag(r), step(r), value(r))).collect();
    let expected = [
        ("evaluation_loss_vs_iterations", 3, 0.75),
        ("epoch_loss", 0, 0.75),
        ("evaluation_loss_vs_iterations", 6, 0.75),
        ("epoch_loss", 1, 0.75),
    ];
    assert_eq!(scalars, expected.map(|(tag, step, value)| (tag.to_owned(), step, value)));
}

#[test]
fn an_earlier_run_is_replaced_only_where_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let train_folder = folder.path().join("logs/train");
    fs::create_dir_all(&train_folder).unwrap();
    let old = train_folder.join("events.out.tfevents.1600000000.cnn.0.v2");
    let other = train_folder.join("notes.txt");
    fs::write(&old, b"old").unwrap();
    fs::write(&other, b"mine").unwrap();
    let context = BuildContext::new(folder.path());
    assert_eq!(train(&TensorBoard::default(), &context), None);
    assert!(old.exists());
    assert_eq!(train(&TensorBoard::default(), &context.overwrite(true)), None);
    assert!(!old.exists() && other.exists());
    // Both of our runs are of the same second: neither has touched the other's file.
    assert_eq!(fs::read_dir(&train_folder).unwrap().count(), 3);
}

#[test]
fn a_folder_that_cannot_be_made_stops_training() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("logs"), b"a file").unwrap();
    let why = train(&TensorBoard::default(), &BuildContext::new(folder.path())).unwrap();
    assert!(why.contains("logs"), "{why}");
}
