//! `ringway map`: which node owns each key.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use ringway::{NodeIndex, Table};

use crate::{
    cluster,
    failure::{Failure, Outcome},
    keys::{Key, KeyFormat, KeyReader},
    progress::Progress,
    show,
};

/// Print the node that owns each key of standard input
///
/// Reads keys and writes `KEY<TAB>NODE` for each, in the order of the input, as they come: memory
/// does not grow with the number of keys, and a line that is written to a pipe is answered at once.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The cluster file
    #[arg(long, value_name = "FILE")]
    cluster: PathBuf,
    /// Another layout than the file's; the file's options must fit it
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// How many distinct nodes to print for each key, its owner first
    #[arg(long, value_name = "K", allow_negative_numbers = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    replicas: u32,
    /// How keys are written, in and out
    #[arg(long, value_enum, default_value_t)]
    format: KeyFormat,
    /// Print a JSON object per key: {"key": ..., "nodes": [...]}
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  printf 'user:1\\nuser:2\\n' | ringway map --cluster cluster.toml
  find . -type f -print0 | ringway map --cluster cluster.toml --format nul
  ringway map --cluster cluster.toml --replicas 3 < keys.txt
  ringway map --cluster cluster.toml < keys.txt | cut -f2 | sort | uniq -c

Keys:
  lines  A key is a line without its final newline. A carriage return belongs to the key, an
         empty line is the empty key, and the last line needs no newline. A key may have tabs:
         the node is what follows the last one (names have no control characters).
  hex    As lines, each key written in hexadecimal, which the output repeats as it was given.
  nul    Keys end in a NUL byte, and so does each KEY<TAB>NODE of the output.
A key may have up to 16 MiB as it is written. With --replicas, K nodes follow, each after a tab,
in zones that differ as long as there are any; fewer if fewer nodes may own keys. With --json, a
key that is not UTF-8, or given in hexadecimal, is \"key_hex\".

Exit status:
  0  each key has an owner
  1  some key has none, as no node has weight, or a deployed program's layout cannot read it;
     its node is left empty, and its line is told
  2  an error; what came before it is written";

pub(crate) fn run(args: &Args) -> Outcome {
    let (_, table) = cluster::read(&args.cluster, args.layout.as_deref())?;
    let reader = KeyReader::new(io::stdin().lock(), "standard input", args.format);
    let mut mapper = Mapper {
        out: BufWriter::with_capacity(256 << 10, io::stdout().lock()),
        format: args.format,
        nodes: table.nodes().map(|node| node.name().to_vec()).collect(),
        owners: vec![NodeIndex::new(0); usize::try_from(args.replicas).unwrap_or(usize::MAX)],
        table: &table,
        seen: 0,
        orphans: 0,
        first_orphan: 0,
    };
    mapper.owners.truncate(table.len());
    let result = if args.json { mapper.json(reader) } else { mapper.lines(reader) };
    mapper.out.flush()?;
    result?;
    if mapper.orphans == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let path = args.cluster.display();
    let keys = show::count(mapper.orphans, "key");
    let why = if table.layout().is_compat() {
        let name = table.layout().name();
        format!("{name} cannot read such a key, or no node takes it")
    } else {
        "no node has weight, or all are drained".to_owned()
    };
    let first = mapper.first_orphan;
    let message = format!("{path}: {keys} without owner, the first in line {first}: {why}");
    // The exit status says it too.
    let _ = writeln!(io::stderr(), "ringway: {message}");
    Ok(ExitCode::FAILURE)
}

struct Mapper<'a, W: Write> {
    out: BufWriter<W>,
    format: KeyFormat,
    nodes: Vec<Vec<u8>>,
    owners: Vec<NodeIndex>,
    table: &'a Table,
    /// How many keys were read.
    seen: u64,
    /// How many of them have no owner, and which was the first, from 1.
    orphans: u64,
    first_orphan: u64,
}

impl<W: Write> Mapper<'_, W> {
    fn lines(&mut self, reader: KeyReader<impl io::Read>) -> Result<(), Failure> {
        let end = self.format.end();
        // What follows a key that one node owns.
        let tails: Vec<Vec<u8>> =
            self.nodes.iter().map(|name| [b"\t", &name[..], &[end]].concat()).collect();
        self.each(reader, |mapper, key| {
            if mapper.owners.len() == 1 {
                mapper.out.write_all(key.text)?;
                return match mapper.table.owner(key.bytes) {
                    Some(owner) => mapper.out.write_all(&tails[owner.as_usize()]),
                    None => {
                        mapper.orphan();
                        mapper.out.write_all(&[b'\t', end])
                    }
                };
            }
            let count = mapper.table.owners(key.bytes, &mut mapper.owners);
            mapper.out.write_all(key.text)?;
            if count == 0 {
                mapper.orphan();
                mapper.out.write_all(b"\t")?;
            }
            for owner in &mapper.owners[..count] {
                let tail = &tails[owner.as_usize()];
                mapper.out.write_all(&tail[..tail.len() - 1])?;
            }
            mapper.out.write_all(&[end])
        })
    }

    fn json(&mut self, reader: KeyReader<impl io::Read>) -> Result<(), Failure> {
        let names: Vec<String> = self
            .nodes
            .iter()
            .map(|name| serde_json::to_string(&String::from_utf8_lossy(name)))
            .collect::<Result<_, _>>()?;
        self.each(reader, |mapper, key| {
            match str::from_utf8(key.bytes) {
                Ok(text) if mapper.format != KeyFormat::Hex => {
                    mapper.out.write_all(b"{\"key\":")?;
                    serde_json::to_writer(&mut mapper.out, text)?;
                }
                _ => {
                    mapper.out.write_all(b"{\"key_hex\":\"")?;
                    for byte in key.bytes {
                        write!(mapper.out, "{byte:02x}")?;
                    }
                    mapper.out.write_all(b"\"")?;
                }
            }
            mapper.out.write_all(b",\"nodes\":[")?;
            let count = mapper.table.owners(key.bytes, &mut mapper.owners);
            if count == 0 {
                mapper.orphan();
            }
            for (place, owner) in mapper.owners[..count].iter().enumerate() {
                let comma = if place > 0 { "," } else { "" };
                write!(mapper.out, "{comma}{}", names[owner.as_usize()])?;
            }
            mapper.out.write_all(b"]}\n")
        })
    }

    /// Counts the key that was read last as one without owner.
    const fn orphan(&mut self) {
        if self.orphans == 0 {
            self.first_orphan = self.seen;
        }
        self.orphans += 1;
    }

    fn each<R: io::Read>(
        &mut self,
        mut reader: KeyReader<R>,
        mut write: impl FnMut(&mut Self, Key<'_>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut progress = Progress::beside_output(None);
        loop {
            while let Some(key) = reader.next_buffered()? {
                self.seen += 1;
                write(self, key)?;
            }
            // Reading may wait for somebody who waits for these answers.
            self.out.flush()?;
            progress.set(reader.bytes_read(), reader.count());
            if !reader.fill()? {
                return Ok(());
            }
        }
    }
}
