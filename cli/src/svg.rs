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
    let y = height - 22.0;
    let (mark, x, legend) = if rows.len() <= NAMED_ROWS_MAX {
        let mark =
            format!("<path d=\"M{left} {}v12\" stroke=\"{INK}\" stroke-width=\"2\"/>", y - 10.0);
        (mark, left + 8.0, "the ideal, by weight")
    } else {
        (String::new(), left, "share by ideal of each node, the fullest first")
    };
    put(
        &mut svg,
        format_args!(
            "{mark}<text x=\"{x}\" y=\"{y}\" font-size=\"12\" fill=\"{PALE_INK}\">{legend}</text>\n"
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
    let (outer, inner) = (RING_WIDTH / 2.0, RING_WIDTH / 2.0 - STROKE);
    let center = (MARGIN + outer, TOP + outer);
    let (x, y) = center;
    put(
        svg,
        format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\" fill=\"none\" stroke=\"{EMPTY}\" \
             stroke-width=\"{STROKE}\"/>\n",
            outer - STROKE / 2.0,
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
            let ((x1, y1), (x2, y2)) = (at(center, outer, start), at(center, outer, end));
            let ((x3, y3), (x4, y4)) = (at(center, inner, end), at(center, inner, start));
            // A straight line cannot be told from so short an arc.
            let (out, back) = if end - start < 0.004 {
                ("L".to_owned(), "L".to_owned())
            } else {
                (format!("A{outer} {outer} 0 0 1 "), format!("A{inner} {inner} 0 0 0 "))
            };
            let _ = write!(
                path,
                "M{x1:.2} {y1:.2}{out}{x2:.2} {y2:.2}L{x3:.2} {y3:.2}{back}{x4:.2} {y4:.2}Z"
            );
        }
    }
    for (index, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        let (colour, name) = (colour(index, rows.len()), escape(rows[index].name));
        put(
            svg,
            format_args!("<path fill=\"{colour}\" d=\"{path}\"><title>{name}</title></path>\n"),
        );
    }
    let nodes = if rows.len() == 1 { "node" } else { "nodes" };
    put(
        svg,
        format_args!(
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-size=\"44\" font-weight=\"600\">{}</text>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"{PALE_INK}\">{nodes}</text>\n",
            y + 8.0,
            crate::show::thousands(u128::try_from(rows.len()).unwrap_or(u128::MAX)),
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
    let (pitch, font, bar_width) = if blocks == 1 {
        ((RING_WIDTH / as_float(per_block)).clamp(23.0, 44.0), 13.0, 300.0)
    } else {
        (19.0, 11.5, 96.0)
    };
    let letters = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let letters = letters.min(if blocks == 1 { 32 } else { 22 });
    let name_width = as_float(letters) * font * 0.62 + 10.0;
    let block_width = name_width + bar_width + 118.0;
    let most = rows.iter().flat_map(|row| [row.share, row.ideal]).fold(f64::MIN_POSITIVE, f64::max);
    put(svg, format_args!("<g font-size=\"{font}\">\n"));
    for (index, row) in rows.iter().enumerate() {
        let x = left + block_width * as_float(index / per_block);
        let y = TOP + pitch * as_float(index % per_block);
        let bar_x = x + name_width;
        let (share, ideal) = (bar_width * row.share / most, bar_width * row.ideal / most);
        let text_y = y + pitch / 2.0 + font * 0.35;
        let bar_height = (pitch - 7.0).min(26.0);
        let bar_y = y + (pitch - bar_height) / 2.0;
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
                bar_y,
                bar_y,
                colour(index, rows.len()),
                escape(row.name),
                bar_x + ideal,
                bar_y - 2.0,
                bar_height + 4.0,
                bar_x + bar_width + 8.0,
                row.share * 100.0,
            ),
        );
    }
    svg.push_str("</g>\n");
    (block_width * as_float(blocks) - 20.0, pitch * as_float(per_block))
}

/// A column for each of many nodes, by the ratio of share to ideal; the size of all of them.
/// Sorted, as nobody finds a name among so many.
fn draw_columns(svg: &mut String, rows: &[SvgRow<'_>], left: f64) -> (f64, f64) {
    const SIZE: (f64, f64) = (640.0, 320.0);
    let ratio = |row: &SvgRow<'_>| if row.ideal > 0.0 { row.share / row.ideal } else { 0.0 };
    let mut rows: Vec<&SvgRow<'_>> = rows.iter().collect();
    rows.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)));
    let most = rows.first().map_or(1.0, |fullest| ratio(fullest).max(1.0)) * 1.05;
    let y = |ratio: f64| TOP + SIZE.1 * (1.0 - ratio / most);
    let pitch = SIZE.0 / as_float(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let top = y(ratio(row));
        put(
            svg,
            format_args!(
                "<rect x=\"{:.2}\" y=\"{top:.2}\" width=\"{:.3}\" height=\"{:.2}\" fill=\"{}\"><title>{} ×{:.3}</title></rect>\n",
                left + pitch * as_float(index),
                // No seams between columns that are thinner than a pixel.
                pitch + 0.05,
                TOP + SIZE.1 - top,
                colour(0, 1),
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

/// The name without its middle if it is too long: names differ at their ends.
fn cut(name: &str, letters: usize) -> String {
    let count = name.chars().count();
    if count <= letters {
        return name.to_owned();
    }
    let (head, tail) = (letters / 2, letters - letters / 2 - 1);
    name.chars().take(head).chain(['…']).chain(name.chars().skip(count - tail)).collect()
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

#[cfg(test)]
mod tests {
    use ringway::{Layout, Node};

    use super::*;

    fn table(count: u32, weight: u32) -> Table {
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        let nodes: Vec<Node<'_>> =
            names.iter().map(|name| Node::new(name).with_weight(weight)).collect();
        Table::new(&Layout::ringway_v1(), &nodes).unwrap()
    }

    #[test]
    fn arcs_go_round_once() {
        for (count, weight) in [(1, 1), (3, 1), (100, 1), (3, 100)] {
            let arcs = ring_arcs(&table(count, weight));
            assert!(arcs.len() <= 2 * usize::try_from(ARCS_MAX).unwrap(), "{}", arcs.len());
            assert!(arcs[0].start.abs() < 1e-9);
            assert!((arcs[arcs.len() - 1].end - 1.0).abs() < 1e-9);
            for pair in arcs.windows(2) {
                assert!((pair[0].end - pair[1].start).abs() < 1e-9);
                assert!(pair[0].row != pair[1].row);
            }
        }
        assert_eq!(ring_arcs(&table(3, 0)), []);
    }

    #[test]
    fn texts_are_escaped() {
        let row = SvgRow { name: "<a&\"b\">\u{ffff}", share: 1.0, ideal: 1.0 };
        let svg = balance_svg("x<y", "a&b", &[row], &[]);
        assert!(svg.contains("&lt;a&amp;&quot;b&quot;&gt;\u{fffd}"), "{svg}");
        assert!(svg.contains(">x&lt;y<") && svg.contains(">a&amp;b<"), "{svg}");
        assert!(!svg.contains("<a&"), "{svg}");
    }

    #[test]
    fn every_node_has_a_bar() {
        for count in [0usize, 1, 14, 15, 100, 120, 121, 5_000] {
            let names: Vec<String> = (0..count).map(|number| format!("node-{number}.")).collect();
            let part = 1.0 / f64::from(u32::try_from(count).unwrap().max(1));
            let row = |name| SvgRow { name, share: part, ideal: part };
            let rows: Vec<SvgRow<'_>> = names.iter().map(|name| row(name)).collect();
            let svg = balance_svg("t", "s", &rows, &[]);
            assert!(names.iter().all(|name| svg.contains(name)), "{count}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{count}");
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(cut("node-1", 6), "node-1");
        assert_eq!(cut("node-12345", 6), "nod…45");
    }
}
