//! Arithmetic on slices: convolution, pooling, dense products, elementwise maps and optimizer updates, with the fork-join pool that spreads them.
