//! The fingerprint of RSA keys made by one vendor's broken generator (ROCA, CVE-2017-15361).
//!
//! Its primes are of the form `k·M + (65537^a mod M)` with `M` a product of small primes, so a modulus
//! of it lies, modulo each of them, in the group that 65537 generates. A sound key passes for one with
//! a probability below 2^-27.

/// Whether `n` (big-endian) has the fingerprint.
pub(super) fn is_vulnerable(n: &[u8]) -> bool {
    PRIMES.iter().all(|prime| generated_by_65537(remainder(n, *prime), *prime))
}

/// The odd primes up to 167: those of the smallest `M` that the generator used.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

fn remainder(n: &[u8], prime: u32) -> u32 {
    n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn generated_by_65537(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == residue {
            return true;
        }
        power = power * (65_537 % prime) % prime;
    }
    false
}
