//! Tables of feature maps, kernels as pictures, and both as text for terminals.

use cnn_viz::charts::{
    KernelSheet, Kernels, LayerKernels, MapCell, MapColumn, MapRow, MapTable, Scaling, Values,
    kernel_sheet, map_table,
};
use cnn_viz::terminal::{Ink, bitmap_text, map_text};
use cnn_viz::{Bitmap, Color, Colormap, Item, Scene, VizError, text_width};
use ndarray::{Array2, Array3, Array4};
use proptest::prelude::*;

fn texts(scene: &Scene) -> Vec<&str> {
    scene
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Text(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect()
}

fn bitmaps(scene: &Scene) -> Vec<&Bitmap> {
    let all = scene.items.iter().filter_map(|item| match item {
        Item::Image { bitmap, .. } => Some(bitmap),
        _ => None,
    });
    all.collect()
}

/// Every text and every image lies inside the scene, no two images overlap, and no two texts of a line do.
fn check_layout(scene: &Scene) {
    roxmltree::Document::parse(&scene.to_svg()).expect("valid XML");
    let (width, height) = (scene.width as f32, scene.height as f32);
    let mut words: Vec<(f32, f32, f32, &str)> = Vec::new();
    let mut images: Vec<[f32; 4]> = Vec::new();
    for item in &scene.items {
        match item {
            Item::Text(text) => {
                let w = text_width(&text.text, text.size, text.weight);
                let left = match text.anchor {
                    cnn_viz::Anchor::Start => text.x,
                    cnn_viz::Anchor::Middle => text.x - w / 2.0,
                    cnn_viz::Anchor::End => text.x - w,
                };
                assert!(
                    left >= 0.0 && left + w <= width && text.y < height,
                    "{text:?} of {width}×{height}"
                );
                for &(y, from, to, other) in &words {
                    let apart = (y - text.y).abs() >= 9.0 || left >= to || from >= left + w;
                    assert!(apart, "{:?} lies on {other:?}", text.text);
                }
                words.push((text.y, left, left + w, &text.text));
            }
            Item::Image { x, y, w, h, .. } => {
                assert!(*x >= 0.0 && *y >= 0.0 && x + w <= width && y + h <= height);
                for [ox, oy, ow, oh] in &images {
                    let apart = *x >= ox + ow - 0.01
                        || *ox >= x + w - 0.01
                        || *y >= oy + oh - 0.01
                        || *oy >= y + h - 0.01;
                    assert!(apart, "images overlap");
                }
                images.push([*x, *y, *w, *h]);
            }
            _ => {}
        }
    }
}

fn column(name: &str) -> MapColumn {
    MapColumn { name: name.to_owned(), note: "2 × 2 × 2".to_owned() }
}

fn cell<'a>(label: &str, values: Values<'a>) -> MapCell<'a> {
    MapCell { label: label.to_owned(), values }
}

/// Two images; a layer whose second image is twice as bright, and a row of three numbers.
fn with_table(scaling: Scaling, map: Colormap, look: impl FnOnce(&MapTable<'_>)) {
    let dark = Array2::from_shape_vec((2, 2), vec![0.0, 1.0, 0.5, 0.0]).expect("four numbers");
    let bright = &dark * 2.0;
    let (first, second) = ([0.1, 0.2, 0.7], [-4.0, 0.0, 1.0]);
    let picture = Bitmap::from_pixels(&[0.0, 1.0, 1.0, 0.0], [2, 2, 1]);
    let row = |plane, numbers| MapRow {
        picture: picture.clone(),
        label: "3: shoe".to_owned(),
        cells: vec![cell("channel 1", Values::Map(plane)), cell("3 numbers", Values::Row(numbers))],
    };
    look(&MapTable {
        title: "maps",
        subtitle: "of two images",
        first: column("image"),
        columns: vec![column("conv2d"), column("dense")],
        rows: vec![row(dark.view(), &first), row(bright.view(), &second)],
        map,
        scaling,
    });
}

#[test]
fn colours_are_shared_as_asked() {
    let gray = |v: u8| Color { r: v, g: v, b: v };
    // The brightest pixel of the first and of the second image's map, and the last number of the first image.
    for (scaling, expected, words) in [
        (Scaling::Cell, [255, 255, 255], "Each cell has its own colours"),
        (Scaling::Column, [128, 255, 240], "The cells of a column share their colours."),
        (Scaling::Table, [213, 255, 200], "All cells share their colours."),
    ] {
        with_table(scaling, Colormap::Gray, |table| {
            let scene = map_table(table).expect("it is drawn");
            check_layout(&scene);
            let all = bitmaps(&scene);
            let seen = [all[1].pixels()[1], all[4].pixels()[1], all[2].pixels()[2]];
            assert_eq!(seen, expected.map(gray), "{scaling:?}");
            assert!(
                texts(&scene).iter().any(|text| text.starts_with(words)),
                "{:?}",
                texts(&scene)
            );
            let bars = match scaling {
                Scaling::Cell => 0,
                Scaling::Column => 2,
                Scaling::Table => 1,
            };
            assert_eq!(all.len(), 6 + bars);
        });
    }
}

#[test]
fn every_cell_tells_its_range() {
    with_table(Scaling::Cell, Colormap::Inferno, |table| {
        let scene = map_table(table).expect("it is drawn");
        for text in [
            "maps",
            "of two images",
            "conv2d",
            "dense",
            "3: shoe",
            "channel 1: 0 to 1",
            "channel 1: 0 to 2",
            "3 numbers: 0.1 to 0.7",
            "3 numbers: −4 to 1",
        ] {
            assert!(texts(&scene).contains(&text), "{text}: {:?}", texts(&scene));
        }
    });
    let zero = Array2::zeros((3, 2));
    let nan = Array2::from_elem((1, 1), f32::NAN);
    let picture = Bitmap::from_pixels(&[1.0], [1, 1, 1]);
    let cells = vec![cell("", Values::Map(zero.view())), cell("x", Values::Map(nan.view()))];
    let rows = vec![MapRow {
        picture,
        label: "a name that is much too long for the space that a picture has".to_owned(),
        cells,
    }];
    let table = MapTable {
        title: "t",
        subtitle: "",
        first: column("image"),
        columns: vec![column("a"), column("b")],
        rows,
        map: Colormap::Viridis,
        scaling: Scaling::Table,
    };
    let scene = map_table(&table).expect("it is drawn");
    check_layout(&scene);
    let shown = texts(&scene);
    assert!(shown.contains(&"all 0") && shown.contains(&"x: no finite number"), "{shown:?}");
    assert!(shown.iter().any(|text| text.contains("Green is not a number.")), "{shown:?}");
    assert!(shown.iter().any(|text| text.ends_with('…')), "{shown:?}");
    let short = MapTable { columns: vec![column("a")], ..table.clone() };
    assert!(matches!(map_table(&short), Err(VizError::Length { expected: 1, got: 2, .. })));
    assert!(map_text(&short, 80, Ink::Ascii).is_err());
    let empty = MapTable { columns: vec![], rows: vec![], ..table };
    check_layout(&map_table(&empty).expect("it is drawn"));
}

#[test]
fn a_signed_map_has_zero_in_its_middle() {
    with_table(Scaling::Cell, Colormap::RedBlue, |table| {
        let scene = map_table(table).expect("it is drawn");
        // −4, 0, 1: the darkest blue, the middle, a pale red.
        let row = bitmaps(&scene)[5].pixels();
        assert_eq!(row[..2], [Colormap::RedBlue.color(0.0), Colormap::RedBlue.color(0.5)]);
        assert_eq!(row[2], Colormap::RedBlue.color(0.625));
    });
}

#[test]
fn channels_lie_side_by_side_in_lines() {
    let maps = Array3::from_shape_fn((2, 2, 8), |(_, _, c)| c as f32);
    let bitmap = Values::Maps(maps.view()).bitmap(Colormap::Gray, (0.0, 7.0));
    assert_eq!((bitmap.width(), bitmap.height()), (4 * 3 - 1, 2 * 3 - 1), "four in a line");
    let at = |x: usize, y: usize| bitmap.pixels()[y * bitmap.width() + x];
    for c in 0..8 {
        assert_eq!(at(c % 4 * 3, c / 4 * 3), Colormap::Gray.color(c as f32 / 7.0), "channel {c}");
    }
    assert_eq!(at(2, 0), Color::WHITE, "between channels");
    let one = Array3::from_shape_fn((1, 1, 64), |(_, _, c)| c as f32);
    let bitmap = Values::Maps(one.view()).bitmap(Colormap::Gray, (0.0, 63.0));
    assert_eq!((bitmap.width(), bitmap.height()), (16, 4), "1×1 maps have no gaps");
    let row: Vec<f32> = (0..20).map(|v| v as f32).collect();
    let bitmap = Values::Row(&row).bitmap(Colormap::Gray, (0.0, 19.0));
    assert_eq!((bitmap.width(), bitmap.height()), (10, 2));
}

fn sheet(layers: Vec<LayerKernels<'_>>, most: usize) -> KernelSheet<'_> {
    KernelSheet { title: "kernels", subtitle: "of a test", layers, map: Colormap::RedBlue, most }
}

fn layer<'a>(name: &str, kernel: Kernels<'a>, marked: &[usize]) -> LayerKernels<'a> {
    LayerKernels {
        name: name.to_owned(),
        note: "a note".to_owned(),
        kernel,
        marked: marked.to_vec(),
    }
}

#[test]
fn kernels_are_drawn_filter_by_filter() {
    let first =
        Array4::from_shape_fn((3, 3, 1, 20), |(y, x, _, f)| (y as f32 - x as f32) * f as f32);
    let deeper = Array4::from_shape_fn((2, 3, 4, 5), |(y, x, c, f)| (y + x + c) as f32 - f as f32);
    let matrix = Array2::from_shape_fn((6, 2), |(i, u)| i as f32 - 3.0 * u as f32);
    let scene = kernel_sheet(&sheet(
        vec![
            layer("conv2d", Kernels::Filters(first.view()), &[3]),
            layer("conv2d_1", Kernels::Filters(deeper.view()), &[]),
            layer("dense", Kernels::Matrix(matrix.view()), &[]),
        ],
        64,
    ));
    check_layout(&scene);
    let all = bitmaps(&scene);
    // Two lines of 16 and 4 filters, their bar; four lines of five, their bar; the matrix, its bar.
    let widths: Vec<usize> = all.iter().map(|bitmap| bitmap.width()).collect();
    assert_eq!(widths, [16 * 4 - 1, 4 * 4 - 1, 64, 19, 19, 19, 19, 64, 6, 64]);
    // Channel 2 of filter 4 at row 1, column 2: 1 + 2 + 2 − 4 of at most 6 (row 1, column 2, channel 3, filter 0).
    let line = all[5];
    assert_eq!(
        line.pixels()[line.width() + 4 * 4 + 2],
        Colormap::RedBlue.color((1.0 + 6.0) / 12.0)
    );
    // Unit 1 of input 5: 5 − 3 of at most 5.
    assert_eq!(all[8].pixels()[6 + 5], Colormap::RedBlue.color((2.0 + 5.0) / 10.0));
    let orange = scene.items.iter().filter_map(|item| match item {
        Item::Text(text) if text.color == cnn_viz::PALETTE[1] => Some(text.text.as_str()),
        _ => None,
    });
    assert_eq!(orange.collect::<Vec<_>>(), ["3", "Orange: dead, the output is 0 everywhere."]);
}

#[test]
fn what_is_not_drawn_is_said() {
    let kernel = Array4::from_shape_fn((3, 3, 40, 50), |(_, _, c, f)| c as f32 - f as f32);
    let scene =
        kernel_sheet(&sheet(vec![layer("conv2d", Kernels::Filters(kernel.view()), &[])], 8));
    check_layout(&scene);
    let note = texts(&scene)
        .into_iter()
        .find(|text| text.contains(" of ") && text.contains("filters"))
        .expect("a note");
    assert!(
        note.contains("the first 8 of 50 filters")
            && note.contains("the first 8 of 40 input channels"),
        "{note}"
    );
    let matrix = Array2::zeros((2000, 3));
    let scene = kernel_sheet(&sheet(vec![layer("dense", Kernels::Matrix(matrix.view()), &[])], 8));
    check_layout(&scene);
    assert!(texts(&scene).iter().any(|text| text.contains("the first 1024 of 2000 inputs")));
    check_layout(&kernel_sheet(&sheet(vec![], 8)));
}

#[test]
fn a_bitmap_becomes_half_blocks_or_shades() {
    let b = Bitmap::from_u8(&ndarray::arr2(&[[0u8, 255], [255, 255]]).view(), Colormap::Gray);
    assert_eq!(bitmap_text(&b, 2, Ink::Ascii), ["+@"]);
    assert_eq!(
        bitmap_text(&b, 2, Ink::TrueColor),
        ["\u{1b}[38;2;0;0;0;48;2;255;255;255m▀\u{1b}[38;2;255;255;255;48;2;255;255;255m▀\u{1b}[0m"]
    );
    assert_eq!(
        bitmap_text(&b, 2, Ink::Indexed),
        ["\u{1b}[38;5;16;48;5;231m▀\u{1b}[38;5;231;48;5;231m▀\u{1b}[0m"]
    );
    assert_eq!(bitmap_text(&b, 4, Ink::Ascii), ["  @@", "@@@@"]);
    assert!(bitmap_text(&b, 0, Ink::Ascii).is_empty());
}

#[test]
fn a_table_becomes_text_within_the_width() {
    with_table(Scaling::Cell, Colormap::Gray, |table| {
        insta::assert_snapshot!(map_text(table, 80, Ink::Ascii).expect("it is drawn"));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tables_of_any_size_have_their_parts_apart(images in 0usize..9, layers in 0usize..9, side in 1usize..40, c in 1usize..70, all in any::<bool>(), scaling in 0usize..3) {
        let maps = Array3::from_shape_fn((side, side.div_ceil(2), c), |(y, x, c)| (y + x) as f32 - c as f32);
        let values = if all { Values::Maps(maps.view()) } else { Values::Map(maps.index_axis(ndarray::Axis(2), 0)) };
        let row = MapRow { picture: Bitmap::from_pixels(&[0.5; 6], [2, 3, 1]), label: "image".to_owned(), cells: vec![cell("label", values); layers] };
        let table = MapTable {
            title: "any", subtitle: "table", first: column("image"), columns: vec![column("max_pooling2d_1"); layers], rows: vec![row; images],
            map: Colormap::Inferno, scaling: [Scaling::Cell, Scaling::Column, Scaling::Table][scaling],
        };
        let scene = map_table(&table).expect("it is drawn");
        check_layout(&scene);
        prop_assert!(scene.height < 8192);
        for width in [20, 80, 200] {
            let text = map_text(&table, width, Ink::Ascii).expect("it is drawn");
            prop_assert!(text.lines().all(|line| line.chars().count() <= width.max(30)), "{}", text);
        }
    }

    #[test]
    fn sheets_of_any_kernel_have_their_parts_apart(h in 1usize..30, w in 1usize..30, c in 1usize..12, f in 1usize..40, most in 1usize..50) {
        let kernel = Array4::from_shape_fn((h, w, c, f), |(y, x, c, f)| (y + x + c) as f32 - f as f32);
        check_layout(&kernel_sheet(&sheet(vec![layer("conv2d", Kernels::Filters(kernel.view()), &[0])], most)));
    }
}
