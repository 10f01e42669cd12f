//! How calls of tools are told to a caller of the chat surface, by what it declared.

use super::custom;
use super::write::ObjectWriter;
use crate::exchange::FinishReason;
use crate::target::ResponseContext;

/// How calls of tools are told to a caller of the chat surface.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallForms {
    /// The caller knows no tools: the first call of an answer is its `function_call`.
    pub as_function: bool,
    /// Tools that take a text, by their names.
    pub custom: Vec<String>,
}

impl CallForms {
    /// As the request was read.
    pub fn of(context: &ResponseContext) -> Self {
        Self { as_function: context.calls_as_function, custom: context.custom_tools.clone() }
    }

    /// Whether all calls are told as they are.
    pub fn is_plain(&self) -> bool {
        !self.as_function && self.custom.is_empty()
    }

    pub(super) fn is_custom(&self, name: &str) -> bool {
        self.custom.iter().any(|known| known == name)
    }

    /// Why an answer ended.
    pub(super) const fn finish_name(&self, reason: FinishReason) -> &'static str {
        match reason {
            FinishReason::ToolCalls if self.as_function => "function_call",
            other => other.name(),
        }
    }

    /// Writes what is called into one of `tool_calls`.
    pub(super) fn write_call(&self, call: &mut ObjectWriter<'_>, name: &str, arguments: &str) {
        if self.is_custom(name) {
            return custom::write_call(call, name, arguments);
        }
        call.string("type", "function");
        call.object("function", |function| Self::write_function(function, name, arguments));
    }

    /// Writes a name and arguments.
    pub(super) fn write_function(function: &mut ObjectWriter<'_>, name: &str, arguments: &str) {
        function.string("name", name);
        // Bug 3
        function.string("arguments", if arguments.is_empty() { "{}" } else { arguments });
    }
}
