//! libFuzzer on the parser `history_json`: see `cnn_fuzz::history_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cnn_fuzz::history_json(bytes));
