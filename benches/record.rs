//! What was measured: shown as a table, written as CSV.

use std::{env, fs, path::PathBuf, process::Command};

/// One measured figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// With how many nodes; 0 where the question has none.
    pub nodes: u16,
    /// The figure.
    pub figure: f64,
    /// Its unit.
    pub unit: &'static str,
}

/// Prints the rows as a table, a line for each thing that was measured and a column for each
/// number of nodes; behind each figure how many times that of `base` it is. Each unit has its own
/// table.
#[allow(clippy::print_stdout, reason = "that is what it is for")]
pub fn show(title: &str, rows: &[Row], base: &str) {
    for unit in distinct(rows.iter().map(|row| row.unit)) {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.unit == unit).collect();
        let counts = distinct(rows.iter().map(|row| row.nodes));
        let find = |what: &str, nodes: u16| {
            let row = rows.iter().find(|row| row.what == what && row.nodes == nodes);
            row.map(|row| row.figure)
        };
        print!("\n{:<34}", format!("{title}, {unit}"));
        for &nodes in &counts {
            print!(" {:>18}", if nodes == 0 { String::new() } else { format!("{nodes} nodes") });
        }
        println!();
        for what in distinct(rows.iter().map(|row| row.what.as_str())) {
            print!("{what:<34}");
            for &nodes in &counts {
                let ratio = match (find(what, nodes), find(base, nodes)) {
                    (Some(figure), Some(base)) if base > 0.0 => format!("{:.2}x", figure / base),
                    _ => String::new(),
                };
                let figure = find(what, nodes).map_or_else(|| "-".to_owned(), digits);
                print!(" {figure:>10} {ratio:>7}");
            }
            println!();
        }
    }
}

/// Three digits or more, as a person would write them.
fn digits(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    for item in items {
        if !list.contains(&item) {
            list.push(item);
        }
    }
    list
}

/// Writes the rows to `results/<date>-<cpu>-<question>.csv` if the bench was given `--record`; the
/// commit and the CPU stand in every row. `RINGWAY_RESULTS` names another folder.
///
/// # Panics
/// If the file cannot be written, or `date` or `git` cannot be run.
#[allow(clippy::print_stdout, reason = "says where the figures went")]
pub fn record(question: &str, rows: &[Row]) {
    if !env::args().any(|argument| argument == "--record") {
        return;
    }
    let date = output("date", &["-u", "+%Y-%m-%d"]);
    // The last commit to what is measured, and whether it has been changed since.
    let mut commit =
        output("git", &["log", "-1", "--format=%h", "--", "../core", ".", ":!results"]);
    let code = ["status", "--porcelain", "--", "../core", "*.rs"];
    if !output("git", &code).is_empty() {
        commit += "-dirty";
    }
    let cpu = cpu();
    let slug: String =
        cpu.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut text = String::from("date,cpu,commit,what,nodes,figure,unit\n");
    for Row { what, nodes, figure, unit } in rows {
        let nodes = if *nodes == 0 { String::new() } else { nodes.to_string() };
        text += &format!("{date},{cpu},{commit},{what},{nodes},{figure:.4},{unit}\n");
    }
    let folder = env::var_os("RINGWAY_RESULTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results"), PathBuf::from);
    let path = folder.join(format!("{date}-{}-{question}.csv", slug.to_lowercase()));
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

/// The version of a crate that is built here, from the lock file.
///
/// # Panics
/// If it is none of them.
#[must_use]
pub fn version(of_crate: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = format!("name = \"{of_crate}\"\nversion = \"");
    // Of two, what we depend on is the newer one.
    let start = lock.rfind(&entry).expect("a crate of the lock file") + entry.len();
    lock[start..].split('"').next().expect("a split has a first part")
}
