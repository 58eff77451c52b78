//! HAProxy's configuration grammar: lines of words, quotes, escapes, comments, sections.

use super::{
    place::{Fault, Place, quote},
    source::Source,
};

/// The words that begin a section.
const SECTIONS: [&str; 20] = [
    "acme",
    "backend",
    "cache",
    "crt-store",
    "defaults",
    "fcgi-app",
    "frontend",
    "global",
    "healthcheck",
    "http-errors",
    "listen",
    "log-forward",
    "log-profile",
    "mailers",
    "peers",
    "program",
    "resolvers",
    "ring",
    "traces",
    "userlist",
];

/// A section with its lines.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) head: Line,
    pub(super) lines: Vec<Line>,
}

/// A line of words, at least one.
#[derive(Debug)]
pub(super) struct Line {
    words: Vec<Word>,
    pub(super) place: Place,
}

#[derive(Debug)]
struct Word {
    text: String,
    /// It holds a variable of the environment, which the file does not tell.
    has_variable: bool,
}

impl Line {
    /// The first word: what the line is about.
    pub(super) fn keyword(&self) -> &str {
        &self.words[0].text
    }

    /// The words after the first, for a line that matters.
    pub(super) fn arguments(&self) -> Result<Vec<&str>, Fault> {
        let mut arguments = Vec::with_capacity(self.words.len());
        for word in &self.words {
            if word.has_variable {
                let message = format!(
                    "{} holds a variable of the environment; write its value in a copy",
                    quote(&word.text)
                );
                return Err(self.place.fault(message));
            }
            if word.text.contains(char::REPLACEMENT_CHARACTER) {
                return Err(self.place.fault(format!("{} is not UTF-8", quote(&word.text))));
            }
            arguments.push(word.text.as_str());
        }
        arguments.remove(0);
        Ok(arguments)
    }
}

/// The sections of a configuration.
pub(super) fn parse(source: &Source) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    for (text, number) in source.text.split('\n').zip(1..) {
        let place = source.place(number);
        let words = words(text.strip_suffix('\r').unwrap_or(text), &place)?;
        let Some(first) = words.first() else { continue };
        let keyword = first.text.clone();
        let line = Line { words, place };
        if matches!(keyword.as_str(), ".if" | ".elif" | ".else" | ".endif") {
            let message = "conditional lines depend on where HAProxy runs; import a copy that has \
                           only the lines that hold";
            return Err(line.place.fault(message));
        }
        if SECTIONS.contains(&keyword.as_str()) {
            sections.push(Section { head: line, lines: Vec::new() });
        } else if keyword.starts_with('.') {
            // A message to the operator.
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        } else {
            let message = format!("{} stands before any section", quote(&keyword));
            return Err(line.place.fault(message));
        }
    }
    Ok(sections)
}

fn words(text: &str, place: &Place) -> Result<Vec<Word>, Fault> {
    let mut words: Vec<Word> = Vec::new();
    // The word that is being read, if one has begun.
    let mut word: Option<Word> = None;
    let mut letters = text.chars().peekable();
    let mut open: Option<char> = None;
    while let Some(letter) = letters.next() {
        let begun = || Word { text: String::new(), has_variable: false };
        match (letter, open) {
            (' ' | '\t', None) => words.extend(word.take()),
            ('#', None) => break,
            ('\'' | '"', None) => {
                open = Some(letter);
                word.get_or_insert_with(begun);
            }
            (quote, Some(begin)) if quote == begin => open = None,
            ('\\', None | Some('"')) => {
                let letter = escaped(&mut letters, open.is_some(), place)?;
                word.get_or_insert_with(begun).text.push_str(&letter);
            }
            ('$', Some('"')) => {
                let word = word.get_or_insert_with(begun);
                word.has_variable = true;
                word.text.push('$');
            }
            (letter, _) => word.get_or_insert_with(begun).text.push(letter),
        }
    }
    if let Some(quote) = open {
        return Err(place.fault(format!("the quote {quote} is not closed")));
    }
    words.extend(word);
    Ok(words)
}

/// What stands for an escape, behind its backslash.
fn escaped(
    letters: &mut core::iter::Peekable<core::str::Chars<'_>>,
    is_quoted: bool,
    place: &Place,
) -> Result<String, Fault> {
    let Some(&letter) = letters.peek() else {
        return Err(place.fault("a backslash at the end of the line escapes nothing"));
    };
    let stands_for = match letter {
        ' ' | '\\' | '#' | '"' | '\'' => letter,
        '$' if is_quoted => letter,
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'x' => {
            letters.next();
            let digits: String = letters.by_ref().take(2).collect();
            let byte = u8::from_str_radix(&digits, 16).ok().filter(|it| it.is_ascii());
            return match byte {
                Some(byte) if digits.len() == 2 => Ok(char::from(byte).to_string()),
                _ => Err(place.fault(format!("{} is no escape of ASCII", quote(&digits)))),
            };
        }
        _ => return Ok("\\".to_owned()),
    };
    letters.next();
    Ok(stands_for.to_string())
}
