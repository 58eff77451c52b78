//! An admin API that answers what a test says, and remembers what it was asked.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `GET /nodes`
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

/// Listens on a port of its own as long as the test runs.
pub(crate) struct Fake {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers each `METHOD /path` with its statuses and bodies, one after another; the last
    /// stays.
    pub(crate) fn new(answers: &[(&str, &[(u16, &str)])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let owned = |list: &[(u16, &str)]| -> Vec<(u16, String)> {
            list.iter().map(|(status, body)| (*status, (*body).to_owned())).collect()
        };
        let answers: HashMap<String, Vec<(u16, String)>> =
            answers.iter().map(|(line, list)| ((*line).to_owned(), owned(list))).collect();
        let answers = Arc::new(Mutex::new(answers));
        let log = Arc::clone(&asked);
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                thread::spawn(move || serve(stream, &answers, &log));
            }
        });
        Self { url, asked }
    }

    /// What it was asked, but for GET.
    pub(crate) fn changes(&self) -> Vec<Asked> {
        let asked = self.asked.lock().expect("no panic").clone();
        asked.into_iter().filter(|asked| !asked.line.starts_with("GET ")).collect()
    }

    /// Everything that it was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn serve(
    stream: TcpStream,
    answers: &Mutex<HashMap<String, Vec<(u16, String)>>>,
    log: &Mutex<Vec<Asked>>,
) {
    let mut writer = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let (status, body) = {
            let mut answers = answers.lock().expect("no panic");
            match answers.get_mut(&asked.line) {
                Some(list) if list.len() > 1 => list.remove(0),
                Some(list) => list[0].clone(),
                None => {
                    (404, r#"{"error":"no-call","message":"the test has no such call"}"#.into())
                }
            }
        };
        log.lock().expect("no panic").push(asked);
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let (mut authorization, mut length) = (None, 0);
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().expect("a number"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = first.strip_suffix(" HTTP/1.1").expect("HTTP/1.1").to_owned();
    Some(Asked { line, authorization, body: String::from_utf8(body).expect("text") })
}
