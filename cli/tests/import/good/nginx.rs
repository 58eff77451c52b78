//! Configurations of nginx.

use super::Case;

pub(super) const CASES: &[Case] = &[
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
];
