//! nginx's configuration grammar: words, quotes, escapes, comments, blocks and includes.

use super::{
    place::{Fault, Place, quote},
    source::Source,
};

/// Blocks in blocks, and files in files, at most.
const DEPTH_MAX: usize = 64;
/// Files that are included, at most.
const INCLUDES_MAX: usize = 10_000;

/// A directive: its words, and what stands in its braces.
#[derive(Debug)]
pub(super) struct Directive {
    pub(super) words: Vec<String>,
    pub(super) place: Place,
    pub(super) block: Option<Vec<Self>>,
}

/// Gives the texts that an `include` names.
pub(super) type Include<'i> = &'i mut dyn FnMut(&str, &Place) -> Result<Vec<Source>, Fault>;

/// The directives of a text, the included ones in their places.
pub(super) fn parse(source: &Source, include: Include<'_>) -> Result<Vec<Directive>, Fault> {
    let mut includes = 0;
    file(source, include, 0, &mut includes)
}

fn file(
    source: &Source,
    include: Include<'_>,
    depth: usize,
    includes: &mut usize,
) -> Result<Vec<Directive>, Fault> {
    let mut scanner = Scanner { source, rest: source.text.chars(), line: 1 };
    // The directives of each open block, and the words before its brace.
    let mut open: Vec<(Vec<String>, Place, Vec<Directive>)> = Vec::new();
    let mut directives = Vec::new();
    loop {
        let (words, place, end) = scanner.statement()?;
        let is_lua = words.first().is_some_and(|word| word.ends_with("_by_lua_block"));
        if is_lua && end == End::Open {
            let message = "Lua code follows another grammar; import a copy without this block";
            return Err(place.fault(message));
        }
        match end {
            End::Open if depth + open.len() >= DEPTH_MAX => {
                return Err(place.fault(too_deep()));
            }
            End::Open => open.push((words, place, core::mem::take(&mut directives))),
            End::Close => {
                let Some((words, place, outer)) = open.pop() else {
                    return Err(place.fault("unexpected \"}\"; there is no block to close"));
                };
                let block = core::mem::replace(&mut directives, outer);
                directives.push(Directive { words, place, block: Some(block) });
            }
            End::Semicolon if words[0] == "include" => {
                let [_, pattern] = &words[..] else {
                    return Err(place.fault("\"include\" takes one file or pattern"));
                };
                if depth + open.len() >= DEPTH_MAX {
                    return Err(place.fault(too_deep()));
                }
                for source in include(pattern, &place)? {
                    *includes += 1;
                    if *includes > INCLUDES_MAX {
                        return Err(place.fault(format!("more than {INCLUDES_MAX} files")));
                    }
                    directives.extend(file(&source, include, depth + open.len() + 1, includes)?);
                }
            }
            End::Semicolon => directives.push(Directive { words, place, block: None }),
            End::File => {
                return match open.pop() {
                    None => Ok(directives),
                    Some((words, place, _)) => {
                        let name = quote(&words[0]);
                        Err(place.fault(format!("the block {name} is not closed; add \"}}\"")))
                    }
                };
            }
        }
    }
}

fn too_deep() -> String {
    format!("more than {DEPTH_MAX} blocks and included files in one another")
}

/// How a statement ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Semicolon,
    Open,
    Close,
    File,
}

struct Scanner<'s> {
    source: &'s Source,
    rest: core::str::Chars<'s>,
    line: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.rest.next()?;
        self.line += usize::from(letter == '\n');
        Some(letter)
    }

    fn place(&self) -> Place {
        self.source.place(self.line)
    }

    /// The words up to `;` or `{`, and the place of the first; or a `}` or the end of the file.
    fn statement(&mut self) -> Result<(Vec<String>, Place, End), Fault> {
        let mut words: Vec<String> = Vec::new();
        let mut begin = self.place();
        loop {
            let line = self.line;
            let letter = self.next();
            let unexpected = |what: &str| self.source.place(line).fault(what);
            match letter {
                None if words.is_empty() => return Ok((words, begin, End::File)),
                None => return Err(begin.fault("\";\" or \"{\" is missing before the file's end")),
                Some(' ' | '\t' | '\r' | '\n') => {}
                Some(';' | '{') if words.is_empty() => {
                    let letter = letter.unwrap_or_default();
                    return Err(unexpected(&format!("unexpected \"{letter}\"")));
                }
                Some(';') => return Ok((words, begin, End::Semicolon)),
                Some('{') => return Ok((words, begin, End::Open)),
                Some('}') if words.is_empty() => {
                    return Ok((words, self.source.place(line), End::Close));
                }
                Some('}') => {
                    return Err(unexpected("unexpected \"}\"; a \";\" is missing before it"));
                }
                Some('#') => while self.next().is_some_and(|letter| letter != '\n') {},
                Some(quote @ ('"' | '\'')) => {
                    if words.is_empty() {
                        begin = self.source.place(line);
                    }
                    words.push(self.quoted(quote)?);
                    if let Some(end) = self.after_quote()? {
                        return Ok((words, begin, end));
                    }
                }
                Some(letter) => {
                    if words.is_empty() {
                        begin = self.source.place(line);
                    }
                    let (word, end) = self.plain(letter)?;
                    words.push(word);
                    if let Some(end) = end {
                        return Ok((words, begin, end));
                    }
                }
            }
        }
    }

    /// A word in quotes, the first of which is read.
    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let begin = self.place();
        let mut raw = String::new();
        loop {
            match self.next() {
                None => return Err(begin.fault(format!("the quote {quote} is not closed"))),
                Some('\\') => raw.extend(['\\'].into_iter().chain(self.next())),
                Some(letter) if letter == quote => return Ok(unescape(&raw)),
                Some(letter) => raw.push(letter),
            }
        }
    }

    /// What may follow a quoted word.
    fn after_quote(&mut self) -> Result<Option<End>, Fault> {
        let place = self.place();
        match self.next() {
            Some(' ' | '\t' | '\r' | '\n' | ')') => Ok(None),
            Some(';') => Ok(Some(End::Semicolon)),
            Some('{') => Ok(Some(End::Open)),
            Some(letter) => {
                Err(place.fault(format!("unexpected {letter:?} after a quote; put a space there")))
            }
            None => Err(place.fault("\";\" or \"{\" is missing before the file's end")),
        }
    }

    /// A word without quotes at its start, the first letter of which is read.
    fn plain(&mut self, first: char) -> Result<(String, Option<End>), Fault> {
        let begin = self.place();
        let mut raw = String::new();
        let mut letter = first;
        // `{` right after `$` belongs to the word.
        let mut after_dollar = false;
        loop {
            match letter {
                '{' if after_dollar => {
                    raw.push('{');
                    after_dollar = false;
                }
                ' ' | '\t' | '\r' | '\n' => return Ok((unescape(&raw), None)),
                ';' => return Ok((unescape(&raw), Some(End::Semicolon))),
                '{' => return Ok((unescape(&raw), Some(End::Open))),
                '\\' => {
                    raw.extend(['\\'].into_iter().chain(self.next()));
                    after_dollar = false;
                }
                letter => {
                    raw.push(letter);
                    after_dollar = letter == '$';
                }
            }
            letter = self
                .next()
                .ok_or_else(|| begin.fault("\";\" or \"{\" is missing before the file's end"))?;
        }
    }
}

/// Takes the escapes that nginx knows out of a word; it leaves others as they are.
fn unescape(raw: &str) -> String {
    let mut word = String::with_capacity(raw.len());
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            word.push(letter);
            continue;
        }
        match letters.next() {
            Some(letter @ ('"' | '\'' | '\\')) => word.push(letter),
            Some('t') => word.push('\t'),
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            other => word.extend(['\\'].into_iter().chain(other)),
        }
    }
    word
}
