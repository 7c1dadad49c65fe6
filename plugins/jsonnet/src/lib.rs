//! Maps claims (hook `claim-mapper`) and makes documents (hook `transform`) in [Jsonnet](https://jsonnet.org), by
//! programs in its settings. Those that Kratos' users have run as they are.

mod evaluate;
mod mapper;
mod template;

portcullis_plugin::export_claim_mapper!(mapper::Mapper);
portcullis_plugin::export_transform!(template::Template);
