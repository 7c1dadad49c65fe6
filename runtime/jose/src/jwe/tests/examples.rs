//! The encrypted examples of RFC 7516, RFC 7517, RFC 7519 and RFC 7520 that are not ours: by algorithms for which there is no word
//! here, or in JSON. They are refused for that name or that form alone: their content, and their keys where AES wraps them, are
//! made again byte for byte by what makes ours.

use std::num::NonZeroU32;

use ring::pbkdf2;

use super::*;
use crate::{ImportError, ImportedKey, JwkSet, JwsError, PrivateJwk, PublicJwk};

/// What Frodo is told (RFC 7520 section 5).
const FRIENDS: &str = "You can trust us to stick with you through thick and thin–to the bitter end. And you can trust us to keep any secret of yours–closer than you keep it yourself. But you cannot trust us to let you face trouble alone, and go off without a word. We are your friends, Frodo.";
/// Juliet's key, which is the content of RFC 7517 appendix C.
const JULIET: &str = r#"{"kty":"RSA","kid":"juliet@capulet.lit","use":"enc","n":"t6Q8PWSi1dkJj9hTP8hNYFlvadM7DflW9mWepOJhJ66w7nyoK1gPNqFMSQRyO125Gp-TEkodhWr0iujjHVx7BcV0llS4w5ACGgPrcAd6ZcSR0-Iqom-QFcNP8Sjg086MwoqQU_LYywlAGZ21WSdS_PERyGFiNnj3QQlO8Yns5jCtLCRwLHL0Pb1fEv45AuRIuUfVcPySBWYnDyGxvjYGDSM-AqWS9zIQ2ZilgT-GqUmipg0XOC0Cc20rgLe2ymLHjpHciCKVAbY5-L32-lSeZO-Os6U15_aXrk9Gw8cPUaX1_I8sLGuSiVdt3C_Fn2PZ3Z8i744FPFGGcG1qs2Wz-Q","e":"AQAB","d":"GRtbIQmhOZtyszfgKdg4u_N-R_mZGU_9k7JQ_jn1DnfTuMdSNprTeaSTyWfSNkuaAwnOEbIQVy1IQbWVV25NY3ybc_IhUJtfri7bAXYEReWaCl3hdlPKXy9UvqPYGR0kIXTQRqns-dVJ7jahlI7LyckrpTmrM8dWBo4_PMaenNnPiQgO0xnuToxutRZJfJvG4Ox4ka3GORQd9CsCZ2vsUDmsXOfUENOyMqADC6p1M3h33tsurY15k9qMSpG9OX_IJAXmxzAh_tWiZOwk2K4yxH9tS3Lq1yX8C1EWmeRDkK2ahecG85-oLKQt5VEpWHKmjOi_gJSdSgqcN96X52esAQ","p":"2rnSOV4hKSN8sS4CgcQHFbs08XboFDqKum3sc4h3GRxrTmQdl1ZK9uw-PIHfQP0FkxXVrx-WE-ZEbrqivH_2iCLUS7wAl6XvARt1KkIaUxPPSYB9yk31s0Q8UK96E3_OrADAYtAJs-M3JxCLfNgqh56HDnETTQhH3rCT5T3yJws","q":"1u_RiFDP7LBYh3N4GXLT9OpSKYP0uQZyiaZwBtOCBNJgQxaj10RWjsZu0c6Iedis4S7B_coSKB0Kj9PaPaBzg-IySRvvcQuPamQu66riMhjVtG6TlV8CLCYKrYl52ziqK0E_ym2QnkwsUX7eYTB7LbAHRK9GqocDE5B0f808I4s","dp":"KkMTWqBUefVwZ2_Dbj1pPQqyHSHjj90L5x_MOzqYAJMcLMZtbUtwKqvVDq3tbEo3ZIcohbDtt6SbfmWzggabpQxNxuBpoOOf_a_HgMXK_lhqigI4y_kqS1wY52IwjUn5rgRrJ-yYo1h41KR-vz2pYhEAeYrhttWtxVqLCRViD6c","dq":"AvfS0-gRxvn0bwJoMSnFxYcK1WnuEjQFluMGfwGitQBWtfZ1Er7t1xDkbN9GQTB9yqpDoYaN06H7CFtrkxhJIBQaj6nkF5KKS3TQtQ5qCzkOkmxIe3KRbBymXxkb5qwUpX5ELD5xFc6FeiafWYY63TmmEAu_lRFCOJ3xDea-ots","qi":"lSQi-w9CpyUReMErP1RsBLk7wNtOvs5EQpPqmuMvqW57NBUczScEoPwmUqqabu9V0-Py4dQ57_bapoKRu1R90bvuFnU63SHWEFglZQvJDMeAvmj4sm-Fp0oYu_neotgQ0hzbI5gry7ajdYy9-2lNx_76aBZoOUu9HCJ-UsfSOI8"}"#;
/// The keys of RFC 7516 appendices A.1 and A.2; the second is also that of RFC 7519.
const KEY_OF_A_1: &str = r#"{"kty":"RSA","n":"oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw","e":"AQAB","d":"kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ","p":"1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDBvaRQ-SWxkbkmoEzL7JXroSBjSrK3YIQgYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDIwUbTrjjgieRbwC6Cl0","q":"wLb35x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaDYVTSNx_8Fyw1YYa9XGrGnDew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QRL9KEBRzk2RatUBnmDZJTIAfwTs0g68UZHvtc"}"#;
const KEY_OF_A_2: &str = r#"{"kty":"RSA","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw","e":"AQAB","d":"VFCWOqXr8nvZNyaaJLXdnNPXZKRaWCjkU5Q2egQQpTBMwhprMzWzpR8Sxq1OPThh_J6MUD8Z35wky9b8eEO0pwNS8xlh1lOFRRBoNqDIKVOku0aZb-rynq8cxjDTLZQ6Fz7jSjR1Klop-YKaUHc9GsEofQqYruPhzSA-QgajZGPbE_0ZaVDJHfyd7UUBUKunFMScbflYAAOYJqVIVwaYR5zWEEceUjNnTNo_CVSj-VvXLO5VZfCUAVLgW4dpf1SrtZjSt34YLsRarSb127reG_DUwg9Ch-KyvjT1SkHgUWRVGcyly7uvVGRSDwsXypdrNinPA4jlhoNdizK2zF2CWQ","p":"9gY2w6I6S6L0juEKsbeDAwpd9WMfgqFoeA9vEyEUuk4kLwBKcoe1x4HG68ik918hdDSE9vDQSccA3xXHOAFOPJ8R9EeIAbTi1VwBYnbTp87X-xcPWlEPkrdoUKW60tgs1aNd_Nnc9LEVVPMS390zbFxt8TN_biaBgelNgbC95sM","q":"uKlCKvKv_ZJMVcdIs5vVSU_6cPtYI1ljWytExV_skstvRSNi9r66jdd9-yBhVfuG4shsp2j7rGnIio901RBeHo6TPKWVVykPu1iYhQXw1jIABfw-MVsN-3bQ76WLdt2SDxsHs7q7zPyUyHXmps7ycZ5c72wGkUwNOjYelmkiNS0"}"#;

/// An example in compact form, whose content key is given by an algorithm for which there is no word here.
struct Compact {
    example: &'static str,
    text: &'static str,
    content_key: &'static str,
    plaintext: &'static str,
    reason: &'static str,
}

const RSA1_5: &str = "RSA1_5 tells who asks often enough what was encrypted (RFC 8725 section 3.2)";
const RSA_OAEP: &str = "RSA-OAEP is with SHA-1; ours is RSA-OAEP-256";
const PBES2: &str = "whoever sends it chooses how long a password is hashed (RFC 7518 section 8.1)";

const COMPACT: [Compact; 7] = [
    Compact {
        example: "RFC 7516 appendix A.1",
        text: "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ",
        content_key: "saH0gFSP4XM_tAP_a5rU9ooHbltwLiJpL4LLLnrqQPw",
        plaintext: "The true sign of intelligence is not knowledge but imagination.",
        reason: RSA_OAEP,
    },
    Compact {
        example: "RFC 7516 appendix A.2",
        text: "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.UGhIOguC7IuEvf_NPVaXsGMoLOmwvc1GyqlIKOK1nN94nHPoltGRhWhw7Zx0-kFm1NJn8LE9XShH59_i8J0PH5ZZyNfGy2xGdULU7sHNF6Gp2vPLgNZ__deLKxGHZ7PcHALUzoOegEI-8E66jX2E4zyJKx-YxzZIItRzC5hlRirb6Y5Cl_p-ko3YvkkysZIFNPccxRU7qve1WYPxqbb2Yw8kZqa2rMWI5ng8OtvzlV7elprCbuPhcCdZ6XDP0_F8rkXds2vE4X-ncOIM8hAYHHi29NX0mcKiRaD0-D-ljQTP-cFPgwCp6X-nZZd9OHBv-B3oWh2TbqmScqXMR4gp_A.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw",
        content_key: "BNMfxVSd_P4LZJ36P6pqzmt81C1vawnbyLEA8I-cLM8",
        plaintext: "Live long and prosper.",
        reason: RSA1_5,
    },
    Compact {
        example: "RFC 7517 appendix C",
        text: "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJwMnMiOiIyV0NUY0paMVJ2ZF9DSnVKcmlwUTF3IiwicDJjIjo0MDk2LCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiY3R5IjoiandrK2pzb24ifQ.TrqXOwuNUfDV9VPTNbyGvEJ9JMjefAVn-TR1uIxR9p6hsRQh9Tk7BA.Ye9j1qs22DmRSAddIh-VnA.AwhB8lxrlKjFn02LGWEqg27H4Tg9fyZAbFv3p5ZicHpj64QyHC44qqlZ3JEmnZTgQowIqZJ13jbyHB8LgePiqUJ1hf6M2HPLgzw8L-mEeQ0jvDUTrE07NtOerBk8bwBQyZ6g0kQ3DEOIglfYxV8-FJvNBYwbqN1Bck6d_i7OtjSHV-8DIrp-3JcRIe05YKy3Oi34Z_GOiAc1EK21B11c_AE11PII_wvvtRiUiG8YofQXakWd1_O98Kap-UgmyWPfreUJ3lJPnbD4Ve95owEfMGLOPflo2MnjaTDCwQokoJ_xplQ2vNPz8iguLcHBoKllyQFJL2mOWBwqhBo9Oj-O800as5mmLsvQMTflIrIEbbTMzHMBZ8EFW9fWwwFu0DWQJGkMNhmBZQ-3lvqTc-M6-gWA6D8PDhONfP2Oib2HGizwG1iEaX8GRyUpfLuljCLIe1DkGOewhKuKkZh04DKNM5Nbugf2atmU9OP0Ldx5peCUtRG1gMVl7Qup5ZXHTjgPDr5b2N731UooCGAUqHdgGhg0JVJ_ObCTdjsH4CF1SJsdUhrXvYx3HJh2Xd7CwJRzU_3Y1GxYU6-s3GFPbirfqqEipJDBTHpcoCmyrwYjYHFgnlqBZRotRrS95g8F95bRXqsaDY7UgQGwBQBwy665d0zpvTasvfXf_c0MWAl-neFaKOW_Px6g4EUDjG1GWSXV9cLStLw_0ovdApDIFLHYHePyagyHjouQUuGiq7BsYwYrwaF06tgB8hV8omLNfMEmDPJaZUzMuHw6tBDwGkzD-tS_ub9hxrpJ4UsOWnt5rGUyoN2N_c1-TQlXxm5oto14MxnoAyBQBpwIEgSH3Y4ZhwKBhHPjSo0cdwuNdYbGPpb-YUvF-2NZzODiQ1OvWQBRHSbPWYz_xbGkgD504LRtqRwCO7CC_CyyURi1sEssPVsMJRX_U4LFEOc82TiDdqjKOjRUfKK5rqLi8nBE9soQ0DSaOoFQZiGrBrqxDsNYiAYAmxxkos-i3nX4qtByVx85sCE5U_0MqG7COxZWMOPEFrDaepUV-cOyrvoUIng8i8ljKBKxETY2BgPegKBYCxsAUcAkKamSCC9AiBxA0UOHyhTqtlvMksO7AEhNC2-YzPyx1FkhMoS4LLe6E_pFsMlmjA6P1NSge9C5G5tETYXGAn6b1xZbHtmwrPScro9LWhVmAaA7_bxYObnFUxgWtK4vzzQBjZJ36UTk4OTB-JvKWgfVWCFsaw5WCHj6Oo4jpO7d2yN7WMfAj2hTEabz9wumQ0TMhBduZ-QON3pYObSy7TSC1vVme0NJrwF_cJRehKTFmdlXGVldPxZCplr7ZQqRQhF8JP-l4mEQVnCaWGn9ONHlemczGOS-A-wwtnmwjIB1V_vgJRf4FdpV-4hUk4-QLpu3-1lWFxrtZKcggq3tWTduRo5_QebQbUUT_VSCgsFcOmyWKoj56lbxthN19hq1XGWbLGfrrR6MWh23vk01zn8FVwi7uFwEnRYSafsnWLa1Z5TpBj9GvAdl2H9NHwzpB5NqHpZNkQ3NMDj13Fn8fzO0JB83Etbm_tnFQfcb13X3bJ15Cz-Ww1MGhvIpGGnMBT_ADp9xSIyAM9dQ1yeVXk-AIgWBUlN5uyWSGyCxp0cJwx7HxM38z0UIeBu-MytL-eqndM7LxytsVzCbjOTSVRmhYEMIzUAnS1gs7uMQAGRdgRIElTJESGMjb_4bZq9s6Ve1LKkSi0_QDsrABaLe55UY0zF4ZSfOV5PMyPtocwV_dcNPlxLgNAD1BFX_Z9kAdMZQW6fAmsfFle0zAoMe4l9pMESH0JB4sJGdCKtQXj1cXNydDYozF7l8H00BV_Er7zd6VtIw0MxwkFCTatsv_R-GsBCH218RgVPsfYhwVuT8R4HarpzsDBufC4r8_c8fc9Z278sQ081jFjOja6L2x0N_ImzFNXU6xwO-Ska-QeuvYZ3X_L31ZOX4Llp-7QSfgDoHnOxFv1Xws-D5mDHD3zxOup2b2TppdKTZb9eW2vxUVviM8OI9atBfPKMGAOv9omA-6vv5IxUH0-lWMiHLQ_g8vnswp-Jav0c4t6URVUzujNOoNd_CBGGVnHiJTCHl88LQxsqLHHIu4Fz-U2SGnlxGTj0-ihit2ELGRv4vO8E1BosTmf0cx3qgG0Pq0eOLBDIHsrdZ_CCAiTc0HVkMbyq1M6qEhM-q5P6y1QCIrwg.0HFmhOzsQ98nNWJjIHkR7A",
        content_key: "bxsZNEIdFE5csDjwQdBScKGDJDfK7LmsgReZwsMw_bY",
        plaintext: JULIET,
        reason: PBES2,
    },
    Compact {
        example: "RFC 7519 appendix A.1",
        text: "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8qDcjiHnSJflSdv1iNqhWXaKH4MqAkQtMoNfABIPJaZm0HaA415sv3aeuBWnD8J-Ui7Ah6cWafs3ZwwFKDFUUsWHSK-IPKxLGTkND09XyjORj_CHAgOPJ-Sd8ONQRnJvWn_hXV1BNMHzUjPyYwEsRhDhzjAD26imasOTsgruobpYGoQcXUwFDn7moXPRfDE8-NoQX7N7ZYMmpUDkR-Cx9obNGwJQ3nM52YCitxoQVPzjbl7WBuB7AohdBoZOdZ24WlN1lVIeh8v1K4krB8xgKvRU8kgFrEn_a1rZgN5TiysnmzTROF869lQ.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaMHDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sln1Eu9g3J8.fiK51VwhsxJ-siBMR-YFiA",
        content_key: "BNMfxVSd_P4LZJ36P6pqzmt81C1vawnbyLEA8I-cLM8",
        plaintext: "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
        reason: RSA1_5,
    },
    Compact {
        example: "RFC 7519 appendix A.2",
        text: "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiY3R5IjoiSldUIn0.g_hEwksO1Ax8Qn7HoN-BVeBoa8FXe0kpyk_XdcSmxvcM5_P296JXXtoHISr_DD_MqewaQSH4dZOQHoUgKLeFly-9RI11TG-_Ge1bZFazBPwKC5lJ6OLANLMd0QSL4fYEb9ERe-epKYE3xb2jfY1AltHqBO-PM6j23Guj2yDKnFv6WO72tteVzm_2n17SBFvhDuR9a2nHTE67pe0XGBUS_TK7ecA-iVq5COeVdJR4U4VZGGlxRGPLRHvolVLEHx6DYyLpw30Ay9R6d68YCLi9FYTq3hIXPK_-dmPlOUlKvPr1GgJzRoeC9G5qCvdcHWsqJGTO_z3Wfo5zsqwkxruxwA.UmVkbW9uZCBXQSA5ODA1Mg.VwHERHPvCNcHHpTjkoigx3_ExK0Qc71RMEParpatm0X_qpg-w8kozSjfNIPPXiTBBLXR65CIPkFqz4l1Ae9w_uowKiwyi9acgVztAi-pSL8GQSXnaamh9kX1mdh3M_TT-FZGQFQsFhu0Z72gJKGdfGE-OE7hS1zuBD5oEUfk0Dmb0VzWEzpxxiSSBbBAzP10l56pPfAtrjEYw-7ygeMkwBl6Z_mLS6w6xUgKlvW6ULmkV-uLC4FUiyKECK4e3WZYKw1bpgIqGYsw2v_grHjszJZ-_I5uM-9RA8ycX9KqPRp9gc6pXmoU_-27ATs9XCvrZXUtK2902AUzqpeEUJYjWWxSNsS-r1TJ1I-FMJ4XyAiGrfmo9hQPcNBYxPz3GQb28Y5CLSQfNgKSGt0A4isp1hBUXBHAndgtcslt7ZoQJaKe_nNJgNliWtWpJ_ebuOpEl8jdhehdccnRMIwAmU1n7SPkmhIl1HlSOpvcvDfhUN5wuqU955vOBvfkBOh5A11UzBuo2WlgZ6hYi9-e3w29bR0C2-pp3jbqxEDw3iWaf2dc5b-LnR0FEYXvI_tYk5rd_J9N0mg0tQ6RbpxNEMNoA9QWk5lgdPvbh9BaO195abQ.AVO9iT5AV4CzvDJCdhSFlQ",
        content_key: "yx89uPV0J4Pri47ukKTb8IrBp3uNM2fU_-lEf1MA3S4",
        // The token of RFC 7515 appendix A.2.
        plaintext: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        reason: RSA1_5,
    },
    Compact {
        example: "RFC 7520 section 5.3",
        text: "eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJwMnMiOiI4UTFTemluYXNSM3hjaFl6NlpaY0hBIiwicDJjIjo4MTkyLCJjdHkiOiJqd2stc2V0K2pzb24iLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.d3qNhUWfqheyPp4H8sjOWsDYajoej4c5Je6rlUtFPWdgtURtmeDV1g.VBiCzVHNoLiR3F4V82uoTQ.23i-Tb1AV4n0WKVSSgcQrdg6GRqsUKxjruHXYsTHAJLZ2nsnGIX86vMXqIi6IRsfywCRFzLxEcZBRnTvG3nhzPk0GDD7FMyXhUHpDjEYCNA_XOmzg8yZR9oyjo6lTF6si4q9FZ2EhzgFQCLO_6h5EVg3vR75_hkBsnuoqoM3dwejXBtIodN84PeqMb6asmas_dpSsz7H10fC5ni9xIz424givB1YLldF6exVmL93R3fOoOJbmk2GBQZL_SEGllv2cQsBgeprARsaQ7Bq99tT80coH8ItBjgV08AtzXFFsx9qKvC982KLKdPQMTlVJKkqtV4Ru5LEVpBZXBnZrtViSOgyg6AiuwaS-rCrcD_ePOGSuxvgtrokAKYPqmXUeRdjFJwafkYEkiuDCV9vWGAi1DH2xTafhJwcmywIyzi4BqRpmdn_N-zl5tuJYyuvKhjKv6ihbsV_k1hJGPGAxJ6wUpmwC4PTQ2izEm0TuSE8oMKdTw8V3kobXZ77ulMwDs4p.0HlwodAhOCILG5SQ2LQ9dg",
        content_key: "uwsjJXaBK407Qaf0_zpcpmr1Cs0CC50hIUEyGNEt3m0",
        plaintext: r#"{"keys":[{"kty":"oct","kid":"77c7e2b8-6e13-45cf-8672-617b5b45243a","use":"enc","alg":"A128GCM","k":"XctOhJAkA-pD9Lh7ZgW_2A"},{"kty":"oct","kid":"81b20965-8332-43d9-a468-82160ad91ac8","use":"enc","alg":"A128KW","k":"GZy6sIZ6wl9NJOKB-jnmVQ"},{"kty":"oct","kid":"18ec08e1-bfa9-4d95-b205-2b4dd1d4321d","use":"enc","alg":"A256GCMKW","k":"qC57l_uxcm7Nm3K-ct4GFjx8tM1U8CZ0NLBvdQstiS8"}]}"#,
        reason: PBES2,
    },
    Compact {
        example: "RFC 7520 section 6",
        text: "eyJhbGciOiJSU0EtT0FFUCIsImN0eSI6IkpXVCIsImVuYyI6IkExMjhHQ00ifQ.a0JHRoITfpX4qRewImjlStn8m3CPxBV1ueYlVhjurCyrBg3I7YhCRYjphDOOS4E7rXbr2Fn6NyQq-A-gqT0FXqNjVOGrG-bi13mwy7RoYhjTkBEC6P7sMYMXXx4gzMedpiJHQVeyI-zkZV7A9matpgevAJWrXzOUysYGTtwoSN6gtUVtlLaivjvb21O0ul4YxSHV-ByK1kyeetRp_fuYJxHoKLQL9P424sKx2WGYb4zsBIPF4ssl_e5IR7nany-25_UmC2urosNkoFz9cQ82MypZP8gqbQJyPN-Fpp4Z-5o6yV64x6yzDUF_5JCIdl-Qv6H5dMVIY7q1eKpXcV1lWO_2FefEBqXxXvIjLeZivjNkzogCq3-IapSjVFnMjBxjpYLT8muaawo1yy1XXMuinIpNcOY3n4KKrXLrCcteX85m4IIHMZa38s1Hpr56fPPseMA-Jltmt-a9iEDtOzhtxz8AXy9tsCAZV2XBWNG8c3kJusAamBKOYwfk7JhLRDgOnJjlJLhn7TI4UxDp9dCmUXEN6z0v23W15qJIEXNJtqnblpymooeWAHCT4e_Owbim1g0AEpTHUdA2iiLNs9WTX_H_TXuPC8yDDhi1smxS_X_xpkIHkiIHWDOLx03BpqDTivpKkBYwqP2UZkcxqX2Fo_GnVrNwlK7Lgxw6FSQvDO0.GbX1i9kXz0sxXPmA.SZI4IvKHmwpazl_pJQXX3mHv1ANnOU4Wf9-utWYUcKrBNgCe2OFMf66cSJ8k2QkxaQD3_R60MGE9ofomwtky3GFxMeGRjtpMt9OAvVLsAXB0_UTCBGyBg3C2bWLXqZlfJAAoJRUPRk-BimYZY81zVBuIhc7HsQePCpu33SzMsFHjn4lP_idrJz_glZTNgKDt8zdnUPauKTKDNOH1DD4fuzvDYfDIAfqGPyL5sVRwbiXpXdGokEszM-9ChMPqW1QNhzuX_Zul3bvrJwr7nuGZs4cUScY3n8yE3AHCLurgls-A9mz1X38xEaulV18l4Fg9tLejdkAuQZjPbqeHQBJe4IwGD5Ee0dQ-Mtz4NnhkIWx-YKBb_Xo2zI3Q_1sYjKUuis7yWW-HTr_vqvFt0bj7WJf2vzB0TZ3dvsoGaTvPH2dyWwumUrlx4gmPUzBdwTO6ubfYSDUEEz5py0d_OtWeUSYcCYBKD-aM7tXg26qJo21gYjLfhn9zy-W19sOCZGuzgFjPhawXHpvnj_t-0_ES96kogjJLxS1IMU9Y5XmnwZMyNc9EIwnogsCg-hVuvzyP0sIruktmI94_SL1xgMl7o03phcTMxtlMizR88NKU1WkBsiXMCjy1Noue7MD-ShDp5dmM.KnIKEhN8U-3C9s4gtSpjSw",
        content_key: "0RHSNYwN-6-2QBGsYTZLSQ",
        plaintext: "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJob2JiaXRvbi5leGFtcGxlIiwiZXhwIjoxMzAwODE5MzgwLCJodHRwOi8vZXhhbXBsZS5jb20vaXNfcm9vdCI6dHJ1ZX0.dPpMqwRZxFYi1UfcDAaf8M99o7kwUWtiXZ-ByvVuJih4MhJ_aZqciprz0OWaIAkIvn1qskChirjKvY9ESZNUCP4JjvfyPS-nqjJxYoA5ztWOyFk2cZNIPXjcJXSQwXPO9tEe-v4VSqgD0aKHqPxYog4N6Cz1lKph1U1sYDSI67_bLL7elg_vkjfMp5_W5l5LuUYGMeh6hxQIaIUXf9EwV2JmvTMuZ-vBOWy0Sniy1EFo72CRTvmtrIf5AROo5MNliY3KtUxeP-SOmD-LEYwW9SlkohYzMVAZDDOrVbv7KVRHpeYNaK75KEQqdCEEkS_rskZS-Qtt_nlegTWh1mEYaA",
        reason: RSA_OAEP,
    },
];

/// An example in JSON (RFC 7516 section 7.2).
struct InJson {
    example: &'static str,
    object: Value,
    enc: ContentEncryption,
    content_key: &'static str,
    plaintext: &'static str,
    /// The shared key by which AES wraps the content key, and for which of the recipients.
    wrapped: Option<(&'static str, usize)>,
}

fn in_json() -> Vec<InJson> {
    let (enc, shared) = (ContentEncryption::A128Gcm, "GZy6sIZ6wl9NJOKB-jnmVQ");
    let named = "81b20965-8332-43d9-a468-82160ad91ac8";
    vec![
        InJson {
            example: "RFC 7516 appendix A.4",
            object: json!({
                "protected": "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0",
                "unprotected": {"jku": "https://server.example.com/keys.jwks"},
                "recipients": [
                    {
                        "header": {"alg": "RSA1_5", "kid": "2011-04-29"},
                        "encrypted_key": "UGhIOguC7IuEvf_NPVaXsGMoLOmwvc1GyqlIKOK1nN94nHPoltGRhWhw7Zx0-kFm1NJn8LE9XShH59_i8J0PH5ZZyNfGy2xGdULU7sHNF6Gp2vPLgNZ__deLKxGHZ7PcHALUzoOegEI-8E66jX2E4zyJKx-YxzZIItRzC5hlRirb6Y5Cl_p-ko3YvkkysZIFNPccxRU7qve1WYPxqbb2Yw8kZqa2rMWI5ng8OtvzlV7elprCbuPhcCdZ6XDP0_F8rkXds2vE4X-ncOIM8hAYHHi29NX0mcKiRaD0-D-ljQTP-cFPgwCp6X-nZZd9OHBv-B3oWh2TbqmScqXMR4gp_A",
                    },
                    {
                        "header": {"alg": "A128KW", "kid": "7"},
                        "encrypted_key": "6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ",
                    },
                ],
                "iv": "AxY8DCtDaGlsbGljb3RoZQ",
                "ciphertext": "KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY",
                "tag": "Mz-VPPyU4RlcuYv1IwIvzw",
            }),
            enc: ContentEncryption::A128CbcHs256,
            content_key: "BNMfxVSd_P4LZJ36P6pqzmt81C1vawnbyLEA8I-cLM8",
            plaintext: "Live long and prosper.",
            wrapped: Some(("GawgguFyGrWKav7AX4VKUg", 1)),
        },
        InJson {
            example: "RFC 7520 section 5.10",
            object: json!({
                "recipients": [{"encrypted_key": "4YiiQ_ZzH76TaIkJmYfRFgOV9MIpnx4X"}],
                "protected": "eyJhbGciOiJBMTI4S1ciLCJraWQiOiI4MWIyMDk2NS04MzMyLTQzZDktYTQ2OC04MjE2MGFkOTFhYzgiLCJlbmMiOiJBMTI4R0NNIn0",
                "iv": "veCx9ece2orS7c_N",
                "aad": "WyJ2Y2FyZCIsW1sidmVyc2lvbiIse30sInRleHQiLCI0LjAiXSxbImZuIix7fSwidGV4dCIsIk1lcmlhZG9jIEJyYW5keWJ1Y2siXSxbIm4iLHt9LCJ0ZXh0IixbIkJyYW5keWJ1Y2siLCJNZXJpYWRvYyIsIk1yLiIsIiJdXSxbImJkYXkiLHt9LCJ0ZXh0IiwiVEEgMjk4MiJdLFsiZ2VuZGVyIix7fSwidGV4dCIsIk0iXV1d",
                "ciphertext": "Z_3cbr0k3bVM6N3oSNmHz7Lyf3iPppGf3Pj17wNZqteJ0Ui8p74SchQP8xygM1oFRWCNzeIa6s6BcEtp8qEFiqTUEyiNkOWDNoF14T_4NFqF-p2Mx8zkbKxI7oPK8KNarFbyxIDvICNqBLba-v3uzXBdB89fzOI-Lv4PjOFAQGHrgv1rjXAmKbgkft9cB4WeyZw8MldbBhc-V_KWZslrsLNygon_JJWd_ek6LQn5NRehvApqf9ZrxB4aq3FXBxOxCys35PhCdaggy2kfUfl2OkwKnWUbgXVD1C6HxLIlqHhCwXDG59weHrRDQeHyMRoBljoV3X_bUTJDnKBFOod7nLz-cj48JMx3SnCZTpbQAkFV",
                "tag": "vOaH_Rajnpy_3hOtqvZHRA",
            }),
            enc,
            content_key: "75m1ALsYv10pZTKPWrsqdg",
            plaintext: FRIENDS,
            wrapped: Some((shared, 0)),
        },
        InJson {
            example: "RFC 7520 section 5.11",
            object: json!({
                "recipients": [{"encrypted_key": "jJIcM9J-hbx3wnqhf5FlkEYos0sHsF0H"}],
                "unprotected": {"alg": "A128KW", "kid": named},
                "protected": "eyJlbmMiOiJBMTI4R0NNIn0",
                "iv": "WgEJsDS9bkoXQ3nR",
                "ciphertext": "lIbCyRmRJxnB2yLQOTqjCDKV3H30ossOw3uD9DPsqLL2DM3swKkjOwQyZtWsFLYMj5YeLht_StAn21tHmQJuuNt64T8D4t6C7kC9OCCJ1IHAolUv4MyOt80MoPb8fZYbNKqplzYJgIL58g8N2v46OgyG637d6uuKPwhAnTGm_zWhqc_srOvgiLkzyFXPq1hBAURbc3-8BqeRb48iR1-_5g5UjWVD3lgiLCN_P7AW8mIiFvUNXBPJK3nOWL4teUPS8yHLbWeL83olU4UAgL48x-8dDkH23JykibVSQju-f7e-1xreHWXzWLHs1NqBbre0dEwK3HX_xM0LjUz77Krppgegoutpf5qaKg3l-_xMINmf",
                "tag": "fNYLqpUe84KD45lvDiaBAQ",
            }),
            enc,
            content_key: "WDgEptBmQs9ouUvArz6x6g",
            plaintext: FRIENDS,
            wrapped: Some((shared, 0)),
        },
        InJson {
            example: "RFC 7520 section 5.12",
            object: json!({
                "recipients": [{"encrypted_key": "244YHfO_W7RMpQW81UjQrZcq5LSyqiPv"}],
                "unprotected": {"alg": "A128KW", "kid": named, "enc": "A128GCM"},
                "iv": "YihBoVOGsR1l7jCD",
                "ciphertext": "qtPIMMaOBRgASL10dNQhOa7Gqrk7Eal1vwht7R4TT1uq-arsVCPaIeFwQfzrSS6oEUWbBtxEasE0vC6r7sphyVziMCVJEuRJyoAHFSP3eqQPb4Ic1SDSqyXjw_L3svybhHYUGyQuTmUQEDjgjJfBOifwHIsDsRPeBz1NomqeifVPq5GTCWFo5k_MNIQURR2Wj0AHC2k7JZfu2iWjUHLF8ExFZLZ4nlmsvJu_mvifMYiikfNfsZAudISOa6O73yPZtL04k_1FI7WDfrb2w7OqKLWDXzlpcxohPVOLQwpA3mFNRKdY-bQz4Z4KX9lfz1cne31N4-8BKmojpw-OdQjKdLOGkC445Fb_K1tlDQXw2sBF",
                "tag": "e2m0Vm7JvjK2VpCKXS-kyg",
            }),
            enc,
            content_key: "KBooAFl30QPV3vkcZlXnzQ",
            plaintext: FRIENDS,
            wrapped: Some((shared, 0)),
        },
        to_several(),
    ]
}

/// RFC 7520 section 5.13: Frodo, Pippin, and whoever has the secret.
fn to_several() -> InJson {
    InJson {
        example: "RFC 7520 section 5.13",
        object: json!({
            "recipients": [
                {
                    "encrypted_key": "dYOD28kab0Vvf4ODgxVAJXgHcSZICSOp8M51zjwj4w6Y5G4XJQsNNIBiqyvUUAOcpL7S7-cFe7Pio7gV_Q06WmCSa-vhW6me4bWrBf7cHwEQJdXihidAYWVajJIaKMXMvFRMV6iDlRr076DFthg2_AV0_tSiV6xSEIFqt1xnYPpmP91tc5WJDOGb-wqjw0-b-S1laS11QVbuP78dQ7Fa0zAVzzjHX-xvyM2wxj_otxr9clN1LnZMbeYSrRicJK5xodvWgkpIdkMHo4LvdhRRvzoKzlic89jFWPlnBq_V4n5trGuExtp_-dbHcGlihqc_wGgho9fLMK8JOArYLcMDNQ",
                    "header": {"alg": "RSA1_5", "kid": "frodo.baggins@hobbiton.example"},
                },
                {
                    "encrypted_key": "ExInT0io9BqBMYF6-maw5tZlgoZXThD1zWKsHixJuw_elY4gSSId_w",
                    "header": {
                        "alg": "ECDH-ES+A256KW",
                        "kid": "peregrin.took@tuckborough.example",
                        "epk": {
                            "kty": "EC",
                            "crv": "P-384",
                            "x": "Uzdvk3pi5wKCRc1izp5_r0OjeqT-I68i8g2b8mva8diRhsE2xAn2DtMRb25Ma2CX",
                            "y": "VDrRyFJh-Kwd1EjAgmj5Eo-CTHAZ53MC7PjjpLioy3ylEjI1pOMbw91fzZ84pbfm",
                        },
                    },
                },
                {
                    "encrypted_key": "a7CclAejo_7JSuPB8zeagxXRam8dwCfmkt9-WyTpS1E",
                    "header": {
                        "alg": "A256GCMKW",
                        "kid": "18ec08e1-bfa9-4d95-b205-2b4dd1d4321d",
                        "tag": "59Nqh1LlYtVIhfD3pgRGvw",
                        "iv": "AvpeoPZ9Ncn9mkBn",
                    },
                },
            ],
            "unprotected": {"cty": "text/plain"},
            "protected": "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0",
            "iv": "VgEIHY20EnzUtZFl2RpB1g",
            "ciphertext": "ajm2Q-OpPXCr7-MHXicknb1lsxLdXxK_yLds0KuhJzfWK04SjdxQeSw2L9mu3a_k1C55kCQ_3xlkcVKC5yr__Is48VOoK0k63_QRM9tBURMFqLByJ8vOYQX0oJW4VUHJLmGhF-tVQWB7Kz8mr8zeE7txF0MSaP6ga7-siYxStR7_G07Thd1jh-zGT0wxM5g-VRORtq0K6AXpLlwEqRp7pkt2zRM0ZAXqSpe1O6FJ7FHLDyEFnD-zDIZukLpCbzhzMDLLw2-8I14FQrgi-iEuzHgIJFIJn2wh9Tj0cg_kOZy9BqMRZbmYXMY9YQjorZ_P_JYG3ARAIF3OjDNqpdYe-K_5Q5crGJSDNyij_ygEiItR5jssQVH2ofDQdLChtazE",
            "tag": "BESYyFN7T09KY7i8zKs5_g",
        }),
        enc: ContentEncryption::A128CbcHs256,
        content_key: "zXayeJ4gvm8NJr3IUInyokTUO-LbQNKEhe_zWlYbdpQ",
        plaintext: FRIENDS,
        wrapped: None,
    }
}

fn bytes(text: &str) -> Vec<u8> {
    base64url::decode(text).unwrap()
}

fn parts(text: &str) -> [&str; 5] {
    text.split('.').collect::<Vec<_>>().try_into().unwrap()
}

fn header(text: &str) -> Value {
    serde_json::from_slice(&bytes(parts(text)[0])).unwrap()
}

fn compact(example: &str) -> Compact {
    COMPACT.into_iter().find(|one| one.example == example).unwrap()
}

/// A member that is text.
fn member<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap()
}

/// What is covered beside the content (RFC 7516 section 5.1 step 14).
fn covered(object: &Value) -> String {
    let protected = object["protected"].as_str().unwrap_or_default();
    object["aad"].as_str().map_or_else(|| protected.to_owned(), |aad| format!("{protected}.{aad}"))
}

/// The same in the flattened form (RFC 7516 section 7.2.2), where there is one recipient.
fn flattened(object: &Value) -> Option<Value> {
    let [Value::Object(only)] = object["recipients"].as_array()?.as_slice() else { return None };
    let mut flat = object.as_object()?.clone();
    flat.retain(|name, _| name != "recipients");
    flat.extend(only.clone());
    Some(Value::Object(flat))
}

/// Nothing of ours is made so, no client registers for it, and none is taken for a signed token.
#[test]
fn examples_by_algorithms_without_a_word_here_are_refused_for_their_name() {
    for Compact { example, text, reason, .. } in COMPACT {
        let header = header(text);
        let named = member(&header, "alg").parse::<KeyManagement>();
        assert_eq!(named, Err(UnknownEncryption), "{example}: {reason}");
        assert!(member(&header, "enc").parse::<ContentEncryption>().is_ok(), "{example}");
        assert_eq!(UnverifiedJws::parse(text).err(), Some(JwsError::Algorithm), "{example}");
        assert_eq!(UnverifiedJwt::parse(text).err(), Some(JwsError::Algorithm), "{example}");
    }
}

#[test]
fn content_of_examples_by_other_algorithms_is_made_again() {
    for Compact { example, text, content_key, plaintext, .. } in COMPACT {
        let [protected, _, vector, ciphertext, tag] = parts(text);
        let enc: ContentEncryption = member(&header(text), "enc").parse().unwrap();
        let (key, vector) = (bytes(content_key), bytes(vector));
        let sealed = content::seal(enc, (&key, &vector), protected.as_bytes(), plaintext.as_bytes()).unwrap();
        assert_eq!((sealed.ciphertext, sealed.tag), (bytes(ciphertext), bytes(tag)), "{example}");
    }
}

/// It is not the keys: by our algorithm their owners are written to, and read it.
#[test]
fn keys_of_examples_by_rsa_open_what_we_encrypt_to_them_and_not_the_examples() {
    for (key, examples) in [
        (KEY_OF_A_1, vec!["RFC 7516 appendix A.1"]),
        (KEY_OF_A_2, vec!["RFC 7516 appendix A.2", "RFC 7519 appendix A.1", "RFC 7519 appendix A.2"]),
        (JULIET, vec![]),
    ] {
        let own = Recipient::from_jwk(&serde_json::from_str(key).unwrap()).unwrap();
        let ours = encrypted(&own.public(), KeyManagement::RsaOaep256, ContentEncryption::A256Gcm, 1);
        assert_eq!(own.open(&ours).unwrap().text(), token().into_text());
        for example in examples {
            let text = compact(example).text;
            let refused = format!("alg {} with this key", member(&header(text), "alg"));
            assert_eq!(own.open(text), Err(Unreadable::Unsupported(refused)), "{example}");
        }
    }
}

/// RFC 7518 section 4.8: from the password to the key that wraps, and from that to the content key as it is sent.
#[test]
fn content_keys_that_examples_send_under_a_password_are_wrapped_again() {
    for (example, algorithm, length, password) in [
        (
            "RFC 7517 appendix C",
            pbkdf2::PBKDF2_HMAC_SHA256,
            16,
            "Thus from my lips, by yours, my sin is purged.",
        ),
        (
            "RFC 7520 section 5.3",
            pbkdf2::PBKDF2_HMAC_SHA512,
            32,
            "entrap_o\u{2013}peter_long\u{2013}credit_tun",
        ),
    ] {
        let Compact { text, content_key, .. } = compact(example);
        let header = header(text);
        let salt = bytes(member(&header, "p2s"));
        let salt = [member(&header, "alg").as_bytes(), b"\0".as_slice(), salt.as_slice()].concat();
        let rounds = NonZeroU32::new(header["p2c"].as_u64().unwrap().try_into().unwrap()).unwrap();
        let mut wrapping = vec![0_u8; length];
        pbkdf2::derive(algorithm, rounds, &salt, password.as_bytes(), &mut wrapping);
        let wrapped = key_wrap::wrap(&wrapping, &bytes(content_key)).unwrap();
        assert_eq!(wrapped, bytes(parts(text)[1]), "{example}");
    }
}

/// RFC 7517 appendix C and RFC 7520 section 5.3: what is under a password is no key, and what is in it is no public one.
#[test]
fn keys_under_a_password_are_not_imported_and_what_was_in_it_is_private() {
    let text = compact("RFC 7517 appendix C").text.as_bytes();
    assert_eq!(PrivateJwk::parse(text).err(), Some(JwkError::Json));
    assert_eq!(ImportedKey::parse(text).err(), Some(ImportError::Key(JwkError::Json)));
    let clear = JULIET.as_bytes();
    assert_eq!(PrivateJwk::parse(clear).unwrap().public().kid(), Some("juliet@capulet.lit"));
    assert_eq!(PublicJwk::parse(clear).err(), Some(JwkError::PrivateMaterial));
    assert_eq!(ImportedKey::parse(clear).err(), Some(ImportError::Key(JwkError::NotForSignatures)));

    let set = compact("RFC 7520 section 5.3");
    assert_eq!(JwkSet::parse(set.text.as_bytes()).err(), Some(JwkError::Json));
    assert_eq!(JwkSet::parse(set.plaintext.as_bytes()).err(), Some(JwkError::PrivateMaterial));
    let found = RecipientKey::find(set.plaintext.as_bytes(), KeyManagement::EcdhEs);
    assert_eq!(found, Err(NoRecipient::Key(JwkError::PrivateMaterial)));
}

/// Who reads these reads headers that nothing covers, and one recipient's key among those of others.
#[test]
fn examples_in_json_are_refused_for_their_form() {
    let mut forms = 0;
    for InJson { example, object, .. } in in_json() {
        for object in [Some(object.clone()), flattened(&object)].into_iter().flatten() {
            let text = object.to_string();
            assert_eq!(UnverifiedJws::parse(&text).err(), Some(JwsError::Malformed), "{example}");
            assert_eq!(UnverifiedJwt::parse(&text).err(), Some(JwsError::Malformed), "{example}");
            forms += 1;
        }
    }
    assert_eq!(forms, 8, "three of the five are to one recipient");
}

#[test]
fn content_of_examples_in_json_and_what_wraps_its_key_are_made_again() {
    for InJson { example, object, enc, content_key, plaintext, wrapped } in in_json() {
        let (key, vector) = (bytes(content_key), bytes(member(&object, "iv")));
        let keys = (key.as_slice(), vector.as_slice());
        let sealed = content::seal(enc, keys, covered(&object).as_bytes(), plaintext.as_bytes()).unwrap();
        let found = (bytes(member(&object, "ciphertext")), bytes(member(&object, "tag")));
        assert_eq!((sealed.ciphertext, sealed.tag), found, "{example}");
        if let Some((wrapping, recipient)) = wrapped {
            let sent = bytes(member(&object["recipients"][recipient], "encrypted_key"));
            assert_eq!(key_wrap::wrap(&bytes(wrapping), &key).unwrap(), sent, "{example}");
        }
    }
}

/// RFC 7520 section 5.13: the second recipient is one that we could write to, alone and in compact form; the third's key is sealed
/// as our content is.
#[test]
fn recipients_of_one_example_find_the_same_content_key() {
    let InJson { object, enc, content_key, plaintext, .. } = to_several();
    let (key, vector) = (bytes(content_key), bytes(member(&object, "iv")));

    let pippin = &object["recipients"][1];
    let mut header = pippin["header"].clone();
    header["enc"] = enc.as_str().into();
    let protected = base64url::encode(header.to_string());
    let sealed = content::seal(enc, (&key, &vector), protected.as_bytes(), plaintext.as_bytes()).unwrap();
    let sealed = [&vector, &sealed.ciphertext, &sealed.tag].map(base64url::encode).join(".");
    let own = Recipient::from_jwk(&json!({
        "kty": "EC", "crv": "P-384", "kid": "peregrin.took@tuckborough.example", "use": "enc",
        "x": "YU4rRUzdmVqmRtWOs2OpDE_T5fsNIodcG8G5FWPrTPMyxpzsSOGaQLpe2FpxBmu2",
        "y": "A8-yxCHxkfBz3hKZfI1jUYMjUhsEveZ9THuwFjH2sCNdtksRJU7D5-SkgaFL1ETP",
        "d": "iTx2pk7wW-GqJkHcEkFQb2EFyYcO7RugmaW3mRrQVAOUiPommT0IdnYK2xDlZh-j",
    }));
    let text = format!("{protected}.{}.{sealed}", member(pippin, "encrypted_key"));
    let opened = own.unwrap().open(&text).unwrap();
    assert_eq!((opened.text(), &opened.content_key), (plaintext, &key));
    is_made_again(&opened, enc);

    let third = &object["recipients"][2];
    let secret = bytes("qC57l_uxcm7Nm3K-ct4GFjx8tM1U8CZ0NLBvdQstiS8");
    let vector = bytes(member(&third["header"], "iv"));
    let sealed = content::seal(ContentEncryption::A256Gcm, (&secret, &vector), b"", &key).unwrap();
    let found = (bytes(member(third, "encrypted_key")), bytes(member(&third["header"], "tag")));
    assert_eq!((sealed.ciphertext, sealed.tag), found);
}
