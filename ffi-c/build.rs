//! Names the shared library for the dynamic linker: cargo sets no soname of its own.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // The number is RINGWAY_ABI_VERSION; tests/run.sh compares the two.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libringway.so.0");
    }
}
