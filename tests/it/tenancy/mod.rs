//! What one tenant sees of another: nothing.

mod isolation;
mod keys;
