//! Generated from `wit/host`: everything that the host offers.
#![allow(missing_docs)]

wit_bindgen::generate!({
    path: "../../../wit/host",
    world: "portcullis:host/guest",
});
