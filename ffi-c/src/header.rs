//! Makes `include/ringway.h` from this crate, and keeps the committed one current.

use std::{env, fs, path::Path};

/// Fails if the committed header is not what the sources give; `BLESS=1` writes it instead.
#[test]
fn header_is_current() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = crate_dir.join("../include/ringway.h");
    let made = header(crate_dir);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &made).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "include/ringway.h is not what ffi-c/src gives; `BLESS=1 cargo test -p ringway-c` writes it"
    );
}

fn header(crate_dir: &Path) -> String {
    let mut config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml"))
        .expect("cbindgen.toml is valid");
    config.header = Some(INTRODUCTION.to_owned());
    config.after_includes = Some(version_macros());
    let bindings = cbindgen::Builder::new()
        .with_crate(crate_dir)
        .with_config(config)
        .generate()
        .expect("the sources have a header");
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).expect("the sources are UTF-8");
    // Rust's headings, as a C programmer writes them.
    text.replace(" * # Errors", " * Errors:")
        .replace(" * # Complexity", " * Cost:")
        .replace(" * # Safety", " * The caller promises:")
}

const INTRODUCTION: &str = "/*
 * Ringway: one key-to-node map, the same bits in every language.
 *
 * Made from ffi-c/src by its tests; edit there. This file is the manual.
 *
 *   A ringway_builder takes a layout's name, options and nodes and builds a ringway_table, or a
 *   table is read from a cluster file. The table says which node owns a key. Nodes are told by
 *   index: the order in which they were added. Addresses and connections are the caller's, in an
 *   array of its own.
 *
 * Rules for every function:
 *   - Bytes are (const uint8_t *, size_t) of any value, NULs included; (NULL, 0) is empty. They are
 *     read during the call only, and copied where they are kept.
 *   - What can fail returns ringway_status; results are written to the last parameters, and only if
 *     it is RINGWAY_STATUS_OK. Errors are named without RINGWAY_STATUS_ below.
 *   - NULL where something is needed, misaligned pointers and lengths above PTRDIFF_MAX are
 *     RINGWAY_STATUS_INVALID_ARGUMENT. Lookups take no lock. Nothing here prints, or keeps global
 *     state; a fault inside comes back as RINGWAY_STATUS_PANIC (after Rust's report on stderr).
 */";

fn version_macros() -> String {
    let mut text = String::from(
        "
#if defined(__GNUC__) || defined(__clang__)
#define RINGWAY_MUST_USE __attribute__((warn_unused_result))
#else
#define RINGWAY_MUST_USE
#endif

/**
 * The version of this header; ringway_version() has that of the library that runs.
 */
",
    );
    let parts = [
        ("RINGWAY_VERSION", concat!("\"", env!("CARGO_PKG_VERSION"), "\"")),
        ("RINGWAY_VERSION_MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("RINGWAY_VERSION_MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("RINGWAY_VERSION_PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ];
    for (name, value) in parts {
        text += &format!("#define {name} {value}\n");
    }
    text.trim_end().to_owned()
}
