//! The guard of everything that takes away what somebody signs in with: the last of it stays.

/// A condition: the identity `$2` of the tenant `$1` has more than one way to sign in, of all that there are. It counts
/// what is taken away too, so it is the same for a password, a passkey and a link.
///
/// A change that asks it holds the identity's row first: two that take ways away at a time would each count the other's.
macro_rules! has_another_way {
    () => {
        "(SELECT COUNT(*) FROM identity_passwords p WHERE p.tenant = $1 AND p.identity = $2)
             + (SELECT COUNT(*) FROM identity_keys k WHERE k.tenant = $1 AND k.identity = $2
                 AND k.kind <> 'second_factor')
             + (SELECT COUNT(*) FROM identity_links l WHERE l.tenant = $1 AND l.identity = $2) > 1"
    };
}

pub(super) use has_another_way;
