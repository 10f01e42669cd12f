//! Calls, which may grow side by side, and images, which come whole.

use super::StreamEncoder;
use crate::exchange::MediaSource;
use crate::openai_responses::stream::item::Kind;
use crate::openai_responses::{namespace, wire};

impl StreamEncoder {
    pub(super) fn call(&mut self, index: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        self.close_thought(out);
        self.leave_message(out);
        let (namespace, name) = namespace::parted(name);
        let custom = self.echo.is_custom(namespace, name);
        let call = Kind::Call {
            id: id.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            arguments: String::new(),
            custom,
        };
        let at = self.open(if custom { "ctc" } else { "fc" }, call, out);
        self.calls.push((index, at));
    }

    pub(super) fn arguments(&mut self, index: u32, piece: &str, out: &mut Vec<u8>) {
        let found = self.calls.iter().rev().find(|(known, _)| *known == index).map(|(_, at)| *at);
        let Some(at) = found.filter(|_| !piece.is_empty()) else { return };
        let Some(Kind::Call { arguments, custom, .. }) =
            self.items.get_mut(at).map(|item| &mut item.kind)
        else {
            return;
        };
        arguments.push_str(piece);
        // The text inside of JSON is told when it is whole.
        if !*custom {
            self.tell("response.function_call_arguments.delta", at, out, |event| {
                event.string("delta", piece);
            });
        }
    }

    pub(super) fn close_calls(&mut self, status: &str, out: &mut Vec<u8>) {
        let calls = self.calls.clone();
        for (index, at) in calls {
            let Some(Kind::Call { name, arguments, custom, .. }) =
                self.items.get(at).map(|item| &item.kind)
            else {
                continue;
            };
            let (name, bare, custom) = (name.clone(), arguments.is_empty(), *custom);
            if bare && !custom {
                // A call without arguments has none, in JSON. Bug 3
                self.arguments(index, "{}", out);
            }
            let Some(Kind::Call { arguments, .. }) = self.items.get(at).map(|item| &item.kind)
            else {
                continue;
            };
            if custom {
                let input = wire::custom_input(arguments);
                for (kind, member) in [("delta", "delta"), ("done", "input")] {
                    self.tell(
                        &format!("response.custom_tool_call_input.{kind}"),
                        at,
                        out,
                        |event| {
                            event.string(member, &input);
                        },
                    );
                }
            } else {
                let arguments = arguments.clone();
                self.tell("response.function_call_arguments.done", at, out, |event| {
                    event.string("name", &name);
                    event.string("arguments", &arguments);
                });
            }
            self.close(at, status, out);
        }
        self.calls.clear();
    }

    pub(super) fn image(&mut self, source: &MediaSource, out: &mut Vec<u8>) {
        self.close_thought(out);
        self.leave_message(out);
        let at = self.open("ig", Kind::Image(source.clone()), out);
        self.tell("response.image_generation_call.in_progress", at, out, |_| {});
        self.tell("response.image_generation_call.completed", at, out, |_| {});
        self.close(at, "completed", out);
    }
}
