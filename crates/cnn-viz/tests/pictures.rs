//! The pictures themselves: the SVG text, the pixels of the PNG, and histories that go wrong.

use cnn_viz::charts::{
    BandChart, BandMark, BandPanel, BandSeries, ConfusionMatrix, GridCell, HeatMap, HeatMapFigure,
    ImageGrid, LearningCurves, LineChart, LineMark, ScatterChart, ScatterPoint, Series, band_chart,
    confusion_matrix, heat_map_figure, image_grid, learning_curves, line_chart, scatter_chart,
};
use cnn_viz::{Bitmap, Color, Colormap, Item, PALETTE, Scene, VizError};
use ndarray::Array2;
use proptest::prelude::*;

const RUN: LearningCurves<'static> = LearningCurves {
    title: "fashion-cnn",
    subtitle: "Fashion-MNIST, 3 epochs",
    loss: &[0.52, 0.34, 0.29],
    val_loss: &[0.38, 0.33, 0.31],
    accuracy: &[0.81, 0.87, 0.89],
    val_accuracy: &[0.86, 0.88, 0.885],
    measured: false,
};

struct Pixels {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Pixels {
    fn of(scene: &Scene, scale: f32) -> Self {
        let png = scene.to_png(scale).expect("the scene is drawn");
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG header");
        let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut rgb).expect("pixels");
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        Self { width: info.width, height: info.height, rgb }
    }

    fn at(&self, x: u32, y: u32) -> Color {
        let i = ((y * self.width + x) * 3) as usize;
        Color { r: self.rgb[i], g: self.rgb[i + 1], b: self.rgb[i + 2] }
    }

    /// How many pixels of the rectangle are not white.
    fn inked(&self, x: std::ops::Range<u32>, y: std::ops::Range<u32>) -> usize {
        y.flat_map(|y| x.clone().map(move |x| (x, y)))
            .filter(|&(x, y)| self.at(x, y) != Color::WHITE)
            .count()
    }
}

/// Valid XML with a size and a title.
fn check_svg(scene: &Scene) {
    let svg = scene.to_svg();
    let document = roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{e}\n{svg}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    assert_eq!(root.attribute("width"), Some(scene.width.to_string().as_str()));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert_eq!(svg, scene.to_svg());
}

fn texts<'a>(scene: &'a Scene) -> Vec<&'a str> {
    let text = |item: &'a Item| if let Item::Text(t) = item { Some(t.text.as_str()) } else { None };
    scene.items.iter().filter_map(text).collect()
}

#[test]
fn the_svg_of_learning_curves_is_the_same_byte_for_byte() {
    let scene = learning_curves(&RUN);
    check_svg(&scene);
    insta::assert_snapshot!(scene.to_svg());
}

#[test]
fn the_png_shows_what_the_svg_shows() {
    let scene = learning_curves(&RUN);
    for scale in [1.0, 2.0] {
        let pixels = Pixels::of(&scene, scale);
        assert_eq!((pixels.width, pixels.height), ((960.0 * scale) as u32, (430.0 * scale) as u32));
        let s = |v: f32| (v * scale) as u32;
        assert_eq!(pixels.at(0, 0), Color::WHITE);
        // The title, and nothing left of it.
        assert!(pixels.inked(s(28.0)..s(130.0), s(22.0)..s(42.0)) > s(20.0) as usize);
        assert_eq!(pixels.inked(0..s(27.0), 0..s(430.0)), 0);
        // The middle of each curve's every point has the curve's colour, unless a later marker lies on it.
        for item in &scene.items {
            if let Item::Circle { center, fill, .. } = item
                && *fill == PALETTE[1]
            {
                assert_eq!(
                    pixels.at(s(center.0), s(center.1)),
                    *fill,
                    "{center:?} at scale {scale}"
                );
            }
        }
    }
}

#[test]
fn text_is_drawn_where_it_is_anchored() {
    use cnn_viz::{Anchor, Text};
    let drawn = |anchor, rotate: f32| {
        let mut scene = Scene::new(200, 200, "text");
        scene.text(Text::new(100.0, 100.0, 20.0, "HHHH").anchor(anchor).rotate(rotate));
        let p = Pixels::of(&scene, 1.0);
        [
            p.inked(0..100, 0..100),
            p.inked(100..200, 0..100),
            p.inked(0..100, 100..200),
            p.inked(100..200, 100..200),
        ]
        .map(|n| n > 50)
    };
    assert_eq!(drawn(Anchor::Start, 0.0), [false, true, false, false]);
    assert_eq!(drawn(Anchor::End, 0.0), [true, false, false, false]);
    assert_eq!(drawn(Anchor::Middle, 0.0), [true, true, false, false]);
    // A quarter turn clockwise: the text runs down, its tops point right.
    assert_eq!(drawn(Anchor::Start, 90.0), [false, false, false, true]);
}

#[test]
fn the_chart_says_how_training_was_measured() {
    let note = |measured| {
        let scene = learning_curves(&LearningCurves { measured, ..RUN });
        check_svg(&scene);
        texts(&scene).last().map(|text| (*text).to_owned()).unwrap()
    };
    assert!(note(false).starts_with("Training values are running means over the epoch"));
    assert!(note(true).starts_with("Training and validation values are both measured after each"));
}

#[test]
fn one_epoch_is_a_marker_with_its_value() {
    let scene = learning_curves(&LearningCurves {
        title: "one",
        loss: &[0.5],
        accuracy: &[0.8],
        ..Default::default()
    });
    check_svg(&scene);
    assert_eq!(scene.items.iter().filter(|i| matches!(i, Item::Polyline { .. })).count(), 0);
    assert!(texts(&scene).contains(&"0.500") && texts(&scene).contains(&"0.800"));
    assert!(!texts(&scene).contains(&"validation"));
}

#[test]
fn an_empty_history_says_so() {
    let scene = learning_curves(&LearningCurves { title: "nothing", ..Default::default() });
    check_svg(&scene);
    assert!(texts(&scene).contains(&"no epochs recorded"));
    Pixels::of(&scene, 1.0);
}

#[test]
fn values_that_are_not_numbers_leave_gaps_and_are_mentioned() {
    let loss = [0.5, f64::NAN, 0.4, 0.3, f64::INFINITY, 1e305];
    let scene =
        learning_curves(&LearningCurves { title: "gaps", loss: &loss, ..Default::default() });
    check_svg(&scene);
    assert_eq!(scene.items.iter().filter(|i| matches!(i, Item::Polyline { .. })).count(), 1);
    assert!(texts(&scene).iter().any(|t| t.contains("not finite")));
    let scene =
        learning_curves(&LearningCurves { title: "NaN", loss: &[f64::NAN], ..Default::default() });
    assert!(texts(&scene).contains(&"no value is a finite number"));
}

#[test]
fn names_are_escaped() {
    let classes = ["a<b>".to_string(), "\"&'\u{0}".to_string()];
    let scene = confusion_matrix(&ConfusionMatrix {
        title: "<&>",
        subtitle: "",
        classes: &classes,
        counts: &[1, 2, 3, 4],
    })
    .unwrap();
    check_svg(&scene);
    let svg = scene.to_svg();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(document.descendants().any(|n| n.text() == Some("a<b>")));
}

#[test]
fn a_confusion_matrix_shows_counts_recall_and_precision() {
    let classes = ["cat".to_string(), "dog".to_string()];
    let matrix = ConfusionMatrix {
        title: "Pets",
        subtitle: "",
        classes: &classes,
        counts: &[30, 10, 0, 60],
    };
    let scene = confusion_matrix(&matrix).unwrap();
    check_svg(&scene);
    // recall 30/40 and 60/60; precision 30/30 and 60/70
    for text in ["30", "10", "0", "60", "75.0 %", "100.0 %", "85.7 %"] {
        assert!(texts(&scene).contains(&text), "{text} in {:?}", texts(&scene));
    }
    Pixels::of(&scene, 1.0);
    let short = confusion_matrix(&ConfusionMatrix { counts: &[1, 2, 3], ..matrix });
    assert!(matches!(short, Err(VizError::Length { expected: 4, got: 3, .. })));
    assert!(confusion_matrix(&ConfusionMatrix { classes: &[], counts: &[], ..matrix }).is_err());
}

#[test]
fn a_hundred_classes_fit_without_numbers() {
    let classes: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
    let scene = confusion_matrix(&ConfusionMatrix {
        title: "many",
        subtitle: "",
        classes: &classes,
        counts: &vec![7; 10_000],
    })
    .unwrap();
    check_svg(&scene);
    assert!(!texts(&scene).contains(&"7"));
    assert!(scene.width < 2000);
}

#[test]
fn a_grid_shows_each_pixel_as_a_block() {
    let plane = Array2::from_shape_fn((2, 2), |(y, x)| if y == x { 255u8 } else { 0 });
    let cells = [GridCell::new(
        Bitmap::from_u8(&plane.view(), Colormap::Gray),
        "a label that is much too long",
    )];
    let scene =
        image_grid(&ImageGrid { title: "", subtitle: "", columns: 3, cell: 40.0, cells: &cells });
    check_svg(&scene);
    assert!(texts(&scene).iter().any(|t| t.ends_with('…')));
    let pixels = Pixels::of(&scene, 1.0);
    let corner = |x: u32, y: u32| pixels.at(28 + x, 58 + y);
    assert_eq!(
        [corner(19, 0), corner(20, 0), corner(0, 20), corner(20, 20)],
        [Color::WHITE, Color::hex(0), Color::hex(0), Color::WHITE]
    );
    check_svg(&image_grid(&ImageGrid {
        title: "none",
        subtitle: "",
        columns: 0,
        cell: f32::NAN,
        cells: &[],
    }));
}

#[test]
fn a_picture_too_large_is_refused() {
    let error = Scene::new(20_000, 10, "wide").to_png(1.0).unwrap_err();
    assert!(error.to_string().contains("20000×10") && error.to_string().contains("16384"));
    assert!(Scene::new(10, 10, "none").to_png(0.0).is_err());
    assert!(Scene::new(10, 10, "none").to_png(f32::NAN).is_err());
}

proptest! {
    #[test]
    fn any_history_gives_valid_pictures(loss in prop::collection::vec(any::<f64>(), 0..40), accuracy in prop::collection::vec(any::<f64>(), 0..40)) {
        let scene = learning_curves(&LearningCurves { title: "any", loss: &loss, accuracy: &accuracy, val_loss: &accuracy, ..Default::default() });
        check_svg(&scene);
        for item in &scene.items {
            if let Item::Circle { center, .. } = item && center.1 > 40.0 {
                prop_assert!((0.0..=960.0).contains(&center.0) && (100.0..=340.0).contains(&center.1), "{:?}", center);
            }
        }
    }

    #[test]
    fn any_points_give_a_chart(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20), whole_x in any::<bool>(), log_x in any::<bool>(), x in any::<f64>()) {
        let series = [Series { name: "any", points: &points }];
        let marks = [LineMark { x, text: "here" }];
        check_svg(&line_chart(&LineChart { title: "any", series: &series, marks: &marks, whole_x, log_x, ..Default::default() }));
    }
}

#[test]
fn a_logarithmic_axis_has_its_decades_at_equal_distances_and_its_marks_in_place() {
    let points: Vec<(f64, f64)> = (-5..=0).map(|e| (10f64.powi(e), 2.0 + f64::from(e))).collect();
    let marks = [
        LineMark { x: 1e-2, text: "middle" },
        LineMark { x: 100.0, text: "outside" },
        LineMark { x: 0.0, text: "nowhere" },
    ];
    let series = [Series { name: "line", points: &points }];
    let scene = line_chart(&LineChart {
        log_x: true,
        marks: &marks,
        series: &series,
        ..Default::default()
    });
    check_svg(&scene);
    let at = circles(&scene, 3.0);
    // The legend's circle comes first.
    let steps: Vec<f32> = at[1..].windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(steps.len(), 5);
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.01), "{steps:?}");
    let dashed = |item: &Item| match item {
        Item::Line { from, stroke, .. } if stroke.dash.is_some() => Some(from.0),
        _ => None,
    };
    let lines: Vec<f32> = scene.items.iter().filter_map(dashed).collect();
    assert_eq!(lines.len(), 1, "only the mark inside is drawn");
    assert!((lines[0] - at[4].0).abs() < 0.01, "at 1e-2: {lines:?} {at:?}");
    let shown = texts(&scene);
    for text in ["1e−5", "0.001", "0.1", "middle"] {
        assert!(shown.contains(&text), "{text}: {shown:?}");
    }
    assert!(!shown.contains(&"outside") && !shown.contains(&"nowhere"));
}

/// Where the circles of at least this radius are.
fn circles(scene: &Scene, least: f32) -> Vec<(f32, f32)> {
    let circle = |item: &Item| match item {
        Item::Circle { center, radius, .. } if *radius >= least => Some(*center),
        _ => None,
    };
    scene.items.iter().filter_map(circle).collect()
}

#[test]
fn the_cost_axis_is_logarithmic_and_the_front_climbs() {
    let point = |name, x, y, on_front| ScatterPoint { name, x, y, y_error: Some(0.01), on_front };
    let points = [
        point("first", 1e3, 0.8, true),
        point("second", 1e4, 0.9, true),
        point("beaten", 1e5, 0.85, false),
        point("free", 0.0, 0.9, false),
        point("broken", 1e4, f64::NAN, false),
    ];
    let scene = scatter_chart(&ScatterChart { title: "t", points: &points, ..Default::default() });
    check_svg(&scene);
    let mut at = circles(&scene, 5.0);
    at.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(at.len(), 3, "what cannot be placed is left out");
    assert!((at[1].0 - at[0].0 - (at[2].0 - at[1].0)).abs() < 0.01, "tenfold is one step: {at:?}");
    assert!(at[1].1 < at[0].1, "better is higher");
    let shown = texts(&scene);
    for word in ["first", "second", "beaten", "1k", "10k", "100k"] {
        assert!(shown.contains(&word), "{word}: {shown:?}");
    }
    assert!(shown.iter().any(|text| text.contains("Left out, as not measured: 2")), "{shown:?}");
    let stairs = scene.items.iter().find_map(|item| match item {
        Item::Polyline { points, .. } => Some(points.clone()),
        _ => None,
    });
    assert_eq!(stairs.unwrap(), [at[0], (at[1].0, at[0].1), at[1]], "level, then up");
    check_svg(&scatter_chart(&ScatterChart::default()));
}

#[test]
fn names_of_points_do_not_cover_each_other() {
    let names: Vec<String> = (0..6).map(|i| format!("network number {i}")).collect();
    let point = |(i, name): (usize, &'static str)| ScatterPoint {
        name,
        x: 1e6 * (1.0 + i as f64 * 0.02),
        y: 0.9 + i as f64 * 0.004,
        y_error: None,
        on_front: false,
    };
    let leaked: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
    let points: Vec<_> = leaked.iter().copied().enumerate().map(point).collect();
    let scene = scatter_chart(&ScatterChart { points: &points, ..Default::default() });
    let boxed = |item: &Item| match item {
        Item::Text(text) if text.text.starts_with("network") => {
            let width = cnn_viz::text_width(&text.text, text.size, text.weight);
            Some((text.x, text.x + width, text.y))
        }
        _ => None,
    };
    let labels: Vec<_> = scene.items.iter().filter_map(boxed).collect();
    assert_eq!(labels.len(), 6);
    for (i, a) in labels.iter().enumerate() {
        for b in &labels[..i] {
            let apart = a.0 >= b.1 || b.0 >= a.1 || (a.2 - b.2).abs() >= 11.0;
            assert!(apart, "{labels:?}");
        }
    }
}

#[test]
fn a_band_lies_around_its_line_and_every_panel_is_drawn() {
    let series = |name, points: &[(f64, f64, f64)]| BandSeries {
        name,
        color: 0,
        dashed: false,
        points: points.to_vec(),
    };
    let chart = BandChart {
        title: "bands",
        x_label: "epoch",
        columns: 2,
        panels: vec![
            BandPanel {
                heading: "both".to_owned(),
                series: vec![series(
                    "mean",
                    &[(1.0, 0.5, 0.1), (2.0, 0.7, 0.1), (3.0, f64::NAN, 0.1)],
                )],
                marks: vec![BandMark { x: 2.0, y: 0.7, text: "there".to_owned() }],
                max_y: None,
            },
            BandPanel {
                heading: "one".to_owned(),
                series: vec![series("mean", &[(1.0, 0.5, 0.0)])],
                ..Default::default()
            },
            BandPanel { heading: "none".to_owned(), ..Default::default() },
        ],
        ..Default::default()
    };
    let scene = band_chart(&chart);
    check_svg(&scene);
    let shown = texts(&scene);
    for word in ["both", "one", "none", "there", "nothing recorded"] {
        assert!(shown.contains(&word), "{word}: {shown:?}");
    }
    assert_eq!(shown.iter().filter(|text| **text == "mean").count(), 1, "the legend names it once");
    let band = scene.items.iter().find_map(|item| match item {
        Item::Polygon { points, opacity, .. } => Some((points.clone(), *opacity)),
        _ => None,
    });
    let (band, opacity) = band.unwrap();
    assert!(band.len() == 4 && opacity < 0.5);
    let line = scene.items.iter().find_map(|item| match item {
        Item::Polyline { points, .. } => Some(points.clone()),
        _ => None,
    });
    for (point, (upper, lower)) in
        line.unwrap().iter().zip([(band[0], band[3]), (band[1], band[2])])
    {
        assert!(
            (f32::midpoint(upper.1, lower.1) - point.1).abs() < 0.01,
            "the line is in the middle"
        );
    }
    // The band's pixels are pale, not the line's colour.
    let pixels = Pixels::of(&scene, 1.0);
    let (x, y) = (f32::midpoint(band[0].0, band[1].0), f32::midpoint(band[0].1, band[1].1) + 4.0);
    let color = pixels.at(x as u32, y as u32);
    assert!(color != Color::WHITE && color != PALETTE[0], "{color:?}");
}

#[test]
fn accuracies_end_at_one_and_marks_stay_inside() {
    let points = vec![(1.0, 0.97, 0.05), (2.0, 1.0, 0.0), (12.0, 1.0, 0.2)];
    let text = "epoch 12: training accuracy is above the line\nand the words are long".to_owned();
    let panel = |points: &[(f64, f64, f64)], x: f64| BandPanel {
        series: vec![BandSeries { name: "a", color: 0, dashed: false, points: points.to_vec() }],
        marks: vec![BandMark { x, y: 1.0, text: text.clone() }],
        max_y: Some(1.0),
        ..Default::default()
    };
    let panels = vec![panel(&points, 2.0), panel(&points, 7.0), panel(&[(1.0, 1.0, 0.0)], 1.0)];
    let chart = BandChart { columns: 2, panels, ..Default::default() };
    let scene = band_chart(&chart);
    check_svg(&scene);
    let shown = texts(&scene);
    assert!(
        shown
            .iter()
            .all(|text| !text.starts_with("1.0") || ["1.0", "1.00", "1.000"].contains(text)),
        "{shown:?}"
    );
    assert_eq!(shown.iter().filter(|text| **text == "and the words are long").count(), 3);
    for item in &scene.items {
        if let Item::Text(text) = item {
            assert!(text.x >= 0.0, "{text:?}");
        }
    }
}

/// Every column holds the map twice, over the picture and alone, and nothing leaves the scene.
#[test]
fn maps_stand_beside_their_picture() {
    let picture = Bitmap::from_pixels(&[0.5; 6], [2, 3, 1]);
    let (plain, signed) = (Array2::from_elem((2, 3), 1.0f32), Array2::from_elem((2, 3), -1.0f32));
    let under = ["under the picture".to_owned()];
    let long = "a line that is much longer than the cell is wide, and so on".repeat(3);
    let column = |heading: &str, values, signed| HeatMap {
        heading: heading.to_owned(),
        values,
        signed,
        lines: vec![("first".to_owned(), Color::INK), (long.clone(), Color::MUTED)],
    };
    let columns = [column("One", plain.view(), false), column("Two", signed.view(), true)];
    for (count, bars) in [(0, 0), (1, 1), (2, 2)] {
        let scene = heat_map_figure(&HeatMapFigure {
            title: "Maps",
            subtitle: "of a picture",
            picture: &picture,
            lines: &under,
            cell: 120.0,
            columns: &columns[..count],
            note: "a note",
        });
        check_svg(&scene);
        let images = scene.items.iter().filter(|item| matches!(item, Item::Image { .. })).count();
        assert_eq!(images, 1 + 2 * count + bars);
        for item in &scene.items {
            if let Item::Image { x, y, w, h, bitmap } = item {
                assert!(*x >= 28.0 && x + w <= scene.width as f32 - 27.0);
                assert!(*y >= 78.0 && y + h <= scene.height as f32);
                assert!(bitmap.height() == 1 || (w / h - 1.5).abs() < 1e-4, "proportions are kept");
            }
        }
        assert_eq!(texts(&scene).iter().filter(|text| text.ends_with('…')).count(), count);
        assert!(texts(&scene).contains(&"a note"));
    }
    // −1 everywhere is the blue end of the scale, shown alone in the second row of the second column.
    let scene = heat_map_figure(&HeatMapFigure {
        title: "",
        subtitle: "",
        picture: &picture,
        lines: &[],
        cell: f32::NAN,
        columns: &columns[1..],
        note: "",
    });
    let alone = scene.items.iter().rev().find_map(|item| match item {
        Item::Image { bitmap, .. } => Some(bitmap.pixels()[0]),
        _ => None,
    });
    assert_eq!(alone, Some(Colormap::RedBlue.color(0.0)));
    check_svg(&scene);
}
