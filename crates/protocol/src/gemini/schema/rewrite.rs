//! The rewriting itself: one recursive walk with a bound on depth and on the number of nodes.

use std::collections::HashSet;

use super::super::tree::Tree;
use super::keywords::{Notes, choices, numbers, strings};

/// A schema deeper than this when its references are written out is sent as JSON Schema instead:
/// either it refers to itself, or it might as well.
const MAX_DEPTH: usize = 40;
/// The most nodes visited or copied. A small schema may refer to its parts so often that it grows
/// without bound.
const MAX_WORK: usize = 100_000;
/// How many bytes of text weigh as much as a node.
const TEXT_PER_NODE: usize = 64;
/// How many comparisons of names weigh as much as a node.
const COMPARISONS_PER_NODE: usize = 32;
/// What a name in a set costs, compared with a comparison.
const COMPARISONS_PER_HASH: usize = 16;
/// More types than there are.
const MAX_KINDS: usize = 8;
/// Why a schema cannot be said in the subset.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inexpressible;

pub(super) type Members = Vec<(String, Tree)>;
type Rewritten = Result<Tree, Inexpressible>;

/// Rewrites one schema.
pub(super) struct Rewriter<'s> {
    root: &'s Tree,
    depth: usize,
    work: usize,
    /// The most work allowed.
    most: usize,
    /// Something may be of any kind, which the subset can say only of what is flat.
    untyped: bool,
}

impl<'s> Rewriter<'s> {
    /// A rewriter for references into `root`.
    pub(super) fn new(root: &'s Tree) -> Self {
        Self { root, depth: 0, work: 0, most: MAX_WORK, untyped: false }
    }

    /// Lowers the work allowed to what `budget` has left.
    pub(super) fn within(mut self, budget: usize) -> Self {
        self.most = self.most.min(budget);
        self
    }

    /// The work done.
    pub(super) fn work(&self) -> usize {
        self.work
    }

    /// Whether something in what was rewritten may be of any kind.
    pub(super) fn untyped(&self) -> bool {
        self.untyped
    }

    /// Rewrites a schema that must describe an object: alternatives become one object with the
    /// properties of all, of which those are required that every alternative requires.
    pub(super) fn object(&mut self, schema: &Tree) -> Rewritten {
        let rewritten = self.any(schema)?;
        let Some(alternatives) = rewritten.get("anyOf") else {
            let mut members = into_members(rewritten);
            match members.iter_mut().find(|(name, _)| name == "type") {
                Some((_, kind)) => *kind = Tree::of_text("object"),
                None => members.insert(0, ("type".into(), Tree::of_text("object"))),
            }
            members.retain(|(name, _)| {
                ["type", "description", "properties", "required", "propertyOrdering"]
                    .contains(&name.as_str())
            });
            return Ok(Tree::Map(members));
        };
        let mut properties: Members = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut required: Option<Vec<Tree>> = None;
        for alternative in alternatives.elements() {
            for (name, value) in alternative.get("properties").map_or(&[][..], Tree::members) {
                if seen.insert(name.as_str()) {
                    properties.push((name.clone(), value.clone()));
                }
            }
            let wanted = alternative.get("required").map_or(&[][..], Tree::elements);
            required = Some(match required {
                None => wanted.to_vec(),
                Some(so_far) => {
                    let wanted: HashSet<_> = wanted.iter().filter_map(Tree::text).collect();
                    let in_both = |name: &Tree| name.text().is_some_and(|it| wanted.contains(it));
                    so_far.into_iter().filter(in_both).collect()
                }
            });
        }
        let mut members = vec![("type".into(), Tree::of_text("object"))];
        members.push(("properties".into(), Tree::Map(properties)));
        if let Some(required) = required.filter(|names| !names.is_empty()) {
            members.push(("required".into(), Tree::List(required)));
        }
        Ok(Tree::Map(members))
    }

    /// Rewrites any schema.
    pub(super) fn any(&mut self, schema: &Tree) -> Rewritten {
        if self.depth >= MAX_DEPTH {
            return Err(Inexpressible);
        }
        self.depth += 1;
        let mut members: Members = Vec::new();
        self.flatten_into(schema, &mut members, 0)?;
        let result = self.node(&members);
        self.depth -= 1;
        result
    }

    /// Accounts for a copy before it is made.
    fn spend(&mut self, tree: &Tree) -> Result<(), Inexpressible> {
        self.work += 1;
        if self.work > self.most {
            return Err(Inexpressible);
        }
        match tree {
            Tree::Text(text) => self.work += text.len() / TEXT_PER_NODE,
            Tree::List(elements) => {
                for element in elements {
                    self.spend(element)?;
                }
            }
            Tree::Map(members) => {
                for (name, value) in members {
                    self.work += name.len() / TEXT_PER_NODE;
                    self.spend(value)?;
                }
            }
            Tree::Null | Tree::Bool(_) | Tree::Number(_) => {}
        }
        Ok(())
    }

    /// Accounts for looking through that many members or names.
    fn search(&mut self, count: usize) -> Result<(), Inexpressible> {
        self.work += count / COMPARISONS_PER_NODE;
        if self.work > self.most { Err(Inexpressible) } else { Ok(()) }
    }

    /// What a reference refers to.
    fn follow(&mut self, reference: &str) -> Result<Option<&'s Tree>, Inexpressible> {
        let Some(pointer) = reference.strip_prefix('#') else { return Ok(None) };
        for step in self.root.along(pointer) {
            self.search(step.members().len())?;
        }
        Ok(self.root.pointer(pointer))
    }

    /// The members of a schema with its reference followed and its `allOf` merged. `level` counts
    /// references that lead to references.
    fn flatten_into(
        &mut self,
        schema: &Tree,
        members: &mut Members,
        level: usize,
    ) -> Result<(), Inexpressible> {
        if level > MAX_DEPTH {
            return Err(Inexpressible);
        }
        self.search(schema.members().len())?;
        for (name, value) in schema.members() {
            if !["$ref", "allOf", "$defs", "definitions"].contains(&name.as_str()) {
                self.spend(value)?;
                self.merge(members, name, value)?;
            }
        }
        if let Some(reference) = schema.get("$ref").and_then(Tree::text)
            && let Some(target) = self.follow(reference)?
        {
            self.spend(&Tree::Null)?;
            self.flatten_into(target, members, level + 1)?;
        }
        for part in schema.get("allOf").map_or(&[][..], Tree::elements) {
            self.flatten_into(part, members, level)?;
        }
        Ok(())
    }

    /// Adds a member of a merged schema: properties and required names are united, of everything
    /// else the first one counts.
    fn merge(
        &mut self,
        members: &mut Members,
        name: &str,
        value: &Tree,
    ) -> Result<(), Inexpressible> {
        self.search(members.len())?;
        let Some((_, existing)) = members.iter_mut().find(|(key, _)| key == name) else {
            members.push((name.to_owned(), value.clone()));
            return Ok(());
        };
        match (name, existing, value) {
            ("properties", Tree::Map(so_far), Tree::Map(more)) => {
                self.search(so_far.len() * COMPARISONS_PER_HASH)?;
                let seen: HashSet<&str> = so_far.iter().map(|(name, _)| name.as_str()).collect();
                let new: Members = more
                    .iter()
                    .filter(|(name, _)| !seen.contains(name.as_str()))
                    .cloned()
                    .collect();
                so_far.extend(new);
            }
            ("required", Tree::List(so_far), Tree::List(more)) => {
                self.search(so_far.len() * COMPARISONS_PER_HASH)?;
                let seen: HashSet<&str> = so_far.iter().filter_map(Tree::text).collect();
                let is_new = |name: &&Tree| name.text().is_some_and(|it| !seen.contains(it));
                let new: Vec<Tree> = more.iter().filter(is_new).cloned().collect();
                so_far.extend(new);
            }
            _ => {}
        }
        Ok(())
    }

    fn node(&mut self, members: &[(String, Tree)]) -> Rewritten {
        let schema = Schema { members };
        let mut nullable = schema.get("nullable") == Some(&Tree::Bool(true));
        if let Some(alternatives) = schema.alternatives() {
            let base: Members = members
                .iter()
                .filter(|(name, _)| name != "anyOf" && name != "oneOf" && name != "description")
                .cloned()
                .collect();
            // Alternatives that only vary what is required beside given properties say nothing
            // the subset could hold; the properties count.
            let substantial = alternatives.iter().any(says_something);
            if substantial || schema.get("properties").is_none() {
                return self.alternatives(alternatives, &base, schema.description(), nullable);
            }
        }
        let mut kinds: Vec<&str> = match schema.get("type") {
            Some(Tree::Text(kind)) => vec![kind.as_str()],
            Some(Tree::List(kinds)) => kinds.iter().filter_map(Tree::text).collect(),
            _ => Vec::new(),
        };
        let all = kinds.len();
        kinds.retain(|kind| !kind.eq_ignore_ascii_case("null"));
        nullable |= kinds.len() < all;
        if kinds.len() > MAX_KINDS {
            return Err(Inexpressible);
        }
        let values = schema.values();
        if let Some(values) = &values {
            nullable |= values.contains(&&Tree::Null);
        }
        if kinds.len() > 1 && values.is_none() {
            let mut parts = Vec::with_capacity(kinds.len());
            for kind in kinds {
                parts.push(self.single(kind, &schema, None, false)?);
            }
            return Ok(any_of(parts, schema.description(), nullable));
        }
        let kind = match (&values, kinds.first()) {
            (Some(values), _) => kind_of_values(values),
            (None, Some(kind)) => Some(*kind),
            (None, None) => schema.implied_kind(),
        };
        match kind {
            Some(kind) => self.single(kind, &schema, values.as_deref(), nullable),
            None => Ok(self.anything(schema.description())),
        }
    }

    /// A value of any kind, for which the subset has no word: of every kind there is, and lists of what is
    /// flat.
    fn anything(&mut self, description: Option<&str>) -> Tree {
        self.untyped = true;
        let flat = ["string", "number", "boolean"].map(of_kind).to_vec();
        let mut list = into_members(of_kind("array"));
        list.push(("items".into(), any_of(flat.clone(), None, false)));
        let mut parts = flat;
        parts.extend([of_kind("object"), Tree::Map(list)]);
        any_of(parts, description, false)
    }

    fn alternatives(
        &mut self,
        parts: &[Tree],
        base: &[(String, Tree)],
        description: Option<&str>,
        mut nullable: bool,
    ) -> Rewritten {
        let mut rewritten: Vec<Tree> = Vec::with_capacity(parts.len());
        for part in parts {
            if is_null(part) {
                nullable = true;
                continue;
            }
            let merged = if base.is_empty() {
                self.any(part)?
            } else {
                self.spend(part)?;
                let mut members: Members = part.members().to_vec();
                for (name, value) in base {
                    self.spend(value)?;
                    self.merge(&mut members, name, value)?;
                }
                self.any(&Tree::Map(members))?
            };
            // Alternatives of alternatives are one list.
            match merged {
                Tree::Map(mut members) if members.iter().any(|(name, _)| name == "anyOf") => {
                    if let Some(at) = members.iter().position(|(name, _)| name == "anyOf")
                        && let Tree::List(inner) = members.swap_remove(at).1
                    {
                        rewritten.extend(inner);
                    }
                }
                single => rewritten.push(single),
            }
        }
        rewritten.dedup();
        Ok(match rewritten.len() {
            0 => self.anything(description),
            _ => any_of(rewritten, description, nullable),
        })
    }

    fn single(
        &mut self,
        kind: &str,
        schema: &Schema<'_>,
        values: Option<&[&Tree]>,
        nullable: bool,
    ) -> Rewritten {
        let kind = kind.to_ascii_lowercase();
        let mut out: Members = vec![("type".into(), Tree::of_text(kind.clone()))];
        let mut notes = Notes::default();
        match kind.as_str() {
            "object" => self.properties(schema, &mut out, &mut notes)?,
            "array" => self.items(schema, &mut out, &mut notes)?,
            "integer" | "number" => numbers(&kind, schema, &mut out, &mut notes),
            "string" => strings(schema, &mut notes, &mut out),
            "boolean" => {}
            _ => return Ok(self.anything(schema.description())),
        }
        if let Some(values) = values {
            choices(&kind, values, &mut out, &mut notes);
        }
        if let Some(default) = schema.get("default") {
            notes.add("default", default);
        }
        if nullable {
            out.push(("nullable".into(), Tree::Bool(true)));
        }
        if let Some(description) = notes.with(schema.description()) {
            out.insert(1, ("description".into(), Tree::Text(description)));
        }
        Ok(Tree::Map(out))
    }

    fn properties(
        &mut self,
        schema: &Schema<'_>,
        out: &mut Members,
        notes: &mut Notes,
    ) -> Result<(), Inexpressible> {
        let given = schema.get("properties").map_or(&[][..], Tree::members);
        if given.is_empty() {
            if let Some(values @ Tree::Map(_)) = schema.get("additionalProperties") {
                notes.add("values", values);
            }
            return Ok(());
        }
        let mut properties: Members = Vec::with_capacity(given.len());
        for (name, value) in given {
            properties.push((name.clone(), self.any(value)?));
        }
        let known: HashSet<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        let named = |member: &str| {
            let mut seen = HashSet::new();
            let names: Vec<Tree> = schema
                .get(member)
                .map_or(&[][..], Tree::elements)
                .iter()
                .filter_map(Tree::text)
                .filter(|name| known.contains(name) && seen.insert(*name))
                .map(Tree::of_text)
                .collect();
            (!names.is_empty()).then_some(Tree::List(names))
        };
        let required = named("required");
        let ordering = named("propertyOrdering");
        out.push(("properties".into(), Tree::Map(properties)));
        out.extend(required.map(|names| ("required".into(), names)));
        out.extend(ordering.map(|names| ("propertyOrdering".into(), names)));
        Ok(())
    }

    fn items(
        &mut self,
        schema: &Schema<'_>,
        out: &mut Members,
        notes: &mut Notes,
    ) -> Result<(), Inexpressible> {
        let tuple = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(Tree::List(parts)), _) | (None, Some(Tree::List(parts))) => Some(parts),
            _ => None,
        };
        let items = match (tuple, schema.get("items")) {
            (Some(parts), _) => self.alternatives(parts, &[], None, false)?,
            (None, Some(items @ Tree::Map(_))) => self.any(items)?,
            _ => self.anything(None),
        };
        out.push(("items".into(), items));
        for name in ["minItems", "maxItems"] {
            if let Some(Tree::Number(count)) = schema.get(name)
                && count.as_u64().is_some()
            {
                out.push((name.into(), Tree::Number(count.clone())));
            }
        }
        if schema.get("uniqueItems") == Some(&Tree::Bool(true)) {
            notes.add("unique items", &Tree::Bool(true));
        }
        Ok(())
    }
}

/// A node's members while it is rewritten.
pub(super) struct Schema<'m> {
    members: &'m [(String, Tree)],
}

impl<'m> Schema<'m> {
    pub(super) fn get(&self, name: &str) -> Option<&'m Tree> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn description(&self) -> Option<&'m str> {
        self.get("description").and_then(Tree::text).filter(|text| !text.is_empty())
    }

    fn alternatives(&self) -> Option<&'m [Tree]> {
        [self.get("anyOf"), self.get("oneOf")]
            .into_iter()
            .flatten()
            .map(Tree::elements)
            .find(|parts| !parts.is_empty())
    }

    /// The values of `enum` or `const`.
    fn values(&self) -> Option<Vec<&'m Tree>> {
        if let Some(value) = self.get("const") {
            return Some(vec![value]);
        }
        let values: Vec<&Tree> = self.get("enum")?.elements().iter().collect();
        (!values.is_empty()).then_some(values)
    }

    fn implied_kind(&self) -> Option<&'static str> {
        let has = |names: &[&str]| names.iter().any(|name| self.get(name).is_some());
        if has(&["properties", "additionalProperties", "required"]) {
            Some("object")
        } else if has(&["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]) {
            Some("array")
        } else if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
        {
            Some("number")
        } else if has(&["pattern", "minLength", "maxLength", "format"]) {
            Some("string")
        } else {
            None
        }
    }
}

/// Whether an alternative describes values by itself instead of only constraining its siblings.
fn says_something(part: &Tree) -> bool {
    ["type", "properties", "$ref", "enum", "const", "anyOf", "oneOf", "allOf", "items"]
        .iter()
        .any(|name| part.get(name).is_some())
}

fn is_null(part: &Tree) -> bool {
    match part.get("type") {
        Some(Tree::Text(kind)) => kind.eq_ignore_ascii_case("null"),
        _ => {
            part.get("const") == Some(&Tree::Null)
                || part.get("enum").is_some_and(|values| values.elements() == [Tree::Null])
        }
    }
}

/// `anyOf` must stand alone: description and nullability go into the alternatives.
fn any_of(mut parts: Vec<Tree>, description: Option<&str>, nullable: bool) -> Tree {
    for (position, part) in parts.iter_mut().enumerate() {
        let Tree::Map(members) = part else { continue };
        if nullable && !members.iter().any(|(name, _)| name == "nullable") {
            members.push(("nullable".into(), Tree::Bool(true)));
        }
        if let Some(text) = description.filter(|_| position == 0) {
            match members.iter_mut().find(|(name, _)| name == "description") {
                Some((_, Tree::Text(own))) => *own = format!("{text} {own}"),
                _ => members
                    .insert(members.len().min(1), ("description".into(), Tree::of_text(text))),
            }
        }
    }
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => Tree::Map(vec![("anyOf".into(), Tree::List(parts))]),
    }
}

fn of_kind(kind: &str) -> Tree {
    Tree::Map(vec![("type".into(), Tree::of_text(kind))])
}

fn kind_of_values(values: &[&Tree]) -> Option<&'static str> {
    let mut kinds = values.iter().filter(|value| ***value != Tree::Null).map(|value| match value {
        Tree::Bool(_) => "boolean",
        Tree::Number(number) if number.is_f64() => "number",
        Tree::Number(_) => "integer",
        Tree::Map(_) => "object",
        Tree::List(_) => "array",
        Tree::Text(_) | Tree::Null => "string",
    });
    let first = kinds.next()?;
    // Mixed values: as strings, with all of them named in the description.
    Some(kinds.fold(first, |so_far, kind| match (so_far, kind) {
        (a, b) if a == b => a,
        ("integer", "number") | ("number", "integer") => "number",
        _ => "string",
    }))
}

fn into_members(tree: Tree) -> Members {
    match tree {
        Tree::Map(members) => members,
        _ => Vec::new(),
    }
}
