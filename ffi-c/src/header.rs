//! Makes `include/ringway.h` from this crate and `include/ringway-freestanding.h` from the one of
//! the freestanding form, and keeps the committed ones current.

use std::{env, fs, path::Path};

/// Fails if the committed header is not what the sources give; `BLESS=1` writes it instead.
#[test]
fn header_is_current() {
    check(
        "ringway.h",
        &header(Path::new(env!("CARGO_MANIFEST_DIR")), "RINGWAY_H", INTRODUCTION, ""),
    );
}

/// As for the other one.
#[test]
fn freestanding_header_is_current() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("freestanding");
    let made = header(&crate_dir, "RINGWAY_FREESTANDING_H", FREESTANDING_INTRODUCTION, ONE_FORM);
    check("ringway-freestanding.h", &made);
}

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include").join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, made).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "include/{name} is not what ffi-c gives; `BLESS=1 cargo test -p ringway-c` writes it"
    );
}

fn header(crate_dir: &Path, include_guard: &str, introduction: &str, more: &str) -> String {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("cbindgen.toml");
    let mut config = cbindgen::Config::from_file(config).expect("cbindgen.toml is valid");
    config.header = Some(introduction.to_owned());
    config.include_guard = Some(include_guard.to_owned());
    config.after_includes = Some(more.to_owned() + &version_macros());
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

const FREESTANDING_INTRODUCTION: &str = "/*
 * Ringway without libc, heap or operating system: the freestanding form.
 *
 * Made from ffi-c/freestanding/src and ffi-c/src by the tests of ffi-c; edit there. This file is the
 * manual. docs/embedding.md says how to build and link it.
 *
 *   A ringway_table_spec has a layout's name, options and nodes. ringway_table_size() says how much
 *   memory its table takes; ringway_table_init() builds the table there. Lookups are those of
 *   ringway.h, and so are the answers.
 *
 * What it asks of its host: memcpy, memset, memcmp and bcmp, which compilers ask for anyway. Nothing
 * in it can panic, as far as the compiler it is built with sees. One that sees less leaves a call
 * of void ringway_host_panic(void), which must not return.
 *
 * Rules for every function:
 *   - Bytes are (const uint8_t *, size_t) of any value, NULs included; (NULL, 0) is empty. They are
 *     read during the call only, and copied where they are kept.
 *   - What can fail returns ringway_status; results are written to the last parameters, and only if
 *     it is RINGWAY_STATUS_OK. Errors are named without RINGWAY_STATUS_ below.
 *   - NULL where something is needed, misaligned pointers and lengths above PTRDIFF_MAX are
 *     RINGWAY_STATUS_INVALID_ARGUMENT. Nothing here takes a lock, prints, allocates or keeps global
 *     state.
 */";

const ONE_FORM: &str = "
#ifdef RINGWAY_H
#error \"a program takes ringway.h or ringway-freestanding.h, not both: the functions have the same names\"
#endif
";

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
