//! Benchmarks of Ringway: shared inputs, and the clock of the benches that compare.
//!
//! The benches under Criterion answer one question each: `lookup` (nodes × key length),
//! `construction`, `rivals`. `compare` puts Ringway and its rivals into one run and records it;
//! `forms` does so for ways to build the ring itself, `change` for changes of one node. `icount` is counted by callgrind.
#![forbid(unsafe_code)]

use std::{
    collections::HashSet,
    env, fs,
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use ringway::{Layout, Node, Table};

/// So many keys: enough that the branch predictor cannot learn them.
pub const KEY_COUNT: usize = 1 << 17;

/// The numbers of nodes that every bench asks about.
pub const NODE_COUNTS: [u16; 4] = [10, 100, 1_000, 10_000];

/// Distinct keys of one length, end to end in one piece of memory.
#[derive(Debug)]
pub struct Keys {
    bytes: Vec<u8>,
    len: usize,
}

impl Keys {
    /// [`KEY_COUNT`] keys of `len` bytes, the same in every run.
    ///
    /// # Panics
    /// If keys of that length cannot be distinct.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let mut random = Random::new(1);
        let mut bytes = Vec::with_capacity(KEY_COUNT * len);
        while bytes.len() < KEY_COUNT * len {
            bytes.push(b"0123456789abcdefghijklmnopqrstuv"[random.below(32)]);
        }
        let keys = Self { bytes, len };
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), KEY_COUNT, "keys are distinct");
        keys
    }

    /// The keys. The optimiser does not see their length.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.bytes.chunks_exact(black_box(self.len))
    }

    /// The keys of one block, 0 to [`BLOCKS`] - 1.
    #[inline]
    #[must_use]
    pub fn block(&self, block: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        let bytes = BLOCK_KEYS * self.len;
        self.bytes[block * bytes..][..bytes].chunks_exact(black_box(self.len))
    }

    /// The keys' hashes.
    #[must_use]
    pub fn hashes(&self) -> Vec<u64> {
        self.iter().map(ringway::key_hash).collect()
    }
}

/// Addresses of `count` nodes.
#[must_use]
pub fn addresses(count: u16) -> Vec<SocketAddr> {
    let ip = |index: u16| Ipv4Addr::from(0x0a00_0000 + u32::from(index));
    (0..count).map(|index| SocketAddr::from((ip(index), 7000))).collect()
}

/// A table of nodes with these addresses as names.
///
/// # Panics
/// Never for up to 65,536 addresses that differ.
#[must_use]
pub fn table(addresses: &[SocketAddr]) -> Table {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
    Table::new(&Layout::ringway_v1(), &nodes).expect("distinct names, within the limits")
}

/// One of several that answer the same question: a name and a pass over one block of the keys,
/// 0 to [`BLOCKS`] - 1, which gives a sum of the answers so that no work is left out.
pub type Contestant<'a> = (&'static str, Box<dyn FnMut(usize) -> u64 + 'a>);

/// So many blocks the keys fall into. A block is over before somebody else wants the processor.
pub const BLOCKS: usize = 16;

/// How many keys a block has.
pub const BLOCK_KEYS: usize = KEY_COUNT / BLOCKS;

const REPEATS: usize = 3;

/// The shortest time of a pass of each contestant over all keys, in nanoseconds a key.
///
/// The contestants take turns, each with all keys three times: the first time brings its
/// memory back into the caches that the others took. What counts is the shortest time of each
/// block. So a busy machine disturbs all alike, and little.
#[must_use]
pub fn minima(contestants: &mut [Contestant<'_>], rounds: u32) -> Vec<f64> {
    let mut best = vec![[Duration::MAX; BLOCKS]; contestants.len()];
    for _ in 0..rounds {
        for ((_, pass), best) in contestants.iter_mut().zip(&mut best) {
            for block in (0..BLOCKS).cycle().take(BLOCKS * REPEATS) {
                let start = Instant::now();
                black_box(pass(block));
                best[block] = start.elapsed().min(best[block]);
            }
        }
    }
    let nanoseconds = |best: &[Duration; BLOCKS]| best.iter().sum::<Duration>().as_secs_f64() * 1e9;
    best.iter().map(|best| nanoseconds(best) / KEY_COUNT as f64).collect()
}

/// One measured figure.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// With how many nodes.
    pub nodes: u16,
    /// The figure.
    pub figure: f64,
    /// Its unit.
    pub unit: &'static str,
}

/// Writes the rows to `results/<date>-<cpu>-<bench>.csv` if the bench was given `--record`; the
/// commit and the CPU stand in every row.
///
/// # Panics
/// If the file cannot be written, or `date` or `git` cannot be run.
#[allow(clippy::print_stdout, reason = "says where the figures went")]
pub fn record(bench: &str, rows: &[Row]) {
    if !env::args().any(|argument| argument == "--record") {
        return;
    }
    let date = output("date", &["-u", "+%Y-%m-%d"]);
    // The last commit to what is measured, and whether it has been changed since.
    let mut commit = output("git", &["log", "-1", "--format=%h", "--", "../core", "."]);
    let code = ["status", "--porcelain", "--", "../core", "*.rs"];
    if !output("git", &code).is_empty() {
        commit += "-dirty";
    }
    let cpu = cpu();
    let slug: String =
        cpu.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut text = String::from("date,cpu,commit,what,nodes,figure,unit\n");
    for Row { what, nodes, figure, unit } in rows {
        text += &format!("{date},{cpu},{commit},{what},{nodes},{figure:.2},{unit}\n");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let path = folder.join(format!("{date}-{}-{bench}.csv", slug.to_lowercase()));
    fs::create_dir_all(&folder).expect("the folder of results can be made");
    fs::write(&path, text).expect("the results can be written");
    println!("\nwritten: {}", path.display());
}

/// What a command prints, without the line feed.
fn output(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The processor's name in short, and how many of it there are.
fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(':').nth(1)).map_or("unknown", str::trim)
    };
    let name = field("model name").replace("(R)", "").replace("(TM)", "").replace(',', " ");
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{name} model {} x{count}", field("model\t"))
}

/// A small random generator (splitmix64), the same in every run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of that seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    #[allow(clippy::cast_possible_truncation, reason = "below `bound`, a usize")]
    pub const fn below(&mut self, bound: usize) -> usize {
        ((self.next_u64() as u128 * bound as u128) >> 64) as usize
    }
}
