//! Configurations that can be imported, and the cluster files that they become.

use std::process::Command;

use crate::common::Folder;

/// A configuration with the command that imports it.
struct Case {
    /// The arguments after `import`.
    arguments: &'static [&'static str],
    text: &'static str,
    /// What stands below the comment.
    toml: &'static str,
    /// Parts of what is said on standard error, a line each.
    notes: &'static [&'static str],
    /// Parts of the comment.
    comments: &'static [&'static str],
}

const CASES: [Case; 20] = [
    Case {
        arguments: &["nginx", "nginx.conf", "--upstream", "backend"],
        text: "\
events {}
http {
    # upstream backend { server 9.9.9.9; }
    upstream other { server 10.9.9.9; }
    upstream backend {
        zone backend 64k;
        hash $request_uri consistent;   # a ring
        server 10.0.0.1:80 weight=3 max_fails=2 fail_timeout=10s;
        server 10.0.0.2;
        server \"10.0.0.3:8080\" down;
        server 10.0.0.4:80 max_conns=100;
        keepalive 16;
    }
    server { listen 127.0.0.1:8080; location / { proxy_pass http://backend; } }
}
",
        toml: "\
layout = \"nginx\"

[[node]]
name = \"10.0.0.1:80\"
weight = 3
address = \"10.0.0.1:80\"

[[node]]
name = \"10.0.0.2\"
weight = 1
address = \"10.0.0.2:80\"

[[node]]
name = \"10.0.0.3:8080\"
weight = 1
address = \"10.0.0.3:8080\"
state = \"down\"

[[node]]
name = \"10.0.0.4:80\"
weight = 1
address = \"10.0.0.4:80\"
",
        notes: &["nginx.conf:11: 10.0.0.4:80: while it has max_conns=100"],
        comments: &[
            "# Made by: ringway import nginx nginx.conf --upstream backend\n",
            "# From nginx: upstream backend at nginx.conf:5, hash $request_uri consistent.\n",
            "# nginx hashes the value of $request_uri.\n# The proxy of Ringway has no such key.\n",
            "# Note: nginx.conf:11: 10.0.0.4:80: while",
        ],
    },
    Case {
        arguments: &["nginx", "nginx.conf", "--upstream", "b"],
        text: "\
upstream b {
    server 10.0.0.1:80;
    server 10.0.0.9:80 backup;
    server unix:/run/app.sock weight=2;
    server '[2001:db8::1]:81';
    hash \"${arg_user}\";
}
",
        toml: "\
layout = \"nginx-modulo\"

[[node]]
name = \"10.0.0.1:80\"
weight = 1
address = \"10.0.0.1:80\"

[[node]]
name = \"unix:/run/app.sock\"
weight = 2

[[node]]
name = \"[2001:db8::1]:81\"
weight = 1
address = \"[2001:db8::1]:81\"
",
        notes: &["nginx.conf:3: 10.0.0.9:80 is a backup, which is not on the map; it is left out"],
        comments: &[
            "# In the configuration of Ringway's proxy, the same for values without % and +:\n\
             #   [key]\n#   from = \"query:user\"\n",
        ],
    },
    Case {
        arguments: &["nginx", "nginx.conf", "--upstream", "a\"b c"],
        text: "\
http{log_format x '{ \"not\": \"a block\" } # nor a comment; $status';
map $uri $m{default \"}\";\"~^/x{1,2}$\" '\\'';~^/y\\; 2;}upstream \"a\\\"b c\"{hash $cookie_sid consistent;server
db.example
weight=2;server DB.example:81;}}events{}
",
        toml: "\
layout = \"nginx\"

[[node]]
name = \"db.example\"
weight = 2
address = \"db.example:80\"

[[node]]
name = \"DB.example:81\"
weight = 1
address = \"DB.example:81\"
",
        notes: &[],
        comments: &["#   from = \"cookie:sid\"\n"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app", "--haproxy-version", "2.6.12"],
        text: "\
global
    log \"${LOG_HOST}:514\" local0     # of no interest here
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    hash-type consistent
    balance roundrobin
frontend f
    bind 127.0.0.1:8080
    default_backend app
backend app
    balance hdr(X-User)
    option httpchk GET /health
    http-request set-header X-A \"a b\\\"c # d\"
    server a 10.0.0.1:80 check inter 2s weight 10 slowstart 30s
    server b ipv4@10.0.0.2:80 weight 0
    server c backend.internal:80 disabled
",
        toml: "\
layout = \"haproxy-consistent\"

[[node]]
name = \"a\"
weight = 10
address = \"10.0.0.1:80\"

[[node]]
name = \"b\"
weight = 0
address = \"10.0.0.2:80\"

[[node]]
name = \"c\"
weight = 1
address = \"backend.internal:80\"
state = \"down\"
",
        notes: &["haproxy.cfg:17: a: slowstart changes its weight while HAProxy runs"],
        comments: &[
            "# Made by: ringway import haproxy haproxy.cfg --backend app --haproxy-version 2.6.12\n",
            "# From HAProxy: backend app at haproxy.cfg:13, balance hdr(X-User), hash-type \
             consistent.\n# HAProxy hashes the header X-User, up to its first comma.\n",
            "#   from = \"header:X-User\"\n",
        ],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app", "--haproxy-version", "3.1.0"],
        text: "\
backend app
    mode http
    balance uri whole len 64 depth 3
    hash-type consistent wt6 avalanche
    hash-balance-factor 150
    server a 10.0.0.1:80 id 7
    server b 10.0.0.1:80
    server spare 10.0.0.3:80 backup
    server c 10.0.0.4:80
",
        toml: "\
layout = \"haproxy-consistent\"

[options]
hash = \"wt6\"
avalanche = true
revision = \"3.0\"
hash_balance_factor = 150

[[node]]
name = \"a\"
weight = 1
address = \"10.0.0.1:80\"
id = 7

[[node]]
name = \"b\"
weight = 1
id = 2

[[node]]
name = \"c\"
weight = 1
address = \"10.0.0.4:80\"
id = 4
",
        notes: &[
            "haproxy.cfg:5: hash-balance-factor 150",
            "haproxy.cfg:8: spare is a backup",
            "haproxy.cfg:7: 10.0.0.1:80 is another server's address too, so it is left out",
        ],
        comments: &[
            "# HAProxy hashes the request's target, its first 64 bytes, before the slash after 3 \
             directories, query included.\n",
        ],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app"],
        text: "\
defaults base
    mode http
    hash-type map-based crc32 avalanche
    balance url_param id
defaults more from base
    default-server weight 5
defaults
    balance leastconn
listen app from more
    server a 10.0.0.1:80
    default-server weight 2
    server b [2001:db8::1]:80
    server c 2001:db8::2:80 weight 7
",
        toml: "\
layout = \"haproxy-map\"

[options]
hash = \"crc32\"
avalanche = true

[[node]]
name = \"a\"
weight = 5
address = \"10.0.0.1:80\"

[[node]]
name = \"b\"
weight = 2
address = \"[2001:db8::1]:80\"

[[node]]
name = \"c\"
weight = 7
address = \"[2001:db8::2]:80\"
",
        notes: &[],
        comments: &["hash-type map-based crc32 avalanche", "#   from = \"query:id\"\n"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app", "--haproxy-version", "3.2.0"],
        text: "\
backend app
    balance source
    hash-type consistent djb2
    server a 10.0.0.1:80 hash-key addr-port
    server b 10.0.0.2:81 hash-key addr-port
",
        toml: "\
layout = \"haproxy-consistent\"

[options]
hash = \"none\"
hash_key = \"addr-port\"

[[node]]
name = \"a\"
weight = 1
address = \"10.0.0.1:80\"

[[node]]
name = \"b\"
weight = 1
address = \"10.0.0.2:81\"
",
        notes: &[],
        comments: &["# HAProxy takes the client's IPv4 address as a number: the key of 10.0.0.1 is"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app", "--haproxy-version", "3.4"],
        text: "\
backend app
    balance hash req.cook(sid)
    hash-type consistent
    default-server hash-key guid
    server a 10.0.0.1:80 guid one
    server b 10.0.0.2:80 guid two
",
        toml: "\
layout = \"haproxy-consistent\"

[options]
hash_key = \"guid\"

[[node]]
name = \"a\"
weight = 1
address = \"10.0.0.1:80\"
guid = \"one\"

[[node]]
name = \"b\"
weight = 1
address = \"10.0.0.2:80\"
guid = \"two\"
",
        notes: &[],
        comments: &["#   from = \"cookie:sid\"\n"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app", "--haproxy-version", "2.8.3"],
        text: "backend app\r\n\tmode http\r\n\tbalance hash req.fhdr(a),lower\r\n\thash-type consistent sdbm avalanche\r\n\tserver a 10.0.0.1:80 source 10.0.0.9 usesrc clientip ssl verify none no-check\r\n",
        toml: "\
layout = \"haproxy-consistent\"

[options]
hash = \"sdbm\"
avalanche = true

[[node]]
name = \"a\"
weight = 1
address = \"10.0.0.1:80\"
",
        notes: &[],
        comments: &["# HAProxy hashes the value of req.fhdr(a),lower.\n# The proxy of Ringway has no"],
    },
    Case {
        arguments: &["envoy", "envoy.yaml", "--cluster", "app"],
        text: "\
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
static_resources:
  clusters:
  - name: other
    type: EDS
  - name: app
    connect_timeout: 0.25s
    lb_policy: RING_HASH
    ring_hash_lb_config: {minimum_ring_size: 1024, maximum_ring_size: 4096}
    outlier_detection: {}
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}
          load_balancing_weight: 2
        - endpoint: {address: {socket_address: {address: \"2001:DB8:0::1\", port_value: 80}}}
          health_status: UNHEALTHY
",
        toml: "\
layout = \"envoy-ring\"

[options]
maximum_ring_size = 4096

[[node]]
name = \"10.0.0.1:80\"
weight = 2
address = \"10.0.0.1:80\"

[[node]]
name = \"[2001:db8::1]:80\"
weight = 1
address = \"[2001:db8::1]:80\"
state = \"down\"
",
        notes: &["envoy.yaml:10: outlier_detection: while a host fails"],
        comments: &["# From Envoy: cluster app at envoy.yaml:6, RING_HASH.\n"],
    },
    Case {
        arguments: &["envoy", "envoy.json", "--cluster", "app"],
        text: "\
{
\t\"staticResources\": {\"clusters\": [{
\t\t\"name\": \"app\", \"lbPolicy\": \"MAGLEV\", \"type\": \"STRICT_DNS\",
\t\t\"maglevLbConfig\": {\"tableSize\": \"65537\"},
\t\t\"commonLbConfig\": {\"healthyPanicThreshold\": {\"value\": 33.0},
\t\t\t\"consistentHashingLbConfig\": {\"useHostnameForHashing\": true, \"hashBalanceFactor\": 120}},
\t\t\"loadAssignment\": {\"clusterName\": \"app\", \"endpoints\": [{\"priority\": 0, \"lbEndpoints\": [
\t\t\t{\"endpoint\": {\"hostname\": \"a\\u002eexample\", \"address\": {\"socketAddress\": {\"address\": \"db1\", \"portValue\": 80}}}},
\t\t\t{\"endpoint\": {\"hostname\": \"\", \"address\": {\"socketAddress\": {\"address\": \"db2\", \"portValue\": 80}}},
\t\t\t \"healthStatus\": \"HEALTHY\", \"loadBalancingWeight\": 7}
\t\t]}]}
\t}]}
}
",
        toml: "\
layout = \"envoy-maglev\"

[options]
healthy_panic_threshold = 33
hash_balance_factor = 120

[[node]]
name = \"a.example\"
weight = 1
address = \"db1:80\"

[[node]]
name = \"db2\"
weight = 7
address = \"db2:80\"
",
        notes: &["envoy.json:6: hash_balance_factor: a host with too many"],
        comments: &["# From Envoy: cluster app at envoy.json:3, MAGLEV.\n"],
    },
    Case {
        arguments: &["envoy", "envoy.yaml", "--cluster", "app"],
        text: "\
static_resources:
  clusters:
  - name: &name app
    load_balancing_policy:
      policies:
      - typed_extension_config:
          name: ring
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash
            hash_function: MURMUR_HASH_2
            consistent_hashing_lb_config: {hash_balance_factor: ~}
    load_assignment:
      cluster_name: *name
      endpoints:
      - lb_endpoints: []
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}
          metadata: {filter_metadata: {envoy.lb: {hash_key: one, hashKey: no}}}
        - endpoint: {address: {socket_address: {address: 10.0.0.2, port_value: 80}}}
          metadata: {filter_metadata: {envoy.lb: {hash_key: \"2\"}}}
        - endpoint: {address: {socket_address: {address: 10.0.0.3, port_value: 80}}}
          metadata: {filter_metadata: {envoy.lb: {hash_key: \"\"}}}
",
        toml: "\
layout = \"envoy-ring\"

[options]
hash = \"murmur_hash_2\"

[[node]]
name = \"one\"
weight = 1
address = \"10.0.0.1:80\"

[[node]]
name = \"2\"
weight = 1
address = \"10.0.0.2:80\"

[[node]]
name = \"10.0.0.3:80\"
weight = 1
address = \"10.0.0.3:80\"
",
        notes: &[],
        comments: &["# From Envoy: cluster app at envoy.yaml:3, RING_HASH.\n"],
    },
    Case {
        arguments: &["envoy", "envoy.yaml", "--cluster", "m"],
        text: "\
static_resources:
  clusters:
  - name: m
    lb_policy: LEAST_REQUEST
    load_balancing_policy:
      policies:
      - typed_extension_config:
          name: maglev
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev
            table_size: 1009
    common_lb_config:
      healthy_panic_threshold: {}
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}
",
        toml: "\
layout = \"envoy-maglev\"

[options]
table_size = 1009
healthy_panic_threshold = 0

[[node]]
name = \"10.0.0.1:80\"
weight = 1
address = \"10.0.0.1:80\"
",
        notes: &[],
        comments: &["MAGLEV"],
    },
    Case {
        arguments: &["twemproxy", "nutcracker.yml", "--pool", "cache"],
        text: "\
cache:
  listen: 127.0.0.1:22121
  hash: fnv1a_64
  distribution: ketama
  auto_eject_hosts: true
  server_retry_timeout: 2000
  server_failure_limit: 1
  servers:
   - 10.0.0.1:11211:1
   - 10.0.0.2:11212:3
   - 10.0.0.3:11211:1 third
   - /tmp/s.sock:2 socket
",
        toml: "\
layout = \"twemproxy-ketama\"

[[node]]
name = \"10.0.0.1\"
weight = 1
address = \"10.0.0.1:11211\"

[[node]]
name = \"10.0.0.2:11212\"
weight = 3
address = \"10.0.0.2:11212\"

[[node]]
name = \"third\"
weight = 1
address = \"10.0.0.3:11211\"

[[node]]
name = \"socket\"
weight = 2
",
        notes: &["nutcracker.yml:5: auto_eject_hosts: while a server is ejected"],
        comments: &["# From twemproxy: pool cache at nutcracker.yml:1, distribution ketama, hash fnv1a_64.\n"],
    },
    Case {
        arguments: &["twemproxy", "nutcracker.yml", "--pool", "b"],
        text: "\
a:
  listen: 127.0.0.1:22121
  servers:
  - 10.0.0.1:1:1
b:
  listen: 127.0.0.1:22122
  redis: true
  hash: \"murmur\"
  hash_tag: '{}'
  distribution: modula
  servers:
  - 10.0.0.2:6379:1
  - \"10.0.0.1:6379:2 n\"
",
        toml: "\
layout = \"twemproxy-modula\"

[options]
hash = \"murmur\"
hash_tag = \"{}\"

[[node]]
name = \"10.0.0.2:6379\"
weight = 1
address = \"10.0.0.2:6379\"

[[node]]
name = \"n\"
weight = 2
address = \"10.0.0.1:6379\"
",
        notes: &[],
        comments: &["pool b at nutcracker.yml:5, distribution modula, hash murmur.\n"],
    },
    Case {
        arguments: &["twemproxy", "nutcracker.yml", "--pool", "c"],
        text: "c:\n  listen: 127.0.0.1:22121\n  servers:\n  - localhost:11211:1\n",
        toml: "\
layout = \"twemproxy-ketama\"

[[node]]
name = \"localhost\"
weight = 1
address = \"localhost:11211\"
",
        notes: &[],
        comments: &["hash fnv1a_64.\n"],
    },
    Case {
        arguments: &["nginx", "nginx.conf", "--upstream", "b"],
        text: "\
events {}
http {
    upstream b { hash $http_x_user_id consistent; server 127.0.0.1:1 weight=2; server 127.0.0.1:2; }
}
",
        toml: "\
layout = \"nginx\"

[[node]]
name = \"127.0.0.1:1\"
weight = 2
address = \"127.0.0.1:1\"

[[node]]
name = \"127.0.0.1:2\"
weight = 1
address = \"127.0.0.1:2\"
",
        notes: &[],
        comments: &["#   from = \"header:x-user-id\"\n"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app"],
        text: "\
defaults
    hash-type consistent
    mode http
backend app
    balance hdr(host)
    server a 10.0.0.1:80
    server b 10.0.0.2:80
",
        toml: "\
layout = \"haproxy-consistent\"

[[node]]
name = \"a\"
weight = 1
address = \"10.0.0.1:80\"

[[node]]
name = \"b\"
weight = 1
address = \"10.0.0.2:80\"
",
        notes: &["haproxy.cfg:2: taken as HAProxy 2.x, or 3.3 and later, have it"],
        comments: &["say --haproxy-version X.Y.Z"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app"],
        text: "backend app\n    mode http\n    balance url_param id\n    server a unix@/run/a.sock id 5\n",
        toml: "layout = \"haproxy-map\"\n\n[[node]]\nname = \"a\"\nweight = 1\n",
        notes: &[],
        comments: &["hash-type map-based.\n"],
    },
    Case {
        arguments: &["haproxy", "haproxy.cfg", "--backend", "app", "--haproxy-version", "3.3.0"],
        text: "\
backend app
    balance hash req.fhdr(x)
    hash-type consistent none
    hash-balance-factor 0
    server a 10.0.0.1:80
",
        toml: "\
layout = \"haproxy-consistent\"

[options]
hash = \"none\"

[[node]]
name = \"a\"
weight = 1
address = \"10.0.0.1:80\"
",
        notes: &[],
        comments: &[],
    },
];

#[test]
fn good_configurations_become_cluster_files() {
    for case in &CASES {
        let folder = Folder::new();
        folder.file(case.arguments[1], case.text);
        let run = folder.run(&[&["import"], case.arguments].concat(), b"");
        assert_eq!(run.status(), 0, "{:?}: {}", case.arguments, run.error());
        let comment: String = run
            .text()
            .lines()
            .take_while(|line| line.starts_with('#'))
            .map(|it| format!("{it}\n"))
            .collect();
        assert_eq!(&run.text()[comment.len()..], case.toml, "{}", case.text);
        for part in case.comments {
            assert!(comment.contains(part), "{comment}\nlacks: {part}");
        }
        let notes: Vec<&str> = run.error().lines().collect();
        assert_eq!(notes.len(), case.notes.len(), "{}", run.error());
        for (line, note) in notes.iter().zip(case.notes) {
            assert!(line.starts_with(&format!("ringway: note: {note}")), "{line}\nis not: {note}");
        }
        folder.file("cluster.toml", run.text());
        let map = folder.run(&["map", "--cluster", "cluster.toml"], b"7\nuser:42\n");
        assert_eq!(map.good().lines().count(), 2, "{}", case.text);
    }
}

/// The programs of Debian take the configurations that claim nothing newer.
#[test]
fn the_real_programs_load_what_is_good() {
    let mut loaded = 0;
    for case in &CASES {
        let (program, check): (&str, &[&str]) = match case.arguments[0] {
            "nginx" if case.text.contains("events") && !case.text.contains("db.example") => {
                ("/usr/sbin/nginx", &["-t", "-q", "-e", "stderr", "-p", ".", "-g", "pid p;", "-c"])
            }
            "haproxy" if !case.text.contains("hash-key") && !case.text.contains(" none") => {
                ("/usr/sbin/haproxy", &["-c", "-f"])
            }
            "twemproxy" => ("/usr/sbin/nutcracker", &["-t", "-o", "log", "-c"]),
            _ => continue,
        };
        if case.text.contains("internal") {
            continue;
        }
        let folder = Folder::new();
        let path = folder.file(case.arguments[1], case.text);
        let output =
            Command::new(program).args(check).arg(path).current_dir(folder.path("")).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}; `make setup`"));
        let said = String::from_utf8_lossy(&output.stderr);
        // HAProxy says with status 2 that nothing listens, as in a part of a configuration.
        let is_good = match program {
            "/usr/sbin/haproxy" => output.status.code() <= Some(2) && !said.contains("[ALERT]"),
            _ => output.status.success(),
        };
        assert!(is_good, "{}\n{said}", case.text);
        loaded += 1;
    }
    assert!(loaded >= 9, "only {loaded} were tried");
}

#[test]
fn includes_are_followed_from_the_first_file() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("etc/sites/more")).expect("folders");
    folder.file("etc/nginx.conf", "http { include sites/*.conf; include none/*.conf; }\n");
    folder.file(
        "etc/sites/b.conf",
        "upstream b {\n include sites/more/[0-9].conf;\n hash $uri;\n}\n",
    );
    folder.file("etc/sites/.hidden.conf", "upstream b { }");
    folder.file("etc/sites/a.conf", "# nothing\n");
    folder.file("etc/sites/more/2.conf", "server 10.0.0.2:80;");
    folder.file("etc/sites/more/1.conf", "server 10.0.0.1:80;");
    folder.file("etc/sites/more/x.conf", "server 10.0.0.3:80;");
    let run = folder.run(&["import", "nginx", "etc/nginx.conf", "--upstream", "b"], b"");
    let names: Vec<&str> = run.good().lines().filter(|line| line.starts_with("name")).collect();
    assert_eq!(names, ["name = \"10.0.0.1:80\"", "name = \"10.0.0.2:80\""]);
    assert!(run.text().contains("upstream b at etc/sites/b.conf:1, hash $uri."), "{}", run.text());
    let run = folder.run(&["import", "nginx", "etc/sites/b.conf", "--upstream", "b"], b"");
    run.bad("etc/sites/b.conf:1: upstream \"b\" has no server on the map");
    folder.file("etc/loop.conf", "events {}\ninclude loop.conf;\n");
    let run = folder.run(&["import", "nginx", "etc/loop.conf", "--upstream", "b"], b"");
    run.bad("more than 64 blocks and included files in one another");
}

#[test]
fn the_output_goes_where_it_is_asked_to() {
    let folder = Folder::new();
    let case = &CASES[15];
    folder.file(case.arguments[1], case.text);
    let all = [&["import"], case.arguments, &["-o", "out.toml"]].concat();
    assert_eq!(folder.run(&all, b"").good(), "");
    let written = std::fs::read_to_string(folder.path("out.toml")).expect("written");
    assert!(
        written.starts_with("# Made by: ringway import twemproxy") && written.ends_with(case.toml)
    );
    let all = [&["import"], case.arguments, &["-o", "no/such.toml"]].concat();
    folder.run(&all, b"").bad("no/such.toml: cannot be written");
}
