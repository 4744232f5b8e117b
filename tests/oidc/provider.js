// An OpenID Connect provider whose access tokens have the shape of Microsoft Entra's: panva's
// oidc-provider, certified by the OpenID Foundation, with the claims `tid`, `oid`, `roles`, `idtyp`
// or `scp` added. It keeps nothing but its keys.
//
//   PORT     where to listen, on 127.0.0.1
//   KEYS     the keys that it serves, `NAME` or `NAME:KID`, with commas between; a NAME begins with
//            the kind of key: rsa, ec or ed. The first of a kind signs.
//   KEYS_DIR where keys are kept, by NAME: the same NAME is the same key after a restart
//   CLIENTS  JSON: for each client's id its `secret`, the `claims` of its tokens, and where they are
//            not the usual ones `alg` and `ttl` in seconds. A person signs in under the id of a client
//            in a browser, too: the claims are the same
//   REDIRECTS the addresses that a browser may be led back to, with commas between, for the client
//            `pages`
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';

import { Provider } from 'oidc-provider';

const { PORT, KEYS, KEYS_DIR, CLIENTS, REDIRECTS } = process.env;
const clients = JSON.parse(CLIENTS);

const kinds = {
  rsa: { alg: 'RS256', make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }) },
  ec: { alg: 'ES256', make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
  ed: { alg: 'EdDSA', make: () => generateKeyPairSync('ed25519') },
};

function key(wanted) {
  const [name, kid = name] = wanted.split(':');
  const file = join(KEYS_DIR, `${name}.json`);
  const { alg, make } = kinds[name.split('-')[0]];
  if (!existsSync(file)) {
    writeFileSync(file, JSON.stringify(make().privateKey.export({ format: 'jwk' })), { mode: 0o600 });
  }
  return { ...JSON.parse(readFileSync(file)), kid, alg, use: 'sig' };
}

/** Whoever uses a token: the person who signed in, or the client itself. */
const user = (token) => clients[token.accountId ?? token.clientId] ?? {};

const pages = {
  client_id: 'pages',
  client_secret: 'only-for-tests',
  grant_types: ['authorization_code'],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_post',
  redirect_uris: REDIRECTS?.split(',') ?? [],
};

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  jwks: { keys: KEYS.split(',').map(key) },
  pkce: { required: () => true },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  clients: (REDIRECTS ? [pages] : []).concat(Object.entries(clients).map(([client_id, { secret }]) => ({
    client_id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: [],
    response_types: [],
  }))),
  scopes: ['openid'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: Boolean(REDIRECTS) },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      // As Entra's: the scope `RESOURCE/.default` is for this resource.
      defaultResource: (ctx) => ctx.oidc.params.scope?.match(/^(.*)\/\.default$/)?.[1],
      getResourceServerInfo: (ctx, resource, client) => ({
        audience: resource,
        scope: '',
        accessTokenFormat: 'jwt',
        accessTokenTTL: clients[client.clientId]?.ttl ?? 600,
        jwt: { sign: { alg: clients[client.clientId]?.alg ?? 'RS256' } },
      }),
    },
  },
  extraTokenClaims: (ctx, token) => user(token).claims,
});

provider.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${provider.issuer}`));
