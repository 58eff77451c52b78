//! Configurations that can be imported, and the cluster files that they become.

mod envoy;
mod haproxy;
mod nginx;
mod twemproxy;

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

fn cases() -> impl Iterator<Item = &'static Case> {
    [nginx::CASES, haproxy::CASES, envoy::CASES, twemproxy::CASES].into_iter().flatten()
}

#[test]
fn good_configurations_become_cluster_files() {
    for case in cases() {
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
    for case in cases() {
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
    let case = &twemproxy::CASES[1];
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
