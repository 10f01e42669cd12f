//! Callers and providers that do not speak the same: what translating costs, beside passing on.

use crate::load::Summary;
use crate::measure::Scenario;
use crate::report::{Aim, Report, Row, Who};
use crate::request::{Api, Shape};

/// What translating may cost, as a multiple of what passing on does in the same round.
const AIM: Aim = Aim::AtMost(2.0);

/// What the caller speaks, and what the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Chat completions to Anthropic's Messages.
    ChatToAnthropic,
    /// Anthropic's Messages to chat completions.
    MessagesToOpenAi,
    /// Chat completions to Bedrock's Converse.
    ChatToBedrock,
}

/// A request, what that is of passing on; a chunk, what that is.
struct Rows(Row, Row, Row, Row);

impl Pair {
    /// Every pair.
    pub const ALL: [Self; 3] = [Self::ChatToAnthropic, Self::MessagesToOpenAi, Self::ChatToBedrock];

    /// What the caller speaks.
    pub fn api(self) -> Api {
        match self {
            Self::MessagesToOpenAi => Api::Messages,
            Self::ChatToAnthropic | Self::ChatToBedrock => Api::Chat,
        }
    }

    /// Trunkline's path of what the caller speaks.
    pub fn path(self) -> &'static str {
        match self.api() {
            Api::Chat => "/api/v1/chat/completions",
            Api::Messages => "/api/v1/messages",
        }
    }

    /// The provider's slug in the catalogue, which is the author of its models too, what the
    /// simulator calls its protocol, and what the catalogue does.
    pub fn provider(self) -> (&'static str, testkit::Protocol, &'static str) {
        match self {
            Self::ChatToAnthropic => ("bench-anthropic", testkit::Protocol::Anthropic, "anthropic"),
            Self::MessagesToOpenAi => ("bench", testkit::Protocol::OpenAi, "openai_chat"),
            Self::ChatToBedrock => ("bench-bedrock", testkit::Protocol::Bedrock, "bedrock"),
        }
    }

    /// The model that answers so.
    pub fn model(self, shape: Shape) -> String {
        let usual = shape.model();
        let name = usual.rsplit('/').next().unwrap_or_default();
        format!("{}/{name}", self.provider().0)
    }

    /// Whether it is measured in a scenario.
    pub fn takes_part(scenario: Scenario) -> bool {
        matches!(scenario, Scenario::Requests | Scenario::BackToBack)
    }

    fn rows(self) -> Rows {
        const fn row(name: &'static str, unit: &'static str, aim: Aim) -> Row {
            Row { name, unit, aim }
        }
        match self {
            Self::ChatToAnthropic => Rows(
                row("CPU per request, chat to Anthropic, 64 connections", "µs", Aim::None),
                row("chat to Anthropic, of passing on", "×", AIM),
                row("CPU per chunk, Anthropic to chat, back to back", "µs", Aim::None),
                row("Anthropic to chat chunk, of passing on", "×", AIM),
            ),
            Self::MessagesToOpenAi => Rows(
                row("CPU per request, Messages to OpenAI, 64 connections", "µs", Aim::None),
                row("Messages to OpenAI, of passing on", "×", AIM),
                row("CPU per chunk, OpenAI to Messages, back to back", "µs", Aim::None),
                row("OpenAI to Messages chunk, of passing on", "×", AIM),
            ),
            Self::ChatToBedrock => Rows(
                row("CPU per request, chat to Bedrock, 64 connections", "µs", Aim::None),
                row("chat to Bedrock, of passing on", "×", AIM),
                row("CPU per chunk, Bedrock to chat, back to back", "µs", Aim::None),
                row("Bedrock to chat chunk, of passing on", "×", AIM),
            ),
        }
    }

    /// Adds its figures of a scenario, and how they stand to those of passing on.
    pub fn note(self, report: &mut Report, scenario: Scenario, own: &Summary, usual: &Summary) {
        let Rows(request, of_request, chunk, of_chunk) = self.rows();
        let (row, multiple, own, usual) = match scenario {
            Scenario::BackToBack => (chunk, of_chunk, own.cpu_us_per_chunk, usual.cpu_us_per_chunk),
            _ => (request, of_request, own.cpu_us_per_answer, usual.cpu_us_per_answer),
        };
        report.add(row, Who::Trunkline, own);
        report.add(multiple, Who::Trunkline, own / usual);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_a_model_of_its_provider_and_rows_of_its_own() {
        let shape = Shape::Stream { chunks: 2000, interval_ms: 0 };
        let models = Pair::ALL.map(|pair| pair.model(shape));
        let expected =
            ["bench-anthropic/bench-2000-0", "bench/bench-2000-0", "bench-bedrock/bench-2000-0"];
        assert_eq!(models, expected);
        let names: std::collections::BTreeSet<_> = Pair::ALL
            .iter()
            .flat_map(|pair| {
                let Rows(first, second, third, fourth) = pair.rows();
                [first.name, second.name, third.name, fourth.name]
            })
            .collect();
        assert_eq!(names.len(), 12, "a row is known by its name");
    }
}
