//! idx, npz and image files as arrays; data sets, splits and fingerprints.
#![forbid(unsafe_code)]
