//! A row of either database, read by column number with errors that name table and column.

use std::str::FromStr;

use primitives::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, Value as Column};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::StorageError;

/// A row of either database.
#[derive(Debug)]
pub enum Row {
    /// From SQLite: its columns.
    Sqlite(Vec<Column>),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! read {
    ($row:expr, $index:expr, $kind:ty) => {
        match $row {
            Row::Sqlite(columns) => {
                column::<$kind>(columns, $index).map_err(|error| impossible($index, &error))
            }
            Row::Postgres(row) => row.try_get::<$kind, _>($index).map_err(|error| impossible($index, &error)),
        }
    };
}

/// Neither driver's error tells a value.
fn impossible(index: usize, error: &dyn std::error::Error) -> StorageError {
    StorageError::Inconsistent {
        table: "row",
        column: "by number",
        detail: format!("column {index}: {error}"),
    }
}

fn column<T: FromSql>(columns: &[Column], index: usize) -> Result<T, FromSqlError> {
    let column = columns.get(index).ok_or(FromSqlError::InvalidType)?;
    T::column_result(column.into())
}

impl Row {
    /// Text that must be there.
    pub fn text(&self, index: usize) -> Result<String, StorageError> {
        read!(self, index, String)
    }

    /// Text or NULL.
    pub fn opt_text(&self, index: usize) -> Result<Option<String>, StorageError> {
        read!(self, index, Option<String>)
    }

    /// An integer that must be there.
    pub fn int(&self, index: usize) -> Result<i64, StorageError> {
        read!(self, index, i64)
    }

    /// An integer or NULL.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, StorageError> {
        read!(self, index, Option<i64>)
    }

    /// Bytes that must be there.
    pub fn blob(&self, index: usize) -> Result<Vec<u8>, StorageError> {
        read!(self, index, Vec<u8>)
    }

    /// Bytes or NULL.
    pub fn opt_blob(&self, index: usize) -> Result<Option<Vec<u8>>, StorageError> {
        read!(self, index, Option<Vec<u8>>)
    }

    /// A flag, stored as 0 or 1.
    pub fn flag(&self, index: usize) -> Result<bool, StorageError> {
        Ok(self.int(index)? != 0)
    }

    /// A time, stored in microseconds.
    pub fn time(&self, index: usize) -> Result<Timestamp, StorageError> {
        self.int(index).map(Timestamp::from_micros)
    }

    /// A time or NULL.
    pub fn opt_time(&self, index: usize) -> Result<Option<Timestamp>, StorageError> {
        Ok(self.opt_int(index)?.map(Timestamp::from_micros))
    }

    /// Text that must parse, e.g. an identifier. The error names the column, never the value.
    pub fn parse<T: FromStr>(&self, index: usize, column: &'static str) -> Result<T, StorageError> {
        self.text(index)?.parse().map_err(|_| malformed(column))
    }

    /// Text that must parse, or NULL.
    pub fn opt_parse<T: FromStr>(
        &self,
        index: usize,
        column: &'static str,
    ) -> Result<Option<T>, StorageError> {
        self.opt_text(index)?.map(|text| text.parse().map_err(|_| malformed(column))).transpose()
    }

    /// JSON text that must deserialise.
    pub fn json<T: serde::de::DeserializeOwned>(
        &self,
        index: usize,
        column: &'static str,
    ) -> Result<T, StorageError> {
        serde_json::from_str(&self.text(index)?).map_err(|_| malformed(column))
    }

    /// JSON text that may be absent.
    pub fn opt_json<T: serde::de::DeserializeOwned>(
        &self,
        index: usize,
        column: &'static str,
    ) -> Result<Option<T>, StorageError> {
        let text = self.opt_text(index)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| malformed(column))
    }
}

fn malformed(column: &'static str) -> StorageError {
    StorageError::Inconsistent { table: "row", column, detail: "not of its column's form".to_owned() }
}
