//! Keras's callbacks: typed events in, a Control out.
#![forbid(unsafe_code)]
