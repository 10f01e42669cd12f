//! Tools in namespaces, which no other protocol has. There each is a function of its own, under a
//! name that begins with that of its namespace; its calls are told as the caller knows it. TOOLS-1

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::decode::tool;
use crate::Dialect;
use crate::exchange::{Block, BlockKind, Extras, Fault, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Object, RawJson};
use crate::openai_chat::MAX_TOOLS;
use crate::openai_chat::parameters::type_of;
use crate::openai_chat::read::{Place, array, lenient_array, lenient_object, object, string};
use crate::openai_chat::wire::{MAX_FUNCTION_NAME, short_mark};
use crate::untranslatable;

/// The kind of a tool that holds others.
pub(crate) const KIND: &str = "namespace";

/// The member of a call, and of a choice, that says where its tool stands.
pub(super) const MEMBER: &str = "namespace";

/// The longest name of a namespace, in bytes: each of its tools is told with it.
pub(crate) const MAX_NAME: usize = 256;

/// What stands between the two names of a tool in the exchange: no name that can be called has it.
const BETWEEN: char = '\u{1f}';

/// What a tool in a namespace goes by in the exchange.
pub(super) fn joined(namespace: &str, name: &str) -> String {
    format!("{namespace}{BETWEEN}{name}")
}

/// The namespace of a tool, if it has one, and its name there.
pub(super) fn parted(name: &str) -> (Option<&str>, &str) {
    match name.split_once(BETWEEN) {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    }
}

/// The namespace that an item names; an empty one is none.
pub(super) fn of<'a>(item: &Object<'a>) -> Option<Cow<'a, str>> {
    item.peek_str(MEMBER).filter(|namespace| !namespace.is_empty())
}

/// The names of the tools in namespaces where they stay in them, by themselves: of those that are
/// offered, and of those that a search brought, as many as may be offered.
pub(super) fn declared(request: &Request) -> impl Iterator<Item = (String, String)> {
    let found = request.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| {
        let BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw } = &block.kind else {
            return None;
        };
        lenient_object(raw.as_raw())?.peek("tools")
    });
    let found = found.flat_map(lenient_array).filter_map(lenient_object);
    let offered = request.tools.iter().filter_map(group);
    let offered = offered.filter_map(|raw| lenient_object(raw.as_raw()));
    let groups = offered.chain(found.filter(|tool| tool.peek_str("type").as_deref() == Some(KIND)));
    groups
        .flat_map(|group| {
            let namespace = group.peek_str("name").unwrap_or_default();
            let is_told = namespace.len() <= MAX_NAME;
            let tools =
                group.peek("tools").filter(|_| is_told).map(lenient_array).unwrap_or_default();
            tools.into_iter().filter_map(move |raw| {
                let name = joined(&namespace, &lenient_object(raw)?.peek_str("name")?);
                Some((name.clone(), name))
            })
        })
        .take(MAX_TOOLS)
}

/// A request without namespaces.
pub(crate) struct Flattened {
    pub(crate) request: Request,
    /// What its tools go by in the exchange, by their names as functions.
    pub(crate) names: BTreeMap<String, String>,
}

/// A request whose tools stand side by side; `None` where they do already. What stands in a
/// namespace and is no function is refused.
pub(crate) fn flatten(request: &Request) -> Result<Option<Flattened>, Fault> {
    let calls = || request.turns.iter().flat_map(|turn| &turn.blocks).filter_map(called);
    let chosen = request.tool_choice.as_ref().and_then(chosen);
    if chosen.is_none()
        && !request.tools.iter().any(|tool| group(tool).is_some())
        && calls().next().is_none()
    {
        return Ok(None);
    }
    let mut tools: Vec<(Option<String>, Tool)> = Vec::with_capacity(request.tools.len());
    let mut told = HashMap::new();
    for (at, tool) in request.tools.iter().enumerate() {
        match group(tool) {
            Some(raw) => {
                let description = read_group(raw, &request.tool_place(at), &mut tools)?;
                told.extend(description);
            }
            None => tools.push((None, tool.clone())),
        }
    }
    only_last_of_each(&mut tools);
    describe(&mut tools, told);
    let names = Names::of(&tools, calls());
    let mut flat = request.clone();
    flat.tool_choice = match (&request.tool_choice, chosen) {
        (_, Some(chosen)) => Some(names.choice(chosen)?),
        (Some(ToolChoice::Named(name)), None) => Some(ToolChoice::Named(names.only(name))),
        (Some(ToolChoice::Allowed { names: allowed, required }), None) => {
            let allowed = allowed.iter().map(|name| names.only(name)).collect();
            Some(ToolChoice::Allowed { names: allowed, required: *required })
        }
        (other, None) => other.clone(),
    };
    flat.tools = tools
        .into_iter()
        .map(|(namespace, mut tool)| {
            if let (Some(namespace), ToolKind::Function { name, .. }) = (namespace, &mut tool.kind)
            {
                *name = names.flat(&namespace, name);
            }
            tool
        })
        .collect();
    for block in flat.turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        let namespace = called(block).map(|(namespace, _)| namespace);
        if let (Some(namespace), BlockKind::ToolCall { name, .. }) = (namespace, &mut block.kind) {
            *name = names.flat(&namespace, name);
            let members = std::mem::take(&mut block.extras.members);
            let rest = members.into_iter().filter(|(name, _)| name != MEMBER).collect();
            block.extras = Extras::of(Dialect::OpenaiResponses, rest);
        }
    }
    Ok(Some(Flattened { request: flat, names: names.into_joined() }))
}

/// Of functions with the same name in the same namespace the one that was told last stands.
fn only_last_of_each(tools: &mut Vec<(Option<String>, Tool)>) {
    let mut last = HashMap::new();
    for (at, (namespace, tool)) in tools.iter().enumerate() {
        if let ToolKind::Function { name, .. } = &tool.kind {
            last.insert((namespace.clone(), name.clone()), at);
        }
    }
    let mut at = 0..;
    tools.retain(|(namespace, tool)| {
        let at = at.next();
        match &tool.kind {
            ToolKind::Function { name, .. } => {
                last.get(&(namespace.clone(), name.clone())).copied() == at
            }
            ToolKind::Opaque { .. } => true,
        }
    });
}

/// A tool that holds others.
fn group(tool: &Tool) -> Option<&RawJson> {
    match &tool.kind {
        ToolKind::Opaque { origin: Dialect::OpenaiResponses, raw } => {
            let kind = lenient_object(raw.as_raw())?;
            (kind.peek_str("type")? == KIND).then_some(raw)
        }
        _ => None,
    }
}

/// The namespace and the name of what an earlier call called.
fn called(block: &Block) -> Option<(String, &str)> {
    let BlockKind::ToolCall { name, .. } = &block.kind else { return None };
    let members = block.extras.for_dialect(Dialect::OpenaiResponses);
    let (_, raw) = members.iter().find(|(name, _)| name == MEMBER)?;
    let namespace = crate::json::scan::string(raw.as_raw())?;
    (!namespace.is_empty()).then(|| (namespace.into_owned(), name.as_str()))
}

/// Reads the tools of a namespace, which stood at `place`. Gives what is said of all of them.
fn read_group(
    raw: &RawJson,
    place: &str,
    tools: &mut Vec<(Option<String>, Tool)>,
) -> Result<Option<(String, String)>, Fault> {
    let (place, raw) = (Place::Top(place), raw.as_raw());
    let group = object(raw, &place)?;
    let member = |name| group.peek(name).ok_or_else(|| place.member(name).refuse("is missing"));
    let namespace = string(member("name")?, &place.member("name"))?;
    if namespace.len() > MAX_NAME {
        let why = format_args!("is longer than {MAX_NAME} bytes, the most that can be told");
        return Err(place.member("name").refuse(why));
    }
    let inside = place.member("tools");
    for (at, raw) in array(member("tools")?, &inside)?.into_iter().enumerate() {
        let place = inside.element(at);
        let tool = self::tool(raw, &place)?;
        if matches!(tool.kind, ToolKind::Opaque { .. }) {
            let kind = type_of(&object(raw, &place)?, &place)?.into_owned();
            return Err(untranslatable::tool(&place, &kind, Dialect::OpenaiResponses));
        }
        tools.push((Some(namespace.clone().into_owned()), tool));
    }
    let told = group.peek_str("description").filter(|text| !text.is_empty());
    Ok(told.map(|told| (namespace.into_owned(), told.into_owned())))
}

/// Writes what is said of a namespace before what is said of the first of its tools.
fn describe(tools: &mut [(Option<String>, Tool)], mut told: HashMap<String, String>) {
    for (namespace, tool) in tools {
        let Some(namespace) = namespace else { continue };
        if let (Some(told), ToolKind::Function { description, .. }) =
            (told.remove(namespace), &mut tool.kind)
        {
            let own = description.take().map(|own| format!("\n\n{own}")).unwrap_or_default();
            *description = Some(format!("{namespace}: {told}{own}"));
        }
    }
}

/// A namespace, if there is one, and the name of a tool; without, all of the namespace.
type Named<'r> = (Option<Cow<'r, str>>, Option<Cow<'r, str>>);

/// A choice that names namespaces.
struct Chosen<'r> {
    /// Of one tool, or among several.
    one: bool,
    required: bool,
    tools: Vec<Named<'r>>,
}

/// Reads a choice among functions of which some stand in namespaces; `None` for any other.
fn chosen(choice: &ToolChoice) -> Option<Chosen<'_>> {
    let ToolChoice::Opaque { origin: Dialect::OpenaiResponses, raw } = choice else { return None };
    let choice = lenient_object(raw.as_raw())?;
    let kind = choice.peek_str("type")?;
    if matches!(kind.as_ref(), "function" | "custom") {
        let name = choice.peek_str("name").unwrap_or_default();
        let tools = vec![(of(&choice), Some(name))];
        return Some(Chosen { one: true, required: true, tools });
    }
    if kind != "allowed_tools" {
        return None;
    }
    let entries = lenient_array(choice.peek("tools")?);
    let tools = entries.into_iter().map(|raw| {
        let entry = lenient_object(raw)?;
        let name = entry.peek_str("name");
        match entry.peek_str("type")?.as_ref() {
            "function" | "custom" => Some((of(&entry), name)),
            KIND => Some((name, None)),
            _ => None,
        }
    });
    let required = choice.peek_str("mode").as_deref() == Some("required");
    Some(Chosen { one: false, required, tools: tools.collect::<Option<_>>()? })
}

/// The names of tools in namespaces as functions, by both of theirs. None is that of another tool.
struct Names {
    flat: HashMap<(String, String), String>,
    /// The tools that are offered, in their order, by their namespaces.
    offered: HashMap<String, Vec<String>>,
    /// The namespace of each name that stands in only one, and not outside of all.
    homes: HashMap<String, Option<String>>,
}

impl Names {
    fn of<'r>(
        tools: &[(Option<String>, Tool)],
        called: impl Iterator<Item = (String, &'r str)>,
    ) -> Self {
        let mut names =
            Self { flat: HashMap::new(), offered: HashMap::new(), homes: HashMap::new() };
        let (mut offered, mut taken) = (Vec::new(), HashSet::new());
        let mut alike: HashMap<String, usize> = HashMap::new();
        let mut known = HashSet::new();
        for (namespace, tool) in tools {
            let ToolKind::Function { name, .. } = &tool.kind else { continue };
            let Some(namespace) = namespace else {
                names.homes.insert(name.clone(), None);
                taken.insert(name.clone());
                continue;
            };
            let both = (namespace.clone(), name.clone());
            if known.insert(both.clone()) {
                *alike.entry(plain(namespace, name)).or_default() += 1;
                names.offered.entry(namespace.clone()).or_default().push(name.clone());
                let home = names.homes.entry(name.clone());
                home.and_modify(|home| *home = None).or_insert_with(|| Some(namespace.clone()));
                offered.push(both);
            }
        }
        for both in offered {
            let alone = alike.get(&plain(&both.0, &both.1)) == Some(&1);
            names.add(both, alone, &mut taken);
        }
        for (namespace, name) in called {
            names.add((namespace, name.to_owned()), true, &mut taken);
        }
        names
    }

    /// Gives a tool its name; if it is not `alone` in having it, or it is too long, one that ends in
    /// a mark.
    fn add(&mut self, both: (String, String), alone: bool, taken: &mut HashSet<String>) {
        if self.flat.contains_key(&both) {
            return;
        }
        let mut name = plain(&both.0, &both.1);
        if !alone || name.len() > MAX_FUNCTION_NAME || taken.contains(&name) {
            name.truncate(MAX_FUNCTION_NAME - 11);
            let base = name;
            let mut round = 0_u64;
            name = loop {
                let texts = [both.0.as_bytes(), both.1.as_bytes(), &round.to_le_bytes()];
                let marked = format!("{base}_{}", short_mark(&texts));
                if !taken.contains(&marked) {
                    break marked;
                }
                round += 1;
            };
        }
        taken.insert(name.clone());
        self.flat.insert(both, name);
    }

    fn flat(&self, namespace: &str, name: &str) -> String {
        let both = (namespace.to_owned(), name.to_owned());
        self.flat.get(&both).cloned().unwrap_or(both.1)
    }

    /// The name of a tool that is chosen without its namespace: where only one goes by it, that one.
    fn only(&self, name: &str) -> String {
        match self.homes.get(name) {
            Some(Some(namespace)) => self.flat(namespace, name),
            _ => name.to_owned(),
        }
    }

    fn choice(&self, chosen: Chosen<'_>) -> Result<ToolChoice, Fault> {
        let mut names = Vec::new();
        let mut told = HashSet::new();
        for (namespace, name) in &chosen.tools {
            let group = namespace.as_deref().and_then(|it| self.offered.get_key_value(it));
            match (namespace, group, name) {
                (None, _, Some(name)) => names.push(self.only(name)),
                (Some(_), Some((namespace, _)), Some(name))
                    if self.flat.contains_key(&(namespace.clone(), name.to_string())) =>
                {
                    names.push(self.flat(namespace, name));
                }
                (Some(_), Some((namespace, tools)), None) => {
                    // Named once more it adds nothing.
                    if told.insert(namespace) {
                        names.extend(tools.iter().map(|name| self.flat(namespace, name)));
                    }
                }
                _ => {
                    let why = "names a tool that is not offered";
                    return Err(Place::Top("tool_choice").refuse(why));
                }
            }
        }
        match (chosen.one, names.pop()) {
            (true, Some(name)) => Ok(ToolChoice::Named(name)),
            (_, last) => {
                names.extend(last);
                Ok(ToolChoice::Allowed { names, required: chosen.required })
            }
        }
    }

    fn into_joined(self) -> BTreeMap<String, String> {
        let names = self.flat.into_iter();
        names.map(|((namespace, name), flat)| (flat, joined(&namespace, &name))).collect()
    }
}

/// Both names in one that every host accepts, but for its length.
fn plain(namespace: &str, name: &str) -> String {
    let both = format!("{namespace}__{name}");
    let mut plain = String::with_capacity(both.len() + 1);
    for letter in both.chars() {
        let fits = letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        // Some hosts take no name that begins with a digit.
        if plain.is_empty() && !(letter.is_ascii_alphabetic() || letter == '_') {
            plain.push('_');
        }
        plain.push(if fits { letter } else { '_' });
    }
    plain
}
