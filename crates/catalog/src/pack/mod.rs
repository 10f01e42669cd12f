//! The shipped form of a catalogue: one text, one row per line, so that changes can be read.
//!
//! Rows are JSON. What repeats often (sets of parameters and modalities, abilities) stands once in
//! a table and is named by a short hash of its content, so that one change does not renumber the
//! rest. The endpoints of a model follow it. The same parts always give the same bytes.

mod row;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::row::{EndpointRow, Missing, ModelRow, Reading, Writing};
use crate::describe::describe;
use crate::endpoint::Endpoint;
use crate::parts::CatalogParts;

/// The version of the form.
const VERSION: &str = "trunkline-catalog/1";

/// A packed catalogue that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It is of another version, or something else.
    #[error("the catalogue is of the form `{0}`, this version reads `{VERSION}`")]
    Version(String),
    /// A line is not what it should be.
    #[error("line {line} of the catalogue: {reason}")]
    Line {
        /// The line, from one.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value cannot be written.
    #[error("the catalogue cannot be written: {0}")]
    Write(#[from] serde_json::Error),
}

/// Packs the parts of a catalogue. They are put in order first; what models inherit from their
/// endpoints is not written. Endpoints of models that are not among the parts are lost.
pub fn pack(parts: &CatalogParts) -> Result<String, PackError> {
    let mut parts = parts.clone();
    parts.sort();
    let mut of_model: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in parts.endpoints {
        of_model.entry(endpoint.model.clone()).or_default().push(endpoint);
    }
    let mut tables = Writing::default();
    let mut rows = String::new();
    let count = parts.models.len();
    for model in parts.models {
        let endpoints = of_model.remove(&model.id).unwrap_or_default();
        line(&mut rows, &ModelRow::write(model, endpoints.len(), &mut tables)?)?;
        for endpoint in endpoints {
            line(&mut rows, &EndpointRow::write(endpoint, &mut tables)?)?;
        }
    }
    let mut text = format!("{VERSION}\n");
    line(&mut text, &parts.origin)?;
    section(&mut text, "parameters", tables.parameters.0.iter())?;
    section(&mut text, "modalities", tables.modalities.0.iter())?;
    section(&mut text, "abilities", tables.abilities.0.iter())?;
    section(&mut text, "reasoning", tables.reasoning.0.iter())?;
    section(&mut text, "providers", parts.providers.iter())?;
    section(&mut text, "listed", parts.listed.iter())?;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "models {count}");
    text.push_str(&rows);
    Ok(text)
}

fn section<T: Serialize>(
    text: &mut String,
    name: &str,
    rows: impl ExactSizeIterator<Item = T>,
) -> Result<(), serde_json::Error> {
    let _ = writeln!(text, "{name} {}", rows.len());
    for row in rows {
        line(text, &row)?;
    }
    Ok(())
}

fn line<T: Serialize>(text: &mut String, row: &T) -> Result<(), serde_json::Error> {
    text.push_str(&serde_json::to_string(row)?);
    text.push('\n');
    Ok(())
}

/// No row is shorter, in bytes.
const SHORTEST_ROW: usize = 16;

/// Reads what [`pack`] wrote.
pub fn unpack(text: &str) -> Result<CatalogParts, PackError> {
    let mut reader = Reader { lines: text.lines(), line: 0 };
    let version = reader.next()?;
    if version != VERSION {
        return Err(PackError::Version(version.chars().take(80).collect()));
    }
    let mut parts = CatalogParts { origin: reader.row()?, ..CatalogParts::default() };
    let tables = Reading {
        parameters: reader.table("parameters")?,
        modalities: reader.table("modalities")?,
        abilities: reader.table("abilities")?,
        reasoning: reader.table("reasoning")?,
    };
    parts.providers = reader.section("providers")?;
    parts.listed = reader.section("listed")?;
    let models = reader.heading("models")?;
    // No more than there are lines, whatever the heading says.
    parts.models.reserve_exact(models.min(text.len() / SHORTEST_ROW));
    for _ in 0..models {
        let row: ModelRow = reader.row()?;
        let (mut model, needs_description, endpoints) =
            row.read(&tables).map_err(|missing| reader.missing(&missing))?;
        let first = parts.endpoints.len();
        for _ in 0..endpoints {
            let row: EndpointRow = reader.row()?;
            let endpoint =
                row.read(&model.id, &tables).map_err(|missing| reader.missing(&missing))?;
            parts.endpoints.push(endpoint);
        }
        crate::build::inherit(std::slice::from_mut(&mut model), &parts.endpoints[first..]);
        if needs_description {
            model.description = describe(&model);
        }
        parts.models.push(model);
    }
    // All of it stays for as long as the gateway runs.
    parts.endpoints.shrink_to_fit();
    Ok(parts)
}

struct Reader<'a> {
    lines: std::str::Lines<'a>,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<&'a str, PackError> {
        self.line += 1;
        self.lines.next().ok_or_else(|| self.wrong("the text ends here"))
    }

    fn wrong(&self, reason: impl ToString) -> PackError {
        PackError::Line { line: self.line, reason: reason.to_string() }
    }

    fn missing(&self, Missing(key): &Missing) -> PackError {
        self.wrong(format!("nothing is called `{key}` in the tables"))
    }

    fn row<T: DeserializeOwned>(&mut self) -> Result<T, PackError> {
        let line = self.next()?;
        serde_json::from_str(line).map_err(|error| self.wrong(error))
    }

    fn heading(&mut self, name: &str) -> Result<usize, PackError> {
        let line = self.next()?;
        line.strip_prefix(name)
            .and_then(|rest| rest.trim().parse().ok())
            .ok_or_else(|| self.wrong(format!("expected `{name}` and a number")))
    }

    fn section<T: DeserializeOwned>(&mut self, name: &str) -> Result<Vec<T>, PackError> {
        let count = self.heading(name)?;
        (0..count).map(|_| self.row()).collect()
    }

    fn table<T: DeserializeOwned>(&mut self, name: &str) -> Result<HashMap<String, T>, PackError> {
        Ok(self.section::<(String, T)>(name)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_text_survives_the_way_through_the_parts() {
        let parts = CatalogParts::embedded().unwrap();
        let text = pack(&parts).unwrap();
        assert_eq!(unpack(&text).unwrap(), parts);
        assert_eq!(pack(&unpack(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn another_version_and_a_broken_line_are_named() {
        assert!(matches!(unpack("something else"), Err(PackError::Version(_))));
        let error = unpack("trunkline-catalog/1\n{}\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2 "), "{error}");
        let text = pack(&CatalogParts::default()).unwrap();
        let error = unpack(&text.replace("models 0", "models 9")).unwrap_err();
        assert!(error.to_string().contains("the text ends here"), "{error}");
    }
}
