//! A tenant's plugins, seen from an app.

mod people;
mod token;
