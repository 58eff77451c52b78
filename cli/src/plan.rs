//! `ringway plan`: what a change of the cluster file moves.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use ringway::{NodeIndex, Table};
use ringway_cluster::{ClusterFile, Modulo, NodeEntry, PlanSummary, modulo_moved, normal_address};
use serde_json::{Value, json};

use crate::{
    cluster,
    failure::{Failure, Outcome},
    keys::{self, KeyFormat},
    progress::Progress,
    show::{self, Align, Grid},
};

/// Show what moves when one cluster file replaces another
///
/// Says for each pair of nodes which share of all keys moves, exactly, and sets it beside the
/// least that any change between these shares must move and what `hash mod n` would have moved.
/// Any two layouts can be compared over keys. Nothing is changed.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The cluster file as it is
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The cluster file as it shall be
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Count the keys of this file too; `-` is standard input
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// By what a node of one file is the same as one of the other
    #[arg(long, value_enum, default_value_t, value_name = "FIELD", conflicts_with = "ranges")]
    same: Identity,
    /// How keys are written, in and out
    #[arg(long, value_enum, default_value_t)]
    format: KeyFormat,
    /// Print each range that moves instead, as LO<TAB>HI<TAB>FROM<TAB>TO
    #[arg(long, conflicts_with_all = ["keys", "moved_keys"])]
    ranges: bool,
    /// Print each key of --keys that moves instead, as KEY<TAB>FROM<TAB>TO
    #[arg(long, requires = "keys", conflicts_with = "json")]
    moved_keys: bool,
    /// Print JSON; with --ranges an object per range
    #[arg(long)]
    json: bool,
}

/// By what nodes are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Identity {
    /// Their names
    #[default]
    Name,
    /// Their addresses, where programs have other names for the same servers; needs --keys
    Address,
}

const AFTER_HELP: &str = "\
Examples:
  ringway plan --from now.toml --to then.toml
  ringway plan --from now.toml --to then.toml --keys keys.txt
  ringway plan --from now.toml --to then.toml --keys keys.txt --moved-keys | cut -f1
  ringway plan --from now.toml --to then.toml --ranges
  ringway plan --from nginx.toml --to haproxy.toml --keys keys.txt --same address

Shares are exact: positions that change owner, of all positions. \"least possible\" is the sum of
what nodes own more than before, below which no change between these shares can stay, and \"excess\"
what moves beyond it: nothing if one node alone is added, removed or weighted anew. \"hash mod n\"
has each node WEIGHT times in a list, in the order of the file; its share is exact too, counted
over the least common multiple of both lengths.
Files without common positions, such as those of two programs, are compared over --keys alone.
Ranges are positions, both ends inclusive; an empty FROM or TO is nobody.

Exit status:
  0  done, whether or not anything moves
  2  an error";

pub(crate) fn run(args: &Args) -> Outcome {
    let from = Side::read(&args.from)?;
    let to = Side::read(&args.to)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.ranges {
        print_ranges(&mut out, &from, &to, args.json)?;
    } else if args.moved_keys {
        count_keys(args, &from, &to, Some(&mut out))?;
    } else {
        let space = match args.same {
            Identity::Name => {
                PlanSummary::new(&from.table, &to.table).map_err(|error| error.to_string())
            }
            Identity::Address => Err("--same address compares no positions".to_owned()),
        };
        let keys = args.keys.is_some().then(|| count_keys(args, &from, &to, None)).transpose()?;
        if let (Err(error), None) = (&space, &keys) {
            let message = format!("{error}; give --keys FILE to compare them key by key");
            return Err(Failure::Message(message));
        }
        let plan = Plan { from, to, same: args.same, space: space.ok(), keys };
        if args.json {
            writeln!(out, "{:#}", plan.json())?;
        } else {
            plan.print(&mut out)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// One of the two cluster files.
struct Side {
    path: String,
    file: ClusterFile,
    table: Table,
}

impl Side {
    fn read(path: &Path) -> Result<Self, Failure> {
        let (file, table) = cluster::read(path, None)?;
        Ok(Self { path: path.display().to_string(), file, table })
    }

    /// The name of an owner; nobody is empty.
    fn name(&self, index: Option<NodeIndex>) -> &str {
        let node = index.and_then(|index| self.file.nodes().get(index.as_usize()));
        node.map_or("", |node| &node.name)
    }

    fn json(&self) -> Value {
        json!({
            "file": self.path,
            "layout": self.file.layout().name(),
            "nodes": self.file.nodes().len(),
        })
    }
}

type Pair = (Option<NodeIndex>, Option<NodeIndex>);

/// What the keys of a file do.
#[derive(Default)]
struct KeyCounts {
    total: u64,
    moved: u64,
    modulo_moved: u64,
    least: u64,
    pairs: HashMap<Pair, u64>,
}

struct Plan {
    from: Side,
    to: Side,
    same: Identity,
    /// Absent where the two tables have no common positions.
    space: Option<PlanSummary>,
    keys: Option<KeyCounts>,
}

impl Plan {
    /// Each pair with its positions, ranges and keys, the most first.
    fn pairs(&self) -> Vec<(Pair, u128, u64, u64)> {
        let keys = |pair: &Pair| self.keys.as_ref().map_or(0, |keys| keys.pair(pair));
        let Some(space) = &self.space else {
            let pairs = self.keys.iter().flat_map(|keys| &keys.pairs);
            let mut pairs: Vec<_> = pairs.map(|(&pair, &count)| (pair, 0, 0, count)).collect();
            pairs.sort_unstable_by_key(|&(pair, _, _, keys)| (core::cmp::Reverse(keys), pair));
            return pairs;
        };
        let pairs = space.pairs.iter().map(|move_| {
            let pair = (move_.from, move_.to);
            (pair, move_.positions, move_.ranges, keys(&pair))
        });
        pairs.collect()
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for (word, side) in [("from", &self.from), ("to  ", &self.to)] {
            let nodes = show::count(side.file.nodes().len(), "node");
            writeln!(
                out,
                "{word}  {}  ({nodes}, {})",
                side.path,
                cluster::layout_words(&side.file)
            )?;
        }
        writeln!(out)?;
        let pairs = self.pairs();
        if pairs.is_empty() {
            writeln!(out, "Nothing moves.")?;
        } else {
            self.print_pairs(out, &pairs)?;
        }
        writeln!(out)?;
        self.print_totals(out)
    }

    fn print_pairs(
        &self,
        out: &mut impl Write,
        pairs: &[(Pair, u128, u64, u64)],
    ) -> io::Result<()> {
        const BAR_COLUMNS: u32 = 30;
        let mut head = vec![("FROM", Align::Left), ("TO", Align::Left)];
        if self.space.is_some() {
            head.extend([("SHARE", Align::Right), ("RANGES", Align::Right)]);
        }
        if self.keys.is_some() {
            head.extend([("KEYS", Align::Right), ("OF THE FILE", Align::Right)]);
        }
        head.push(("", Align::Left));
        let mut grid = Grid::new(&head);
        let total = self.space.as_ref().map_or(0, |space| space.total);
        let weight = |&(_, positions, _, keys): &(Pair, u128, u64, u64)| match total {
            0 => part(keys.into(), 1),
            total => part(positions, total),
        };
        let most = pairs.iter().map(weight).fold(0.0, f64::max);
        for row in pairs {
            let &(pair, positions, ranges, keys) = row;
            let owner = |name: &str| match name {
                "" => "(nobody)".to_owned(),
                name => show::name(name.as_bytes()),
            };
            let mut cells = vec![owner(self.from.name(pair.0)), owner(self.to.name(pair.1))];
            if self.space.is_some() {
                let share = show::percent(part(positions, total));
                cells.extend([share, show::thousands(ranges.into())]);
            }
            if let Some(given) = &self.keys {
                let share = show::percent(part(keys.into(), given.total.into()));
                cells.extend([show::thousands(keys.into()), share]);
            }
            cells.push(show::bar(weight(row) / most, BAR_COLUMNS));
            grid.row(cells);
        }
        grid.print(out)
    }

    fn print_totals(&self, out: &mut impl Write) -> io::Result<()> {
        let mut head = vec![("", Align::Left)];
        if self.space.is_some() {
            head.push(("OF ALL KEYS", Align::Right));
        }
        let given = self.keys.as_ref();
        if given.is_some() {
            head.extend([("KEYS", Align::Right), ("OF THE FILE", Align::Right)]);
        }
        let mut grid = Grid::new(&head);
        let space = self.space.as_ref();
        let mut row = |title: &str, share: Option<f64>, count: Option<u64>| {
            let mut cells = vec![title.to_owned()];
            if space.is_some() {
                cells.push(share.map_or_else(String::new, show::percent));
            }
            if let Some(keys) = given {
                cells.push(count.map_or_else(String::new, |it| show::thousands(it.into())));
                let share = count.map(|count| part(count.into(), keys.total.into()));
                cells.push(share.map_or_else(String::new, show::percent));
            }
            grid.row(cells);
        };
        let of = |positions: fn(&PlanSummary) -> u128| {
            space.map(|space| part(positions(space), space.total))
        };
        let count = |keys: fn(&KeyCounts) -> u64| given.map(keys);
        row("moves", of(|it| it.moved), count(|it| it.moved));
        row("least possible", of(|it| it.least), count(|it| it.least));
        row("excess", of(|it| it.moved - it.least), count(|it| it.moved - it.least));
        row("hash mod n", of_modulo(space), count(|it| it.modulo_moved));
        grid.print(out)
    }

    fn json(&self) -> Value {
        let pairs = self.pairs().into_iter().map(|(pair, positions, ranges, keys)| {
            let name =
                |side: &Side, index: Option<NodeIndex>| index.map(|_| side.name(index).to_owned());
            let mut row = json!({ "from": name(&self.from, pair.0), "to": name(&self.to, pair.1) });
            if let Some(space) = &self.space {
                row["positions"] = number(positions);
                row["share"] = json!(part(positions, space.total));
                row["ranges"] = json!(ranges);
            }
            if let Some(given) = &self.keys {
                row["keys"] = json!(keys);
                row["key_share"] = json!(part(keys.into(), given.total.into()));
            }
            row
        });
        let pairs: Vec<Value> = pairs.collect();
        let mut plan = json!({ "from": self.from.json(), "to": self.to.json(), "pairs": pairs });
        if let Some(space) = &self.space {
            let shares = |count: u128| json!({ "positions": number(count), "share": part(count, space.total) });
            plan["positions"] = number(space.total);
            plan["moved"] = shares(space.moved);
            plan["least"] = shares(space.least);
            plan["ranges"] = json!(space.ranges);
            let nodes = space.nodes.iter().map(|node| {
                let name = match node.from {
                    Some(_) => self.from.name(node.from),
                    None => self.to.name(node.to),
                };
                json!({ "name": name, "before": shares(node.before), "after": shares(node.after) })
            });
            plan["nodes"] = nodes.collect();
        }
        // That too takes names for identities.
        if self.same == Identity::Name {
            let (moved, of) = modulo_moved(&self.from.table, &self.to.table);
            plan["modulo"] =
                json!({ "moved": number(moved), "of": number(of), "share": part(moved, of) });
        }
        if let Some(keys) = &self.keys {
            plan["keys"] = json!({
                "total": keys.total,
                "moved": keys.moved,
                "least": keys.least,
                "modulo_moved": keys.modulo_moved,
            });
        }
        plan
    }
}

fn of_modulo(space: Option<&PlanSummary>) -> Option<f64> {
    space.map(|space| part(space.modulo.0, space.modulo.1))
}

impl KeyCounts {
    fn pair(&self, pair: &Pair) -> u64 {
        self.pairs.get(pair).copied().unwrap_or(0)
    }
}

/// Counts the keys of `--keys`, and prints those that move if there is somewhere to print them.
fn count_keys(
    args: &Args,
    from: &Side,
    to: &Side,
    mut out: Option<&mut dyn Write>,
) -> Result<KeyCounts, Failure> {
    let path = args.keys.as_deref().unwrap_or(Path::new("-"));
    let mut reader = keys::open(path, args.format)?;
    let twins = Twins::new(args.same, from, to)?;
    let (modulo_from, modulo_to) = (Modulo::new(&from.table), Modulo::new(&to.table));
    let mut counts = KeyCounts::default();
    // What each owner has, the last place being nobody's, to tell what must move.
    let mut before = vec![0u64; from.table.len() + 1];
    let mut after = vec![0u64; to.table.len() + 1];
    let place = |index: Option<NodeIndex>, table: &Table| match index {
        Some(index) => index.as_usize(),
        None => table.len(),
    };
    let mut progress = match out {
        Some(_) => Progress::beside_output(reader.bytes_total()),
        None => Progress::new(reader.bytes_total()),
    };
    loop {
        while let Some(key) = reader.next_buffered()? {
            let (old, new) = (from.table.owner(key.bytes), to.table.owner(key.bytes));
            counts.total += 1;
            before[place(old, &from.table)] += 1;
            after[place(new, &to.table)] += 1;
            let hash_from = ringway::key_hash(from.file.layout().hashed_part(key.bytes));
            let hash_to = ringway::key_hash(to.file.layout().hashed_part(key.bytes));
            let by_modulo = (modulo_from.owner(hash_from), modulo_to.owner(hash_to));
            counts.modulo_moved += u64::from(!twins.same(by_modulo.0, by_modulo.1));
            if twins.same(old, new) {
                continue;
            }
            counts.moved += 1;
            *counts.pairs.entry((old, new)).or_default() += 1;
            if let Some(out) = &mut out {
                out.write_all(key.text)?;
                write!(out, "\t{}\t{}", from.name(old), to.name(new))?;
                out.write_all(&[args.format.end()])?;
            }
        }
        progress.set(reader.bytes_read(), reader.count());
        if !reader.fill()? {
            break;
        }
    }
    let mut had = vec![0u64; after.len()];
    for (twin, before) in twins.of.iter().zip(&before) {
        if let Some(twin) = twin {
            had[twin.as_usize()] = *before;
        }
    }
    had[to.table.len()] = before[from.table.len()];
    counts.least = after.iter().zip(&had).map(|(after, had)| after.saturating_sub(*had)).sum();
    Ok(counts)
}

/// Which nodes of the two files are the same.
struct Twins {
    /// For each node of the old file, the one of the new file.
    of: Vec<Option<NodeIndex>>,
}

impl Twins {
    fn new(same: Identity, from: &Side, to: &Side) -> Result<Self, Failure> {
        let new = identities(same, to)?;
        let new: HashMap<&str, NodeIndex> =
            new.iter().map(String::as_str).zip((0..=u16::MAX).map(NodeIndex::new)).collect();
        let old = identities(same, from)?;
        Ok(Self { of: old.iter().map(|it| new.get(it.as_str()).copied()).collect() })
    }

    /// Whether the two owners are one; nobody is nobody.
    fn same(&self, old: Option<NodeIndex>, new: Option<NodeIndex>) -> bool {
        match (old, new) {
            (None, None) => true,
            (Some(old), Some(new)) => self.of.get(old.as_usize()) == Some(&Some(new)),
            _ => false,
        }
    }
}

/// What each node is known by.
fn identities(same: Identity, side: &Side) -> Result<Vec<String>, Failure> {
    let identity = |node: &NodeEntry| match same {
        Identity::Name => Ok(node.name.clone()),
        Identity::Address => match &node.address {
            Some(address) => normal_address(address).map_err(Failure::Message),
            None => Err(Failure::Message(format!(
                "{}: node {:?} has no address; --same address needs one of each",
                side.path, node.name
            ))),
        },
    };
    side.file.nodes().iter().map(identity).collect()
}

fn print_ranges(
    out: &mut impl Write,
    from: &Side,
    to: &Side,
    as_json: bool,
) -> Result<(), Failure> {
    let ranges = from
        .table
        .moved(&to.table)
        .map_err(|error| Failure::Message(format!("{error}, so there are no ranges")))?;
    for range in ranges {
        let (old, new) = (from.name(range.from), to.name(range.to));
        if as_json {
            let owner = |name: &str| (!name.is_empty()).then(|| name.to_owned());
            let (from, to) = (owner(old), owner(new));
            let row = json!({ "lo": range.lo, "hi": range.hi, "from": from, "to": to });
            writeln!(out, "{row}")?;
        } else {
            writeln!(out, "{}\t{}\t{old}\t{new}", range.lo, range.hi)?;
        }
    }
    Ok(())
}

/// A number as JSON; beyond what 64 bits hold, as text.
pub(crate) fn number(number: u128) -> Value {
    u64::try_from(number).map_or_else(|_| json!(number.to_string()), |number| json!(number))
}

/// `a / b`, or 0 of nothing.
#[allow(clippy::cast_precision_loss, reason = "53 bits are more than a share is read with")]
fn part(a: u128, b: u128) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}
