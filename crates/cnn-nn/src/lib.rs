//! Layers with their gradients, losses, the Sequential model, model.toml, the summary and the engine that runs them.
#![forbid(unsafe_code)]
