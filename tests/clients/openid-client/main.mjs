// The provider as `openid-client`, a certified relying party, sees it.
//
//   node main.mjs --issuer URL --registration URL --key-file FILE --identifier NAME --password-file FILE
//                 [--strict URL --strict-registration URL] [--apps URL --apps-admin URL --apps-port N] [--certificates DIRECTORY] [--stand-in]
//
// `cargo xtask clients openid-client` starts a provider and calls it so. ONLY=<text> runs the checks whose name contains it.

import { finish } from "./checks.mjs";
import { standIn } from "./provider.mjs";
import clientAuthentication from "./client_authentication.mjs";
import assertions from "./assertions.mjs";
import codeFlow from "./code_flow.mjs";
import credentials from "./credentials.mjs";
import device from "./device.mjs";
import discovery from "./discovery.mjs";
import dpop from "./dpop.mjs";
import encrypted from "./encrypted.mjs";
import exchange from "./exchange.mjs";
import fapi from "./fapi.mjs";
import hydraClient from "./hydra_client.mjs";
import logout from "./logout.mjs";
import mtls from "./mtls.mjs";
import oauth4webapi from "./oauth4webapi.mjs";
import ownApps from "./own_apps.mjs";
import refresh from "./refresh.mjs";
import signed from "./signed.mjs";
import registration from "./registration.mjs";
import requests from "./requests.mjs";
import responseTypes from "./response_types.mjs";
import tokens from "./tokens.mjs";

if (standIn) console.log("against oidc-provider: checks of what it has not are left out");
await discovery();
await clientAuthentication();
await codeFlow();
await refresh();
await tokens();
await dpop();
await mtls();
await fapi();
await device();
await signed();
await encrypted();
await responseTypes();
await oauth4webapi();
await registration();
await requests();
await assertions();
await credentials();
await exchange();
await logout();
await ownApps();
await hydraClient();
finish();
