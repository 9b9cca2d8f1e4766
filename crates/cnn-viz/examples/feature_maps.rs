//! Feature maps and kernels of a layer made up for the occasion: as pictures in a folder (default: the system's temporary
//! one), and as text.
//!
//! `cargo run -p cnn-viz --example feature_maps -- pictures`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_viz::charts::{
    KernelSheet, Kernels, LayerKernels, MapCell, MapColumn, MapRow, MapTable, Scaling, Values,
    kernel_sheet, map_table,
};
use cnn_viz::terminal::{Ink, map_text};
use cnn_viz::{Bitmap, Colormap};
use ndarray::{Array3, Array4, Axis};
use std::path::PathBuf;

const SIDE: usize = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;

    // A ring, and four kernels that look for its edges: up, down, left and right.
    let ring: Vec<f32> = (0..SIDE * SIDE).map(|i| ring(i / SIDE, i % SIDE)).collect();
    let kernel = Array4::from_shape_fn((3, 3, 1, 4), |(y, x, _, f)| {
        let across = if f < 2 { y } else { x } as f32 - 1.0;
        if f % 2 == 0 { across } else { -across }
    });
    let maps = Array3::from_shape_fn((SIDE - 2, SIDE - 2, 4), |(y, x, f)| {
        let products =
            (0..9).map(|i| ring[(y + i / 3) * SIDE + x + i % 3] * kernel[[i / 3, i % 3, 0, f]]);
        products.sum::<f32>().max(0.0)
    });

    let column =
        |name: &str, note: &str| MapColumn { name: name.to_owned(), note: note.to_owned() };
    let row = MapRow {
        picture: Bitmap::from_pixels(&ring, [SIDE, SIDE, 1]),
        label: "a ring".to_owned(),
        cells: vec![
            MapCell {
                label: "channel 1".to_owned(),
                values: Values::Map(maps.index_axis(Axis(2), 1)),
            },
            MapCell { label: "4 channels".to_owned(), values: Values::Maps(maps.view()) },
        ],
    };
    let table = MapTable {
        title: "Edges of a ring",
        subtitle: "one channel, and all of them",
        first: column("image", "24 × 24"),
        columns: vec![column("one", "22 × 22"), column("all", "22 × 22 × 4")],
        rows: vec![row],
        map: Colormap::Inferno,
        scaling: Scaling::Table,
    };
    std::fs::write(folder.join("maps.png"), map_table(&table)?.to_png(2.0)?)?;
    print!("{}", map_text(&table, 100, Ink::Ascii)?);

    let layer = LayerKernels {
        name: "edges".to_owned(),
        note: "up, down, left, right".to_owned(),
        kernel: Kernels::Filters(kernel.view()),
        marked: Vec::new(),
    };
    let sheet = KernelSheet {
        title: "Kernels",
        subtitle: "",
        layers: vec![layer],
        map: Colormap::RedBlue,
        most: 32,
    };
    std::fs::write(folder.join("kernels.png"), kernel_sheet(&sheet).to_png(2.0)?)?;
    println!("maps.png and kernels.png are in {}", folder.display());
    Ok(())
}

/// Bright between two circles around the middle.
fn ring(y: usize, x: usize) -> f32 {
    let [dy, dx] = [y, x].map(|at| at as f32 - (SIDE as f32 - 1.0) / 2.0);
    if (6.0..10.0).contains(&dy.hypot(dx)) { 1.0 } else { 0.0 }
}
