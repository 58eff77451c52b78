//! Writes the questions that the program is built with, and tells the linker of the board.

use std::{env, fs, path::PathBuf, process::Command};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let asked = Command::new("python3").args(["../questions.py", "ask"]).output();
    let asked = asked.expect("python3 is there");
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    fs::write(out.join("questions.bin"), asked.stdout).expect("OUT_DIR can be written");
    fs::copy("memory.x", out.join("memory.x")).expect("OUT_DIR can be written");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    for file in ["memory.x", "../questions.py", "../answers/src/lib.rs", "../../../spec/vectors"] {
        println!("cargo::rerun-if-changed={file}");
    }
}
