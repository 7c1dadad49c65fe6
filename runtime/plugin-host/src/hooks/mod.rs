//! One adapter per hook area: a room's trait on one side, a guest's typed exports on the other.

pub(crate) mod token;
