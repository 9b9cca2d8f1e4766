//! Arrays to pictures: learning curves and image grids as SVG and PNG.
#![forbid(unsafe_code)]
