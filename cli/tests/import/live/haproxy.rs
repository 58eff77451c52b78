//! HAProxy from Debian, which serves with the imported configuration.

use std::process::Command;

use super::{Http, KEYS, Running, compare, free_ports, imported, keys, local, mapped};
use crate::common::Folder;

/// Backends, as HAProxy and `import` read them; every server answers.
const BACKENDS: &str = r#"
backend ring            # the defaults' hash-type
    balance hash req.fhdr(x-key)
    SERVERS
    server c4 127.0.0.4:PORT weight 5 "disabled"
    server c5 127.0.0.5:PORT weight 0
    server spare 127.0.0.6:PORT backup
    server c7 127.0.0.7:PORT weight 256 check inter 60s

backend named from third
    balance 'hash' "req.fhdr(x-key)"
    SERVERS

backend mapped
    balance hash req.fhdr(x-key)
    hash-type map-based     # of a ring's avalanche nothing is left
    default-server weight 3
    SERVERS
    default-server weight 6 disabled
    server d1 127.0.0.11:PORT
    server d2 127.0.0.12:PORT enabled
    server spare 127.0.0.13:PORT weight 7 backup

backend ids
    balance hdr(x-key)
    hash-type consistent djb2 avalanche
    http-response set-header x-server %s
    server a 127.0.0.1:PORT id 2
    server b 127.0.0.2:PORT
    server spare 127.0.0.7:PORT backup
    server c 127.0.0.3:PORT id 9
    server d 127.0.0.4:PORT
    server "e"'-e'\x65 127.0.0.5:PORT id 1

backend wt6
    balance hash req.fhdr(x-key),lower
    hash-type consistent wt6
    SERVERS

backend crc
    balance hash req.fhdr(x-key)
    hash-type map-based crc32 avalanche
    SERVERS

backend sdbm
    balance hash req.fhdr(x-key)
    hash-type consistent sdbm
    SERVERS

backend param
    balance url_param k
    SERVERS

backend uri
    balance uri
    hash-type map-based djb2
    SERVERS

backend whole
    balance uri whole
    SERVERS

backend depth
    balance uri depth 2
    SERVERS

backend source
    balance source
    SERVERS

backend sourcemap
    balance source
    hash-type map-based wt6 avalanche
    SERVERS

listen both
    bind 127.0.0.1:LISTEN
    balance hash req.fhdr(x-key)
    hash-balance-factor 0
    SERVERS
"#;

const SERVERS: &str = "http-response set-header x-server %s
    server c1 127.0.0.1:PORT weight 2
    server c2 127.0.0.2:PORT
    server c3 127.0.0.3:PORT weight 4 maxconn 100";

fn configuration(front: u16, listen: u16, port: u16) -> String {
    let answers: String =
        (1..=13).map(|host| format!("    bind 127.0.0.{host}:{port}\n")).collect();
    let backends = BACKENDS
        .replace("SERVERS", SERVERS)
        .replace("PORT", &port.to_string())
        .replace("LISTEN", &listen.to_string());
    format!(
        "global\n    maxconn 2000\n    nbthread 1\n\n\
         defaults other\n    mode http\n    timeout connect 5s\n    timeout client 60s\n\
         \x20   timeout server 60s\n    hash-type consistent crc32\n\
         \x20   balance roundrobin\n    default-server weight 2\n\n\
         defaults third from other\n    timeout queue 1s\n\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n\
         \x20   timeout server 60s\n    hash-type consistent\n\n\
         frontend front\n    bind 127.0.0.1:{front}\n    http-request set-src hdr(x-ip)\n\
         \x20   use_backend %[req.hdr(x-backend)]\n\n\
         frontend answers\n{answers}    http-request return status 200\n{backends}"
    )
}

#[test]
fn haproxy_gives_keys_the_servers_of_the_imported_map() {
    let folder = Folder::new();
    let ports = free_ports(3);
    folder.file("haproxy.cfg", configuration(ports[0], ports[1], ports[2]));
    let mut command = Command::new("/usr/sbin/haproxy");
    command.args(["-db", "-f", "haproxy.cfg"]);
    let _running = Running::start(command, &folder, local(ports[0]));
    let texts = keys(2);
    let lower: Vec<String> = texts.iter().map(|key| key.to_ascii_lowercase()).collect();
    let plain: Vec<String> =
        (0..KEYS).map(|number| format!("user{number}.x-{}", number * 7)).collect();
    let addresses: Vec<u32> =
        (0..).take(KEYS).map(|number: u32| number.wrapping_mul(0x9e37_79b1)).collect();
    let numbers: Vec<String> = addresses.iter().map(u32::to_string).collect();
    let paths: Vec<String> = plain.iter().map(|it| format!("/a/{it}")).collect();
    let whole: Vec<String> = plain.iter().map(|it| format!("/a/{it}?q={it}")).collect();
    let deep: Vec<String> = plain.iter().map(|it| format!("/{it}/b")).collect();
    for (backend, keys) in [
        ("ring", &texts),
        ("named", &texts),
        ("mapped", &texts),
        ("ids", &texts),
        ("wt6", &lower),
        ("crc", &texts),
        ("sdbm", &texts),
        ("param", &plain),
        ("uri", &paths),
        ("whole", &whole),
        ("depth", &deep),
        ("source", &numbers),
        ("sourcemap", &numbers),
        ("both", &texts),
    ] {
        let file = format!("{backend}.toml");
        let arguments = ["haproxy.cfg", "--backend", backend, "--haproxy-version", "2.6.12"];
        imported(&folder, "haproxy", &arguments, &file);
        let mut http = Http::connect(if backend == "both" { ports[1] } else { ports[0] });
        let ask = |at: usize| {
            let ip = std::net::Ipv4Addr::from(addresses[at]).to_string();
            let (target, key) = match backend {
                "param" => (format!("/?a=1&k={}&b=2", keys[at]), ""),
                "uri" => (format!("{}?ignored={at}", keys[at]), ""),
                "whole" => (keys[at].clone(), ""),
                "depth" => (format!("{}/c?d={at}", keys[at]), ""),
                _ => ("/".to_owned(), texts[at].as_str()),
            };
            let headers = [("x-backend", backend), ("x-ip", &ip), ("x-key", key)];
            http.ask(&target, &headers, "x-server").0
        };
        let real: Vec<String> = (0..KEYS).map(ask).collect();
        compare(&format!("HAProxy {backend}"), keys, &real, &mapped(&folder, &file, keys));
    }
}
