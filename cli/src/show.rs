//! Tables, bars and numbers for people.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// At most this many columns of the terminal for a name.
const NAME_COLUMNS_MAX: usize = 40;

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table with a head, printed with columns as wide as they must be.
#[derive(Debug)]
pub(crate) struct Grid {
    head: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new(head: &[(&'static str, Align)]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as the head.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mut widths: Vec<usize> = self.head.iter().map(|(title, _)| title.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let head: Vec<&str> = self.head.iter().map(|&(title, _)| title).collect();
        self.print_row(out, &head, &widths)?;
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.print_row(out, &cells, &widths)?;
        }
        Ok(())
    }

    fn print_row(&self, out: &mut impl Write, cells: &[&str], widths: &[usize]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(&self.head) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let space = " ".repeat(width.saturating_sub(cell.width()));
            match align {
                Align::Left => line.extend([cell, space.as_str()]),
                Align::Right => line.extend([space.as_str(), cell]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// A name as a table shows it: cut in the middle of nowhere rather than wrapped.
pub(crate) fn name(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if name.width() <= NAME_COLUMNS_MAX {
        return name.into_owned();
    }
    let mut columns = 0;
    let fits = |letter: &char| {
        columns += letter.width().unwrap_or(0);
        columns < NAME_COLUMNS_MAX
    };
    name.chars().take_while(fits).chain(['…']).collect()
}

/// A part of one as a percentage with three digits after the point.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.3} %", part * 100.0)
}

/// A number with a comma after each three digits.
pub(crate) fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 node`, `2 nodes`.
pub(crate) fn count(number: impl TryInto<u128>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u128::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// A bar of `part` of `width` columns, to an eighth of a column.
pub(crate) fn bar(part: f64, width: u32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = to_count(part * f64::from(width) * 8.0);
    // What is there is seen, however small.
    let eighths = if part > 0.0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A bar of `part`, with a mark at `mark`, both of `width` columns.
pub(crate) fn bar_with_mark(part: f64, mark: f64, width: u32) -> String {
    let mut cells: Vec<char> = bar(part, width).chars().collect();
    let at = to_count(mark * f64::from(width)).saturating_sub(1);
    if cells.len() <= at {
        cells.resize(at + 1, ' ');
    }
    cells[at] = if cells[at] == ' ' { '│' } else { '┃' };
    cells.into_iter().collect()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred columns, and a cast of a float saturates"
)]
fn to_count(number: f64) -> usize {
    number.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1 << 32), "4,294,967,296");
        assert_eq!(percent(0.25), "25.000 %");
        assert_eq!(count(1, "node"), "1 node");
        assert_eq!(count(1_000, "node"), "1,000 nodes");
    }

    #[test]
    fn bars() {
        assert_eq!(bar(0.0, 10), "");
        assert_eq!(bar(1.0, 3), "███");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(1e-9, 10), "▏");
        assert_eq!(bar_with_mark(0.25, 1.0, 4), "█  │");
        assert_eq!(bar_with_mark(1.0, 0.5, 4), "█┃██");
        assert_eq!(bar_with_mark(0.0, 0.0, 4), "│");
    }

    #[test]
    fn names_are_cut() {
        assert_eq!(name(b"db1"), "db1");
        assert_eq!(name("é".repeat(40).as_bytes()), "é".repeat(40));
        assert_eq!(name(&[b'n'; 41]), "n".repeat(39) + "…");
        assert!(name("漢".repeat(30).as_bytes()).width() <= 40);
    }

    #[test]
    fn a_grid_is_aligned() {
        let mut grid = Grid::new(&[("NODE", Align::Left), ("N", Align::Right)]);
        grid.row(vec!["漢字".into(), "10".into()]);
        grid.row(vec!["b".into(), "9".into()]);
        let mut out = Vec::new();
        grid.print(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "NODE   N\n漢字  10\nb      9\n");
    }
}
