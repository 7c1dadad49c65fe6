"""Sets of keys that services keep here, and what is seen of the keys that sign tokens."""

import ory_client
from checks import check
from ory_client import CreateJsonWebKeySet, JsonWebKey, JsonWebKeySet
from sdk import admin, called, public, refused

jwk = ory_client.JwkApi(admin)
SET = "services"


def run() -> None:
    check("key sets: a key of each kind is made, shown and deleted", makes)
    check("key sets: keys are put one by one and as a set", puts)
    check("key sets: what signs is seen in public, and is followed by what is put there", follows)


def names(keys: JsonWebKeySet) -> list[str]:
    return [key.kid for key in keys.keys]


def makes() -> None:
    for alg, kty, private in (("ES256", "EC", "d"), ("ES512", "EC", "d"), ("EdDSA", "OKP", "d"), ("RS256", "RSA", "qi"), ("HS512", "oct", "k")):
        body = CreateJsonWebKeySet(alg=alg, use="sig", kid=alg)
        made = called(jwk.create_json_web_key_set(set=SET, create_json_web_key_set=body))
        [key] = made.keys
        assert (key.kid, key.kty, key.alg, key.use) == (alg, kty, alg, "sig") and getattr(key, private)
        assert called(jwk.get_json_web_key(set=SET, kid=alg)).keys == [key]
    assert sorted(names(called(jwk.get_json_web_key_set(set=SET)))) == ["ES256", "ES512", "EdDSA", "HS512", "RS256"]
    unknown = CreateJsonWebKeySet(alg="ES1024", use="sig", kid="k")
    refused(400, None, lambda: jwk.create_json_web_key_set(set=SET, create_json_web_key_set=unknown))
    jwk.delete_json_web_key(set=SET, kid="RS256")
    refused(404, None, lambda: jwk.get_json_web_key(set=SET, kid="RS256"))
    jwk.delete_json_web_key_set(set=SET)
    refused(404, None, lambda: jwk.get_json_web_key_set(set=SET))


def puts() -> None:
    # The key pair of RFC 8037 appendix A.1.
    x, d = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"

    def pair(kid: str, **more) -> JsonWebKey:
        return JsonWebKey(**({"kid": kid, "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": x, "d": d} | more))

    assert called(jwk.set_json_web_key(set=SET, kid="one", json_web_key=pair("one"))) == pair("one")
    both = JsonWebKeySet(keys=[pair("two"), pair("three", d=None)])
    assert called(jwk.set_json_web_key_set(set=SET, json_web_key_set=both)) == both
    found = called(jwk.get_json_web_key_set(set=SET))
    assert sorted(names(found)) == ["three", "two"], "the set is replaced"
    assert next(key for key in found.keys if key.kid == "two").d == d
    mixed = JsonWebKeySet(keys=[pair("four", d=x)])
    refused(400, None, lambda: jwk.set_json_web_key_set(set=SET, json_web_key_set=mixed))
    jwk.delete_json_web_key_set(set=SET)


def follows() -> None:
    signs = "hydra.openid.id-token"
    published = called(ory_client.WellknownApi(public).discover_json_web_keys())
    found = called(jwk.get_json_web_key_set(set=signs))
    assert found == published and all(key.d is None for key in found.keys)
    refused(409, None, lambda: jwk.delete_json_web_key_set(set=signs))
    refused(409, None, lambda: jwk.delete_json_web_key(set=signs, kid=names(found)[0]))
    body = CreateJsonWebKeySet(alg=found.keys[0].alg, use="sig", kid="its-successor")
    made = called(jwk.create_json_web_key_set(set=signs, create_json_web_key_set=body))
    assert names(made) == ["its-successor"] and made.keys[0].d is None
    again = called(ory_client.WellknownApi(public).discover_json_web_keys())
    assert sorted(names(again)) == sorted([*names(published), "its-successor"]), "it is published before it signs"
