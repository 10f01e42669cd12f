//! Arguments of a call that arrive in pieces, each with its place (Vertex). wire-formats 3.5

use super::super::tree::Tree;
use super::chunk::PartialArg;
use crate::json::half::{Half, Quoted};

/// The most bytes of argument text kept.
const MAX_SIZE: usize = 4 * 1024 * 1024;
/// The deepest place accepted.
const MAX_DEPTH: usize = 32;
/// The largest gap before a new element of an array.
const MAX_ELEMENTS: usize = 4_096;

/// The pieces cannot be put together.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Unplaceable;

/// Arguments so far.
#[derive(Debug)]
pub(in super::super) struct PartialArguments {
    root: Tree,
    size: usize,
    /// The place whose string goes on in the next piece.
    continued: Option<String>,
    /// Half a character at the end of that string.
    half: Half,
}

enum Step {
    Member(String),
    Element(usize),
}

impl PartialArguments {
    /// Begins with what was sent whole, or with nothing.
    pub(in super::super) fn new(whole: Option<&str>) -> Self {
        let root = whole.and_then(|text| serde_json::from_str(text).ok());
        let root = root.filter(|root| matches!(root, Tree::Map(_)));
        Self {
            root: root.unwrap_or_else(|| Tree::Map(Vec::new())),
            size: whole.map_or(0, str::len),
            continued: None,
            half: Half::default(),
        }
    }

    /// Puts one piece in its place.
    pub(in super::super) fn add(&mut self, piece: &PartialArg<'_>) -> Result<(), Unplaceable> {
        let path = piece.json_path.map(Quoted::text).unwrap_or_default();
        let path = path.as_ref();
        let append = self.continued.as_deref() == Some(path);
        if !append || piece.string_value.is_none() {
            self.end();
        }
        let text = piece.string_value.map(|text| text.join(&mut self.half));
        let text = text.as_deref();
        self.size += path.len() + text.map_or(8, str::len);
        if self.size > MAX_SIZE {
            return Err(Unplaceable);
        }
        let mut filled = 0;
        let place = place(&mut self.root, steps(path)?, &mut filled)?;
        // What stands in a gap was not sent, but is kept all the same.
        self.size += filled * size_of::<Tree>();
        if self.size > MAX_SIZE {
            return Err(Unplaceable);
        }
        match (text, &piece.number_value.0, piece.bool_value) {
            (Some(text), _, _) => match place {
                Tree::Text(so_far) if append => so_far.push_str(text),
                other => *other = Tree::of_text(text),
            },
            (None, Some(number), _) => *place = Tree::Number(number.clone()),
            (None, None, Some(value)) => *place = Tree::Bool(value),
            // `nullValue`, or a piece that only ends the string before it.
            (None, None, None) if append => {}
            (None, None, None) => *place = Tree::Null,
        }
        self.continued = Some(path.to_owned());
        if piece.will_continue != Some(true) {
            self.end();
            self.continued = None;
        }
        Ok(())
    }

    /// Puts what stands for half a character, whose other half never came, where it belongs.
    fn end(&mut self) {
        let Some(end) = self.half.end() else { return };
        let steps = self.continued.as_deref().map(steps);
        if let Some(Ok(steps)) = steps
            && let Ok(Tree::Text(so_far)) = place(&mut self.root, steps, &mut 0)
        {
            so_far.push_str(&end);
        }
    }

    /// The text of the arguments.
    pub(in super::super) fn finish(mut self) -> String {
        self.end();
        serde_json::to_string(&self.root).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// Finds a place, making what leads to it; counts the elements made into `filled`.
fn place<'t>(
    root: &'t mut Tree,
    steps: Vec<Step>,
    filled: &mut usize,
) -> Result<&'t mut Tree, Unplaceable> {
    let mut at = root;
    for step in steps {
        at = match step {
            Step::Member(name) => {
                if !matches!(at, Tree::Map(_)) {
                    *at = Tree::Map(Vec::new());
                }
                let Tree::Map(members) = at else { return Err(Unplaceable) };
                let position = match members.iter().position(|(key, _)| *key == name) {
                    Some(position) => position,
                    None => {
                        members.push((name, Tree::Null));
                        members.len() - 1
                    }
                };
                &mut members[position].1
            }
            Step::Element(index) => {
                if !matches!(at, Tree::List(_)) {
                    *at = Tree::List(Vec::new());
                }
                let Tree::List(elements) = at else { return Err(Unplaceable) };
                if index >= elements.len() {
                    if index - elements.len() > MAX_ELEMENTS {
                        return Err(Unplaceable);
                    }
                    *filled += index + 1 - elements.len();
                    elements.resize(index + 1, Tree::Null);
                }
                &mut elements[index]
            }
        };
    }
    Ok(at)
}

/// Reads `$.a.b[0]['c d']`.
fn steps(path: &str) -> Result<Vec<Step>, Unplaceable> {
    let mut rest = path.strip_prefix('$').ok_or(Unplaceable)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= MAX_DEPTH {
            return Err(Unplaceable);
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Member(after[..end].to_owned()));
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let (step, left) = bracket(after)?;
            steps.push(step);
            rest = left;
        } else {
            return Err(Unplaceable);
        }
    }
    // The arguments are an object: a piece for the whole of them has no place.
    if matches!(steps.first(), Some(Step::Member(_))) { Ok(steps) } else { Err(Unplaceable) }
}

fn bracket(after: &str) -> Result<(Step, &str), Unplaceable> {
    for quote in ['\'', '"'] {
        if let Some(name) = after.strip_prefix(quote) {
            let end = name.find(quote).ok_or(Unplaceable)?;
            let left = name[end + 1..].strip_prefix(']').ok_or(Unplaceable)?;
            return Ok((Step::Member(name[..end].to_owned()), left));
        }
    }
    let (index, left) = after.split_once(']').ok_or(Unplaceable)?;
    Ok((Step::Element(index.trim().parse().map_err(|_| Unplaceable)?), left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn add(arguments: &mut PartialArguments, piece: &str) -> Result<(), Unplaceable> {
        arguments.add(&serde_json::from_str(piece).unwrap())
    }

    #[test]
    fn pieces_find_their_places() {
        let mut arguments = PartialArguments::new(None);
        for piece in [
            r#"{"jsonPath":"$.city","stringValue":"New","willContinue":true}"#,
            r#"{"jsonPath":"$.city","stringValue":" York","willContinue":true}"#,
            r#"{"jsonPath":"$.city"}"#,
            r#"{"jsonPath":"$.days[0]['a b']","numberValue":3}"#,
            r#"{"jsonPath":"$.days[2]","boolValue":true}"#,
            r#"{"jsonPath":"$.none","nullValue":null}"#,
            r#"{"jsonPath":"$.city2","stringValue":"x"}"#,
            r#"{"jsonPath":"$.city2","stringValue":"y"}"#,
        ] {
            add(&mut arguments, piece).unwrap();
        }
        assert_eq!(
            arguments.finish(),
            r#"{"city":"New York","days":[{"a b":3},null,true],"none":null,"city2":"y"}"#
        );
    }

    #[test]
    fn half_a_character_is_joined_or_replaced_and_nothing_is_lost() {
        let mut arguments = PartialArguments::new(None);
        for piece in [
            r#"{"jsonPath":"$.a","stringValue":"x\ud83d","willContinue":true}"#,
            r#"{"jsonPath":"$.a","stringValue":"\ude00 \ud83d","willContinue":true}"#,
            r#"{"jsonPath":"$.a"}"#,
            r#"{"jsonPath":"$.b","stringValue":"y\ud83d","willContinue":true}"#,
            r#"{"jsonPath":"$.c","stringValue":"\ude00","willContinue":true}"#,
            r#"{"jsonPath":"$.d","stringValue":"z\ud83d"}"#,
            r#"{"jsonPath":"$.e","stringValue":"\ud83d","willContinue":true}"#,
        ] {
            add(&mut arguments, piece).unwrap();
        }
        assert_eq!(
            arguments.finish(),
            "{\"a\":\"x😀 \u{fffd}\",\"b\":\"y\u{fffd}\",\"c\":\"\u{fffd}\",\"d\":\"z\u{fffd}\",\"e\":\"\u{fffd}\"}"
        );
    }

    #[test]
    fn hostile_places_are_refused() {
        for path in ["", "$", "x", "$[0]", "$.a[99999999]", "$.a[-1]", "$.a['b", "$.a[1"] {
            let mut arguments = PartialArguments::new(None);
            let piece = serde_json::json!({"jsonPath": path, "boolValue": true}).to_string();
            assert_eq!(add(&mut arguments, &piece), Err(Unplaceable), "{path}");
        }
        let deep = serde_json::json!({"jsonPath": format!("${}", ".a".repeat(40))}).to_string();
        assert_eq!(add(&mut PartialArguments::new(None), &deep), Err(Unplaceable));
    }

    #[test]
    fn gaps_count_as_what_they_hold() {
        let mut arguments = PartialArguments::new(None);
        let refused = (1..1_000).find(|step| {
            let path = format!("$.a[{}]", step * MAX_ELEMENTS);
            let piece = serde_json::json!({"jsonPath": path, "boolValue": true}).to_string();
            add(&mut arguments, &piece).is_err()
        });
        assert!(refused.is_some_and(|step| step * MAX_ELEMENTS * size_of::<Tree>() < 2 * MAX_SIZE));
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in r"\$?[.\[\]'a0-9é]{0,20}") {
            let mut arguments = PartialArguments::new(Some("{\"a\":[1]}"));
            let piece = serde_json::json!({"jsonPath": path, "stringValue": "x"}).to_string();
            let _ = add(&mut arguments, &piece);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&arguments.finish()).is_ok());
        }
    }
}
