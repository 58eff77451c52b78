//! Cluster files as commands are given them.

use std::path::Path;

use ringway::Table;
use ringway_cluster::ClusterFile;

use crate::failure::Failure;

/// The file and its table, in another layout if one is asked for.
pub(crate) fn read(path: &Path, layout: Option<&str>) -> Result<(ClusterFile, Table), Failure> {
    let mut file = ClusterFile::read(path)?;
    if let Some(name) = layout {
        file = file
            .with_layout(name)
            .map_err(|error| Failure::Message(format!("--layout: {error}")))?;
    }
    let table = file.table()?;
    Ok((file, table))
}

/// Layout and options in a few words: `ringway-v1, vnodes 40`.
pub(crate) fn layout_words(file: &ClusterFile) -> String {
    let mut words = file.layout().name().to_owned();
    for (name, value) in file.layout().options() {
        let value = match value {
            _ if name == "key" => "hidden".to_owned(),
            ringway::OptionValue::Integer(number) => number.to_string(),
            ringway::OptionValue::Text(text) => text.to_owned(),
            ringway::OptionValue::List(numbers) => format!("{numbers:?}"),
            other => format!("{other:?}"),
        };
        words.push_str(&format!(", {name} {value}"));
    }
    words
}
