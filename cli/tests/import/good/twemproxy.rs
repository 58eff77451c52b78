//! Configurations of twemproxy.

use super::Case;

pub(super) const CASES: &[Case] = &[
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
        comments: &[
            "# From twemproxy: pool cache at nutcracker.yml:1, distribution ketama, hash fnv1a_64.\n",
        ],
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
];
