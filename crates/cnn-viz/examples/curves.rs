//! Draws one picture of each kind into a folder (default: the system's temporary one).
//!
//! `cargo run -p cnn-viz --example curves -- pictures`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_viz::charts::{
    BandChart, BandMark, BandPanel, BandSeries, ConfusionMatrix, GridCell, HeatMap, HeatMapFigure,
    ImageGrid, LearningCurves, LineChart, LineMark, ScatterChart, ScatterPoint, Series, band_chart,
    confusion_matrix, heat_map_figure, image_grid, learning_curves, line_chart, scatter_chart,
};
use cnn_viz::{Bitmap, Color, Colormap, Scene};
use ndarray::Array2;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    save(&folder, "curves", &curves())?;
    save(&folder, "lines", &lines())?;
    save(&folder, "sweep", &sweep())?;
    save(&folder, "confusion", &confusion()?)?;
    save(&folder, "grid", &grid())?;
    save(&folder, "bands", &bands())?;
    save(&folder, "maps", &maps())?;
    save(&folder, "scatter", &scatter())?;
    println!(
        "curves, lines, sweep, confusion, grid, bands, maps and scatter (.svg and .png) are in {}",
        folder.display()
    );
    Ok(())
}

fn save(folder: &Path, name: &str, scene: &Scene) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::write(folder.join(name).with_extension("svg"), scene.to_svg())?;
    std::fs::write(folder.join(name).with_extension("png"), scene.to_png(2.0)?)?;
    Ok(())
}

fn curves() -> Scene {
    learning_curves(&LearningCurves {
        title: "cnn32",
        subtitle: "an invented run of 8 epochs",
        loss: &[0.5312, 0.3521, 0.3035, 0.2741, 0.2498, 0.2289, 0.2104, 0.1932],
        val_loss: &[0.3921, 0.3402, 0.3081, 0.2890, 0.2772, 0.2731, 0.2718, 0.2745],
        accuracy: &[0.8062, 0.8731, 0.8893, 0.9001, 0.9087, 0.9158, 0.9221, 0.9287],
        val_accuracy: &[0.8581, 0.8763, 0.8884, 0.8951, 0.8993, 0.9006, 0.9021, 0.9018],
        measured: false,
    })
}

fn lines() -> Scene {
    let wave = |phase: f64| {
        (0..=100)
            .map(|i| f64::from(i) / 10.0)
            .map(|x| (x, (x + phase).sin() * (-x / 8.0).exp()))
            .collect::<Vec<_>>()
    };
    let (a, b, c) = (wave(0.0), wave(1.0), wave(2.0));
    let series = [
        Series { name: "phase 0", points: &a },
        Series { name: "phase 1", points: &b },
        Series { name: "phase 2", points: &c },
    ];
    line_chart(&LineChart {
        title: "Damped waves",
        subtitle: "three lines of one chart",
        x_label: "time",
        y_label: "height",
        series: &series,
        ..LineChart::default()
    })
}

fn sweep() -> Scene {
    let loss = |x: f64| 2.3 - 1.6 / (1.0 + (-2.5 * (x + 2.5)).exp()) + (4.0 * x).exp();
    let points: Vec<(f64, f64)> =
        (-60..=2).map(|i| f64::from(i) / 10.0).map(|x| (10f64.powf(x), loss(x))).collect();
    line_chart(&LineChart {
        title: "Loss over the learning rate",
        subtitle: "an invented sweep, with a logarithmic axis and marks",
        x_label: "learning rate (logarithmic)",
        y_label: "Loss",
        log_x: true,
        marks: &[
            LineMark { x: 1e-3, text: "the model has 0.001" },
            LineMark { x: 3e-3, text: "steepest 0.003" },
        ],
        series: &[Series { name: "loss", points: &points }],
        ..LineChart::default()
    })
}

fn confusion() -> Result<Scene, cnn_viz::VizError> {
    let classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    .map(String::from);
    let mut counts = vec![0u64; 100];
    for row in 0..10 {
        let wrong = [(0, 6), (6, 0), (2, 4), (4, 2), (6, 2), (5, 7), (9, 7)];
        for &(_, column) in wrong.iter().filter(|w| w.0 == row) {
            counts[row * 10 + column] = 40 + 17 * column as u64;
        }
        counts[row * 10 + (row + 3) % 10] += 5;
        counts[row * 10 + row] += 1000 - counts[row * 10..][..10].iter().sum::<u64>();
    }
    confusion_matrix(&ConfusionMatrix {
        title: "Confusion matrix",
        subtitle: "invented counts, 1,000 images per class",
        classes: &classes,
        counts: &counts,
    })
}

fn grid() -> Scene {
    let ring = |radius: f32| {
        Array2::from_shape_fn((28, 28), |(y, x)| {
            (-((x as f32 - 13.5).hypot(y as f32 - 13.5) - radius).powi(2) / 6.0).exp()
        })
    };
    let maps = [Colormap::Gray, Colormap::Inferno, Colormap::Blues];
    let cells: Vec<GridCell> = (0..12)
        .map(|i| {
            GridCell::new(
                Bitmap::from_f32(&ring(1.0 + i as f32).view(), maps[i / 4], None),
                format!("radius {}", i + 1),
            )
        })
        .collect();
    image_grid(&ImageGrid {
        title: "Rings",
        subtitle: "each with its own colour range",
        columns: 4,
        cell: 112.0,
        cells: &cells,
    })
}

fn maps() -> Scene {
    let disc: Vec<f32> = (0..28 * 28)
        .map(|i| {
            let r = (i as f32 / 28.0 - 14.0).hypot((i % 28) as f32 - 13.5);
            if r < 10.0 { 0.9 } else { 0.1 }
        })
        .collect();
    let wave = Array2::from_shape_fn((28, 28), |(y, x)| (x as f32 / 4.0).sin() * y as f32 / 27.0);
    let size = wave.mapv(f32::abs);
    let column = |heading: &str, values, signed| HeatMap {
        heading: heading.to_owned(),
        values,
        signed,
        lines: vec![("a line below".to_owned(), Color::INK)],
    };
    heat_map_figure(&HeatMapFigure {
        title: "Two maps of one picture",
        subtitle: "invented numbers",
        picture: &Bitmap::from_pixels(&disc, [28, 28, 1]),
        lines: &["a disc".to_owned()],
        cell: 168.0,
        columns: &[column("Without sign", size.view(), false), column("With", wave.view(), true)],
        note: "over the picture, and alone",
    })
}

fn bands() -> Scene {
    let curve = |color, name, top: f64, width: f64| BandSeries {
        name,
        color,
        dashed: false,
        points: (1..=12)
            .map(|e| (f64::from(e), top - 0.4 / f64::from(e), width / f64::from(e)))
            .collect(),
    };
    let panel = |heading: &str, top: f64| BandPanel {
        heading: heading.to_owned(),
        series: vec![curve(0, "training", 1.0, 0.05), curve(1, "validation", top, 0.1)],
        marks: vec![BandMark { x: 9.0, y: 1.0 - 0.4 / 9.0, text: "here".to_owned() }],
        max_y: Some(1.0),
    };
    band_chart(&BandChart {
        title: "Five seeds",
        subtitle: "invented means and deviations",
        x_label: "epoch",
        note: "Lines: means; bands: one standard deviation.",
        columns: 2,
        same_y: true,
        panels: vec![panel("plain", 0.90), panel("with dropout", 0.95)],
    })
}

fn scatter() -> Scene {
    let point = |name, x, y, on_front| ScatterPoint { name, x, y, y_error: Some(0.004), on_front };
    scatter_chart(&ScatterChart {
        title: "Accuracy against cost",
        subtitle: "invented networks",
        x_label: "multiply-accumulates per image (logarithmic)",
        y_label: "Accuracy",
        points: &[
            point("small", 1e5, 0.87, true),
            point("middle", 1.4e6, 0.90, true),
            point("wide", 5e6, 0.899, false),
            point("large", 2.2e7, 0.92, true),
        ],
        note: "Bars: one standard deviation. Blue: the Pareto front.",
    })
}
