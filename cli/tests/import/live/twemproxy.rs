//! twemproxy from Debian (`nutcracker`) before servers that answer their own names.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use super::{Running, compare, free_ports, imported, keys, local, mapped};
use crate::common::Folder;

/// A memcached that has every key, with this name as its value.
fn memcached(name: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let name = if name.is_empty() { format!("127.0.0.1:{port}") } else { name };
    let serve = move |stream: TcpStream, name: &str| -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let key = line.trim_ascii().strip_prefix(b"get ").unwrap_or_default();
            let mut answer = [b"VALUE ", key, b" 0 "].concat();
            answer.extend(format!("{}\r\n{name}\r\nEND\r\n", name.len()).bytes());
            reader.get_mut().write_all(&answer)?;
            line.clear();
        }
        Ok(())
    };
    // These end with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let name = name.clone();
            thread::spawn(move || serve(stream, &name));
        }
    });
    port
}

fn get(stream: &mut BufReader<TcpStream>, key: &str) -> String {
    stream.get_mut().write_all(format!("get {key}\r\n").as_bytes()).expect("sent");
    let mut lines = [String::new(), String::new(), String::new()];
    for line in &mut lines {
        stream.read_line(line).expect("an answer");
    }
    assert!(lines[0].starts_with("VALUE ") && lines[2] == "END\r\n", "{key}: {lines:?}");
    lines[1].trim_end().to_owned()
}

#[test]
fn twemproxy_gives_keys_the_servers_of_the_imported_map() {
    let folder = Folder::new();
    let ports = free_ports(7);
    let plain: Vec<u16> = (0..4).map(|_| memcached(String::new())).collect();
    let names = ["cache-b", "cache-a", "z", "cache-long"];
    let named: Vec<u16> = names.iter().map(|&name| memcached(name.to_owned())).collect();
    let servers: String = plain
        .iter()
        .zip([1, 2, 1, 5])
        .map(|(port, weight)| format!("   - 127.0.0.1:{port}:{weight}\n"))
        .collect();
    let with_names: String = named
        .iter()
        .zip(names)
        .map(|(port, name)| format!("    - 127.0.0.1:{port}:2 {name}\n"))
        .collect();
    let [_, a, b, c, d, e, _] = ports[..] else { panic!("seven ports") };
    folder.file(
        "nutcracker.yml",
        format!(
            "alpha: # the defaults\n  listen: 127.0.0.1:{a}\n  timeout: 2000\n  servers:\n{servers}\n\
             beta:\n  listen: 127.0.0.1:{b}\n  hash: md5\n  distribution: modula\n  servers:\n{servers}\
             gamma:\n  listen: 127.0.0.1:{c}\n  hash: murmur\n  hash_tag: \"{{}}\"\n\
             \x20 distribution: ketama\n  auto_eject_hosts: false\n  servers:\n{with_names}\
             delta:\n  listen: 127.0.0.1:{d}\n  hash: crc16\n  distribution: modula\n\
             \x20 preconnect: true\n  servers:\n{with_names}\
             epsilon:\n  listen: 127.0.0.1:{e}\n  hash: hsieh\n  hash_tag: \"::\"\n  servers:\n{servers}"
        ),
    );
    let mut command = Command::new("/usr/sbin/nutcracker");
    command.args(["-c", "nutcracker.yml", "-a", "127.0.0.1", "-p", "n.pid", "-o", "n.log"]);
    command.args(["-s", &ports[0].to_string()]);
    let _running = Running::start(command, &folder, local(e));
    let mut keys = keys(3);
    for key in keys.iter_mut().step_by(2) {
        *key = format!("{{{}}}{key}", key.len());
    }
    for (pool, port) in [("alpha", a), ("beta", b), ("gamma", c), ("delta", d), ("epsilon", e)] {
        let file = format!("{pool}.toml");
        imported(&folder, "twemproxy", &["nutcracker.yml", "--pool", pool], &file);
        let mut stream = BufReader::new(TcpStream::connect(local(port)).expect("it listens"));
        let real: Vec<String> = keys.iter().map(|key| get(&mut stream, key)).collect();
        compare(&format!("twemproxy {pool}"), &keys, &real, &mapped(&folder, &file, &keys));
    }
}
