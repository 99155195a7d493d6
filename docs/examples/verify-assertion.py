# pip install pyjwt cryptography
import json
import os
import sys

import jwt

env = os.environ.get
keys = jwt.PyJWKClient(env("JWKS_URL", "https://gateway.example.com/.well-known/jwks.json"), lifespan=300)


def verify_assertion(assertion: str) -> dict:
    """Gives the claims of the header x-countersign-assertion; raises where it doesn't hold."""
    token = jwt.decode_complete(
        assertion,
        keys.get_signing_key_from_jwt(assertion).key,
        algorithms=["ES256", "EdDSA"],
        issuer=env("ISSUER", "https://countersign.example.com"),
        audience=env("AUDIENCE", "https://files.internal"),
        options={"require": ["exp", "nbf", "iat", "iss", "aud", "sub"]},
        leeway=5,
    )
    if token["header"].get("typ") != "countersign-assertion+jwt":
        raise jwt.InvalidTokenError("this is another kind of token")
    return token["payload"]


if __name__ == "__main__":
    print(json.dumps(verify_assertion(sys.argv[1])))
