//! Hashes that others made: glibc's crypt(3), Python's hashlib, OpenSSL, and published vectors.

use super::*;

const HORSE: &str = "correct horse";

/// Of glibc (bcrypt, MD5, SHA), Python's hashlib and hmac (PBKDF2, scrypt, digests, HMAC), OpenSSL (MD4), Firebase's
/// own example, RFC 7914 and RFC 6070.
const OTHERS: &[(&str, &str)] = &[
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2", HORSE),
    ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2", HORSE),
    ("$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", HORSE),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""),
    ("$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE", "password"),
    ("$pbkdf2-sha1$i=1000,l=20$c2FsdHNhbHQ$wQoBU7GXMNo2CJC+raijrf6key4", HORSE),
    ("$pbkdf2-sha224$i=1000,l=28$c2FsdHNhbHQ$8j4LpsGPaqvQC3zs1S0usVDeoDsh/rfTJx3e8A", HORSE),
    ("$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHQ$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J0", HORSE),
    ("$pbkdf2-sha256$l=32,i=1000$c2FsdHNhbHQ=$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq_J0=", HORSE),
    (
        "$pbkdf2-sha384$i=1000,l=48$c2FsdHNhbHQ$M+OuuSj5U9BMJUTjq/zZKDux9c+StFFEigaP6CssEl+2D+UBGqoXewwr6rU+nMsG",
        HORSE,
    ),
    (
        "$pbkdf2-sha512$i=1000,l=64$c2FsdHNhbHQ$+sUSD8jw4f8ns7m9b7kj8PeJLe8lJXO8Am09BLgO79kST9D/Ija5aKINGF5Xg7hkKXw1\
         +fNhBzzJP3eIXcWXww",
        HORSE,
    ),
    (
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU=$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr5\
         5h6F3A1lHkDfzwF7RVdYhw==",
        "pleaseletmein",
    ),
    ("$scrypt$ln=1024,r=8,p=1$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=", HORSE),
    (
        "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+V\
         HjoZilo78198JAdRuid5lQ==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZv\
         pjeJ9WmXA==",
        "user1password",
    ),
    ("$md5-crypt$saltsalt$NuzA7WTAelpl95xgBGWN60", HORSE),
    ("$1$ab$.ThsTrbyIbEahEdE8LNwj1", HORSE),
    ("$md5-crypt$$IfI/mw4YSCwcQoW.D.DSu1", HORSE),
    ("$sha256-crypt$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC", HORSE),
    ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    ("$sha256-crypt$rounds=10000$saltstringsaltst$ffO6RHJbzihHqETll0c/MLDJrGhQw9fAaO1LcVIStWB", HORSE),
    (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        "Hello world!",
    ),
    (
        "$sha512-crypt$rounds=1400$anotherlongsalts$BIJq9mRCZh1kev4gsEFy0R5hLBKgZM.fwvpxgy31e6bRJqRdXTpSE8TJFJysi3Gw\
         DPeX9bz4aZklq669D26ai0",
        HORSE,
    ),
    ("{SSHA}YjOxnlnw8lITpqjG3t+XV9jV7otwZXBwZXI=", HORSE),
    ("{SSHA256}iiBneCY1H83bKojQwRhnuXkXl3mOZIuJrAljDBgCy5BwZXBwZXI=", HORSE),
    (
        "{SSHA512}jKNzZGOpZV+d15b9woPUu/HlAvWT2N41SupXoEK6cIpe8kGEbagFMP62zqbEllyguDhie7qcSvb0YtWRmcfrEXBlcHBlcg==",
        HORSE,
    ),
    ("$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$cGVwcGVy$0R3FiWv0L7QyATBoK1kJ02O/dws=", HORSE),
    ("$sha1$pf=eHtQQVNTV09SRH0kJHtTQUxUfT8=$cGVwcGVy$Abmp2vFxblSehBU1uDCIy5ToPhg=", HORSE),
    ("$sha256$pf=e1NBTFR9e1BBU1NXT1JEfQ==$cGVwcGVy$hpofoGCaHRWlw+uJFCi3psg5Wy7hDEdi6X/8oOvowLU=", HORSE),
    (
        "$sha512$pf=e1NBTFR9e1BBU1NXT1JEfQ==$cGVwcGVy$+VkZ76DO/i1TdDytmbdbAfRSM5YxApBTUpA1cECinSh/onR+DHQs8h/VNZCAJf\
         j4yGmwyanaSsnSQxSknO7j3w==",
        HORSE,
    ),
    ("$md5$PLTnMmMfR+brlh80VUt83g==", HORSE),
    ("$md5$pf=e1NBTFR9e1BBU1NXT1JEfQ==$cGVwcGVy$UvNnaMEYRHceX3/1duLbog==", HORSE),
    ("$hmac-md4$NDRlM2U4MmNjODE0N2U2YjEwMWRhNGJiMGU0NzAyZWI=$a2V5", HORSE),
    ("$hmac-md5$OWJjNjEwM2U1Y2M4OGM4MWVhOWRhNGRhMjUyZDhiM2U=$a2V5", HORSE),
    ("$hmac-sha1$YjM2Yjk0NGY1MDMzZjBmYTk3NjdiNmJiMjBiZjlmN2IwNzVmNGViYQ==$a2V5", HORSE),
    ("$hmac-sha224$NGY5M2NiMWE1ZDcwNDJkOWRlZjZiMWNiNjQzMWZiMjY5NjdkYjIwNjA4YzYzNDg0MWE3ZjJmMTg=$a2V5", HORSE),
    (
        "$hmac-sha256$OTU1Y2EzYmQ1YmU5NjgxZjBkZTRlMzY2ZjFkMzNhMTdmNzdkZGUxZWY2NGYyMzk0YjVmOTM5YWFkMzlkYmUyNg==$a2V5",
        HORSE,
    ),
    (
        "$hmac-sha384$MGM2Yjc5ZGViMDJmYjMyMGRmM2JjNGRhNmY3YmM0ODU0ODE3YjBhMjdhZmRjOGQwMjJmNjZmMjVmYjk2ZTJkMTJmZjA0Mz\
         M3ODhkZjU4NjY0YzJlYThmN2I5MGMyZjY0$a2V5",
        HORSE,
    ),
    (
        "$hmac-sha512$MTZjYzRmOTU5YWE1MzM4ZDExMzhhZDVkMjM0MGY2Y2U2ZmQ5MTdmYTkyYWNjMTUzMzMxYmZkOWMzMDM1YWZkNjY1NDk3MT\
         JlYzBjMTA4YzJmNWE1MDVhYTgzM2M2NmIzMWZjODk2MGQ1ZmU1ZmFiZWRiYzdlM2ZkNTIwNWY1YWU=$a2V5",
        HORSE,
    ),
];

fn verifies(hash: &str, password: &str) -> Result<bool, UnusableHash> {
    ForeignHash::parse(hash).map(|hash| hash.verify(password))
}

#[test]
fn hashes_that_others_made_verify_their_password_only() {
    for (hash, password) in OTHERS {
        assert_eq!(verifies(hash, password), Ok(true), "{hash}");
        assert_eq!(verifies(hash, &format!("{password}!")), Ok(false), "{hash}");
        assert_eq!(
            verifies(hash, &password.to_uppercase()).unwrap(),
            password.is_empty() || *password == "U*U",
            "{hash}"
        );
    }
}

#[test]
fn bcrypt_looks_at_72_bytes_as_it_always_did() {
    let hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.5.2EiuOZS7CM1455orkFwWOXiGC5Y/q";
    let long = "a password that is longer than the seventy-two bytes that bcrypt looks at, is it not";
    assert_eq!(verifies(hash, long), Ok(true));
    assert_eq!(verifies(hash, &long[..72]), Ok(true));
    assert_eq!(verifies(hash, &long[..71]), Ok(false));
}

#[test]
fn absurd_costs_are_refused_before_they_are_paid() {
    for hash in [
        "$2b$16$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
        "$2b$99$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
        "$pbkdf2-sha256$i=10000001,l=32$c2FsdHNhbHQ$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J0",
        // Two blocks cost twice the iterations.
        "$pbkdf2-sha256$i=5000001,l=48$c2FsdHNhbHQ$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J2oFmLI1DJ2tjIvxd8dmppO",
        "$scrypt$ln=18,r=8,p=1$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=",
        "$scrypt$ln=262144,r=8,p=1$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=",
        "$scrypt$ln=14,r=9,p=1$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=",
        "$scrypt$ln=14,r=8,p=11$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=",
        "$firescrypt$ln=18,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9A==$Bw==$jxspr8Ki0RYycVU8zykbdA==",
        "$sha256-crypt$rounds=2000001$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
        "$5$rounds=999999999$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
    ] {
        assert!(matches!(ForeignHash::parse(hash).err(), Some(UnusableHash::TooCostly(_))), "{hash}");
    }
}

#[test]
fn what_is_no_hash_is_told_from_what_is_malformed() {
    for hash in [
        "",
        "password",
        "$",
        "$$",
        "$2x$05$",
        "$argon2d$v=19$",
        "$crypt$x",
        "{MD5}x",
        "$pbkdf2-md5$x",
        "$hmac-x$a$b",
    ] {
        assert_eq!(ForeignHash::parse(hash).err(), Some(UnusableHash::Unknown), "{hash}");
    }
    for hash in [
        "$2b$12$abcdefghijklmnopqrstuv",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC\u{e9}WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
        "$pbkdf2-sha256$i=0,l=32$c2FsdHNhbHQ$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J0",
        "$pbkdf2-sha256$i=1000,l=31$c2FsdHNhbHQ$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J0",
        "$pbkdf2-sha256$i=1000,l=0$c2FsdHNhbHQ$",
        "$scrypt$ln=1025,r=8,p=1$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=",
        "$scrypt$ln=14,r=0,p=1$TmFDbA==$xPqUjhGxb1BHAUIHq9nbFDlZKbsN1Xtol93brViIQhs=",
        "$scrypt$ln=14,r=8,p=1$TmFDbA==$",
        "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$$Bw==$",
        "$md5-crypt$NuzA7WTAelpl95xgBGWN60",
        "$md5-crypt$longerthan8$NuzA7WTAelpl95xgBGWN60",
        "$md5-crypt$salt$",
        "$sha256-crypt$$",
        "$sha256-crypt$rounds=1$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
        "$sha1$pf=$cGVwcGVy$0R3FiWv0L7QyATBoK1kJ02O/dws=",
        "$sha1$0R3FiWv0L7QyATBoK1kJ02O/dws=",
        "$md5$",
        "$md5$$$",
        "$hmac-md5$OWJjNjEwM2U1Y2M4OGM4MWVhOWRhNGRhMjUyZDhiM2U=",
        "$hmac-md5$OWJjNjEwM2U1Y2M4OGM4MWVhOWRhNGRhMjUyZDhiM2U=$",
        "$hmac-md5$$a2V5",
        "{SSHA}dG9vc2hvcnQ=",
    ] {
        assert!(matches!(ForeignHash::parse(hash).err(), Some(UnusableHash::Malformed(_))), "{hash}");
    }
}

#[test]
fn format_without_the_password_is_refused_since_everybody_would_know_it() {
    // The formats `123` and `{SALT}`, with the hashes that they have.
    for hash in
        ["$md5$pf=MTIz$cGVwcGVy$ICy5YqxZB1uWSwcVLSNLcA==", "$md5$pf=e1NBTFR9$MTIz$ICy5YqxZB1uWSwcVLSNLcA=="]
    {
        assert!(matches!(ForeignHash::parse(hash).err(), Some(UnusableHash::Malformed(_))), "{hash}");
    }
}

#[test]
fn password_that_looks_like_a_place_is_a_password() {
    let hash =
        ForeignHash::parse("$md5$pf=e1NBTFR9e1BBU1NXT1JEfQ==$cGVwcGVy$UvNnaMEYRHceX3/1duLbog==").unwrap();
    let ForeignHash::Mixed(hash) = hash else { panic!("not a digest") };
    assert!(!hash.verify(b"{PASSWORD}"));
    // Python: md5(b"pepper{SALT}").
    let hash = "$md5$pf=e1NBTFR9e1BBU1NXT1JEfQ==$cGVwcGVy$HXbBCJnSRiFytDHQ2eHB4A==";
    assert_eq!(verifies(hash, "{SALT}"), Ok(true));
}

#[test]
fn endless_password_costs_nothing() {
    // SHA-crypt digests as many copies of the password as it has bytes.
    let hash = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
    assert_eq!(verifies(hash, &"x".repeat(10_000_000)), Ok(false));
}
