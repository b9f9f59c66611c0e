// A certified OpenID provider on loopback, as standard input says in one line of JSON:
// modules, issuer, port, jwks, algorithm, clients, those that only ask of tokens (askers),
// and the format and claims of access tokens.
import { createInterface } from 'node:readline';

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit());
const told = JSON.parse(await new Promise((resolve) => { input.once('line', resolve); }));
const { default: Provider } = await import(`${told.modules}/oidc-provider/lib/index.js`);

const provider = new Provider(told.issuer, {
  clients: told.askers.concat(told.clients.map(({ id, secret, scope }) => ({
    client_id: id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: told.algorithm,
    scope,
  }))),
  scopes: told.scope.split(' '),
  jwks: told.jwks,
  cookies: { keys: ['not a secret'] },
  extraTokenClaims: () => told.claims,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        audience: resource,
        scope: told.scope,
        accessTokenFormat: told.format,
        accessTokenTTL: 600,
        jwt: { sign: { alg: told.algorithm } },
      }),
    },
  },
});
provider.listen(told.port, '127.0.0.1', () => console.log('ready'));
