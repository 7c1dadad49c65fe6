//! Values go to the places of a statement.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Error, Statement};

use crate::StorageError;
use crate::statement::Value;

/// Gives each place its value. SQLite counts places as they come in the text; `$3` is the third value wherever it stands.
pub(super) fn bind(statement: &mut Statement<'_>, args: &[Value]) -> Result<(), Error> {
    for place in 1..=statement.parameter_count() {
        let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let value = number.and_then(|number| args.get(number.checked_sub(1)?));
        statement.raw_bind_parameter(place, value.ok_or(Error::InvalidParameterCount(place, args.len()))?)?;
    }
    Ok(())
}

/// Refuses values that have no form in a column.
pub(super) fn check(args: &[Value]) -> Result<(), StorageError> {
    let unbindable = args.iter().find_map(|arg| match arg {
        Value::Unbindable(reason) => Some(reason),
        _ => None,
    });
    unbindable
        .map_or(Ok(()), |reason| Err(StorageError::Unavailable(format!("a value cannot be bound: {reason}"))))
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Blob(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Int(None) | Self::Text(None) | Self::Blob(None) => ValueRef::Null,
            Self::Unbindable(reason) => {
                return Err(Error::ToSqlConversionFailure(reason.clone().into()));
            }
        }))
    }
}
