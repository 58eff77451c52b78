//! Configurations of Envoy.

use super::Case;

pub(super) const CASES: &[Case] = &[
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
];
