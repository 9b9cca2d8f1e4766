//! Shape arithmetic, counted random numbers and checked operations on ndarray views.
#![forbid(unsafe_code)]
