//! Configurations that cannot be imported: where that is, and why.

use crate::common::Folder;

/// The arguments after `import`, the text, and the error after `ringway: `.
type Case = (&'static [&'static str], &'static str, &'static str);

const NGINX: &[&str] = &["nginx", "n.conf", "--upstream", "b"];
const HAPROXY: &[&str] = &["haproxy", "h.cfg", "--backend", "b", "--haproxy-version", "2.6.12"];
const HAPROXY_3_1_5: &[&str] =
    &["haproxy", "h.cfg", "--backend", "b", "--haproxy-version", "3.1.5"];
const ENVOY: &[&str] = &["envoy", "e.yaml", "--cluster", "b"];
const TWEMPROXY: &[&str] = &["twemproxy", "t.yml", "--pool", "b"];

const OF_NGINX: &[Case] = &[
    (
        NGINX,
        "upstream a { }\nupstream c { }\n",
        "n.conf: no upstream \"b\"; there are: \"a\", \"c\"",
    ),
    (NGINX, "upstream b {\n server 10.0.0.1;\n}\n", "n.conf:1: upstream \"b\" has no \"hash\", so"),
    (
        NGINX,
        "upstream b {\n hash $a;\n ip_hash;\n}\n",
        "n.conf:3: \"ip_hash\" chooses servers by other",
    ),
    (NGINX, "upstream b {\n hash $a;\n least_conn;\n}\n", "n.conf:3: \"least_conn\" chooses"),
    (NGINX, "upstream b {\n hash $a;\n random two;\n}\n", "n.conf:3: \"random\" chooses"),
    (
        NGINX,
        "upstream b {\n hash $a;\n hash $b;\n}\n",
        "n.conf:3: a second \"hash\"; the first is at n.conf:2",
    ),
    (
        NGINX,
        "upstream b {\n hash $a\n consistant;\n}\n",
        "n.conf:2: expected \"consistent\" or \";\", found \"consistant\"",
    ),
    (NGINX, "upstream b {\n hash;\n}\n", "n.conf:2: \"hash\" takes a key"),
    (
        NGINX,
        "upstream b {\n hash $a;\n state /x;\n}\n",
        "n.conf:3: \"state\" is not known and might",
    ),
    (NGINX, "upstream b {\n hash $a;\n server $host;\n}\n", "n.conf:3: \"$host\" holds a variable"),
    (
        NGINX,
        "upstream b {\n hash $a;\n server a.b resolve;\n}\n",
        "n.conf:3: \"resolve\": the servers come from DNS",
    ),
    (
        NGINX,
        "upstream b {\n hash $a;\n server a weight=0;\n}\n",
        "n.conf:3: expected weight=N, N a whole number from 1, found \"0\"",
    ),
    (
        NGINX,
        "upstream b {\n hash $a;\n server a slow_start=3s;\n}\n",
        "n.conf:3: \"slow_start=3s\" is not known",
    ),
    (
        NGINX,
        "upstream b {\n hash $a;\n server db1:80;\n}\n",
        "n.conf:3: \"db1:80\": without \"consistent\" a host name counts",
    ),
    (
        NGINX,
        "upstream b {\n hash $a consistent;\n server a;\n\n server a weight=2;\n}\n",
        "n.conf:5: server \"a\" again; the first is at n.conf:3;",
    ),
    (
        NGINX,
        "upstream b {\n hash $a;\n server a backup;\n}\n",
        "n.conf:1: upstream \"b\" has no server on the map",
    ),
    (
        NGINX,
        "upstream b { }\nhttp { upstream b { } }\n",
        "n.conf:2: upstream \"b\" again; the first is at n.conf:1",
    ),
    (
        NGINX,
        "stream {\n upstream b { }\n}\n",
        "n.conf:2: an upstream in \"stream\"; only those in \"http\"",
    ),
    (NGINX, "upstream b {\n hash $a;\n server \"a b;\n}\n", "n.conf:3: the quote \" is not closed"),
    (NGINX, "upstream b {\n hash \"$a\"consistent;\n}\n", "n.conf:2: unexpected 'c' after a quote"),
    (NGINX, "upstream b {\n hash $a\n}\n", "n.conf:3: unexpected \"}\"; a \";\" is missing"),
    (
        NGINX,
        "upstream b {\n hash $a;\n",
        "n.conf:1: the block \"upstream\" is not closed; add \"}\"",
    ),
    (NGINX, "events {}\n}\n", "n.conf:2: unexpected \"}\"; there is no block to close"),
    (NGINX, "events {}\n;\n", "n.conf:2: unexpected \";\""),
    (NGINX, "events {}\nuser www", "n.conf:2: \";\" or \"{\" is missing before the file's end"),
    (NGINX, "http {\n include none.conf;\n}\n", "n.conf:2: include: none.conf: cannot be read"),
    (
        NGINX,
        "http { server {\n content_by_lua_block { x = '}' }\n} }\n",
        "n.conf:2: Lua code follows another grammar",
    ),
    (
        NGINX,
        "upstream b {\n hash $a consistent;\n server a weight=4000000000;\n server c;\n}\n",
        "n.conf:3: ",
    ),
];

const OF_BACKUPS: &[Case] = &[
    (
        NGINX,
        "upstream b {\n hash $a;\n server a backup;\n server 10.0.0.1 down;\n}\n",
        "n.conf:1: upstream \"b\" has no server in use but the backups",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80 backup\n server c 10.0.0.2:80 weight 0\n",
        "h.cfg:1: backend \"b\" has no server in use but the backups",
    ),
];

const OF_HAPROXY: &[Case] = &[
    (HAPROXY, "backend a\nlisten c\n", "h.cfg: no backend \"b\"; there are: \"a\", \"c\""),
    (
        HAPROXY,
        "backend b\n server a 10.0.0.1:80\n",
        "h.cfg:1: backend \"b\" has no \"balance\" that",
    ),
    (
        HAPROXY,
        "backend b\n balance roundrobin\n",
        "h.cfg:2: balance \"roundrobin\" does not choose",
    ),
    (HAPROXY, "backend b\n balance hash\n", "h.cfg:2: \"balance hash\" takes one expression"),
    (
        HAPROXY,
        "backend b\n balance hdr(host) use_domain_only\n",
        "h.cfg:2: \"hdr(host) use_domain_only\" has words that",
    ),
    (
        HAPROXY,
        "backend b\n balance uri path-only\n",
        "h.cfg:2: \"path-only\" of \"balance uri\" was not",
    ),
    (
        HAPROXY,
        "backend b\n balance uri len x\n",
        "h.cfg:2: expected a whole number from 1, found \"x\"",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n hash-type ring\n",
        "h.cfg:3: expected consistent or map-based, found \"ring\"",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n hash-type consistent avalanche\n",
        "h.cfg:3: expected one of sdbm, djb2",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n hash-type consistent sdbm x\n",
        "h.cfg:3: expected avalanche, found \"x\"",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n hash-type consistent none\n",
        "h.cfg:3: HAProxy has the function \"none\" from 2.9 on",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n hash-type consistent\n hash-balance-factor 99\n server a 1.1.1.1:1\n",
        "h.cfg:4: expected 0, or a whole number above 100",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n use-server a if TRUE\n",
        "h.cfg:3: \"use-server\": a condition chooses the server",
    ),
    (
        HAPROXY,
        "defaults\n cookie SRV insert\nbackend b\n balance uri\n",
        "h.cfg:2: \"cookie\": a client with the cookie",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n stick on src\n",
        "h.cfg:3: \"stick\": a stick table chooses",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server-template s 3 a.b:80\n",
        "h.cfg:3: which of its servers there are, DNS says",
    ),
    (
        HAPROXY,
        "backend b\n load-server-state-from-file global\n balance uri\n",
        "h.cfg:2: weights and states come from another file",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n option transparent\n",
        "h.cfg:3: \"option transparent\" sends requests past",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a\n",
        "h.cfg:3: \"server\" takes a name and an address",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80 weight 257\n",
        "h.cfg:3: expected a weight from 0 to 256, found \"257\"",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80 weight\n",
        "h.cfg:3: \"weight\" lacks its value",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80 wieght 2\n",
        "h.cfg:3: the parameter \"wieght\" is not known",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80\n server a 10.0.0.2:80\n",
        "h.cfg:4: server \"a\" again; the first is at h.cfg:3",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80 id 3\n server c 10.0.0.2:80 id 3\n",
        "h.cfg:4: id 3 again; the first is at h.cfg:3",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a$b 10.0.0.1:80\n",
        "h.cfg:3: HAProxy does not permit '$' in a server's name",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a \"$HOST:80\"\n",
        "h.cfg:3: \"$HOST:80\" holds a variable of the environment",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n server a \"10.0.0.1:80\n",
        "h.cfg:3: the quote \" is not closed",
    ),
    (
        HAPROXY,
        "backend b\n.if defined(X)\n balance uri\n.endif\n",
        "h.cfg:2: conditional lines depend on",
    ),
    (HAPROXY, "backend b\nbackend b\n", "h.cfg:2: backend \"b\" again; the first is at h.cfg:1"),
    (
        HAPROXY,
        "backend b from x\n balance uri\n",
        "h.cfg:1: no section \"defaults x\" stands before this",
    ),
    (HAPROXY, "balance uri\n", "h.cfg:1: \"balance\" stands before any section"),
    (
        HAPROXY,
        "backend b\n balance uri\n server a 10.0.0.1:80 backup\n",
        "h.cfg:1: backend \"b\" has no server on the map",
    ),
    (
        HAPROXY_3_1_5,
        "backend b\n balance uri\n hash-type consistent\n server a 10.0.0.1:80\n",
        "h.cfg:3: HAProxy 3.1.5: the releases of this branch",
    ),
    (
        HAPROXY_3_1_5,
        "backend b\n balance uri\n hash-type consistent\n server a 10.0.0.1:80 hash-key addr\n \
         server c 10.0.0.2:80\n",
        "h.cfg:5: hash-key id, but addr at h.cfg:4; a layout has one",
    ),
    (
        HAPROXY_3_1_5,
        "backend b\n balance uri\n hash-type consistent\n server a db:80 hash-key addr\n",
        "h.cfg:4: hash-key addr needs an IPv4 address with a port, found \"db:80\"",
    ),
    (
        HAPROXY_3_1_5,
        "backend b\n balance uri\n hash-type consistent\n server a db:80 hash-key guid\n",
        "h.cfg:4: HAProxy has \"hash-key guid\" from 3.4 on",
    ),
    (
        &["haproxy", "h.cfg", "--backend", "b", "--haproxy-version", "3.4.0"],
        "backend b\n balance uri\n hash-type consistent\n server a db:80 hash-key guid\n",
        "h.cfg:4: hash-key guid, but the server has no guid",
    ),
    (
        HAPROXY,
        "backend b\n balance uri\n hash-preserve-affinity maxconn\n",
        "h.cfg:3: a full server's keys would go to others",
    ),
];

const OF_ENVOY: &[Case] = &[
    (
        ENVOY,
        "static_resources:\n  clusters: [{name: a}]\n",
        "e.yaml:1: no cluster \"b\" in static_resources; there are: \"a\"",
    ),
    (
        ENVOY,
        "dynamic_resources: {}\n",
        "e.yaml:1: no cluster \"b\" in static_resources; there are: none; those of dynamic",
    ),
    (ENVOY, "a: [\n", "e.yaml:2: not YAML: "),
    (ENVOY, "", "e.yaml: is empty"),
    (ENVOY, "a: 1\n---\nb: 2\n", "e.yaml:2: a second document"),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n  - name: b\n",
        "e.yaml:4: cluster \"b\" again; the first is at e.yaml:3",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    name: b\n",
        "e.yaml:4: \"name\" again; the first is at e.yaml:3",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n",
        "e.yaml:3: cluster \"b\" has no lb_policy",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: RANDOM\n",
        "e.yaml:4: lb_policy \"RANDOM\": only RING_HASH",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    type: EDS\n",
        "e.yaml:4: type \"EDS\": which hosts",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_subset_config: {}\n",
        "e.yaml:4: \"lb_subset_config\": subsets choose",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: RING_HASH\n    ring_hash_lb_config:\n      ring_size: 3\n",
        "e.yaml:6: \"ring_size\" of ring_hash_lb_config is not known",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: RING_HASH\n    ring_hash_lb_config:\n      minimum_ring_size: many\n",
        "e.yaml:6: minimum_ring_size: expected a whole number, found \"many\"",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: RING_HASH\n    ringHashLbConfig:\n      hashFunction: MD5\n",
        "e.yaml:6: hash_function: expected XX_HASH or MURMUR_HASH_2, found \"MD5\"",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: MAGLEV\n    common_lb_config:\n      locality_weighted_lb_config: {}\n",
        "e.yaml:6: locality_weighted_lb_config: weights of localities",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: MAGLEV\n    common_lb_config:\n      healthy_panic_threshold: {value: 33.5}\n",
        "e.yaml:6: healthy_panic_threshold: expected a whole percentage, found \"33.5\"",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    load_balancing_policy:\n      policies:\n      - typed_extension_config:\n          typed_config:\n            \"@type\": t/envoy.extensions.load_balancing_policies.random.v3.Random\n",
        "e.yaml:8: \"t/envoy.extensions.load_balancing_policies.random.v3.Random\": only RingHash",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    lb_policy: MAGLEV\n",
        "e.yaml:3: the cluster has no load_assignment",
    ),
    (
        ENVOY,
        "static_resources:\n  clusters:\n  - name: b\n    load_balancing_policy:\n      policies:\n      - typed_extension_config:\n          typed_config:\n            \"@type\": t/envoy.extensions.load_balancing_policies.maglev.v3.Maglev\n    common_lb_config:\n      consistent_hashing_lb_config: {}\n",
        "e.yaml:10: with load_balancing_policy, consistent_hashing_lb_config belongs into",
    ),
];

/// Lines of `lb_endpoints`, from line 9 on.
const OF_HOSTS: &[(&str, &str)] = &[
    ("- endpoint: {}", "e.yaml:9: the host has no socket_address"),
    ("- endpoint_name: x", "e.yaml:9: \"endpoint_name\" of lb_endpoint is not known"),
    ("- endpoint: {address: {pipe: {path: /x}}}", "e.yaml:9: the host has no socket_address"),
    (
        "- endpoint: {address: {socket_address: {address: 10.0.0.1}}}",
        "e.yaml:9: socket_address needs address and port_value",
    ),
    (
        "- endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 65536}}}",
        "e.yaml:9: port_value: expected a port up to 65535",
    ),
    (
        "- endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}\n\
         - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}",
        "e.yaml:10: host \"10.0.0.1:80\" again; the first is at e.yaml:9",
    ),
    (
        "- endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}\n\
         \x20 load_balancing_weight: 0",
        "e.yaml:10: load_balancing_weight: expected a whole number from 1",
    ),
    (
        "- endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}\n\
         \x20 health_status: DRAINING",
        "e.yaml:10: health_status \"DRAINING\": only HEALTHY and UNHEALTHY",
    ),
    (
        "- endpoint: {address: {socket_address: {address: db1, port_value: 80}}}",
        "e.yaml:9: \"db1\": Envoy hashes the address that DNS gives",
    ),
    (
        "- endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}\n\
         \x20 metadata: {filter_metadata: {envoy.lb: {hash_key: 7}}}",
        "e.yaml:10: hash_key: Envoy takes texts only; write \"7\" in quotes",
    ),
];

const OF_TWEMPROXY: &[Case] = &[
    (TWEMPROXY, "a:\n  listen: 1\n", "t.yml: no pool \"b\"; there are: \"a\""),
    (TWEMPROXY, "b:\n  distribution: random\n", "t.yml:2: distribution random is no map of keys"),
    (
        TWEMPROXY,
        "b:\n  distribution: ring\n",
        "t.yml:2: distribution: expected ketama or modula, found \"ring\"",
    ),
    (TWEMPROXY, "b:\n  hash: sha1\n", "t.yml:2: hash: expected one of one_at_a_time, md5"),
    (
        TWEMPROXY,
        "b:\n  hashtag: \"{}\"\n",
        "t.yml:2: \"hashtag\" is no field of a pool of twemproxy 0.5.0",
    ),
    (
        TWEMPROXY,
        "b:\n  hash_tag: \"{\"\n  servers:\n  - 10.0.0.1:1:1\n",
        "t.yml:2: hash_tag: Ringway takes a text of two visible ASCII characters",
    ),
    (TWEMPROXY, "b:\n  listen: 127.0.0.1:1\n", "t.yml:1: the pool has no \"servers\""),
    (
        TWEMPROXY,
        "b:\n  servers:\n  - 10.0.0.1:1\n",
        "t.yml:3: expected \"HOST:PORT:WEIGHT [NAME]\", found \"10.0.0.1:1\": there is no port",
    ),
    (
        TWEMPROXY,
        "b:\n  servers:\n  - 10.0.0.1:1:0\n",
        "t.yml:3: expected \"HOST:PORT:WEIGHT [NAME]\", found \"10.0.0.1:1:0\": the weight",
    ),
    (
        TWEMPROXY,
        "b:\n  servers:\n  - 10.0.0.1:70000:1\n",
        "t.yml:3: expected \"HOST:PORT:WEIGHT [NAME]\", found \"10.0.0.1:70000:1\": the port",
    ),
    (
        TWEMPROXY,
        "b:\n  servers:\n  - /tmp/s:1\n",
        "t.yml:3: expected \"HOST:PORT:WEIGHT [NAME]\", found \"/tmp/s:1\": a socket needs",
    ),
    (
        TWEMPROXY,
        "b:\n  servers:\n  - 10.0.0.1:1:1  a\n",
        "t.yml:3: expected \"HOST:PORT:WEIGHT [NAME]\"",
    ),
    (
        TWEMPROXY,
        "b:\n  servers:\n  - 10.0.0.1:1:1 a\n  - 10.0.0.2:1:1 a\n",
        "t.yml:4: server \"a\" again; the first is at t.yml:3",
    ),
    (TWEMPROXY, "b: []\n", "t.yml:1: the pool: expected a map, found a list"),
    (TWEMPROXY, "b:\n  servers:\n  - [1]\n", "t.yml:3: server: expected a text, found a list"),
    (
        TWEMPROXY,
        "b:\n  auto_eject_hosts: maybe\n",
        "t.yml:2: auto_eject_hosts: expected true or false, found \"maybe\"",
    ),
];

#[track_caller]
fn refuse(&(arguments, text, error): &Case) {
    let folder = Folder::new();
    folder.file(arguments[1], text);
    let run = folder.run(&[&["import"], arguments].concat(), b"");
    run.bad(&format!("ringway: {error}"));
}

#[test]
fn bad_configurations_of_nginx() {
    OF_NGINX.iter().for_each(refuse);
}

#[test]
fn bad_configurations_of_haproxy() {
    OF_HAPROXY.iter().for_each(refuse);
}

#[test]
fn backups_that_would_take_the_keys() {
    OF_BACKUPS.iter().for_each(refuse);
}

#[test]
fn bad_configurations_of_envoy() {
    OF_ENVOY.iter().for_each(refuse);
    for (lines, error) in OF_HOSTS {
        let lines = lines.replace('\n', "\n        ");
        let text = format!(
            "static_resources:\n  clusters:\n  - name: b\n    type: STRICT_DNS\n    lb_policy: \
             RING_HASH\n    load_assignment:\n      endpoints:\n      - lb_endpoints:\n        {lines}\n"
        );
        let folder = Folder::new();
        folder.file("e.yaml", text);
        folder.run(&[&["import"], ENVOY].concat(), b"").bad(&format!("ringway: {error}"));
    }
}

#[test]
fn bad_configurations_of_twemproxy() {
    OF_TWEMPROXY.iter().for_each(refuse);
}

#[test]
fn files_that_are_none() {
    let folder = Folder::new();
    folder.file("zero", b"upstream b {\0}");
    for arguments in [NGINX, HAPROXY, ENVOY, TWEMPROXY] {
        let mut all = [&["import"], arguments].concat();
        folder.run(&all, b"").bad("cannot be read: No such file");
        all[2] = "zero";
        folder.run(&all, b"").bad("ringway: zero: holds a byte 0, so it is no configuration");
        all[2] = ".";
        folder.run(&all, b"").bad("ringway: .: cannot be read: Is a directory");
    }
    let wrong = ["import", "haproxy", "zero", "--backend", "b", "--haproxy-version", "two"];
    assert_eq!(folder.run(&wrong, b"").status(), 2);
}
