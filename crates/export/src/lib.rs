//! Spans → the world.
