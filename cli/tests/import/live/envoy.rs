//! Envoy, which logs the host that it chose; `make test-all` installs it and says where it is.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ringway_cluster::ClusterFile;

use super::{Http, KEYS, Running, compare, free_ports, imported, keys, local, mapped};
use crate::common::Folder;

/// The lines of hosts on loopback, at which nobody need listen: the log has them all the same.
fn hosts(count: u8, port: u16, more: impl Fn(u8) -> String) -> String {
    let host = |number: u8| {
        let host = if number == 3 { "::1".to_owned() } else { format!("127.0.1.{number}") };
        format!(
            "      - endpoint:\n          address:\n            socket_address: {{address: \"{host}\", \
             port_value: {port}}}\n{}",
            more(number)
        )
    };
    (1..=count).map(host).collect()
}

fn weighted(number: u8) -> String {
    format!("        load_balancing_weight: {}\n", 1 + number % 5)
}

fn keyed(number: u8) -> String {
    format!(
        "        metadata:\n          filter_metadata:\n            envoy.lb: {{hash_key: \"node \
         {number}\"}}\n"
    )
}

fn unwell(sick: u8) -> impl Fn(u8) -> String {
    move |number| {
        let status = if number <= sick { "UNHEALTHY" } else { "HEALTHY" };
        format!("        health_status: {status}\n{}", weighted(number))
    }
}

fn named(number: u8) -> String {
    format!("          hostname: host{number}.example\n")
}

/// Name, lines of the cluster, and its hosts.
fn clusters(port: u16) -> Vec<(&'static str, &'static str, String)> {
    let dns = |number: u8| match number {
        3 => String::new(),
        _ => named(number),
    };
    vec![
        ("ring", "    lb_policy: RING_HASH\n", hosts(10, port, |_| String::new())),
        (
            "weights",
            "    lb_policy: RING_HASH\n    ring_hash_lb_config: {minimum_ring_size: 300, \
             maximum_ring_size: 2000, hash_function: MURMUR_HASH_2}\n",
            hosts(10, port, weighted),
        ),
        ("maglev", "    lb_policy: MAGLEV\n", hosts(10, port, weighted)),
        (
            "small",
            "    lb_policy: MAGLEV\n    maglevLbConfig: {tableSize: 1009}\n",
            hosts(7, port, keyed),
        ),
        (
            "typed",
            "    load_balancing_policy:\n      policies:\n      - typed_extension_config:\n\
             \x20         name: ring\n          typed_config:\n            \"@type\": \
             type.googleapis.com/envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash\n\
             \x20           minimum_ring_size: 500\n            hash_function: MURMUR_HASH_2\n",
            hosts(6, port, weighted),
        ),
        (
            "typedmaglev",
            "    lb_policy: ROUND_ROBIN\n    load_balancing_policy:\n      policies:\n\
             \x20     - typed_extension_config:\n          name: maglev\n          typed_config:\n\
             \x20           \"@type\": type.googleapis.com/envoy.extensions.\
             load_balancing_policies.maglev.v3.Maglev\n            table_size: 2003\n",
            hosts(6, port, weighted),
        ),
        ("sick", "    lb_policy: RING_HASH\n", hosts(10, port, unwell(3))),
        (
            "panic",
            "    lb_policy: MAGLEV\n    common_lb_config: {healthy_panic_threshold: {value: 60}}\n",
            hosts(10, port, unwell(5)),
        ),
        (
            "typedpanic",
            "    load_balancing_policy:\n      policies:\n      - typed_extension_config:\n\
             \x20         name: ring\n          typed_config:\n            \"@type\": \
             type.googleapis.com/envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash\n\
             \x20           consistent_hashing_lb_config: {hash_policy: []}\n\
             \x20   common_lb_config: {healthy_panic_threshold: {value: 60}}\n",
            hosts(10, port, unwell(5)),
        ),
        (
            "calm",
            "    lb_policy: RING_HASH\n    common_lb_config:\n      healthy_panic_threshold: \
             {value: 0}\n",
            hosts(10, port, unwell(8)),
        ),
        (
            "dns",
            "    type: STRICT_DNS\n    lb_policy: RING_HASH\n    common_lb_config:\n\
             \x20     consistent_hashing_lb_config: {use_hostname_for_hashing: true}\n",
            hosts(5, port, dns),
        ),
    ]
}

fn bootstrap(front: u16, clusters: &[(&str, &str, String)]) -> String {
    let clusters: String = clusters
        .iter()
        .map(|(name, lines, hosts)| {
            format!(
                "  - name: {name}\n    connect_timeout: 1s\n{lines}    load_assignment:\n\
                 \x20     cluster_name: {name}\n      endpoints:\n      - lb_endpoints:\n{}",
                hosts.lines().map(|line| format!("  {line}\n")).collect::<String>()
            )
        })
        .collect();
    format!(
        "static_resources:\n  listeners:\n  - name: front\n    address:\n\
         \x20     socket_address: {{address: 127.0.0.1, port_value: {front}}}\n\
         \x20   filter_chains:\n    - filters:\n      - name: http\n        typed_config:\n\
         \x20         \"@type\": type.googleapis.com/envoy.extensions.filters.network.\
         http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: front\n\
         \x20         access_log:\n          - name: file\n            typed_config:\n\
         \x20             \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.\
         FileAccessLog\n              path: hosts.log\n              log_format:\n\
         \x20               text_format_source: {{inline_string: \"%REQ(X-NUMBER)% \
         %UPSTREAM_HOST%\\n\"}}\n          http_filters:\n          - name: router\n\
         \x20           typed_config:\n              \"@type\": \
         type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n\
         \x20         route_config:\n            virtual_hosts:\n            - name: all\n\
         \x20             domains: [\"*\"]\n              routes:\n              - match: \
         {{prefix: \"/\"}}\n                route:\n                  cluster_header: x-cluster\n\
         \x20                 hash_policy:\n                  - header: {{header_name: x-key}}\n\
         \x20 clusters:\n{clusters}"
    )
}

/// The hosts of the log's lines by number, as soon as there are so many.
fn logged(folder: &Folder, count: usize) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let log = std::fs::read_to_string(folder.path("hosts.log")).unwrap_or_default();
        if log.ends_with('\n') && log.lines().count() == count {
            let mut hosts = vec![String::new(); count];
            for line in log.lines() {
                let (number, host) = line.split_once(' ').expect("number and host");
                host.clone_into(&mut hosts[number.parse::<usize>().expect("a number")]);
            }
            return hosts;
        }
        assert!(begin.elapsed().as_secs() < 30, "{} of {count} lines", log.lines().count());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs Envoy: make test-all"]
fn envoy_gives_keys_the_hosts_of_the_imported_map() {
    let envoy = std::env::var("RINGWAY_ENVOY").expect("RINGWAY_ENVOY names the program");
    let folder = Folder::new();
    let ports = free_ports(2);
    let clusters = clusters(ports[1]);
    folder.file("envoy.yaml", bootstrap(ports[0], &clusters));
    let mut command = Command::new(envoy);
    command.args(["-c", "envoy.yaml", "--base-id", &ports[0].to_string(), "--concurrency", "1"]);
    command.args(["--file-flush-interval-msec", "100", "-l", "warning"]);
    let _running = Running::start(command, &folder, local(ports[0]));
    let keys = keys(4);
    let mut http = Http::connect(ports[0]);
    for (at, (cluster, _, _)) in clusters.iter().enumerate() {
        for (number, key) in keys.iter().enumerate() {
            let number = (at * KEYS + number).to_string();
            let headers = [("x-cluster", *cluster), ("x-key", key), ("x-number", &number)];
            http.ask("/", &headers, "");
        }
    }
    let hosts = logged(&folder, clusters.len() * KEYS);
    for ((cluster, _, _), real) in clusters.iter().zip(hosts.chunks(KEYS)) {
        let file = format!("{cluster}.toml");
        let path = imported(&folder, "envoy", &["envoy.yaml", "--cluster", cluster], &file);
        let nodes = ClusterFile::read(&path).expect("a cluster file");
        let address = |name: String| {
            let node = nodes.nodes().iter().find(|node| node.name == name).expect("a node");
            node.address.clone().expect("an address")
        };
        let ours: Vec<String> = mapped(&folder, &file, &keys).into_iter().map(address).collect();
        compare(&format!("Envoy {cluster}"), &keys, real, &ours);
    }
}
