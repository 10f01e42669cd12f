//! The dialects together: golden files of every pair, folds across pairs, hostile input; and
//! embeddings and rerank, in every form.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod anthropic_transcripts;
#[path = "../../../../fuzz/src/lib.rs"]
mod checks;
mod corpora;
mod corpus;
mod dialects;
mod folds;
mod gemini_transcripts;
mod golden;
mod layout;
mod replays;
mod smoke;
#[path = "../../examples/translation/table/mod.rs"]
mod table;
mod tiers;
mod translation;
mod vectors;
