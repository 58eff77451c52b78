//! Draws a balance: the ring in the colours of its nodes, and bars of the shares against the ideals.

use std::fmt::Write as _;

use ringway::Table;

/// One node of the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SvgRow<'a> {
    pub(crate) name: &'a str,
    /// The part of everything that it has, 0 to 1.
    pub(crate) share: f64,
    /// The part that it should have, 0 to 1.
    pub(crate) ideal: f64,
}

/// A piece of the ring, in turns from 0 to 1, in the colour of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SvgArc {
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) row: usize,
}

/// Above this many rows, names cannot be read and columns are drawn instead.
const NAMED_ROWS_MAX: usize = 120;
/// As many arcs as one can tell apart; a ring of more is drawn by its share of each.
const ARCS_MAX: u32 = 2_048;
const BACKGROUND: &str = "#fcfcfb";
const INK: &str = "#23272e";
const PALE_INK: &str = "#6b7280";
const EMPTY: &str = "#e8e9eb";
const MARGIN: f64 = 32.0;
const RING_WIDTH: f64 = 320.0;
const TOP: f64 = 96.0;

/// A self-contained SVG of the balance. Arcs may be empty: then no ring is drawn.
pub(crate) fn balance_svg(
    title: &str,
    subtitle: &str,
    rows: &[SvgRow<'_>],
    arcs: &[SvgArc],
) -> String {
    let left = if arcs.is_empty() { MARGIN } else { MARGIN + RING_WIDTH + 48.0 };
    let mut bars = String::new();
    let (bars_width, bars_height) = if rows.len() <= NAMED_ROWS_MAX {
        draw_rows(&mut bars, rows, left)
    } else {
        draw_columns(&mut bars, rows, left)
    };
    let ring_height = if arcs.is_empty() { 0.0 } else { RING_WIDTH };
    let width = (left + bars_width + MARGIN).max(640.0);
    let height = TOP + bars_height.max(ring_height) + 48.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, 'Segoe UI', 'Helvetica Neue', \
         'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <title>{0}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{BACKGROUND}\"/>\n\
         <text x=\"{MARGIN}\" y=\"42\" font-size=\"20\" font-weight=\"600\">{0}</text>\n\
         <text x=\"{MARGIN}\" y=\"66\" fill=\"{PALE_INK}\">{1}</text>\n",
        escape(title),
        escape(subtitle),
    );
    draw_ring(&mut svg, rows, arcs);
    svg.push_str(&bars);
    let (mark_x, mark_y) = (left, height - 22.0);
    put(
        &mut svg,
        format_args!(
            "<path d=\"M{mark_x} {}v12\" stroke=\"{INK}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{mark_y}\" font-size=\"12\" fill=\"{PALE_INK}\">the ideal, by weight</text>\n",
            mark_y - 10.0,
            mark_x + 8.0,
        ),
    );
    svg.push_str("</svg>\n");
    svg
}

/// The arcs of a table's ring; empty if it has none. What is too fine to be seen is drawn in the
/// colour of its middle.
pub(crate) fn ring_arcs(table: &Table) -> Vec<SvgArc> {
    let Some((max, segments)) = table.position_max().zip(table.segments()) else {
        return Vec::new();
    };
    let segments: Vec<_> = segments.collect();
    let turns = |position: u64| as_float(position) / (as_float(max) + 1.0);
    if segments.len() <= 2 * usize::try_from(ARCS_MAX).unwrap_or(usize::MAX) {
        let arc = |segment: &ringway::Segment| SvgArc {
            start: turns(segment.lo),
            end: turns(segment.hi) + turns(1),
            row: segment.owner.as_usize(),
        };
        return segments.iter().map(arc).collect();
    }
    let mut arcs: Vec<SvgArc> = Vec::new();
    for slice in 0..ARCS_MAX {
        let (start, end) =
            (f64::from(slice) / f64::from(ARCS_MAX), f64::from(slice + 1) / f64::from(ARCS_MAX));
        let middle = start.midpoint(end);
        let place = segments.partition_point(|segment| turns(segment.hi) < middle);
        let Some(segment) = segments.get(place) else { continue };
        let row = segment.owner.as_usize();
        match arcs.last_mut() {
            Some(last) if last.row == row => last.end = end,
            _ => arcs.push(SvgArc { start, end, row }),
        }
    }
    arcs
}

fn draw_ring(svg: &mut String, rows: &[SvgRow<'_>], arcs: &[SvgArc]) {
    const STROKE: f64 = 44.0;
    if arcs.is_empty() {
        return;
    }
    let radius = (RING_WIDTH - STROKE) / 2.0;
    let center = (MARGIN + RING_WIDTH / 2.0, TOP + RING_WIDTH / 2.0);
    let (x, y) = center;
    put(
        svg,
        format_args!(
            "<g fill=\"none\" stroke-width=\"{STROKE}\">\n\
             <circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" stroke=\"{EMPTY}\"/>\n"
        ),
    );
    // One path per node, so that ten thousand arcs stay a small file.
    let mut paths = vec![String::new(); rows.len()];
    for arc in arcs {
        let Some(path) = paths.get_mut(arc.row) else { continue };
        // An arc of SVG cannot be a whole turn, nor tell half a turn from the other half.
        let middle = arc.start.midpoint(arc.end);
        let pieces = if arc.end - arc.start > 0.45 {
            vec![(arc.start, middle), (middle, arc.end)]
        } else {
            vec![(arc.start, arc.end)]
        };
        for (start, end) in pieces {
            let ((x1, y1), (x2, y2)) = (at(center, radius, start), at(center, radius, end));
            let _ = write!(path, "M{x1:.2} {y1:.2}A{radius} {radius} 0 0 1 {x2:.2} {y2:.2}");
        }
    }
    for (index, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        let (colour, name) = (colour(index, rows.len()), escape(rows[index].name));
        put(
            svg,
            format_args!("<path stroke=\"{colour}\" d=\"{path}\"><title>{name}</title></path>\n"),
        );
    }
    svg.push_str("</g>\n");
    let nodes = if rows.len() == 1 { "node" } else { "nodes" };
    put(
        svg,
        format_args!(
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-size=\"44\" font-weight=\"600\">{}</text>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"{PALE_INK}\">{nodes}</text>\n",
            y + 8.0,
            rows.len(),
            y + 32.0,
        ),
    );
}

/// A point of the circle, turns counting clockwise from the top.
fn at((x, y): (f64, f64), radius: f64, turns: f64) -> (f64, f64) {
    let angle = (turns - 0.25) * std::f64::consts::TAU;
    (x + radius * angle.cos(), y + radius * angle.sin())
}

/// Rows with names, in as many blocks side by side as it takes; the size of all of them.
fn draw_rows(svg: &mut String, rows: &[SvgRow<'_>], left: f64) -> (f64, f64) {
    let blocks = match rows.len() {
        0..=14 => 1,
        15..=36 => 2,
        37..=75 => 3,
        _ => 4,
    };
    let per_block = rows.len().div_ceil(blocks).max(1);
    let pitch = if blocks == 1 { 23.0 } else { 19.0 };
    let font = if blocks == 1 { 13.0 } else { 11.5 };
    let (name_width, bar_width) = if blocks == 1 { (132.0, 300.0) } else { (96.0, 96.0) };
    let block_width = name_width + bar_width + 118.0;
    let letters = if blocks == 1 { 16 } else { 13 };
    let most = rows.iter().flat_map(|row| [row.share, row.ideal]).fold(f64::MIN_POSITIVE, f64::max);
    put(svg, format_args!("<g font-size=\"{font}\">\n"));
    for (index, row) in rows.iter().enumerate() {
        let x = left + block_width * as_float(index / per_block);
        let y = TOP + pitch * as_float(index % per_block);
        let bar_x = x + name_width;
        let (share, ideal) = (bar_width * row.share / most, bar_width * row.ideal / most);
        let text_y = y + pitch / 2.0 + font * 0.35;
        let bar_height = pitch - 7.0;
        let ratio = if row.ideal > 0.0 {
            format!("×{:.2}", row.share / row.ideal)
        } else {
            "no weight".to_owned()
        };
        put(
            svg,
            format_args!(
                "<text x=\"{:.1}\" y=\"{text_y:.1}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{bar_x:.1}\" y=\"{:.1}\" width=\"{bar_width}\" height=\"{bar_height}\" fill=\"{EMPTY}\" rx=\"2\"/>\
                 <rect x=\"{bar_x:.1}\" y=\"{:.1}\" width=\"{share:.2}\" height=\"{bar_height}\" fill=\"{}\" rx=\"2\"><title>{}</title></rect>\
                 <path d=\"M{:.2} {:.1}v{}\" stroke=\"{INK}\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{text_y:.1}\">{:.2} %  <tspan fill=\"{PALE_INK}\">{ratio}</tspan></text>\n",
                bar_x - 8.0,
                escape(&cut(row.name, letters)),
                y + 3.5,
                y + 3.5,
                colour(index, rows.len()),
                escape(row.name),
                bar_x + ideal,
                y + 1.5,
                pitch - 3.0,
                bar_x + bar_width + 8.0,
                row.share * 100.0,
            ),
        );
    }
    svg.push_str("</g>\n");
    (block_width * as_float(blocks) - 20.0, pitch * as_float(per_block))
}

/// A column for each of many nodes, by the ratio of share to ideal; the size of all of them.
fn draw_columns(svg: &mut String, rows: &[SvgRow<'_>], left: f64) -> (f64, f64) {
    const SIZE: (f64, f64) = (640.0, 320.0);
    let ratio = |row: &SvgRow<'_>| if row.ideal > 0.0 { row.share / row.ideal } else { 0.0 };
    let most = rows.iter().map(ratio).fold(1.0, f64::max) * 1.05;
    let y = |ratio: f64| TOP + SIZE.1 * (1.0 - ratio / most);
    let pitch = SIZE.0 / as_float(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let top = y(ratio(row));
        put(
            svg,
            format_args!(
                "<rect x=\"{:.2}\" y=\"{top:.2}\" width=\"{:.3}\" height=\"{:.2}\" fill=\"{}\"><title>{} ×{:.3}</title></rect>\n",
                left + pitch * as_float(index),
                pitch * 0.85,
                TOP + SIZE.1 - top,
                colour(index, rows.len()),
                escape(row.name),
                ratio(row),
            ),
        );
    }
    for (level, dash) in [(1.0, ""), (0.5, " stroke-dasharray=\"2 4\"")] {
        let at = y(level);
        put(
            svg,
            format_args!(
                "<path d=\"M{left} {at:.2}h{}\" stroke=\"{INK}\" stroke-width=\"1.5\"{dash}/>\
                 <text x=\"{}\" y=\"{:.2}\" text-anchor=\"end\" font-size=\"12\">×{level}</text>\n",
                SIZE.0,
                left - 6.0,
                at + 4.0,
            ),
        );
    }
    SIZE
}

/// The colour of a row: chosen by hand for a few, by the golden angle for many.
fn colour(index: usize, count: usize) -> String {
    const FEW: [&str; 10] = [
        "#4269d0", "#efb118", "#3ca951", "#ff725c", "#a463f2", "#6cc5b0", "#ff8ab7", "#97bbf5",
        "#9c6b4e", "#9498a0",
    ];
    if count <= FEW.len() {
        return FEW[index].to_owned();
    }
    let hue = (as_float(index) * 137.507_764).rem_euclid(360.0);
    let lightness = [0.52, 0.64, 0.44][index % 3];
    let chroma = 0.55 * f64::min(lightness, 1.0 - lightness);
    // From hue, saturation, lightness to red, green, blue.
    let channel = |offset: f64| {
        let k = (offset + hue / 30.0).rem_euclid(12.0);
        let level = lightness - chroma * f64::min(k - 3.0, 9.0 - k).clamp(-1.0, 1.0);
        format!("{:.0}", level * 255.0)
    };
    format!("rgb({},{},{})", channel(0.0), channel(8.0), channel(4.0))
}

fn cut(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

/// Text as XML has it; characters that XML cannot hold become U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

fn put(svg: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = svg.write_fmt(text);
}

#[allow(clippy::cast_precision_loss, reason = "pixels and turns are read with three digits")]
fn as_float(number: impl TryInto<u64>) -> f64 {
    number.try_into().map_or(0.0, |number: u64| number as f64)
}
