//! Cluster files of arbitrary bytes: an error with a place, or a file that prints and reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringway_cluster::ClusterFile;

fuzz_target!(|bytes: &[u8]| {
    match ClusterFile::parse_bytes(bytes, "fuzz") {
        Ok(file) => {
            let text = file.to_toml();
            let again = ClusterFile::parse(&text, "again").expect("what was printed can be read");
            assert_eq!(again, file);
            assert_eq!(again.to_toml(), text);
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz")),
    }
});
