//! A tenant's plugins, seen from an app.

mod capabilities;
mod people;
mod signatures;
mod token;
mod uploads;
