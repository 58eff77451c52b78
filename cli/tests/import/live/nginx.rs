//! nginx from Debian, which serves with the imported configuration.

use std::process::Command;

use super::{Http, Running, compare, free_ports, imported, keys, local, mapped};
use crate::common::Folder;

/// A server that answers its own name, as the upstream has it.
fn answers(listen: &str, name: &str) -> String {
    format!("server {{ listen {listen}; location / {{ return 200 \"{name}\"; }} }}\n")
}

#[test]
fn nginx_gives_keys_the_servers_of_the_imported_map() {
    let folder = Folder::new();
    let ports = free_ports(9);
    let (front, ports) = (ports[0], &ports[1..]);
    let [a, b, c, d, e, f, g, spare] = ports else { panic!("eight ports") };
    std::fs::create_dir(folder.path("upstreams")).expect("a folder");
    std::fs::create_dir(folder.path("servers")).expect("a folder");
    let socket = folder.path("u.sock").display().to_string();
    folder.file(
        "upstreams/b-rings.conf",
        format!(
            "# Rings with and without a zone.\n\
             upstream 'ring' {{\n\
             \x20   zone ring 64k; # shared\n\
             \x20   server 127.0.0.1:{a} weight=3;\n\
             \x20   server \"127.0.0.1:{b}\" max_fails=2 fail_timeout=5s;\n\
             \x20   server 127.0.0.1:{spare} backup;\n\
             \x20   include ../servers/*.conf;\n\
             \x20   server unix:{socket};\n\
             \x20   hash $http_x_key consistent; keepalive 8;\n\
             }}\n\
             upstream plain {{ hash ${{http_x_key}} consistent; server 127.0.0.1:{a};\n\
             \x20 server 127.0.0.1:{b}; server 127.0.0.1:{c} down; server 127.0.0.1:{d} weight=2; }}\n"
        ),
    );
    folder.file("servers/1.conf", format!("server 127.0.0.1:{c} weight=2;\n"));
    folder.file("servers/2.conf", format!("server 127.0.0.1:{d} down;\nserver 127.0.0.1:{e};\n"));
    folder.file("servers/3.conf~", "server 127.0.0.1:1;\n");
    folder.file(
        "upstreams/a-modulo.conf",
        format!(
            "upstream modulo {{\n  hash \"$http_x_key\";\n  server 127.0.0.1:{f} weight=2;\n\
             \x20 server 127.0.0.1:{g} down;\n  server 127.0.0.1:{a}; server unix:{socket};\n}}\n\
             upstream rest {{ server 127.0.0.1:{a}; }}\n"
        ),
    );
    let mut servers: String = ports
        .iter()
        .map(|port| answers(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{port}")))
        .collect();
    servers.push_str(&answers(&format!("unix:{socket}"), &format!("unix:{socket}")));
    folder.file(
        "nginx.conf",
        format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
             events {{ worker_connections 512; }}\n\
             http {{\n  access_log off;\n  client_body_temp_path t1; proxy_temp_path t2;\n\
             \x20 fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n\
             \x20 map $http_x_map $target {{ default ring; \"~^mo{{1}}\" modulo; plain plain; }}\n\
             \x20 include upstreams/*.conf;\n\
             \x20 server {{ listen 127.0.0.1:{front}; keepalive_requests 100000;\n\
             \x20   location / {{ proxy_pass http://$target; }} }}\n{servers}}}\n"
        ),
    );
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder.path("")).args(["-c", "nginx.conf"]);
    let _running = Running::start(command, &folder, local(front));
    let keys = keys(1);
    for (seen, upstream) in ["ring", "plain", "modulo"].into_iter().enumerate() {
        let file = format!("{upstream}.toml");
        imported(&folder, "nginx", &["nginx.conf", "--upstream", upstream], &file);
        let mut http = Http::connect(front);
        let real: Vec<String> = keys
            .iter()
            .map(|key| http.ask("/", &[("x-key", key), ("x-map", upstream)], "").1)
            .collect();
        compare(&format!("nginx {upstream}"), &keys, &real, &mapped(&folder, &file, &keys));
        assert_eq!(real.contains(&format!("unix:{socket}")), seen != 1, "{upstream}");
        assert!(!real.contains(&format!("127.0.0.1:{spare}")), "{upstream}");
    }
}
