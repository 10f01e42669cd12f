//! Signing in and out, on each engine.
