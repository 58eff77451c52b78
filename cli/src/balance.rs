//! `ringway balance`: each node's share against its ideal.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use ringway::{State, Table};
use ringway_cluster::{Balance, BalanceRow, ClusterFile};
use serde_json::{Value, json};

use crate::{
    cluster,
    failure::{Failure, Outcome},
    keys::{self, KeyFormat},
    plan::number,
    progress::Progress,
    show::{self, Align, Grid},
    svg::{self, SvgRow},
};

/// Show how evenly the nodes share the keys
///
/// Sets each node's share of all keys, exactly, beside the share that its weight asks for.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The cluster file
    #[arg(long, value_name = "FILE")]
    cluster: PathBuf,
    /// Another layout than the file's; the file's options must fit it
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// Count the keys of this file instead; `-` is standard input
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// How keys are written
    #[arg(long, value_enum, default_value_t, requires = "keys")]
    format: KeyFormat,
    /// Draw the ring and the shares into this file too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  ringway balance --cluster cluster.toml
  ringway balance --cluster cluster.toml --svg balance.svg
  ringway balance --cluster cluster.toml --keys keys.txt
  ringway balance --cluster cluster.toml --json | jq .ratio_max

SHARE is the part of all positions that a node owns, or of the keys of --keys; IDEAL is its weight
by the sum of weights; RATIO is share by ideal, 1 being perfect. The mark across a bar is the ideal.
The variation is the standard deviation of the ratios, each node counting by its weight.

Exit status:
  0  done
  1  done, but nobody owns anything: no node has weight, or all are drained
  2  an error";

pub(crate) fn run(args: &Args) -> Outcome {
    let (file, table) = cluster::read(&args.cluster, args.layout.as_deref())?;
    let balance = match &args.keys {
        Some(path) => count_keys(path, args.format, &table)?,
        None => Balance::of_positions(&table).ok_or_else(|| {
            let layout = table.layout().name();
            Failure::Message(format!(
                "layout {layout} has no positions; count keys with --keys FILE"
            ))
        })?,
    };
    let (of_keys, fingerprint) = (args.keys.is_some(), table.fingerprint());
    let report = Report { path: &args.cluster, file: &file, balance, of_keys, fingerprint };
    if let Some(path) = &args.svg {
        std::fs::write(path, report.svg(&table))
            .map_err(|error| Failure::of_file(path, "written", &error))?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        writeln!(out, "{:#}", report.json())?;
    } else {
        report.print(&mut out)?;
        if let Some(path) = &args.svg {
            writeln!(out, "picture: {}", path.display())?;
        }
    }
    out.flush()?;
    let owned = report.balance.weight_total() > 0;
    Ok(if owned { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn count_keys(path: &Path, format: KeyFormat, table: &Table) -> Result<Balance, Failure> {
    let mut reader = keys::open(path, format)?;
    let mut counts = vec![0u64; table.len()];
    let mut progress = Progress::new(reader.bytes_total());
    loop {
        while let Some(key) = reader.next_buffered()? {
            if let Some(owner) = table.owner(key.bytes) {
                counts[owner.as_usize()] += 1;
            }
        }
        progress.set(reader.bytes_read(), reader.count());
        if !reader.fill()? {
            return Ok(Balance::of_counts(table, &counts));
        }
    }
}

struct Report<'a> {
    path: &'a Path,
    file: &'a ClusterFile,
    balance: Balance,
    of_keys: bool,
    fingerprint: u64,
}

impl Report<'_> {
    fn rows(&self) -> impl Iterator<Item = (&str, State, &BalanceRow)> {
        let nodes = self.file.nodes().iter().map(|node| (node.name.as_str(), node.state));
        nodes.zip(self.balance.rows()).map(|((name, state), row)| (name, state, row))
    }

    fn title(&self) -> String {
        let nodes = show::count(self.file.nodes().len(), "node");
        format!("{nodes}, {}", cluster::layout_words(self.file))
    }

    fn of_what(&self) -> String {
        if self.of_keys {
            format!("of {}", show::count(self.balance.total(), "key"))
        } else {
            "of all positions".to_owned()
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        const BAR_COLUMNS: u32 = 32;
        let balance = &self.balance;
        let (path, title) = (self.path.display(), self.title());
        writeln!(out, "{path}  ({title}, fingerprint {:016x})", self.fingerprint)?;
        writeln!(out)?;
        let has_states = self.rows().any(|(_, state, _)| state != State::Up);
        let mut head = vec![("NODE", Align::Left), ("WEIGHT", Align::Right)];
        if has_states {
            head.push(("STATE", Align::Left));
        }
        if self.of_keys {
            head.push(("KEYS", Align::Right));
        }
        head.extend([("SHARE", Align::Right), ("IDEAL", Align::Right), ("RATIO", Align::Right)]);
        head.push(("", Align::Left));
        let mut grid = Grid::new(&head);
        let shares = balance.rows().iter().flat_map(|row| [balance.share(row), balance.ideal(row)]);
        let most = shares.fold(f64::MIN_POSITIVE, f64::max);
        for (node, (name, state, row)) in self.file.nodes().iter().zip(self.rows()) {
            let mut cells = vec![show::name(name.as_bytes()), node.weight.to_string()];
            if has_states {
                cells.push(state.name().to_owned());
            }
            if self.of_keys {
                cells.push(show::thousands(row.count));
            }
            let (share, ideal) = (balance.share(row), balance.ideal(row));
            cells.extend([show::percent(share), show::percent(ideal)]);
            cells.push(balance.ratio(row).map_or("-".to_owned(), |ratio| format!("{ratio:.3}")));
            cells.push(show::bar_with_mark(share / most, ideal / most, BAR_COLUMNS));
            grid.row(cells);
        }
        grid.print(out)?;
        writeln!(out)?;
        match (balance.ratio_max(), balance.ratio_min(), balance.variation()) {
            (Some(max), Some(min), Some(variation)) => writeln!(
                out,
                "{}: fullest {max:.3} of its ideal ({}), emptiest {min:.3} ({}), variation {}",
                self.of_what(),
                show::name(self.name_of_ratio(max).as_bytes()),
                show::name(self.name_of_ratio(min).as_bytes()),
                show::percent(variation),
            ),
            _ if balance.weight_total() == 0 => {
                writeln!(out, "Nobody owns anything: no node has weight, or all are drained.")
            }
            _ => writeln!(out, "There are no keys."),
        }
    }

    /// The first node of that ratio.
    #[allow(clippy::float_cmp, reason = "one of the very values that are compared")]
    fn name_of_ratio(&self, ratio: f64) -> &str {
        let mut rows = self.rows();
        rows.find(|(_, _, row)| self.balance.ratio(row) == Some(ratio))
            .map_or("", |(name, ..)| name)
    }

    fn json(&self) -> Value {
        let balance = &self.balance;
        let of = if self.of_keys { "keys" } else { "positions" };
        let nodes = self.rows().map(|(name, state, row)| {
            json!({
                "name": name,
                "weight": row.weight,
                "state": state.name(),
                of: number(row.count),
                "share": balance.share(row),
                "ideal": balance.ideal(row),
                "ratio": balance.ratio(row),
            })
        });
        json!({
            "file": self.path.display().to_string(),
            "layout": self.file.layout().name(),
            "fingerprint": format!("{:016x}", self.fingerprint),
            of: number(balance.total()),
            "ratio_max": balance.ratio_max(),
            "ratio_min": balance.ratio_min(),
            "variation": balance.variation(),
            "nodes": nodes.collect::<Vec<_>>(),
        })
    }

    fn svg(&self, table: &Table) -> String {
        let balance = &self.balance;
        let rows: Vec<SvgRow<'_>> = self
            .rows()
            .map(|(name, _, row)| SvgRow {
                name,
                share: balance.share(row),
                ideal: balance.ideal(row),
            })
            .collect();
        let title = match self.path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => self.path.display().to_string(),
        };
        let mut subtitle = format!("{}; shares {}", self.title(), self.of_what());
        if let (Some(max), Some(variation)) = (balance.ratio_max(), balance.variation()) {
            subtitle.push_str(&format!(
                "; fullest {max:.3} of its ideal, variation {}",
                show::percent(variation)
            ));
        }
        svg::balance_svg(&title, &subtitle, &rows, &svg::ring_arcs(table))
    }
}
