//! Damaged configurations: an error or a cluster file, never a panic.

use super::{
    envoy, haproxy, nginx_grammar,
    place::{Fault, Place},
    source::Source,
    twemproxy,
};

const NGINX: &str = "http { map $a $b { default \"x\\\"\"; }\n upstream b { # c\n  hash ${k} \
                     consistent; server 'a:1' weight=2; server [::1]:80 down;\n include x*; } }\n";
const HAPROXY: &str = "defaults d\n hash-type map-based djb2\nbackend b from d\n balance uri len 3 \
                       whole\n server a \"10.0.0.1\":80 id 3 weight 5 source 1.1.1.1 usesrc \
                       client\n default-server disabled\n server c\\x41 [::1]:80 backup\n server \
                       e 10.0.0.2:80\n";
const ENVOY: &str = "static_resources:\n  clusters:\n  - name: &n b\n    lb_policy: RING_HASH\n    \
                     ringHashLbConfig: {minimum_ring_size: 5}\n    load_assignment:\n      \
                     cluster_name: *n\n      endpoints:\n      - lb_endpoints:\n        - endpoint: \
                     {address: {socket_address: {address: \"::1\", port_value: 8}}}\n          \
                     load_balancing_weight: 3\n";
const TWEMPROXY: &str = "b: # pool\n  hash_tag: \"{}\"\n  servers:\n   - 10.0.0.1:11211:1\n   - \
                         'h:1:2 n'\n   - /s:1 x\n";

fn nginx(source: &Source) -> Result<super::Imported, Fault> {
    let mut include = |_: &str, _: &Place| Ok(Vec::new());
    let directives = nginx_grammar::parse(source, &mut include)?;
    super::nginx::import_from(&directives, "b", &source.place(0))
}

type Import = fn(&Source) -> Result<super::Imported, Fault>;

const PROGRAMS: [(&str, Import); 4] = [
    (NGINX, nginx),
    (HAPROXY, |source| haproxy::import(source, "b", None)),
    (ENVOY, |source| envoy::import(source, "b")),
    (TWEMPROXY, |source| twemproxy::import(source, "b")),
];

#[test]
fn damaged_configurations_do_not_panic() {
    const DAMAGED: usize = 4_000;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for (text, import) in PROGRAMS {
        let name = "file".into();
        let whole = Source { name, text: text.to_owned() };
        import(&whole).expect("it is good").toml("x").expect("it is good");
        let (mut good, mut bad) = (0, 0);
        for number in 0..DAMAGED {
            let mut letters: Vec<char> = text.chars().collect();
            for _ in 0..=next(4) {
                if letters.len() < 2 {
                    break;
                }
                let (at, from) = (next(letters.len()), next(letters.len()));
                let odd =
                    ['"', '\'', '\\', '{', '}', '\n', '\0', ':', '-', '9', 'é', '&', '*', '['];
                match next(5) {
                    0 => drop(letters.remove(at)),
                    1 => letters.insert(at, letters[from]),
                    2 => letters[at] = odd[next(odd.len())],
                    3 => letters.truncate(at.max(1)),
                    _ => letters.insert(at, odd[next(odd.len())]),
                }
            }
            let text = letters.into_iter().collect();
            let source = Source { name: "file".into(), text };
            match import(&source).and_then(|mut imported| imported.toml("x")) {
                Ok(toml) => {
                    let file = ringway_cluster::ClusterFile::parse(&toml, "toml");
                    assert!(file.is_ok(), "{number}: {toml}\nof {}", source.text);
                    good += 1;
                }
                Err(fault) => {
                    let text = fault.to_string();
                    assert!(text.starts_with("file:") && !text.contains('\n'), "{number}: {text}");
                    bad += 1;
                }
            }
        }
        // Both ends are reached.
        assert!(good > DAMAGED / 50 && bad > DAMAGED / 10, "{good} good, {bad} bad");
    }
}
