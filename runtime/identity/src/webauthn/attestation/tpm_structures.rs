//! The two structures of TPM 2.0 that an attestation has (Trusted Platform Module Library, part 2): `TPMS_ATTEST` of a
//! certification (section 10.12.8), and `TPMT_PUBLIC` (section 12.2.4). Numbers are big-endian.

/// `TPM_GENERATED_VALUE`: what the TPM has made itself begins with it, and it signs nothing else that does.
const GENERATED: u32 = 0xff54_4347;
/// `TPM_ST_ATTEST_CERTIFY`.
const CERTIFY: u16 = 0x8017;

/// `TPM_ALG_RSA`, `TPM_ALG_ECC`, `TPM_ALG_NULL`.
const RSA: u16 = 0x0001;
const ECC: u16 = 0x0023;
const NULL: u16 = 0x0010;
/// `TPM_ECC_NIST_P256`.
const P256: u16 = 0x0003;

/// What a TPM certified.
#[derive(Debug)]
pub(super) struct CertifyInfo<'a> {
    pub(super) extra_data: &'a [u8],
    /// That of the certified object.
    pub(super) name: &'a [u8],
}

/// A public key of a TPM.
#[derive(Debug)]
pub(super) struct Public<'a> {
    /// The hash of its name, a `TPM_ALG_ID`.
    pub(super) name_algorithm: u16,
    pub(super) id: PublicId<'a>,
}

#[derive(Debug)]
pub(super) enum PublicId<'a> {
    P256 { x: &'a [u8], y: &'a [u8] },
    Rsa { exponent: u32, modulus: &'a [u8] },
}

impl<'a> CertifyInfo<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.u32()? != GENERATED || fields.u16()? != CERTIFY {
            return None;
        }
        // `qualifiedSigner`.
        fields.sized()?;
        let extra_data = fields.sized()?;
        // `clockInfo`, `firmwareVersion`.
        fields.take(17 + 8)?;
        let name = fields.sized()?;
        // `qualifiedName`.
        fields.sized()?;
        fields.is_empty().then_some(Self { extra_data, name })
    }
}

impl<'a> Public<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let kind = fields.u16()?;
        let name_algorithm = fields.u16()?;
        // `objectAttributes`, `authPolicy`.
        fields.u32()?;
        fields.sized()?;
        // A key that signs has no symmetric algorithm.
        if fields.u16()? != NULL {
            return None;
        }
        fields.scheme()?;
        let id = match kind {
            ECC => {
                if fields.u16()? != P256 {
                    return None;
                }
                // `kdf`.
                fields.scheme()?;
                PublicId::P256 { x: fields.sized()?, y: fields.sized()? }
            }
            RSA => {
                // `keyBits`, which the modulus says itself.
                fields.u16()?;
                // 0 is the default of TPMs, 2^16 + 1.
                let exponent = Some(fields.u32()?).filter(|exponent| *exponent != 0).unwrap_or(0x1_0001);
                PublicId::Rsa { exponent, modulus: fields.sized()? }
            }
            _ => return None,
        };
        fields.is_empty().then_some(Self { name_algorithm, id })
    }
}

/// What is left to read.
#[derive(Debug)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A `TPM2B`: its length in two bytes, and it.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A scheme: none, or an algorithm and its hash.
    fn scheme(&mut self) -> Option<()> {
        if self.u16()? != NULL {
            self.u16()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CertifyInfo::read(&bytes);
            let _ = Public::read(&bytes);
            let prefixed = [&[0xff, 0x54, 0x43, 0x47, 0x80, 0x17][..], &bytes].concat();
            let _ = CertifyInfo::read(&prefixed);
        }
    }
}
