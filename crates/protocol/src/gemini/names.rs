//! Tool names that the protocol accepts, and the way back. Bug 28

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::exchange::{BlockKind, Request, ToolChoice, ToolKind};

/// The longest function name accepted.
const MAX_NAME: usize = 64;

/// The names of a request's tools as they are sent.
#[derive(Debug, Default)]
pub(super) struct ToolNames<'a> {
    changed: HashMap<&'a str, String>,
}

impl<'a> ToolNames<'a> {
    /// Gives every tool that is declared, called, answered or chosen a name of its own. Names that
    /// are fine keep themselves, so two names never collapse into one.
    pub(super) fn of(request: &'a Request) -> Self {
        let mut declared: Vec<&'a str> = Vec::new();
        for tool in &request.tools {
            if let ToolKind::Function { name, .. } = &tool.kind {
                declared.push(name);
            }
        }
        for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
            match &block.kind {
                BlockKind::ToolCall { name, .. }
                | BlockKind::ToolResult { name: Some(name), .. } => declared.push(name),
                _ => {}
            }
        }
        match &request.tool_choice {
            Some(ToolChoice::Named(name)) => declared.push(name),
            Some(ToolChoice::Allowed { names, .. }) => {
                declared.extend(names.iter().map(String::as_str));
            }
            _ => {}
        }
        if declared.iter().all(|name| is_acceptable(name)) {
            return Self::default();
        }
        let mut taken: HashSet<String> = declared
            .iter()
            .filter(|name| is_acceptable(name))
            .map(|name| (*name).to_owned())
            .collect();
        // The next number to try behind a text, so that many names alike cost no search.
        let mut next: HashMap<String, usize> = HashMap::new();
        let mut names = Self::default();
        for name in declared {
            if is_acceptable(name) || names.changed.contains_key(name) {
                continue;
            }
            let sent = free_name(acceptable(name), &mut taken, &mut next);
            names.changed.insert(name, sent);
        }
        names
    }

    /// The name as it is sent.
    pub(super) fn sent<'n>(&'n self, declared: &'n str) -> &'n str {
        self.changed.get(declared).map_or(declared, String::as_str)
    }

    /// The changed names as declared, by the names as sent.
    pub(super) fn into_changed(self) -> BTreeMap<String, String> {
        self.changed.into_iter().map(|(name, sent)| (sent, name.to_owned())).collect()
    }
}

fn is_acceptable(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn acceptable(name: &str) -> String {
    let mut sent = String::with_capacity(name.len().min(MAX_NAME) + 1);
    for letter in name.chars().take(MAX_NAME) {
        if sent.is_empty() && !(letter.is_ascii_alphabetic() || letter == '_') {
            sent.push('_');
        }
        let fits = letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        sent.push(if fits { letter } else { '_' });
    }
    if sent.is_empty() {
        sent.push('_');
    }
    sent.truncate(MAX_NAME);
    sent
}

fn free_name(
    wanted: String,
    taken: &mut HashSet<String>,
    next: &mut HashMap<String, usize>,
) -> String {
    if taken.insert(wanted.clone()) {
        return wanted;
    }
    let mut base = wanted;
    // Room for the longest number there is.
    base.truncate(MAX_NAME - 21);
    let number = next.entry(base.clone()).or_insert(2);
    loop {
        let candidate = format!("{base}_{number}");
        *number += 1;
        if taken.insert(candidate.clone()) {
            return candidate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Tool;

    fn request(names: &[&str]) -> Request {
        Request {
            tools: names
                .iter()
                .map(|name| Tool {
                    kind: ToolKind::Function {
                        name: (*name).to_owned(),
                        description: None,
                        parameters: None,
                        strict: None,
                    },
                    cache: None,
                    extras: Default::default(),
                })
                .collect(),
            ..Request::default()
        }
    }

    /// Bug 28
    #[test]
    fn names_are_made_acceptable_and_never_collapse() {
        let long = "x".repeat(70);
        let longer = "x".repeat(80);
        let declared = ["a_b", "a.b", "a:b", "9lives", "", "ä", &long, &longer];
        let request = request(&declared);
        let names = ToolNames::of(&request);
        let sent: Vec<&str> = declared.iter().map(|name| names.sent(name)).collect();
        assert_eq!(sent[..6], ["a_b", "a_b_2", "a_b_3", "_9lives", "_", "__"]);
        assert!(sent.iter().all(|name| is_acceptable(name)), "{sent:?}");
        let distinct: HashSet<_> = sent.iter().collect();
        assert_eq!(distinct.len(), declared.len());
        let changed = names.into_changed();
        assert_eq!(changed["a_b_2"], "a.b");
        assert_eq!(changed.len(), 7);
    }

    #[test]
    fn acceptable_names_cost_nothing() {
        let request = request(&["get_weather", "list-files"]);
        assert!(ToolNames::of(&request).into_changed().is_empty());
    }
}
