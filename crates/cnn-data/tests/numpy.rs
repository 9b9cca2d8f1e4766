//! Arrays that NumPy wrote, and arrays that NumPy must be able to read.

use cnn_data::npy::{self, Values};
use cnn_data::npz;
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn every_type_order_and_byte_order_of_numpy() {
    for file in ["stored.npz", "deflated.npz"] {
        let entries = npz::read(&fixture(file)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(entries.len(), 40, "{file}");
        for npz::Entry { name, array } in entries {
            let expected: Vec<f32> = match name.as_str() {
                "scalar" => vec![2.5],
                "empty" => vec![],
                _ if name.ends_with("b1") => (0..24).map(|i| (i % 2) as f32).collect(),
                _ => (0..24).map(|i| i as f32).collect(),
            };
            assert_eq!(array.to_f32(), expected, "{file} {name}");
            let kind = match &name[2..] {
                "u1" | "b1" => "uint8",
                n if n.ends_with("f4") => "float32",
                n if n.ends_with("f8") => "float64",
                _ if name == "scalar" || name == "empty" => "float32",
                _ => "int64",
            };
            assert_eq!(array.values.type_name(), kind, "{file} {name}");
        }
    }
    for version in [1, 2, 3] {
        let bytes = std::fs::read(fixture(&format!("v{version}.npy"))).unwrap();
        assert_eq!(npy::parse(&bytes).unwrap().shape, [2, 3, 4]);
    }
}

#[test]
fn pickled_objects_are_refused() {
    let error = npy::parse(&std::fs::read(fixture("objects.npy")).unwrap()).unwrap_err();
    assert!(error.message.contains("pickle"), "{error}");
}

/// The bytes that `numpy.save` writes for the same array (version 1.0, header padded to 64).
#[test]
fn what_we_write_is_what_numpy_writes() {
    let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
    assert_eq!(npy::write_f32(&[2, 3, 4], &values), std::fs::read(fixture("v1.npy")).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn written_archives_read_back(shapes in prop::collection::vec(prop::collection::vec(0usize..5, 0..4), 1..5), seed: u32) {
        let arrays: Vec<(String, Vec<usize>, Vec<f32>)> = shapes.into_iter().enumerate().map(|(i, shape)| {
            let len: usize = shape.iter().product();
            let values = (0..len).map(|j| f32::from_bits(seed.wrapping_mul(2_654_435_761).wrapping_add(j as u32) & 0x7F7F_FFFF)).collect();
            (format!("layer_{i}/kernel"), shape, values)
        }).collect();
        let borrowed: Vec<(&str, &[usize], &[f32])> = arrays.iter().map(|(n, s, v)| (n.as_str(), s.as_slice(), v.as_slice())).collect();
        let mut bytes = Cursor::new(Vec::new());
        npz::write(&mut bytes, &borrowed).unwrap();
        let again = npz::parse(bytes.get_ref()).unwrap();
        let mut twice = Cursor::new(Vec::new());
        npz::write(&mut twice, &borrowed).unwrap();
        prop_assert_eq!(twice.get_ref(), bytes.get_ref(), "the same arrays, the same bytes");
        prop_assert_eq!(again.len(), arrays.len());
        for (entry, (name, shape, values)) in again.iter().zip(&arrays) {
            prop_assert_eq!(&entry.name, name);
            prop_assert_eq!(&entry.array.shape, shape);
            prop_assert_eq!(&entry.array.values, &Values::F32(values.clone()));
        }
    }
}
