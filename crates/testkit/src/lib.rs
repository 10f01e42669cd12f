//! Simulated model providers with scripted faults.
//!
//! A [`Simulator`] is a small HTTP/1.1 server that speaks three wire protocols as their vendors
//! do: OpenAI Chat Completions, Anthropic Messages and Gemini generateContent. It serves the
//! gateway's own tests, `trunkline sim`, and the free models of a first run. It shares no code
//! with the gateway's protocol crate, so that a mistake there is not repeated here.
//!
//! # What it answers
//!
//! The request alone decides, and the same request gets the same text:
//!
//! * Plain text names itself as simulated and echoes the last user text, one chunk for each
//!   word. Token limits and stop sequences are respected; images, documents and audio are
//!   counted and mentioned.
//! * A tool is called when the request forces one, or when the last message is the user's and
//!   contains the tool's name or the word "tool". Several names in the text are parallel calls.
//!   Arguments are made from the JSON Schema. After a tool result the text quotes it.
//! * A message of the user can carry a play that states calls and texts turn by turn, which is how
//!   agents are led through work: `sim-call: NAME {JSON}`, `sim-also: NAME {JSON}` (in the same
//!   turn) and `sim-say: "JSON string"`, each on a line of its own.
//! * Structured output fits the schema asked for.
//! * Reasoning appears in the vendor's form where the request asks for it. Signatures are
//!   checked when history comes back.
//! * Requests are checked as strictly as the vendor checks them, with the vendor's wording.
//!
//! Tokens are counted by the rule in [`tokens`]; model ids are free. `GET /_sim/calls` lists what
//! was served, and `GET /_sim/bill` what a vendor would bill for it, answer by answer.
//!
//! # What goes wrong
//!
//! A [`Script`] states latency, pace, cutting and one [`Fault`]. A request's script is, in order
//! of precedence: its `x-sim-script` header (see [`script`] for the syntax), the front of the
//! queue filled by [`Simulator::push`] (requests to generate only), the first [`Rule`] that
//! applies, what its model id asks for ([`Script::from_model`]), and the default script.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use testkit::{Fault, Point, Protocol, Script, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! simulator.push(Script::status(429).retry_after(2));
//! simulator.push(Script::fault(Fault::Reset(Point::After(2))));
//! let url = simulator.base_url(Protocol::OpenAi);
//! # Ok(()) }
//! ```

mod server;

pub mod script;

mod fault;

pub mod tokens;

mod calls;

mod rules;

mod connect;

mod route;

mod handle;

mod wire;

mod openai;

mod responses;

mod anthropic;

mod gemini;

mod bedrock;

mod cohere;

mod ollama;

mod embedding;

mod signature;

mod answer;

mod schema_example;

mod prompt_cache;

mod rejection;

mod turn;

mod play;

mod steps;

mod fast;

mod body;

mod socket;

pub use calls::{Bill, Billed, Call, Outcome, Usage};
pub use connect::{RefusedAddress, TlsErrorServer};
pub use embedding::{embedding, relevance};
pub use fault::{Fault, Point};
pub use play::Play;
pub use rules::{Options, Rule};
pub use schema_example::example;
pub use script::{Fast, Script, ScriptError, UsageMode};
pub use server::{Builder, Simulator, serve};
pub use wire::Protocol;
