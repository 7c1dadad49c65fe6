//! Maps claims (hook `claim-mapper`) and makes documents (hook `transform`) in [Jsonnet](https://jsonnet.org), by
//! programs in its settings. Those that Kratos' users have run as they are; those that do not parse are refused when they
//! are given.

mod evaluate;
mod mapper;
mod settings;
mod template;

portcullis_plugin::export_claim_mapper!(mapper::Mapper);
portcullis_plugin::export_transform!(template::Template);
portcullis_plugin::export_settings!(settings::Programs);
