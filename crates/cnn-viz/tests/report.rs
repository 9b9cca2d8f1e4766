//! Pages about runs from plain numbers: whole, alone, safe with any name, readable for one class or a hundred.
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

use cnn_viz::charts::{LearningCurves, ReliabilityBin};
use cnn_viz::report::{
    Calibrated, Cell, ClassRow, Column, EpochColumn, Example, LayerMaps, Mistake, MixedUp, Number,
    Report, Section, Seen, Strip, Table, Tile, calibration, classes, confusion, curves,
    feature_maps, kernel_pictures, kernels, mistakes, mixed_up,
};
use cnn_viz::{Bitmap, Colormap, VizError};
use proptest::prelude::*;

fn parse(page: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(page, options).unwrap()
}

fn picture() -> Bitmap {
    Bitmap::from_u8(&ndarray::arr2(&[[0u8, 255], [90, 7]]).view(), Colormap::Gray)
}

fn example(index: usize) -> Example {
    Example { picture: picture(), index }
}

/// A report with every part, in which every text is `name`.
fn everything(name: &str) -> String {
    let names = vec![name.to_owned(), "other".to_owned()];
    let row = |name: &str| ClassRow {
        name: name.to_owned(),
        precision: 0.5,
        recall: 1.0,
        f1: 0.67,
        support: 3,
    };
    let strip = |truth, predicted| Strip { truth, predicted, count: 2, examples: vec![example(4)] };
    let mistake = Mistake {
        example: example(9),
        truth: name.to_owned(),
        predicted: "other".to_owned(),
        confidence: 0.999_96,
        truth_probability: 0.000_02,
    };
    let seen = Seen {
        picture: picture(),
        name: name.to_owned(),
        truth: Some(name.to_owned()),
        answers: vec![(name.to_owned(), 0.9), ("other".to_owned(), 0.1)],
        layers: vec![LayerMaps {
            name: name.to_owned(),
            shape: name.to_owned(),
            maps: vec![picture(); 3],
        }],
    };
    let bins = [ReliabilityBin { low: 0.5, high: 1.0, count: 8, confidence: 0.9, accuracy: 0.6 }];
    let loss = [0.5, f64::NAN];
    let of = LearningCurves { title: name, loss: &loss, ..Default::default() };
    let columns = [Column::words("a"), Column::numbers(name)];
    let cells = vec![vec![Cell::text(name), Cell::Number(Number::four("m/x", 0.25))]];
    let table = Table { caption: name, columns: &columns, rows: &cells, foot: &[], sort: false };
    let mut own = Section::new("own", "Own");
    own.text(name).code(name).facts(&[(name, name.to_owned())]);
    let words = [name.to_owned()];
    Report {
        title: name,
        kicker: name,
        summary: &words,
        warnings: &words,
        tiles: vec![Tile { name, number: Number::text(name), note: name.to_owned() }],
        facts: &[(name, name.to_owned())],
        sections: vec![
            curves(&of, &[EpochColumn { name, values: &loss }], &words),
            confusion(&names, &[5, 1, 0, 3]).unwrap(),
            classes(&[row(name)], &[row("macro avg")]),
            mixed_up(&names, &[MixedUp { count: 4, strips: [strip(0, 1), strip(1, 1)] }], 56),
            mistakes(&[mistake]),
            calibration(&Calibrated { bins: &bins, ece: 0.3, confidence: 0.9, accuracy: 0.6 }),
            feature_maps(&[seen]),
            kernels(&words, &kernel_pictures(&[1.0, -1.0], [1, 2, 1, 1], 8), name, &table),
            own,
        ],
        footer: name,
    }
    .page()
}

/// Elements and the names of their attributes: what markup there is.
fn shape(page: &str) -> Vec<String> {
    let of = |node: roxmltree::Node<'_, '_>| {
        let names: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
        format!("{} {}", node.tag_name().name(), names.join(" "))
    };
    parse(page).descendants().filter(roxmltree::Node::is_element).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// A name adds no element and no attribute, whatever it holds.
    #[test]
    fn no_name_becomes_markup(name in "[<>&\"'/a-z=;: -]{1,24}|\\PC{1,12}") {
        prop_assume!(!name.contains('`'));
        prop_assert_eq!(shape(&everything(&name)), shape(&everything("plain")));
    }
}

#[test]
fn the_page_is_complete_and_alone() {
    let page = everything("T-shirt/top & <more>");
    let document = parse(&page);
    let all =
        |tag: &str| document.descendants().filter(|n| n.has_tag_name(tag)).collect::<Vec<_>>();
    let ids: Vec<&str> = all("section").iter().map(|n| n.attribute("id").unwrap()).collect();
    let links: Vec<&str> =
        all("a").iter().skip(1).map(|n| &n.attribute("href").unwrap()[1..]).collect();
    assert_eq!(
        ids,
        [
            "training",
            "confusion",
            "classes",
            "pairs",
            "mistakes",
            "calibration",
            "maps",
            "filters",
            "own"
        ]
    );
    assert_eq!(links, ids, "the table of contents leads to every part");
    for image in all("img") {
        assert!(image.attribute("src").unwrap().starts_with("data:image/png;base64,"));
        assert!(!image.attribute("alt").unwrap().is_empty());
    }
    assert_eq!(all("h1").len(), 1);
    assert!(all("th").iter().all(|n| n.attribute("scope").is_some()));
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("));
    for text in ["99.996\u{a0}%", "&lt; 0.1\u{a0}%", "too sure of itself by 30.0 points"] {
        assert!(page.contains(text), "{text}");
    }
    // A JSON pointer escapes the slash; what is no number has no value.
    assert!(page.contains("evaluate/report/T-shirt~1top &amp; &lt;more&gt;/recall"));
    assert!(page.contains(
        "<span data-metric=\"history/history/T-shirt~1top &amp; &lt;more&gt;/1\">NaN</span>"
    ));
}

#[test]
fn of_many_classes_the_matrix_is_a_picture() {
    let names: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
    let mut counts = vec![0; 100 * 100];
    counts.iter_mut().step_by(101).for_each(|count| *count = 7);
    let section = confusion(&names, &counts).unwrap();
    let page = Report { title: "many", sections: vec![section], ..Report::default() }.page();
    let document = parse(&page);
    assert!(document.descendants().all(|n| !n.has_tag_name("table") && !n.has_tag_name("nav")));
    let image = document.descendants().find(|n| n.has_tag_name("img")).unwrap();
    assert_eq!(image.attribute("width"), Some("700"));
    assert!(page.len() < 60_000, "{}", page.len());
    for wrong in [confusion(&names, &counts[1..]), confusion(&[], &[])] {
        assert!(matches!(wrong, Err(VizError::Length { .. })));
    }
}

#[test]
fn nothing_to_show_is_said() {
    let none = Calibrated { bins: &[], ece: 0.0, confidence: 0.0, accuracy: 0.0 };
    let sections = vec![
        curves(&LearningCurves::default(), &[], &[]),
        mixed_up(&[], &[], 56),
        mistakes(&[]),
        calibration(&none),
        feature_maps(&[]),
        kernels(&[], &[], "", &Table::default()),
    ];
    let page = Report { title: "nothing", sections, ..Report::default() }.page();
    parse(&page);
    for text in
        ["No epoch came to its end", "No image was taken for another", "There is no mistake"]
    {
        assert!(page.contains(text), "{text}");
    }
}
