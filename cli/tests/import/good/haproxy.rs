//! Configurations of HAProxy.

use super::Case;

pub(super) const CASES: &[Case] = &[
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
        comments: &[
            "# HAProxy takes the client's IPv4 address as a number: the key of 10.0.0.1 is",
        ],
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
        comments: &[
            "# HAProxy hashes the value of req.fhdr(a),lower.\n# The proxy of Ringway has no",
        ],
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
