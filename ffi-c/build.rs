//! Names the shared library for the dynamic linker: cargo sets no soname of its own.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        let interface = interface();
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libringway.so.{interface}");
    }
}

/// The releases that a program runs with unchanged: `0.1` for all 0.1.x, `1` for all 1.x.
fn interface() -> String {
    let part = |name: &str| var(name).expect("cargo gives build scripts the version");
    match part("CARGO_PKG_VERSION_MAJOR").as_str() {
        "0" => format!("0.{}", part("CARGO_PKG_VERSION_MINOR")),
        major => major.to_owned(),
    }
}
